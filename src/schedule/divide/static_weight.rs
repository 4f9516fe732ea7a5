//! Division by fixed weights (`spec/placement.md` §3.10.3).

use super::webster::{Party, TieBreak, deal};
use super::{Share, uid};
use crate::api::binding::BindingSpec;
use crate::api::cluster::Cluster;
use crate::api::placement::{Placement, StaticClusterWeight};
use crate::schedule::Snapshot;
use crate::schedule::candidate::Candidate;

/// Deals all replicas out by weight: what was placed before and what a cluster can take play no
/// part.
pub(super) fn assign(
    selected: &[Candidate],
    spec: &BindingSpec,
    placement: &Placement,
    snapshot: &Snapshot<'_>,
) -> Vec<Share> {
    let mut weighed = weigh(selected, placement, snapshot);
    weighed.sort_unstable_by_key(|(at, _)| *at);
    let mut parties: Vec<Party> =
        weighed.iter().map(|(_, weight)| Party { weight: *weight, seats: 0 }).collect();
    deal(i64::from(spec.replicas), &mut parties, TieBreak::of(uid(spec)));
    let share =
        |((at, _), party): (&(usize, i64), &Party)| Share { at: *at, replicas: party.seats };
    weighed.iter().zip(&parties).map(share).collect()
}

/// The weight of each selected cluster, by index: the greatest of the entries that match it, and
/// clusters that no entry gives any are left out. Without a list, or when nobody has any weight, all
/// weigh 1.
#[must_use]
pub fn weigh(
    selected: &[Candidate],
    placement: &Placement,
    snapshot: &Snapshot<'_>,
) -> Vec<(usize, i64)> {
    let list = weights(placement);
    let weight = |candidate: &Candidate| {
        Some((candidate.at, weight(list, snapshot.members()[candidate.at].cluster)?))
    };
    let weighed: Vec<(usize, i64)> = selected.iter().filter_map(weight).collect();
    if weighed.is_empty() {
        return selected.iter().map(|candidate| (candidate.at, 1)).collect();
    }
    weighed
}

/// The entries of a placement's list of weights; none without a list.
#[must_use]
pub fn weights(placement: &Placement) -> &[StaticClusterWeight] {
    let scheduling = placement.replica_scheduling.as_ref();
    let preference = scheduling.and_then(|scheduling| scheduling.weight_preference.as_ref());
    preference.map_or(&[], |preference| &preference.static_weight_list)
}

/// The greatest weight that the entries give a cluster; `None` if they give it none.
#[must_use]
pub fn weight(list: &[StaticClusterWeight], cluster: &Cluster) -> Option<i64> {
    let matching = list.iter().filter(|entry| entry.target_cluster.matches(cluster));
    matching.map(|entry| entry.weight).max().filter(|weight| *weight > 0)
}
