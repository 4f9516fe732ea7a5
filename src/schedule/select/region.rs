//! At least and at most so many regions, and clusters in them (`spec/placement.md` §3.9.4).

use std::collections::BTreeMap;

use super::Bounds;
use super::groups::{Group, best_groups};
use crate::api::binding::BindingSpec;
use crate::api::placement::Placement;
use crate::schedule::Snapshot;
use crate::schedule::candidate::Candidate;
use crate::schedule::divide::{Strategy, strategy};
use crate::schedule::reason::{Groups, Refusal};

/// How much one replica that fits counts against a point of score.
const ROOM_WEIGHT: i64 = 1_000;

/// The best cluster of each of the best regions, then the best of the rest of them.
pub(super) fn select(
    candidates: &[Candidate],
    spec: &BindingSpec,
    placement: &Placement,
    regions: Bounds,
    clusters: Bounds,
    snapshot: &Snapshot<'_>,
) -> Result<Vec<Candidate>, Refusal> {
    let mut by_region: BTreeMap<u32, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        if let Some(region) = snapshot.region(candidate.at) {
            by_region.entry(region).or_default().push(*candidate);
        }
    }
    if by_region.len() < regions.min {
        return Err(Refusal::TooFewGroups(Groups::Regions));
    }
    let weigh = |members: &[Candidate]| match strategy(placement) {
        Strategy::Duplicated => room_for_all(members, i64::from(spec.replicas)),
        Strategy::StaticWeight | Strategy::DynamicWeight | Strategy::Aggregated => {
            let n_regions = regions.min.max(1) as i64;
            let share = (i64::from(spec.replicas) + n_regions - 1) / n_regions;
            room_for_share(members, share, clusters.min.max(regions.min))
        }
    };
    let groups: Vec<Group> = by_region
        .iter()
        .map(|(rank, members)| Group {
            rank: *rank,
            n_clusters: members.len() as i64,
            weight: weigh(members),
        })
        .collect();
    let chosen = best_groups(&groups, regions.min, regions.max, clusters.min as i64)
        .ok_or(Refusal::TooFewGroups(Groups::ClustersInRegions))?;
    let (mut selected, mut pool) = (Vec::new(), Vec::new());
    for at in chosen {
        let members = &by_region[&groups[at].rank];
        selected.push(members[0]);
        pool.extend_from_slice(&members[1..]);
    }
    pool.sort_by_key(Candidate::rank);
    let n_more = (selected.len() + pool.len()).min(clusters.max).saturating_sub(selected.len());
    selected.extend(pool.into_iter().take(n_more));
    Ok(selected)
}

/// By how many clusters could take all replicas, then by their mean score.
fn room_for_all(members: &[Candidate], replicas: i64) -> i64 {
    let fitting = members.iter().filter(|one| one.available >= replicas);
    let (n, score) = fitting.fold((0, 0), |(n, score), one| (n + 1, score + one.score));
    if n == 0 { 0 } else { n * ROOM_WEIGHT + score / n }
}

/// By how much of a region's share fits, then by the mean score of the clusters that it takes: the
/// first that have room for it, and `n_min` of them at least.
fn room_for_share(members: &[Candidate], share: i64, n_min: usize) -> i64 {
    let (mut n, mut room, mut score) = (0, 0_i64, 0);
    for member in members {
        room = room.saturating_add(member.available);
        score += member.score;
        n += 1;
        if n >= n_min && room >= share {
            break;
        }
    }
    if room < share {
        room.saturating_mul(ROOM_WEIGHT).saturating_add(score / members.len() as i64)
    } else {
        share * ROOM_WEIGHT + score / n as i64
    }
}
