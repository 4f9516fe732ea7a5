//! How an object that we refuse alone becomes one that passes.

use git_fleet::api::decode::{Step, unknown_fields};
use git_fleet::api::manifest::Manifest;
use serde_json::{Value, json};

use super::{is_allowed, problems};

/// Calls `put_right` on every value that stands below the key, at any depth.
pub(super) fn at_every(value: &mut Value, key: &str, put_right: &mut dyn FnMut(&mut Value)) {
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

pub(super) fn words_of_the_schema(object: &mut Value) {
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
pub(super) fn limits_of_the_schema(object: &mut Value) {
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
    for (field, least, most) in [("successfulHistoryLimit", 1, 32), ("failedHistoryLimit", 0, 32)] {
        at_every(object, field, &mut |limit| {
            if let Some(number) = limit.as_i64() {
                *limit = json!(number.clamp(least, most));
            }
        });
    }
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

pub(super) fn words_of_ours(object: &mut Value) {
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

pub(super) fn take_out_unknown_fields(object: &mut Value) {
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

pub(super) fn fields_of_clusters(object: &mut Value) {
    for place in ["staticWeightList", "targetClusters"] {
        at_every(object, place, &mut |targets| {
            at_every(targets, "fieldSelector", &mut |selector| *selector = json!({}));
        });
    }
}

pub(super) fn retain_taints(object: &mut Value, keep: fn(&Value) -> bool) {
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
pub(super) fn can_be_carried(taint: &Value) -> bool {
    is_allowed(&problems(&json!({
        "apiVersion": "cluster.karmada.io/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": "m1"},
        "spec": {"syncMode": "Push", "taints": [taint]},
    })))
}

/// Karmada looks only at how some of these paths begin, and at `plaintext` not at all.
pub(super) fn paths(object: &mut Value) {
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
