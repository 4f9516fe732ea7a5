//! A recorded call of one of Karmada's validating functions as a whole object that is right but for
//! the part that the function looks at.

mod steering;

use serde_json::{Value, json};

/// The object that `function` judges by `args`; `None` where git-fleet reads nothing of the sort.
pub(super) fn object(function: &str, args: &Value) -> Option<Value> {
    let name = function.rsplit('.').next().unwrap();
    policy_or_cluster(name, args).or_else(|| steering::object(name, args))
}

/// For the functions about policies, clusters and quotas.
fn policy_or_cluster(name: &str, args: &Value) -> Option<Value> {
    Some(match name {
        "ValidatePropagationSpec" => propagation(&args["spec"], &args["policyNamespace"]),
        "ValidatePlacement" => placed(&args["placement"]),
        "ValidateClusterAffinity" => placed(&json!({"clusterAffinity": args["affinity"]})),
        "ValidateClusterAffinities" => groups(&args["affinities"]),
        "ValidateOverflowAffinities" => {
            let mut term = args["affinity"].clone();
            // Judged by the caller.
            if term["fieldSelector"].is_object() {
                term["fieldSelector"] = json!({"matchExpressions": []});
            }
            groups(&json!([term]))
        }
        "ValidateSpreadConstraint" => {
            placed(&json!({"spreadConstraints": args["spreadConstraints"]}))
        }
        "ValidateWorkloadAffinity" => {
            placed(&json!({"workloadAffinity": args["workloadAffinity"]}))
        }
        "validateClusterTolerations" => placed(&json!({"clusterTolerations": args["tolerations"]})),
        "ValidateFailover" => failing(&args["failoverBehavior"]),
        "ValidateApplicationFailover" => {
            failing(&json!({"application": args["applicationFailoverBehavior"]}))
        }
        "validateClusterFailover" => failing(&json!({"cluster": args["clusterFailoverBehavior"]})),
        "validateStatePreservation" => preserving(&args["statePreservation"]),
        "validateStatePreservationRule" => preserving(&json!({"rules": [args["rule"]]})),
        "validateSuspension" => {
            propagation(&json!({"suspension": args["suspension"]}), &Value::Null)
        }
        "validateResourceSelectors" => {
            propagation(&json!({"resourceSelectors": args["selectors"]}), &args["policyNamespace"])
        }
        "validateResourceSelectorsIfPreemptionEnabled" => {
            let (selectors, preemption) =
                (&args["spec"]["resourceSelectors"], &args["spec"]["preemption"]);
            propagation(
                &json!({"resourceSelectors": selectors, "preemption": preemption}),
                &Value::Null,
            )
        }
        "ValidateOverrideSpec" => overriding(&args["overrideSpec"], &args["policyNamespace"]),
        "ValidateOverrideRules" => {
            overriding(&json!({"overrideRules": args["overrideRules"]}), &Value::Null)
        }
        "validateJSONPatchSubPaths" => patching("json", &args["patches"]),
        "validateYAMLPatchSubPaths" => patching("yaml", &args["patches"]),
        "validateOverrideOperator" => {
            let (operator, value) = (&args["operator"], &args["value"]);
            patching("json", &json!([{"subPath": "/a", "operator": operator, "value": value}]))
        }
        "ValidateClusterTaints" => tainted(&args["taints"]),
        // Only the calls that a list of taints makes; nothing in Karmada makes the other ones.
        "validateClusterTaintEffect" if args["allowEmpty"] == false => {
            tainted(&json!([{"key": "a", "effect": args["effect"]}]))
        }
        "validatePolicySpec" => tainting(&args["spec"]),
        "validatePolicyTaints" => tainting(&json!({"taints": args["taints"]})),
        "validateFederatedResourceQuota" => quota("q", &args["quota"]["spec"]),
        "validateFederatedResourceQuotaName" if args["name"] != "" => {
            quota(args["name"].as_str().unwrap(), &json!({"overall": {"cpu": "1"}}))
        }
        "validateFederatedResourceQuotaSpec" => quota("q", &args["quotaSpec"]),
        "validateOverallAndAssignments" => {
            let mut spec = args["quotaSpec"].clone();
            // Judged by the caller.
            for assignment in spec["staticAssignments"].as_array_mut().into_iter().flatten() {
                assignment["clusterName"] = json!("m1");
            }
            quota("q", &spec)
        }
        "validateResourceList" => match &args["resourceList"] {
            Value::Null => quota("q", &json!({"overall": {}})),
            limits => quota("q", &json!({"overall": limits})),
        },
        "validateStaticAssignment" => {
            let assignment = &args["staticAssignment"];
            quota("q", &json!({"overall": assignment["hard"], "staticAssignments": [assignment]}))
        }
        _ => return None,
    })
}

/// A policy of `namespace`, or for all namespaces where that is empty, which selects something.
fn propagation(spec: &Value, namespace: &Value) -> Value {
    let mut spec = spec.clone();
    let selectors = &mut spec["resourceSelectors"];
    if selectors.as_array().is_none_or(Vec::is_empty) {
        *selectors = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}]);
    }
    policy("PropagationPolicy", &spec, namespace)
}

fn overriding(spec: &Value, namespace: &Value) -> Value {
    policy("OverridePolicy", spec, namespace)
}

fn policy(kind: &str, spec: &Value, namespace: &Value) -> Value {
    let (kind, metadata) = match namespace.as_str() {
        None | Some("") => (format!("Cluster{kind}"), json!({"name": "a"})),
        Some(namespace) => (kind.to_owned(), json!({"name": "a", "namespace": namespace})),
    };
    json!({
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    })
}

fn placed(placement: &Value) -> Value {
    propagation(&json!({"placement": placement}), &Value::Null)
}

/// Groups may have tiers to overflow into, which need a division that allows it.
fn groups(terms: &Value) -> Value {
    let scheduling =
        json!({"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Aggregated"});
    placed(&json!({"clusterAffinities": terms, "replicaScheduling": scheduling}))
}

fn failing(failover: &Value) -> Value {
    propagation(&json!({"propagateDeps": true, "failover": failover}), &Value::Null)
}

fn preserving(state: &Value) -> Value {
    failing(&json!({"application": {"decisionConditions": {}, "statePreservation": state}}))
}

fn patching(language: &str, patches: &Value) -> Value {
    let overriders = match patches.as_array() {
        None => json!({}),
        Some(_) => json!({"fieldOverrider": [{"fieldPath": "/data/a", language: patches}]}),
    };
    overriding(&json!({"overrideRules": [{"overriders": overriders}]}), &Value::Null)
}

fn tainted(taints: &Value) -> Value {
    json!({
        "apiVersion": "cluster.karmada.io/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": "m1"},
        "spec": {"syncMode": "Push", "taints": taints},
    })
}

fn tainting(spec: &Value) -> Value {
    json!({
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "ClusterTaintPolicy",
        "metadata": {"name": "a"},
        "spec": spec,
    })
}

fn quota(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "FederatedResourceQuota",
        "metadata": {"name": name, "namespace": "web"},
        "spec": spec,
    })
}
