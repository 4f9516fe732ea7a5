//! Which clusters a binding gets.

use std::collections::BTreeMap;

use git_fleet::api::binding::{BindingSpec, BindingStatus, ResourceBinding, TargetCluster};
use git_fleet::api::cluster::Cluster;
use git_fleet::api::marks;
use git_fleet::api::names::ClusterName;
use git_fleet::api::placement::{SpreadConstraint, SpreadField};
use git_fleet::schedule::trigger::{is_requested, trigger};
use git_fleet::schedule::{
    Context, Member, Prospect, Refusal, Request, Snapshot, allocatable, assigned, rejections,
    schedule, schedule_within,
};
use serde_json::Value;

use super::{Tally, cases};

type World = Vec<(ClusterName, Cluster)>;

fn worlds() -> Option<BTreeMap<i64, World>> {
    let worlds = cases("scheduling-worlds")?;
    let cluster = |value: &Value| {
        let cluster: Cluster = serde_json::from_value(value.clone()).unwrap();
        (cluster.metadata.name.parse().unwrap(), cluster)
    };
    let world = |case: &Value| {
        let clusters = case["clusters"].as_array().unwrap().iter().map(cluster).collect();
        (case["world"].as_i64().unwrap(), clusters)
    };
    Some(worlds.iter().map(world).collect())
}

fn snapshot(world: &World) -> Snapshot<'_> {
    Snapshot::new(world.iter().map(|(name, cluster)| Member { name, cluster, is_reported: true }))
}

fn binding(case: &Value) -> ResourceBinding {
    serde_json::from_value(case["binding"].clone()).unwrap()
}

/// Clusters with replicas, or the kind of refusal.
#[derive(Debug, PartialEq)]
enum Answer {
    Placed(BTreeMap<String, i64>),
    Refused(String),
}

fn placed(clusters: &[TargetCluster]) -> Answer {
    let pair = |target: &TargetCluster| (target.name.to_string(), i64::from(target.replicas));
    Answer::Placed(clusters.iter().map(pair).collect())
}

/// Karmada's name of the type of a refusal.
fn refused(refusal: &Refusal) -> Answer {
    let kind = match refusal {
        Refusal::NoClusterFits { .. } => "FitError",
        Refusal::Unschedulable { .. } => "UnschedulableError",
        _ => "Error",
    };
    Answer::Refused(kind.to_owned())
}

fn theirs(expected: &Value) -> Answer {
    match expected["errorType"].as_str() {
        Some(error) => Answer::Refused(error.to_owned()),
        None => Answer::Placed(super::field(expected, "replicas")),
    }
}

fn ours(spec: &BindingSpec, status: &BindingStatus, term: &str, snapshot: &Snapshot<'_>) -> Answer {
    let term = Some(term).filter(|term| !term.is_empty());
    match schedule_within(&Request::new(spec, status), term, snapshot) {
        Ok(decision) => placed(&decision.clusters),
        Err(refusal) => refused(&refusal),
    }
}

/// Where we mean to differ: a constraint that selects leaves its upper bound open, which Karmada
/// takes for 0 and so places nothing; or a workload of several parts goes to one cluster as a set,
/// for which Karmada has a feature gate that is off by default; or what has no replicas is to be
/// divided afresh, where Karmada's sum of unlimited rooms wraps around.
fn deviates(spec: &BindingSpec, status: &BindingStatus) -> bool {
    let divides_nothing_afresh = spec.replicas == 0 && is_requested(spec, status);
    leaves_max_open(spec) || is_set(spec) || divides_nothing_afresh
}

fn constraints(spec: &BindingSpec) -> impl Iterator<Item = &SpreadConstraint> {
    spec.placement.iter().flat_map(|placement| &placement.spread_constraints)
}

fn leaves_max_open(spec: &BindingSpec) -> bool {
    constraints(spec)
        .filter(|one| {
            matches!(one.spread_by_field, Some(SpreadField::Cluster | SpreadField::Region))
        })
        .any(|one| one.max_groups == 0)
}

fn is_set(spec: &BindingSpec) -> bool {
    !spec.components.is_empty()
        && spec.replicas == 0
        && constraints(spec).any(|one| {
            one.spread_by_field == Some(SpreadField::Cluster)
                && (one.min_groups, one.max_groups) == (1, 1)
        })
}

#[test]
fn clusters_are_chosen_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (expected)");
    for case in &cases {
        let snapshot = snapshot(&worlds[&case["world"].as_i64().unwrap()]);
        let ResourceBinding { spec, status, .. } = binding(case);
        let ours = ours(&spec, &status, &status.scheduler_observed_affinity_name, &snapshot);
        let theirs = theirs(&case["expected"]);
        tally.compare_unless(deviates(&spec, &status), case, &ours, &theirs);
    }
    tally.end();
}

#[test]
fn affinity_groups_are_tried_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (perAffinity)");
    for case in cases.iter().filter(|case| case["perAffinity"].is_array()) {
        let snapshot = snapshot(&worlds[&case["world"].as_i64().unwrap()]);
        let ResourceBinding { spec, status, .. } = binding(case);
        for tried in case["perAffinity"].as_array().unwrap() {
            let ours = ours(&spec, &status, tried["affinityName"].as_str().unwrap(), &snapshot);
            let result = &tried["outcomes"][0]["result"];
            let theirs = match result["errorType"].as_str() {
                Some(error) => Answer::Refused(error.to_owned()),
                None => placed(&super::field::<Vec<TargetCluster>>(result, "clusters")),
            };
            tally.compare_unless(deviates(&spec, &status), case, &ours, &theirs);
        }
    }
    tally.end();
}

#[test]
fn clusters_are_rejected_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (filters)");
    for case in &cases {
        let world = &worlds[&case["world"].as_i64().unwrap()];
        let ResourceBinding { spec, status, .. } = binding(case);
        let placement = spec.placement.clone().unwrap_or_default();
        let term = status.scheduler_observed_affinity_name.as_str();
        let request = Request::new(&spec, &status);
        let ctx = Context {
            spec: &spec,
            placement: &placement,
            term: Some(term).filter(|term| !term.is_empty()),
            companions: request.companions,
            profile: request.profile,
        };
        let snapshot = snapshot(world);
        let mut ours: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (member, assigned) in snapshot.members().iter().zip(assigned(&spec, &snapshot)) {
            let prospect = Prospect { member, assigned };
            let rejections = rejections(&ctx, &prospect);
            assert!(
                rejections.iter().all(|(name, reason)| reason.plugin() == Some(*name)),
                "a reason names another plugin than gave it: {rejections:?}"
            );
            let mut names: Vec<String> =
                rejections.iter().map(|(name, _)| (*name).to_owned()).collect();
            if member.cluster.metadata.deletion_timestamp.is_some() {
                names = vec!["(deleting)".to_owned()];
            }
            names.sort();
            if !names.is_empty() {
                ours.insert(member.name.to_string(), names);
            }
        }
        let mut theirs: BTreeMap<String, Vec<String>> = super::field(case, "filters");
        for names in theirs.values_mut() {
            for name in names.iter_mut() {
                *name = name.split([' ', ':', '{']).next().unwrap_or_default().to_owned();
            }
            names.sort();
        }
        tally.compare(case, &ours, &theirs);
    }
    tally.end();
}

#[test]
fn room_is_counted_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (available)");
    for case in cases.iter().filter(|case| case["available"].is_object()) {
        let snapshot = snapshot(&worlds[&case["world"].as_i64().unwrap()]);
        let ResourceBinding { spec, .. } = binding(case);
        let placement = spec.placement.clone().unwrap_or_default();
        let theirs: BTreeMap<String, i64> = super::field(case, "available");
        let ours: BTreeMap<String, i64> = theirs
            .keys()
            .map(|name| {
                let at = snapshot.find(&name.parse().unwrap()).unwrap();
                (name.clone(), allocatable(&spec, &placement, snapshot.capacity(at)))
            })
            .collect();
        tally.compare_unless(is_set(&spec), case, &ours, &theirs);
    }
    tally.end();
}

/// What a whole round of the scheduler leaves in the binding.
#[derive(Debug, PartialEq)]
struct Round {
    clusters: Answer,
    affinity: String,
    reason: Option<String>,
    /// For a refusal whose text does not depend on the order of Karmada's plugins.
    message: Option<String>,
}

fn our_round(
    spec: &BindingSpec,
    status: &BindingStatus,
    applied: Option<&str>,
    snapshot: &Snapshot<'_>,
) -> Round {
    let affinity = status.scheduler_observed_affinity_name.clone();
    if trigger(spec, status, applied, snapshot).is_none() {
        return Round { clusters: placed(&spec.clusters), affinity, reason: None, message: None };
    }
    match schedule(&Request::new(spec, status), snapshot) {
        Ok(decision) => Round {
            clusters: placed(&decision.clusters),
            affinity: decision.affinity.unwrap_or(affinity),
            reason: Some("Success".to_owned()),
            message: None,
        },
        Err(refusal) => {
            let is_fit = matches!(refusal, Refusal::NoClusterFits { .. });
            Round {
                clusters: placed(if is_fit { &[] } else { &spec.clusters }),
                affinity,
                reason: Some(refusal.condition_reason().to_owned()),
                message: (!is_fit).then(|| refusal.to_string()),
            }
        }
    }
}

#[test]
fn a_round_of_the_scheduler_ends_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (bindingOutcomes)");
    for case in cases.iter().filter(|case| case["bindingOutcomes"].is_array()) {
        let world = &worlds[&case["world"].as_i64().unwrap()];
        let snapshot = snapshot(world);
        let ResourceBinding { spec, status, metadata, .. } = binding(case);
        let applied = metadata.annotations.get(marks::APPLIED_PLACEMENT).map(String::as_str);
        let ours = our_round(&spec, &status, applied, &snapshot);
        let result = &case["bindingOutcomes"][0]["result"];
        let clusters: Vec<TargetCluster> = super::field(result, "clusters");
        let text = |name: &str| result["condition"][name].as_str().unwrap_or_default().to_owned();
        let theirs = Round {
            clusters: placed(&clusters),
            affinity: result["observedAffinityName"]
                .as_str()
                .unwrap_or(&status.scheduler_observed_affinity_name)
                .to_owned(),
            reason: ours.reason.is_some().then(|| text("reason")),
            message: ours.message.is_some().then(|| text("message")),
        };
        tally.compare_unless(deviates(&spec, &status), case, &ours, &theirs);
    }
    tally.end();
}
