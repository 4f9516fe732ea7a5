//! The functions about autoscalers and ingresses.

use serde_json::{Value, json};

/// The object that the function judges by `args`; `None` where it is about a status.
pub(super) fn object(name: &str, args: &Value) -> Option<Value> {
    Some(match name {
        "ValidateFederatedHPA" => kind("FederatedHPA", &args["fhpa"]),
        // Nothing in Karmada calls it with another bound.
        "validateFederatedHPASpec" if args["minReplicasLowerBound"] == 1 => {
            scaling(args["fhpaSpec"].clone())
        }
        "ValidateCrossVersionObjectReference" => scaling(json!({"scaleTargetRef": args["ref"]})),
        "validateMetrics" => scaling(json!({"metrics": args["metrics"]})),
        "validateMetricSpec" => measured(&args["spec"]),
        "validateObjectSource" => measured(&json!({"type": "Object", "object": args["src"]})),
        "validatePodsSource" => measured(&json!({"type": "Pods", "pods": args["src"]})),
        "validateResourceSource" => measured(&json!({"type": "Resource", "resource": args["src"]})),
        "validateContainerResourceSource" => {
            measured(&json!({"type": "ContainerResource", "containerResource": args["src"]}))
        }
        "validateMetricIdentifier" => {
            observed(&args["id"], &json!({"type": "Value", "value": "1"}))
        }
        "validateMetricTarget" => {
            let mut target = args["mt"].clone();
            // Judged by the caller.
            if target["value"].is_null() && target["averageValue"].is_null() {
                target["value"] = json!("1");
            }
            observed(&json!({"name": "requests"}), &target)
        }
        "validateBehavior" => scaling(json!({"behavior": args["behavior"]})),
        "validateScalingRules" => scaling(json!({"behavior": {"scaleDown": args["rules"]}})),
        "validateScalingPolicy" => {
            scaling(json!({"behavior": {"scaleUp": {"policies": [args["policy"]]}}}))
        }
        "validateCronFederatedHPASpec" => kind("CronFederatedHPA", &json!({"spec": args["spec"]})),
        "validateCronFederatedHPARules" => timed(&args["rules"], args),
        "validateCronFederatedHPAScalingReplicas" => {
            let mut rule = args["rule"].clone();
            // Judged by the caller.
            rule["schedule"] = json!("0 8 * * *");
            rule["timeZone"] = Value::Null;
            timed(&json!([rule]), args)
        }
        "validateMCI" => kind("MultiClusterIngress", &args["mci"]),
        "validateMCIUpdate" => kind("MultiClusterIngress", &args["newMci"]),
        _ => return None,
    })
}

/// A part of an object as a whole one.
fn kind(kind: &str, part: &Value) -> Value {
    let mut object = part.clone();
    let group = if kind == "MultiClusterIngress" { "networking" } else { "autoscaling" };
    object["apiVersion"] = json!(format!("{group}.karmada.io/v1alpha1"));
    object["kind"] = json!(kind);
    if object["metadata"].is_null() {
        object["metadata"] = json!({"name": "a", "namespace": "web"});
    }
    object
}

/// A FederatedHPA that is right but for what the spec says.
fn scaling(mut spec: Value) -> Value {
    for (field, right) in [
        ("scaleTargetRef", json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"})),
        ("maxReplicas", json!(10)),
    ] {
        if spec[field].is_null() {
            spec[field] = right;
        }
    }
    kind("FederatedHPA", &json!({"spec": spec}))
}

fn measured(metric: &Value) -> Value {
    scaling(json!({"metrics": [metric]}))
}

fn observed(metric: &Value, target: &Value) -> Value {
    let described = json!({"kind": "Service", "name": "a"});
    let source = json!({"describedObject": described, "metric": metric, "target": target});
    measured(&json!({"type": "Object", "object": source}))
}

/// A CronFederatedHPA of these rules, whose target is as the arguments have it.
fn timed(rules: &Value, args: &Value) -> Value {
    let api_version =
        if args["scaleFHPA"] == true { "autoscaling.karmada.io/v1alpha1" } else { "apps/v1" };
    let kind_of_target = match args["scaleTargetKind"].as_str() {
        // Judged by the caller.
        None | Some("") => "Deployment",
        Some(kind) => kind,
    };
    let target = json!({"apiVersion": api_version, "kind": kind_of_target, "name": "a"});
    kind("CronFederatedHPA", &json!({"spec": {"scaleTargetRef": target, "rules": rules}}))
}
