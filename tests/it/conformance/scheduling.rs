//! Which clusters a binding gets.

mod deviations;

use std::collections::BTreeMap;

use git_fleet::api::binding::{BindingSpec, BindingStatus, ResourceBinding, TargetCluster};
use git_fleet::api::cluster::Cluster;
use git_fleet::api::condition::{self, Condition};
use git_fleet::api::marks;
use git_fleet::api::names::ClusterName;
use git_fleet::api::settings::SchedulerSettings;
use git_fleet::plan::{Binding, Sight, WhenNoneFits, choose};
use git_fleet::schedule::trigger::{Trigger, trigger};
use git_fleet::schedule::{
    Context, Member, Profile, Refusal, Request, Snapshot, Verdict, allocatable, assigned, filter,
    schedule_within,
};
use serde_json::Value;

use deviations::Asked;

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
        let term = &status.scheduler_observed_affinity_name;
        let decide = |spec: &BindingSpec| self::ours(spec, &status, term, &snapshot);
        let asked = Asked { spec: &spec, status: &status, term, snapshot: &snapshot };
        let deviates = asked.deviates(&ours, &theirs, || asked.is_open_for(&ours, decide));
        tally.compare_unless(deviates, case, &ours, &theirs);
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
            let term = tried["affinityName"].as_str().unwrap();
            let decide = |spec: &BindingSpec| ours(spec, &status, term, &snapshot);
            let ours = decide(&spec);
            let result = &tried["outcomes"][0]["result"];
            let theirs = match result["errorType"].as_str() {
                Some(error) => Answer::Refused(error.to_owned()),
                None => placed(&super::field::<Vec<TargetCluster>>(result, "clusters")),
            };
            let asked = Asked { spec: &spec, status: &status, term, snapshot: &snapshot };
            let deviates = asked.deviates(&ours, &theirs, || asked.is_open_for(&ours, decide));
            tally.compare_unless(deviates, case, &ours, &theirs);
        }
    }
    tally.end();
}

/// In the order of their names.
const FILTERS: [&str; 7] = [
    "APIEnablement",
    "ClusterAffinity",
    "ClusterEviction",
    "SpreadConstraint",
    "TaintToleration",
    "WorkloadAffinity",
    "WorkloadAntiAffinity",
];

#[test]
fn clusters_are_rejected_as_in_karmada() {
    let Some(worlds) = worlds() else { return };
    let Some(cases) = cases("scheduling") else { return };
    let mut tally = Tally::new("scheduling (filters)");
    // Each filter on its own: the fleet's answer names the first one only.
    let profiles = FILTERS.map(|name| {
        let plugins = vec![name.to_owned()];
        (name, Profile::new(&SchedulerSettings { plugins, ..Default::default() }).unwrap())
    });
    for case in &cases {
        let world = &worlds[&case["world"].as_i64().unwrap()];
        let ResourceBinding { spec, status, .. } = binding(case);
        let placement = spec.placement.clone().unwrap_or_default();
        let term = status.scheduler_observed_affinity_name.as_str();
        let companions = Request::new(&spec, &status).companions;
        let term = Some(term).filter(|term| !term.is_empty());
        let snapshot = snapshot(world);
        let assigned = assigned(&spec, &snapshot);
        let mut ours: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, profile) in &profiles {
            let placement = &placement;
            let ctx = Context { spec: &spec, placement, term, companions, profile };
            let verdicts = filter(&ctx, &snapshot, &assigned);
            for (member, verdict) in snapshot.members().iter().zip(verdicts) {
                let Verdict::Reject(reason) = verdict else { continue };
                let names = ours.entry(member.name.to_string()).or_default();
                if member.cluster.metadata.deletion_timestamp.is_some() {
                    *names = vec!["(deleting)".to_owned()];
                } else {
                    assert_eq!(reason.plugin(), Some(*name), "a reason names its own plugin");
                    names.push(name.to_string());
                }
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
        let deviates = deviations::is_set(&spec)
            && theirs.iter().all(|(name, n_theirs)| {
                let capacity = snapshot.capacity(snapshot.find(&name.parse().unwrap()).unwrap());
                let without_parts = capacity.replicas(spec.replica_requirements.as_ref());
                ours[name] == capacity.sets(&spec.components) && *n_theirs == without_parts
            });
        tally.compare_unless(deviates, case, &ours, &theirs);
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

fn our_round(mut binding: Binding, cause: Option<Trigger>, snapshot: &Snapshot<'_>) -> Round {
    let (spec, status) = (binding.spec.clone(), binding.status.clone());
    let Request { companions, profile, .. } = Request::new(&spec, &status);
    let sight = Sight { snapshot, companions, profile };
    let now = "2026-06-01T12:00:00Z".parse().unwrap();
    choose(&mut binding, None, cause, sight, WhenNoneFits::Leave, now);
    let scheduled = condition::find(&binding.status.conditions, marks::CONDITION_SCHEDULED);
    let told = scheduled.filter(|_| cause.is_some());
    let is_told = |one: &&Condition| !["Success", "NoClusterFit"].contains(&&*one.reason);
    Round {
        clusters: placed(&binding.spec.clusters),
        affinity: binding.status.scheduler_observed_affinity_name.clone(),
        reason: told.map(|one| one.reason.clone()),
        message: told.filter(is_told).map(|one| one.message.clone()),
    }
}

impl Round {
    /// The decision alone.
    fn answer(&self) -> Answer {
        match self.reason.as_deref() {
            None | Some("Success") => match &self.clusters {
                Answer::Placed(clusters) => Answer::Placed(clusters.clone()),
                Answer::Refused(why) => Answer::Refused(why.clone()),
            },
            Some("Unschedulable") => Answer::Refused("UnschedulableError".to_owned()),
            Some(reason) => Answer::Refused(reason.to_owned()),
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
        let binding: Binding = serde_json::from_value(case["binding"].clone()).unwrap();
        let (spec, status) = (binding.spec.clone(), binding.status.clone());
        let cause = trigger(&spec, &status, binding.applied_placement(), &snapshot);
        let ours = our_round(binding.clone(), cause, &snapshot);
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
        let term = &status.scheduler_observed_affinity_name;
        let asked = Asked { spec: &spec, status: &status, term, snapshot: &snapshot };
        let deviates = asked.deviates(&ours.answer(), &theirs.answer(), || {
            let decide = |spec: &BindingSpec| {
                let spec = spec.clone();
                // Which number of clusters was too many is part of the message.
                let message = ours.message.clone();
                Round {
                    message,
                    ..our_round(Binding { spec, ..binding.clone() }, cause, &snapshot)
                }
            };
            asked.is_open_for(&ours, decide)
        });
        tally.compare_unless(deviates, case, &ours, &theirs);
    }
    tally.end();
}
