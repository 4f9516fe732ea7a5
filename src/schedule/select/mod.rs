//! Which of the clusters that will do are used: spread constraints (`spec/placement.md` §3.9).

mod cluster;
mod groups;
mod region;

use super::candidate::Candidate;
use super::divide::{Strategy, strategy};
use super::{Refusal, Snapshot};
use crate::api::binding::BindingSpec;
use crate::api::placement::{Placement, SpreadConstraint, SpreadField};

pub use groups::{Group, best_groups};

/// The clusters to use, best first. `candidates` are sorted by rank.
///
/// Without constraints, and for fixed weights, all of them. A constraint on regions, else one on
/// clusters, selects; others only say which property a cluster must have.
///
/// # Errors
/// Too few clusters or regions, or too little room in them.
pub(super) fn select(
    candidates: &[Candidate],
    spec: &BindingSpec,
    placement: &Placement,
    snapshot: &Snapshot<'_>,
) -> Result<Vec<Candidate>, Refusal> {
    if placement.spread_constraints.is_empty() || ignores_constraints(placement) {
        return Ok(candidates.to_vec());
    }
    let of = |field| in_force(placement).find(|one| one.spread_by_field == Some(field));
    let (region, cluster) = (of(SpreadField::Region), of(SpreadField::Cluster));
    match (region, cluster) {
        (Some(region), cluster) => {
            let cluster = cluster.map_or(Bounds::NONE, Bounds::of);
            region::select(candidates, spec, placement, Bounds::of(region), cluster, snapshot)
        }
        (None, Some(cluster)) => {
            cluster::select(candidates, needed(spec, placement), Bounds::of(cluster))
        }
        (None, None) => Err(Refusal::CannotSpread),
    }
}

/// The constraints that select: the first on regions, and the first on clusters.
pub fn in_force(placement: &Placement) -> impl Iterator<Item = &SpreadConstraint> {
    let constraints =
        if ignores_constraints(placement) { &[] } else { placement.spread_constraints.as_slice() };
    let of = |field| constraints.iter().find(|one| one.spread_by_field == Some(field));
    [of(SpreadField::Region), of(SpreadField::Cluster)].into_iter().flatten()
}

/// How many groups to use.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: usize,
    /// As the field documents it, absent is no limit. (Karmada takes it for 0, which selects
    /// nothing.)
    max: usize,
}

impl Bounds {
    /// Without a constraint on clusters each region gives one.
    const NONE: Self = Self { min: 0, max: 0 };

    fn of(constraint: &SpreadConstraint) -> Self {
        let at_least = |n: i64| usize::try_from(n).unwrap_or(0);
        let max = at_least(constraint.max_groups);
        Self { min: at_least(constraint.min_groups), max: if max == 0 { usize::MAX } else { max } }
    }
}

/// Replicas that the selected clusters must have room for; `None` when it does not matter.
fn needed(spec: &BindingSpec, placement: &Placement) -> Option<i64> {
    match strategy(placement) {
        Strategy::Duplicated => None,
        _ if super::is_set_of_components(spec, placement) => Some(1),
        Strategy::StaticWeight | Strategy::DynamicWeight | Strategy::Aggregated => {
            Some(i64::from(spec.replicas))
        }
    }
}

/// Fixed weights already say where replicas go, so constraints select nothing; only a preference
/// that is there but empty keeps them, as in Karmada.
#[must_use]
pub fn ignores_constraints(placement: &Placement) -> bool {
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
