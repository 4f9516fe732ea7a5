//! How many replicas fit into a cluster.

use std::collections::BTreeMap;

use git_fleet::api::binding::{Component, ReplicaRequirements};
use git_fleet::api::cluster::Cluster;
use git_fleet::api::quantity::Quantity;
use git_fleet::schedule::Capacity;
use serde_json::Value;

use super::{Tally, cases, field};

/// How often it fits.
fn ours(case: &Value) -> i64 {
    let cluster: Cluster = serde_json::from_value(case["cluster"].clone()).unwrap();
    let capacity = Capacity::of(&cluster);
    if case["kind"] == "replicas" {
        let requirements: Option<ReplicaRequirements> = field(case, "replicaRequirements");
        capacity.replicas(requirements.as_ref())
    } else {
        let components: Vec<Component> = field(case, "components");
        capacity.sets(&components)
    }
}

#[test]
fn room_is_estimated_as_in_karmada() {
    let Some(cases) = cases("estimator") else { return };
    let mut tally = Tally::new("estimator");
    for case in &cases {
        let is_replicas = case["kind"] == "replicas";
        let field = if is_replicas { "maxAvailableReplicas" } else { "maxAvailableComponentSets" };
        let (ours, theirs) = (ours(case), case[field].as_i64().unwrap_or(0));
        tally.compare_unless(deviates(case, ours, theirs), case, &ours, &theirs);
    }
    tally.end();
}

/// Where we mean to differ. Each rule also says what the answer has to be.
///
/// More than an i32 holds, where Karmada's number wraps around. Or sets of components whose quantities
/// are written in another family of suffixes than what is there, where Karmada compares thousandths
/// with wholes: how they are written must not matter. Or a cluster in which more of a resource is taken
/// than there is, which takes nothing here and, in one recorded case, something in Karmada.
fn deviates(case: &Value, ours: i64, theirs: i64) -> bool {
    (ours > i64::from(i32::MAX) && i64::from(ours as i32) == theirs)
        || (is_mixed(case) && ours == self::ours(&plain(case)) && is_exact(case, ours))
        || (ours == 0 && is_overcommitted(case))
}

/// The case with all its amounts written as numbers without a suffix.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::String(text) => match text.parse::<Quantity>() {
            Ok(quantity) => {
                let nanos = quantity.nanos();
                let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                Value::from(format!("{whole}.{rest:09}"))
            }
            Err(_) => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Where only sums are reported: as many sets as fit into what is left of each resource.
fn is_exact(case: &Value, ours: i64) -> bool {
    let models = case["cluster"]["spec"]["resourceModels"].as_array();
    if models.is_some_and(|models| !models.is_empty()) {
        return true;
    }
    let nanos = |value: &Value| -> i128 {
        value.as_str().map_or(0, |text| text.parse::<Quantity>().unwrap().nanos())
    };
    let summary = &case["cluster"]["status"]["resourceSummary"];
    let free = |resource: &str| {
        let [there, taken, coming] =
            ["allocatable", "allocated", "allocating"].map(|part| nanos(&summary[part][resource]));
        (there - taken - coming).max(0)
    };
    let (mut n_pods, mut wanted) = (0, BTreeMap::new());
    for component in case["components"].as_array().into_iter().flatten() {
        let replicas = i128::from(component["replicas"].as_i64().unwrap_or(0));
        n_pods += replicas;
        let requests = component["replicaRequirements"]["resourceRequest"].as_object();
        for (resource, amount) in requests.into_iter().flatten() {
            *wanted.entry(resource.as_str()).or_insert(0) += replicas * nanos(amount);
        }
    }
    let wanted = wanted.into_iter().filter(|(_, amount)| *amount > 0);
    let fits = wanted.map(|(resource, amount)| free(resource) / amount);
    let pods = (n_pods > 0).then(|| free("pods") / (n_pods * 1_000_000_000));
    fits.chain(pods).min() == Some(i128::from(ours))
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
    case["kind"] == "componentSets"
        && requests.into_iter().any(|(resource, quantity)| {
            there.get(resource).is_some_and(|there| is_binary(there) != is_binary(quantity))
        })
}
