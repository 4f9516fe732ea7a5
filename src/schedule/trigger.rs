//! When a binding is decided on again; one that is placed is otherwise left alone
//! (`spec/placement.md` §3.3).

use super::Snapshot;
use super::divide::{Strategy, is_workload, strategy};
use crate::api::binding::{BindingSpec, BindingStatus};
use crate::api::placement::Placement;

/// Why a binding is decided on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The placement is not the one that was applied.
    PlacementChanged,
    /// The replicas do not add up to what the template asks for.
    ReplicasChanged,
    /// Somebody asked for a fresh start since it was last decided on.
    Requested,
    /// What has no replicas to divide follows its clusters at all times.
    Always,
    /// A cluster that it runs in is leaving or has left the fleet.
    ClusterLeaves,
}

/// The first reason to decide again, if there is one. `applied` is the placement that was applied
/// when it was last decided on, as it was recorded.
#[must_use]
pub fn trigger(
    spec: &BindingSpec,
    status: &BindingStatus,
    applied: Option<&str>,
    snapshot: &Snapshot<'_>,
) -> Option<Trigger> {
    let placement = spec.placement.as_ref()?;
    if is_placement_changed(placement, applied, &status.scheduler_observed_affinity_name) {
        return Some(Trigger::PlacementChanged);
    }
    if is_replicas_changed(spec, placement) {
        return Some(Trigger::ReplicasChanged);
    }
    if is_requested(spec, status) {
        return Some(Trigger::Requested);
    }
    if !is_workload(spec) || strategy(placement) == Strategy::Duplicated {
        return Some(Trigger::Always);
    }
    let leaves = spec.clusters.iter().any(|target| {
        snapshot.find(&target.name).is_none_or(|at| snapshot.members()[at].cluster.is_leaving())
    });
    leaves.then_some(Trigger::ClusterLeaves)
}

/// Whether a fresh start was asked for after the last decision.
#[must_use]
pub fn is_requested(spec: &BindingSpec, status: &BindingStatus) -> bool {
    match (spec.reschedule_triggered_at, status.last_scheduled_time) {
        (Some(triggered), Some(scheduled)) => triggered > scheduled,
        (Some(_) | None, None) | (None, Some(_)) => false,
    }
}

/// Adding, removing or reordering affinity groups other than the one in use changes nothing.
fn is_placement_changed(placement: &Placement, applied: Option<&str>, in_use: &str) -> bool {
    let Some(applied) = applied.filter(|text| !text.is_empty()) else { return true };
    let Ok(applied) = serde_json::from_str::<Placement>(applied) else { return false };
    if applied == *placement {
        return false;
    }
    if applied.cluster_affinity != placement.cluster_affinity
        || applied.cluster_tolerations != placement.cluster_tolerations
        || applied.spread_constraints != placement.spread_constraints
        || applied.replica_scheduling != placement.replica_scheduling
    {
        return true;
    }
    let term_in = |placement: &Placement| {
        placement.cluster_affinities.iter().find(|term| term.affinity_name == in_use).cloned()
    };
    match (term_in(&applied), term_in(placement)) {
        (Some(old), Some(new)) => old != new,
        (Some(_) | None, None) | (None, Some(_)) => true,
    }
}

fn is_replicas_changed(spec: &BindingSpec, placement: &Placement) -> bool {
    if !spec.components.is_empty() && spec.clusters.is_empty() {
        return true;
    }
    if placement.replica_scheduling.is_none() {
        return false;
    }
    let replicas_of = |target: &crate::api::binding::TargetCluster| i64::from(target.replicas);
    match strategy(placement) {
        Strategy::Duplicated => {
            spec.clusters.iter().any(|target| replicas_of(target) != i64::from(spec.replicas))
        }
        Strategy::StaticWeight | Strategy::DynamicWeight | Strategy::Aggregated => {
            spec.clusters.iter().map(replicas_of).sum::<i64>() != i64::from(spec.replicas)
        }
    }
}
