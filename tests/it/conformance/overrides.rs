//! How override policies change an object.

use git_fleet::api::cluster::Cluster;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::override_policy::{ClusterOverridePolicy, OverridePolicy};
use git_fleet::overrides::{Override, OverridePolicies, apply};
use serde_json::Value;

use super::{Tally, cases, field};

/// The object after all changes and the policies in order; or that it cannot be.
type Answer = Option<(Value, Vec<String>)>;

fn ours(case: &Value) -> Answer {
    let mut object: Manifest = serde_json::from_value(case["object"].clone()).unwrap();
    let cluster: Cluster = serde_json::from_value(case["cluster"].clone()).unwrap();
    let cluster_wide: Vec<ClusterOverridePolicy> = field(case, "clusterOverridePolicies");
    let namespaced: Vec<OverridePolicy> = field(case, "overridePolicies");
    let namespace = object.namespace().map(str::to_owned);
    let cluster_wide: Vec<Override<'_>> = cluster_wide
        .iter()
        .map(|policy| Override {
            name: &policy.metadata.name,
            label: policy.metadata.name.clone(),
            spec: &policy.spec,
        })
        .collect();
    let namespaced: Vec<Override<'_>> = namespaced
        .iter()
        .filter(|policy| namespace.is_some() && policy.metadata.namespace == namespace)
        .map(|policy| Override {
            name: &policy.metadata.name,
            label: policy.metadata.name.clone(),
            spec: &policy.spec,
        })
        .collect();
    let policies = OverridePolicies { cluster_wide: &cluster_wide, namespaced: &namespaced };
    let applied = apply(&mut object, &cluster, &policies).ok()?;
    Some((object.into_value(), applied.into_iter().map(|one| one.policy).collect()))
}

fn theirs(case: &Value) -> Answer {
    if case.get("error").is_some() {
        return None;
    }
    let mut applied: Vec<String> = field(case, "appliedClusterOverridePolicies");
    applied.extend(field::<Vec<String>>(case, "appliedOverridePolicies"));
    Some((case["result"].clone(), applied))
}

/// The answer with every text that holds JSON read: a patch of such a text keeps the order of its
/// keys in Karmada and sorts them here.
fn without_order(answer: &Answer) -> Answer {
    fn read(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), read(value))).collect()
            }
            Value::Array(list) => list.iter().map(read).collect(),
            Value::String(text) if text.starts_with(['{', '[']) => {
                serde_json::from_str(text).unwrap_or_else(|_| value.clone())
            }
            _ => value.clone(),
        }
    }
    answer.as_ref().map(|(object, policies)| (read(object), policies.clone()))
}

#[test]
fn objects_change_as_in_karmada() {
    let Some(cases) = cases("override") else { return };
    let mut tally = Tally::new("override");
    for case in &cases {
        let (ours, theirs) = (ours(case), theirs(case));
        tally.compare_unless(without_order(&ours) == without_order(&theirs), case, &ours, &theirs);
    }
    tally.end();
}
