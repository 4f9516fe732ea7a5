//! How replicas are divided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use git_fleet::api::binding::{BindingSpec, BindingStatus};
use git_fleet::api::cluster::Cluster;
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::problem::Severity;
use git_fleet::fleet::{Fleet, parse_file};
use git_fleet::schedule::divide::{assign, dispense};
use git_fleet::schedule::trigger::is_requested;
use git_fleet::schedule::{Candidate, Context, Member, Request, Snapshot};
use serde_json::{Value, json};

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

/// What a division gives, or that there is too little room.
type Answer = Option<Seats>;

fn our_division(case: &Value) -> Answer {
    let list = case["candidates"].as_array().cloned().unwrap_or_default();
    let clusters: Vec<(ClusterName, Cluster)> = list
        .iter()
        .map(|candidate| {
            let mut cluster = Cluster::default();
            candidate["name"].as_str().unwrap().clone_into(&mut cluster.metadata.name);
            cluster.metadata.labels = field(candidate, "labels");
            (cluster.metadata.name.parse().unwrap(), cluster)
        })
        .collect();
    let member = |(name, cluster)| Member { name, cluster, is_reported: true };
    let snapshot = Snapshot::new(clusters.iter().map(|(name, cluster)| member((name, cluster))));
    let spec: BindingSpec = field(case, "spec");
    let status: BindingStatus = field(case, "status");
    let placement = spec.placement.clone().unwrap_or_default();
    let number = |candidate: &Value, name: &str| candidate[name].as_i64().unwrap_or(0);
    let candidates: Vec<Candidate> = list
        .iter()
        .zip(&clusters)
        .map(|(candidate, (name, _))| Candidate {
            at: snapshot.find(name).unwrap(),
            score: number(candidate, "score"),
            tier: number(candidate, "overflowOrder").try_into().unwrap(),
            allocatable: number(candidate, "allocatableReplicas"),
            available: number(candidate, "availableReplicas"),
            assigned: None,
        })
        .collect();
    let request = Request::new(&spec, &status);
    let term = status.scheduler_observed_affinity_name.as_str();
    let ctx = Context {
        spec: &spec,
        placement: &placement,
        term: Some(term).filter(|term| !term.is_empty()),
        companions: request.companions,
        profile: request.profile,
    };
    let targets = assign(&ctx, &candidates, is_requested(&spec, &status), &snapshot).ok()?;
    Some(targets.into_iter().map(|target| (target.name, i64::from(target.replicas))).collect())
}

fn names_a_cluster_twice(list: &Value) -> bool {
    let mut names = BTreeSet::new();
    !list.as_array().into_iter().flatten().all(|one| names.insert(one["name"].to_string()))
}

/// One decision about two clusters of one name. As clusters of a fleet they are refused. No plan
/// makes a binding with them (`any_fleet_that_validates_is_planned` looks), so of one nothing is promised.
fn is_no_question(case: &Value) -> bool {
    if names_a_cluster_twice(&case["candidates"]) {
        return is_no_fleet(case);
    }
    names_a_cluster_twice(&case["spec"]["clusters"])
}

/// Two clusters of one name, with different labels: a fleet has none, it is refused.
fn is_no_fleet(case: &Value) -> bool {
    let cluster = |candidate: &Value| {
        let (name, labels) = (&candidate["name"], &candidate["labels"]);
        json!({
            "apiVersion": "cluster.karmada.io/v1alpha1",
            "kind": "Cluster",
            "metadata": {"name": name, "labels": labels},
            "spec": {"syncMode": "Push"},
        })
    };
    let clusters: Vec<Value> =
        case["candidates"].as_array().into_iter().flatten().map(cluster).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": clusters});
    let id = ObjectId::from_bytes([0; 20]);
    let file = parse_file("clusters.json", id, list.to_string().as_bytes());
    let (_, problems) = Fleet::assemble(id, &[Arc::new(file)]);
    problems.iter().any(|one| (one.severity, one.code) == (Severity::Error, "CLUSTER_DUPLICATE"))
}

#[test]
fn replicas_are_assigned_as_in_karmada() {
    let Some(cases) = cases("division") else { return };
    for kind in ["assign-static", "assign-dynamic", "assign-aggregated"] {
        let mut tally = Tally::new(&format!("division ({kind})"));
        for case in cases.iter().filter(|case| case["kind"] == kind) {
            let is_refused = case["outcomes"][0]["result"]["error"].is_string();
            let theirs = (!is_refused).then(|| expected(case));
            let ours = our_division(case);
            tally.compare_unless(ours != theirs && is_no_question(case), case, &ours, &theirs);
        }
        tally.end();
    }
}
