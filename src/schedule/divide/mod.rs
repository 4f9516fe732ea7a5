//! Divides replicas among the selected clusters (`spec/placement.md` §3.10). One file a way.

mod static_weight;
mod webster;

use crate::api::binding::{BindingSpec, TargetCluster};
use crate::api::placement::{Placement, ReplicaDivisionPreference, ReplicaSchedulingType};

use super::{Member, NotYet};

pub use static_weight::weights;
pub use webster::dispense;

/// How replicas are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Every cluster gets all of them.
    Duplicated,
    /// By fixed weights, equal ones when none are given.
    StaticWeight,
    /// By the replicas that each cluster can take.
    DynamicWeight,
    /// Into as few clusters as can take them.
    Aggregated,
}

/// The strategy that a placement asks for; without any it is Duplicated, and a division without a
/// preference is Weighted.
#[must_use]
pub fn strategy(placement: &Placement) -> Strategy {
    let Some(scheduling) = &placement.replica_scheduling else { return Strategy::Duplicated };
    if scheduling.replica_scheduling_type == ReplicaSchedulingType::Duplicated {
        return Strategy::Duplicated;
    }
    if scheduling.replica_division_preference == Some(ReplicaDivisionPreference::Aggregated) {
        return Strategy::Aggregated;
    }
    match &scheduling.weight_preference {
        Some(weights) if weights.dynamic_weight.is_some() => Strategy::DynamicWeight,
        Some(_) | None => Strategy::StaticWeight,
    }
}

/// Whether a binding has pods to count: some replicas, needs of a replica, or components.
#[must_use]
pub fn is_workload(spec: &BindingSpec) -> bool {
    spec.replicas > 0 || spec.replica_requirements.is_some() || !spec.components.is_empty()
}

/// Whether replicas are assigned at all; otherwise the clusters are named without any.
fn has_replicas_to_assign(spec: &BindingSpec) -> bool {
    (spec.replicas > 0 || spec.replica_requirements.is_some()) && spec.components.len() <= 1
}

/// What this version cannot decide about the placement within the affinity group `term`.
#[must_use]
pub fn not_yet(spec: &BindingSpec, placement: &Placement, term: Option<&str>) -> Option<NotYet> {
    let strategy = strategy(placement);
    if !placement.spread_constraints.is_empty() && !ignores_spread_constraints(placement) {
        return Some(NotYet::SpreadConstraints);
    }
    if !has_replicas_to_assign(spec) {
        return None;
    }
    let overflows = placement
        .cluster_affinities
        .iter()
        .any(|one| Some(one.affinity_name.as_str()) == term && !one.overflow_affinities.is_empty());
    match strategy {
        _ if overflows => Some(NotYet::Overflow),
        Strategy::DynamicWeight => Some(NotYet::DynamicWeight),
        Strategy::Aggregated => Some(NotYet::Aggregated),
        Strategy::Duplicated | Strategy::StaticWeight => None,
    }
}

/// Fixed weights already say where replicas go, so constraints select nothing; only a preference
/// that is there but empty keeps them, as in Karmada.
fn ignores_spread_constraints(placement: &Placement) -> bool {
    let preference = placement
        .replica_scheduling
        .as_ref()
        .map(|scheduling| scheduling.weight_preference.as_ref());
    strategy(placement) == Strategy::StaticWeight
        && match preference {
            Some(Some(weights)) => !weights.static_weight_list.is_empty(),
            Some(None) => true,
            None => false,
        }
}

/// The clusters with their replicas, by name. A cluster that gets none of the replicas is left out;
/// what has no replicas goes to every cluster, without a number.
///
/// Only for placements that [`not_yet`] has nothing against.
#[must_use]
pub fn assign(
    selected: &[Member<'_>],
    spec: &BindingSpec,
    placement: &Placement,
) -> Vec<TargetCluster> {
    let everywhere = |replicas: i32| {
        selected.iter().map(|member| TargetCluster::new(member.name.clone(), replicas)).collect()
    };
    let mut targets: Vec<TargetCluster> = if has_replicas_to_assign(spec) {
        match strategy(placement) {
            Strategy::StaticWeight => static_weight::assign(selected, spec, placement),
            Strategy::Duplicated | Strategy::DynamicWeight | Strategy::Aggregated => {
                if spec.replicas > 0 { everywhere(spec.replicas) } else { Vec::new() }
            }
        }
    } else {
        everywhere(0)
    };
    targets.sort_by(|left, right| left.name.cmp(&right.name));
    targets
}
