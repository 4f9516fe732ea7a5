//! Divides replicas among the selected clusters (`spec/placement.md` §3.10). One file a way.

mod by_room;
mod go_sort;
mod overflow;
mod static_weight;
mod webster;

use crate::api::binding::{BindingSpec, TargetCluster, TargetComponent};
use crate::api::placement::{Placement, ReplicaDivisionPreference, ReplicaSchedulingType};

use super::candidate::Candidate;
use super::filter::Context;
use super::{Refusal, Snapshot};
use by_room::Mode;

pub use static_weight::{weigh, weight, weights};
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
#[must_use]
pub fn has_replicas_to_assign(spec: &BindingSpec) -> bool {
    (spec.replicas > 0 || spec.replica_requirements.is_some()) && spec.components.len() <= 1
}

/// What one cluster gets.
#[derive(Clone, Copy, Debug)]
struct Share {
    /// Index of the cluster.
    at: usize,
    replicas: i64,
}

/// The seed of ties.
fn uid(spec: &BindingSpec) -> &str {
    spec.resource.uid.as_deref().unwrap_or_default()
}

/// The clusters with their replicas, by name. A cluster that gets none of the replicas is left out;
/// what has no replicas goes to every cluster, without a number. `is_fresh` forgets what was
/// assigned before.
///
/// # Errors
/// Nothing was selected, or there is too little room.
pub fn assign(
    ctx: &Context<'_>,
    selected: &[Candidate],
    is_fresh: bool,
    snapshot: &Snapshot<'_>,
) -> Result<Vec<TargetCluster>, Refusal> {
    let Context { spec, placement, .. } = *ctx;
    if selected.is_empty() {
        return Err(Refusal::NoClusterSelected);
    }
    let everywhere =
        |replicas| selected.iter().map(|one| Share { at: one.at, replicas }).collect::<Vec<_>>();
    let has_replicas = has_replicas_to_assign(spec);
    let mut shares = if has_replicas {
        let strategy = strategy(placement);
        let mode = Mode { is_aggregated: strategy == Strategy::Aggregated, is_fresh };
        match strategy {
            Strategy::Duplicated => everywhere(i64::from(spec.replicas)),
            Strategy::StaticWeight => static_weight::assign(selected, spec, placement, snapshot),
            Strategy::DynamicWeight | Strategy::Aggregated if has_tiers(ctx) => {
                overflow::assign(selected, spec, mode, snapshot)?
            }
            Strategy::DynamicWeight | Strategy::Aggregated => {
                by_room::assign(selected, spec, i64::from(spec.replicas), mode, snapshot)?
            }
        }
    } else {
        everywhere(0)
    };
    shares.retain(|share| share.replicas > 0 || !has_replicas);
    shares.sort_unstable_by_key(|share| share.at);
    let is_set = spec.components.len() > 1 && super::is_set_of_components(spec, placement);
    let components: Vec<TargetComponent> = if is_set {
        let target = |one: &crate::api::binding::Component| TargetComponent {
            name: one.name.clone(),
            replicas: one.replicas,
        };
        spec.components.iter().map(target).collect()
    } else {
        Vec::new()
    };
    let target = |share: Share| TargetCluster {
        name: snapshot.members()[share.at].name.clone(),
        replicas: i32::try_from(share.replicas).expect("no share is greater than all replicas"),
        components: components.clone(),
    };
    Ok(shares.into_iter().map(target).collect())
}

/// Whether the affinity group that is tried has tiers to overflow into.
fn has_tiers(ctx: &Context<'_>) -> bool {
    ctx.placement.cluster_affinity.is_none()
        && ctx.group().is_some_and(|group| !group.overflow_affinities.is_empty())
}
