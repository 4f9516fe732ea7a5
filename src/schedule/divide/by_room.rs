//! Division by the room that clusters have: dynamic weights and Aggregated
//! (`spec/placement.md` §3.10.4).

use std::collections::{BTreeMap, BTreeSet};

use super::webster::{Party, TieBreak, deal};
use super::{Share, go_sort, uid};
use crate::api::binding::BindingSpec;
use crate::schedule::Snapshot;
use crate::schedule::candidate::Candidate;
use crate::schedule::reason::{Refusal, Step};

/// How a division by room goes about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    /// Into as few clusters as have room, not into all.
    pub(super) is_aggregated: bool,
    /// From nothing, not from what was assigned before.
    pub(super) is_fresh: bool,
}

/// Divides `replicas` by room.
///
/// Afresh, all of them by the room that there would be without them. Else what was assigned stays:
/// more replicas go by the room that is left, fewer are taken from where most are.
///
/// # Errors
/// There is too little room for what is to be dealt out.
pub(super) fn assign(
    selected: &[Candidate],
    spec: &BindingSpec,
    replicas: i64,
    mode: Mode,
    snapshot: &Snapshot<'_>,
) -> Result<Vec<Share>, Refusal> {
    let tie = TieBreak::of(uid(spec));
    if mode.is_fresh {
        let room = selected.iter().map(|one| Share { at: one.at, replicas: one.available });
        return deal_by_room(replicas, room.collect(), &[], mode, tie, Step::Fresh);
    }
    let scheduled = scheduled(selected, spec, snapshot);
    let n_assigned: i64 = scheduled.iter().map(|share| share.replicas).sum();
    if n_assigned > replicas {
        return deal_by_room(replicas, scheduled, &[], mode, tie, Step::ScaleDown);
    }
    if n_assigned == replicas {
        return Ok(scheduled);
    }
    let room = selected.iter().map(|one| Share { at: one.at, replicas: one.allocatable });
    let added =
        deal_by_room(replicas - n_assigned, room.collect(), &scheduled, mode, tie, Step::ScaleUp)?;
    let mut sums: BTreeMap<usize, i64> = BTreeMap::new();
    for share in scheduled.into_iter().chain(added) {
        *sums.entry(share.at).or_default() += share.replicas;
    }
    Ok(sums.into_iter().map(|(at, replicas)| Share { at, replicas }).collect())
}

/// What was assigned before to clusters that are selected, in the order of the binding.
fn scheduled(selected: &[Candidate], spec: &BindingSpec, snapshot: &Snapshot<'_>) -> Vec<Share> {
    let mut chosen: Vec<usize> = selected.iter().map(|one| one.at).collect();
    chosen.sort_unstable();
    let share = |target: &crate::api::binding::TargetCluster| {
        let at = snapshot.find(&target.name).filter(|at| chosen.binary_search(at).is_ok())?;
        Some(Share { at, replicas: i64::from(target.replicas) })
    };
    spec.clusters.iter().filter_map(share).collect()
}

/// Deals `n` out by `room`. Aggregated: clusters that have some already come first, then the
/// roomiest, and no more of them than have room for all.
fn deal_by_room(
    n: i64,
    mut room: Vec<Share>,
    scheduled: &[Share],
    mode: Mode,
    tie: TieBreak,
    step: Step,
) -> Result<Vec<Share>, Refusal> {
    let available = room.iter().fold(0_i64, |sum, one| sum.saturating_add(one.replicas));
    if available < n {
        return Err(Refusal::Unschedulable { step: Some(step), available });
    }
    if available == 0 {
        return Ok(Vec::new());
    }
    if mode.is_aggregated {
        go_sort::sort(&mut room, |left, right| left.replicas > right.replicas);
        let some = scheduled.iter().filter(|share| share.replicas > 0);
        let some: BTreeSet<usize> = some.map(|share| share.at).collect();
        let has_some = |share: &Share| some.contains(&share.at);
        let (first, others): (Vec<Share>, Vec<Share>) = room.into_iter().partition(has_some);
        room = first;
        room.extend(others);
        let mut sum = 0;
        let enough = room.iter().position(|share| {
            sum += share.replicas;
            sum >= n
        });
        room.truncate(enough.map_or(room.len(), |last| last + 1));
    }
    room.sort_unstable_by_key(|share| share.at);
    let mut parties: Vec<Party> =
        room.iter().map(|share| Party { weight: share.replicas, seats: 0 }).collect();
    deal(n, &mut parties, tie);
    let dealt = room.iter().zip(&parties);
    Ok(dealt.map(|(share, party)| Share { at: share.at, replicas: party.seats }).collect())
}
