//! How replicas are divided.

use std::collections::BTreeMap;

use git_fleet::api::binding::BindingSpec;
use git_fleet::api::cluster::Cluster;
use git_fleet::api::names::ClusterName;
use git_fleet::schedule::Member;
use git_fleet::schedule::divide::{assign, dispense};
use serde_json::Value;

use super::{Tally, cases, field};

type Seats = BTreeMap<ClusterName, i64>;

fn seats(list: &Value, name: &str, amount: &str) -> Seats {
    let entries = list.as_array().into_iter().flatten();
    entries
        .map(|entry| {
            (entry[name].as_str().unwrap().parse().unwrap(), entry[amount].as_i64().unwrap_or(0))
        })
        .collect()
}

fn expected(case: &Value) -> Seats {
    seats(&case["outcomes"][0]["result"]["clusters"], "name", "replicas")
}

#[test]
fn seats_are_dealt_as_in_karmada() {
    let Some(cases) = cases("division") else { return };
    let mut tally = Tally::new("division (dispenser, spread)");
    for case in &cases {
        let weights = match case["kind"].as_str() {
            Some("dispenser") => seats(&case["weights"], "clusterName", "weight"),
            Some("spread") => seats(&case["targets"], "name", "replicas"),
            _ => continue,
        };
        let held = seats(&case["init"], "name", "replicas");
        let n_seats = case["numReplicas"].as_i64().unwrap_or(0);
        let ours = dispense(n_seats, &weights, &held, case["uid"].as_str().unwrap_or_default());
        tally.compare(case, &ours, &expected(case));
    }
    tally.end();
}

#[test]
fn fixed_weights_divide_as_in_karmada() {
    let Some(cases) = cases("division") else { return };
    let mut tally = Tally::new("division (assign-static)");
    for case in cases.iter().filter(|case| case["kind"] == "assign-static") {
        let clusters: Vec<(ClusterName, Cluster)> = case["candidates"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|candidate| {
                let mut cluster = Cluster::default();
                cluster.metadata.name = candidate["name"].as_str().unwrap().to_owned();
                cluster.metadata.labels = field(candidate, "labels");
                (cluster.metadata.name.parse().unwrap(), cluster)
            })
            .collect();
        let members: Vec<Member<'_>> = clusters
            .iter()
            .map(|(name, cluster)| Member { name, cluster, is_reported: true })
            .collect();
        let spec: BindingSpec = field(case, "spec");
        let placement = spec.placement.clone().unwrap_or_default();
        let ours: Seats = assign(&members, &spec, &placement)
            .into_iter()
            .map(|target| (target.name, i64::from(target.replicas)))
            .collect();
        tally.compare(case, &ours, &expected(case));
    }
    tally.end();
}
