//! Where we mean to answer otherwise than Karmada, rule by rule; why is in docs/karmada.md.

use git_fleet::api::decode::{Step, unknown_fields};
use git_fleet::api::manifest::Manifest;
use git_fleet::api::problem::Problem;
use serde_json::{Value, json};

use super::{is_allowed, problems};

/// Why a case asks nothing that a loader of commits could answer, if so.
pub(super) fn no_question(case: &Value, problems: &[Problem]) -> Option<&'static str> {
    let is_told = |code| problems.iter().any(|problem| problem.code == code);
    if case["operation"] == "DELETE" {
        Some("a commit is a whole state: what it no longer holds is the plan's to judge")
    } else if is_told("KIND_NOT_PROPAGATED") {
        Some("a kind that is not acted upon yet")
    } else if is_told("SELF_PROTECTED") {
        Some("a kind that only the engine writes")
    } else {
        None
    }
}

/// Which rule of Karmada's refuses what passes here.
pub(super) fn refused_by_karmada_alone(case: &Value, object: &Value) -> Option<&'static str> {
    type Rule = fn(&Value, &Value) -> bool;
    const RULES: &[(&str, Rule)] = &[
        ("a rule between the old object and the new one", |case, _| is_about_the_old_object(case)),
        ("a status, which is never read from the source", |case, object| {
            object["status"].is_object() || case["args"]["quota"]["status"].is_object()
        }),
        (
            "a default of the CRD's schema or an old word, which decides what is right",
            |_, object| is_right_by_the_schema(object),
        ),
        ("a function called without the webhook that fills in first", |case, object| {
            case["args"].is_object() && is_completed_by_the_webhook(object)
        }),
    ];
    RULES.iter().find(|(_, rule)| rule(case, object)).map(|(name, _)| *name)
}

/// The scheduler of a policy never changes, and neither does the permanent id that Karmada gave it.
fn is_about_the_old_object(case: &Value) -> bool {
    let (old, new) = (&case["oldObject"], &case["object"]);
    let permanent_id = |object: &Value| {
        let labels = object["metadata"]["labels"].as_object()?;
        labels.iter().find(|(key, _)| key.ends_with("/permanent-id")).map(|(_, id)| id.clone())
    };
    case["operation"] == "UPDATE"
        && (old["spec"]["schedulerName"] != new["spec"]["schedulerName"]
            || permanent_id(new).is_none()
            || permanent_id(old) != permanent_id(new))
}

/// Old names of purge modes are read here as what they were renamed to, and the recording leaves out
/// the defaults of the CRD's schema: a mode that is absent is `Gracefully`, a type is `Divided`.
fn is_purged_gracefully_unsaid(object: &Value) -> bool {
    let application = &object["spec"]["failover"]["application"];
    application.is_object()
        && matches!(application["purgeMode"].as_str(), None | Some("" | "Graciously"))
}

fn is_divided_unsaid(object: &Value) -> bool {
    let scheduling = &object["spec"]["placement"]["replicaScheduling"];
    scheduling.is_object() && scheduling["replicaSchedulingType"].as_str().is_none_or(str::is_empty)
}

/// A grace period needs graceful purging, and tiers to overflow into need division.
fn is_right_by_the_schema(object: &Value) -> bool {
    let spec = &object["spec"];
    let mut groups = spec["placement"]["clusterAffinities"].as_array().into_iter().flatten();
    let has_grace = spec["failover"]["application"]["gracePeriodSeconds"].is_number();
    (has_grace && is_purged_gracefully_unsaid(object))
        || (groups.any(|group| group["overflowAffinities"].is_array()) && is_divided_unsaid(object))
}

/// A grace period and the namespace of a selector, where they are absent.
fn is_completed_by_the_webhook(object: &Value) -> bool {
    let spec = &object["spec"];
    let application = &spec["failover"]["application"];
    let mut selectors = spec["resourceSelectors"].as_array().into_iter().flatten();
    (application["purgeMode"] == "Gracefully" && application["gracePeriodSeconds"].is_null())
        || (object["metadata"]["namespace"].is_string()
            && selectors.any(|one| one["namespace"].as_str().is_none_or(str::is_empty)))
}

/// Whether the mutating webhook fills in something else here than in the recording, which had no
/// defaults of the CRD's schema.
pub(super) fn is_completed_otherwise(object: &Value) -> bool {
    let spec = &object["spec"];
    let application = &spec["failover"]["application"];
    let scheduling = &spec["placement"]["replicaScheduling"];
    (application["gracePeriodSeconds"].is_null() && is_purged_gracefully_unsaid(object))
        || (scheduling["replicaDivisionPreference"].is_null() && is_divided_unsaid(object))
}

/// Which rule of ours refuses what Karmada lets pass: with that put right, it passes here too.
pub(super) fn refused_here_alone(case: &Value, object: &Value) -> Option<&'static str> {
    type PutRight = fn(&Value, &mut Value);
    const RULES: &[(&str, PutRight)] = &[
        ("what the CRD's schema refuses before a webhook is asked", |_, object| {
            words_of_the_schema(object);
            limits_of_the_schema(object);
        }),
        ("a word that is none, where the CRD takes any text", |_, object| words_of_ours(object)),
        ("a field that the kind does not have", |_, object| take_out_unknown_fields(object)),
        ("a selector of fields that no webhook looks at", |_, object| fields_of_clusters(object)),
        ("weights that add up to more than there are numbers for", |_, object| {
            at_every(object, "weight", &mut |weight| *weight = json!(1));
        }),
        ("a NoExecute taint of a policy, which a flag of Karmada's allows", |case, object| {
            let is_flagged = case["args"]["allowNoExecute"] == true
                || case["kind"] == "ClusterTaintPolicy(allowNoExecute)";
            if is_flagged {
                retain_taints(object, |taint| taint["effect"] != "NoExecute");
            }
        }),
        ("a taint of a policy that no cluster could carry", |_, object| {
            retain_taints(object, can_be_carried);
        }),
        ("the old form of an override, which no webhook looks into", |_, object| {
            if object["spec"]["overriders"].is_object() {
                object["spec"]["overriders"] = json!({});
            }
        }),
        ("a path of an override that only fails when it is applied", |_, object| paths(object)),
        ("metadata that an API server refuses before a webhook is asked", |_, object| {
            let namespace = object["metadata"]["namespace"].clone();
            object["metadata"] = json!({"name": "a", "namespace": namespace});
        }),
    ];
    let mut object = object.clone();
    let passes = |(_, put_right): &&(&str, PutRight)| {
        put_right(case, &mut object);
        is_allowed(&problems(&object))
    };
    RULES.iter().find(passes).map(|(name, _)| *name)
}

/// Calls `put_right` on every value that stands below the key, at any depth.
fn at_every(value: &mut Value, key: &str, put_right: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if name == key {
                    put_right(value);
                }
                at_every(value, key, put_right);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| at_every(item, key, put_right)),
        _ => {}
    }
}

/// Puts the first of the words in the place of one that is none of them.
fn one_of<'w>(words: &'w [&str]) -> impl FnMut(&mut Value) + 'w {
    |value| {
        if value.as_str().is_none_or(|word| !words.contains(&word)) {
            *value = json!(words[0]);
        }
    }
}

fn words_of_the_schema(object: &mut Value) {
    const WORDS: &[(&str, &[&str])] = &[
        ("activationPreference", &["Lazy"]),
        ("component", &["Registry", "Repository", "Tag"]),
        ("conflictResolution", &["Abort", "Overwrite"]),
        ("dynamicWeight", &["AvailableReplicas"]),
        ("preemption", &["Always", "Never"]),
        ("priorityClassSource", &["KubePriorityClass"]),
        ("replicaDivisionPreference", &["Aggregated", "Weighted"]),
        ("replicaSchedulingType", &["Duplicated", "Divided"]),
    ];
    for (key, words) in WORDS {
        at_every(object, key, &mut one_of(words));
    }
    at_every(object, "spreadConstraints", &mut |constraints| {
        let fields = ["", "cluster", "region", "zone", "provider"];
        if let Some(constraints) = constraints.as_array_mut() {
            constraints.retain(|one| fields.contains(&one["spreadByField"].as_str().unwrap_or("")));
        }
    });
    at_every(object, "failover", &mut |failover| {
        for (part, words) in [
            ("application", &["Directly", "Gracefully", "Never"][..]),
            ("cluster", &["Directly", "Gracefully"]),
        ] {
            at_every(&mut failover[part], "purgeMode", &mut one_of(words));
        }
    });
    at_every(object, "overriders", &mut |overriders| {
        at_every(overriders, "operator", &mut one_of(&["add", "remove", "replace"]));
        for part in ["commandOverrider", "argsOverrider"] {
            at_every(overriders, part, &mut |all| {
                at_every(all, "operator", &mut one_of(&["add", "remove"]));
            });
        }
    });
}

/// Least and greatest lengths and numbers, and what must be there.
fn limits_of_the_schema(object: &mut Value) {
    at_every(object, "weight", &mut |weight| {
        if weight.as_i64().is_some_and(|weight| weight < 1) {
            *weight = json!(1);
        }
    });
    at_every(object, "affinityName", &mut |name| {
        if let Some(long) = name.as_str().filter(|name| name.len() > 32) {
            *name = json!(long.chars().take(32).collect::<String>());
        }
    });
    let (field, least) = match object["kind"].as_str().unwrap_or("") {
        "ClusterTaintPolicy" => ("taints", json!([{"key": "a", "effect": "NoSchedule"}])),
        "FederatedResourceQuota" => ("overall", json!({})),
        "PropagationPolicy" | "ClusterPropagationPolicy" => {
            ("resourceSelectors", json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "a"}]))
        }
        _ => return,
    };
    let field = &mut object["spec"][field];
    if field.is_null() || field == &json!([]) {
        *field = least;
    }
}

fn words_of_ours(object: &mut Value) {
    at_every(object, "labelSelector", &mut |selector| {
        let mut known = one_of(&["Exists", "DoesNotExist", "In", "NotIn"]);
        for term in selector["matchExpressions"].as_array_mut().into_iter().flatten() {
            known(&mut term["operator"]);
        }
    });
    at_every(object, "clusterTolerations", &mut |tolerations| {
        let effects = ["", "NoSchedule", "PreferNoSchedule", "NoExecute"];
        at_every(tolerations, "effect", &mut one_of(&effects));
    });
    for conditions in ["addOnConditions", "removeOnConditions"] {
        at_every(object, conditions, &mut |conditions| {
            at_every(conditions, "operator", &mut one_of(&["In", "NotIn"]));
            at_every(conditions, "statusValues", &mut |values| {
                let mut known = one_of(&["True", "False", "Unknown"]);
                values.as_array_mut().into_iter().flatten().for_each(&mut known);
            });
        });
    }
}

fn take_out_unknown_fields(object: &mut Value) {
    let Value::Object(map) = object.clone() else { return };
    for field in unknown_fields(&Manifest(map)) {
        let (Some(Step::Key(name)), parents) =
            (field.path.0.last(), field.path.0.iter().rev().skip(1))
        else {
            continue;
        };
        let parents: Vec<&Step> = parents.collect();
        let parent = parents.iter().rev().fold(&mut *object, |value, step| match step {
            Step::Key(key) => &mut value[key.as_str()],
            Step::Index(index) => &mut value[*index],
        });
        parent.as_object_mut().unwrap().remove(name);
    }
}

fn fields_of_clusters(object: &mut Value) {
    for place in ["staticWeightList", "targetClusters"] {
        at_every(object, place, &mut |targets| {
            at_every(targets, "fieldSelector", &mut |selector| *selector = json!({}));
        });
    }
}

fn retain_taints(object: &mut Value, keep: fn(&Value) -> bool) {
    if object["kind"] != "ClusterTaintPolicy" {
        return;
    }
    if let Some(taints) = object["spec"]["taints"].as_array_mut() {
        taints.retain(keep);
        if taints.is_empty() {
            taints.push(json!({"key": "put-right", "effect": "NoSchedule"}));
        }
    }
}

/// Whether a cluster with this taint passes.
fn can_be_carried(taint: &Value) -> bool {
    is_allowed(&problems(&json!({
        "apiVersion": "cluster.karmada.io/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": "m1"},
        "spec": {"syncMode": "Push", "taints": [taint]},
    })))
}

/// Karmada looks only at how some of these paths begin, and at `plaintext` not at all.
fn paths(object: &mut Value) {
    for key in ["path", "fieldPath", "subPath"] {
        at_every(object, key, &mut |path| {
            let Some(text) = path.as_str() else { return };
            *path = json!(text.replace("~0", "").replace("~1", "").replace('~', ""));
        });
    }
    at_every(object, "plaintext", &mut |all| {
        at_every(all, "path", &mut |path| {
            let text = path.as_str().unwrap_or("");
            let is_identity = ["/kind", "/metadata/name", "/metadata/namespace"].contains(&text);
            if is_identity || !text.starts_with('/') {
                *path = json!("/spec");
            }
        });
    });
}
