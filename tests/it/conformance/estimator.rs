//! How many replicas fit into a cluster.

use git_fleet::api::binding::{Component, ReplicaRequirements};
use git_fleet::api::cluster::Cluster;
use git_fleet::api::quantity::Quantity;
use git_fleet::schedule::Capacity;
use serde_json::Value;

use super::{Tally, cases, field};

#[test]
fn room_is_estimated_as_in_karmada() {
    let Some(cases) = cases("estimator") else { return };
    let mut tally = Tally::new("estimator");
    for case in &cases {
        let cluster: Cluster = serde_json::from_value(case["cluster"].clone()).unwrap();
        let capacity = Capacity::of(&cluster);
        let (ours, theirs) = if case["kind"] == "replicas" {
            let requirements: Option<ReplicaRequirements> = field(case, "replicaRequirements");
            (capacity.replicas(requirements.as_ref()), &case["maxAvailableReplicas"])
        } else {
            let components: Vec<Component> = field(case, "components");
            (capacity.sets(&components), &case["maxAvailableComponentSets"])
        };
        let theirs = theirs.as_i64().unwrap_or(0);
        tally.compare_unless(deviates(case, ours, theirs), case, &ours, &theirs);
    }
    tally.end();
}

/// More than an i32 holds, where Karmada's number wraps around; or sets of components whose
/// quantities are written in another family of suffixes than what is there, where Karmada compares
/// thousandths with wholes; or a cluster in which more of a resource is taken than there is, which
/// takes nothing here and, in one recorded case, something in Karmada.
fn deviates(case: &Value, ours: i64, theirs: i64) -> bool {
    (ours > i64::from(i32::MAX) && i64::from(ours as i32) == theirs)
        || (case["kind"] == "componentSets" && is_mixed(case))
        || (ours == 0 && is_overcommitted(case))
}

fn is_overcommitted(case: &Value) -> bool {
    let summary = &case["cluster"]["status"]["resourceSummary"];
    let of = |part: &str, resource: &str| -> i128 {
        let quantity: Option<Quantity> =
            serde_json::from_value(summary[part][resource].clone()).ok();
        quantity.map_or(0, |quantity| quantity.nanos())
    };
    let requests = case["replicaRequirements"]["resourceRequest"].as_object();
    requests.into_iter().flatten().any(|(resource, _)| {
        of("allocated", resource) + of("allocating", resource) > of("allocatable", resource)
    })
}

fn is_mixed(case: &Value) -> bool {
    let is_binary = |quantity: &Value| quantity.as_str().is_some_and(|text| text.ends_with('i'));
    let there = &case["cluster"]["status"]["resourceSummary"]["allocatable"];
    let components = case["components"].as_array().into_iter().flatten();
    let requests = components
        .filter_map(|one| one["replicaRequirements"]["resourceRequest"].as_object())
        .flatten();
    requests.into_iter().any(|(resource, quantity)| {
        there.get(resource).is_some_and(|there| is_binary(there) != is_binary(quantity))
    })
}
