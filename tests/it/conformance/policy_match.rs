//! Which policy a template gets.

use git_fleet::api::manifest::Manifest;
use git_fleet::api::names::ObjectId;
use git_fleet::api::propagation_policy::{ClusterPropagationPolicy, PropagationPolicy};
use git_fleet::plan::{Policy, PolicyIndex};
use serde_json::Value;

use super::{Tally, cases, field};

/// Takes out selectors with an operator that is none: to Karmada they match nothing, here such a
/// commit does not validate. Beside a name the labels play no part.
fn drop_senseless_selectors(case: &mut Value) {
    for list in ["propagationPolicies", "clusterPropagationPolicies"] {
        for policy in case[list].as_array_mut().into_iter().flatten() {
            let Some(selectors) = policy["spec"]["resourceSelectors"].as_array_mut() else {
                continue;
            };
            for selector in selectors.iter_mut().filter(|one| one["name"].is_string()) {
                selector.as_object_mut().unwrap().remove("labelSelector");
            }
            selectors.retain(|one| !one.to_string().contains("\"Bogus\""));
        }
    }
}

#[test]
fn policies_win_as_in_karmada() {
    let Some(cases) = cases("policy-match") else { return };
    let mut tally = Tally::new("policy-match");
    for case in &cases {
        let object: Manifest = serde_json::from_value(case["object"].clone()).unwrap();
        let mut case = case.clone();
        drop_senseless_selectors(&mut case);
        let namespaced: Vec<PropagationPolicy> = field(&case, "propagationPolicies");
        let cluster_wide: Vec<ClusterPropagationPolicy> =
            field(&case, "clusterPropagationPolicies");
        let id = ObjectId::from_bytes([0; 20]);
        // A commit has no objects that are being deleted; Karmada passes them over.
        let namespaced = namespaced
            .iter()
            .filter(|policy| policy.metadata.deletion_timestamp.is_none())
            .map(|policy| Policy {
                namespace: policy.metadata.namespace.as_deref(),
                name: &policy.metadata.name,
                spec: &policy.spec,
                id,
            });
        let cluster_wide = cluster_wide
            .iter()
            .filter(|policy| policy.metadata.deletion_timestamp.is_none())
            .map(|policy| Policy {
                namespace: None,
                name: &policy.metadata.name,
                spec: &policy.spec,
                id,
            });
        let index = PolicyIndex::new(namespaced.chain(cluster_wide));
        let ours = match index.select(&object) {
            Some(selection) => match selection.winner.namespace {
                Some(namespace) => format!("pp:{namespace}/{}", selection.winner.name),
                None => format!("cpp:{}", selection.winner.name),
            },
            None => "none".to_owned(),
        };
        tally.compare(&case, &ours, &case["winner"].as_str().unwrap().to_owned());
    }
    tally.end();
}
