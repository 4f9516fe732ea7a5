//! Which clusters a binding gets: the cases that this version decides.

use std::collections::BTreeMap;

use git_fleet::api::binding::{BindingSpec, BindingStatus, ResourceBinding, TargetCluster};
use git_fleet::api::cluster::Cluster;
use git_fleet::api::marks;
use git_fleet::api::names::ClusterName;
use git_fleet::schedule::trigger::trigger;
use git_fleet::schedule::{
    Context, Member, Refusal, Request, rejections, schedule, schedule_within,
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

fn members(world: &World) -> Vec<Member<'_>> {
    world.iter().map(|(name, cluster)| Member { name, cluster, is_reported: true }).collect()
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

/// Categories without anything that this version leaves for later, unless a spread constraint is in
/// use: every one of their cases must be decided.
const DECIDED: &[&str] = &["duplicated", "static", "nonworkload"];

#[test]
fn clusters_are_chosen_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (decided by this version)");
    let mut n_left: BTreeMap<String, usize> = BTreeMap::new();
    for case in &cases {
        let members = members(&worlds[&case["world"].as_i64().unwrap()]);
        let ResourceBinding { spec, status, .. } = binding(case);
        let term = Some(status.scheduler_observed_affinity_name.as_str());
        let term = term.filter(|term| !term.is_empty());
        let ours = match schedule_within(&spec, term, &members) {
            Ok(decision) => placed(&decision.clusters),
            Err(Refusal::NoClusterFits { .. }) => Answer::Refused("FitError".to_owned()),
            Err(Refusal::NotYet(_) | Refusal::NoPlacement) => {
                let category = case["category"].as_str().unwrap();
                let spreads = !spec.placement.unwrap_or_default().spread_constraints.is_empty();
                assert!(spreads || !DECIDED.contains(&category), "case {}", case["id"]);
                *n_left.entry(category.to_owned()).or_default() += 1;
                continue;
            }
        };
        let theirs = match case["expected"]["errorType"].as_str() {
            Some(error) => Answer::Refused(error.to_owned()),
            None => Answer::Placed(super::field(&case["expected"], "replicas")),
        };
        tally.compare(case, &ours, &theirs);
    }
    super::say(&format!("conformance scheduling: left for later {n_left:?}"));
    assert!(tally.n_total >= 1700, "only {} cases were decided", tally.n_total);
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
        let ctx = Context {
            spec: &spec,
            placement: &placement,
            term: Some(term).filter(|term| !term.is_empty()),
        };
        let mut ours: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for member in members(world) {
            let mut names: Vec<String> =
                rejections(&ctx, &member).iter().map(|(name, _)| (*name).to_owned()).collect();
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

/// What a whole round of the scheduler leaves in the binding.
#[derive(Debug, PartialEq)]
struct Round {
    clusters: Answer,
    affinity: String,
    reason: Option<String>,
}

fn our_round(
    spec: &BindingSpec,
    status: &BindingStatus,
    applied: Option<&str>,
    members: &[Member<'_>],
) -> Option<Round> {
    let affinity = status.scheduler_observed_affinity_name.clone();
    if trigger(spec, status, applied, members).is_none() {
        return Some(Round { clusters: placed(&spec.clusters), affinity, reason: None });
    }
    match schedule(&Request { spec, status }, members) {
        Ok(decision) => Some(Round {
            clusters: placed(&decision.clusters),
            affinity: decision.affinity.unwrap_or(affinity),
            reason: Some("Success".to_owned()),
        }),
        Err(refusal @ Refusal::NoClusterFits { .. }) => Some(Round {
            clusters: placed(&[]),
            affinity,
            reason: Some(refusal.condition_reason().to_owned()),
        }),
        Err(Refusal::NotYet(_) | Refusal::NoPlacement) => None,
    }
}

#[test]
fn a_round_of_the_scheduler_ends_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (whole rounds decided by this version)");
    for case in cases.iter().filter(|case| case["bindingOutcomes"].is_array()) {
        let world = &worlds[&case["world"].as_i64().unwrap()];
        let members = members(world);
        let ResourceBinding { spec, status, metadata, .. } = binding(case);
        let applied = metadata.annotations.get(marks::APPLIED_PLACEMENT).map(String::as_str);
        // A cluster that the fleet no longer knows is a case of our own: Karmada keeps it.
        let is_known = |target: &TargetCluster| world.iter().any(|(name, _)| *name == target.name);
        if !spec.clusters.iter().all(is_known) {
            continue;
        }
        let Some(ours) = our_round(&spec, &status, applied, &members) else { continue };
        let result = &case["bindingOutcomes"][0]["result"];
        let clusters: Vec<TargetCluster> = super::field(result, "clusters");
        let theirs = Round {
            clusters: placed(&clusters),
            affinity: result["observedAffinityName"]
                .as_str()
                .unwrap_or(&status.scheduler_observed_affinity_name)
                .to_owned(),
            reason: ours
                .reason
                .is_some()
                .then(|| result["condition"]["reason"].as_str().unwrap_or_default().to_owned()),
        };
        tally.compare(case, &ours, &theirs);
    }
    tally.end();
}
