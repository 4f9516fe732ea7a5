//! At least and at most so many clusters (`spec/placement.md` §3.9.3).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Bounds;
use crate::schedule::candidate::Candidate;
use crate::schedule::reason::{Groups, Refusal};

/// The best clusters, as many as are allowed. If they lack room, the last of them is exchanged for
/// the roomiest of the others that has more, then the one before it, until there is enough. Of
/// others with the same room the earlier goes first; who was exchanged stands among them in the
/// place of the one that came.
///
/// Costs n log n.
pub(super) fn select(
    candidates: &[Candidate],
    needed: Option<i64>,
    bounds: Bounds,
) -> Result<Vec<Candidate>, Refusal> {
    if candidates.len() < bounds.min {
        return Err(Refusal::TooFewGroups(Groups::Clusters));
    }
    let n_clusters = candidates.len().min(bounds.max);
    let mut selected = candidates[..n_clusters].to_vec();
    let Some(needed) = needed else { return Ok(selected) };
    let mut room: i64 = selected.iter().map(|one| one.available).sum();
    if room < needed {
        let mut others = candidates[n_clusters..].to_vec();
        let places = others.iter().enumerate();
        let mut queue: BinaryHeap<(i64, Reverse<usize>)> =
            places.map(|(place, other)| (other.available, Reverse(place))).collect();
        for one in selected.iter_mut().rev() {
            if room >= needed {
                break;
            }
            let roomiest = queue.peek_mut().filter(|roomiest| roomiest.0 > one.available);
            let Some(mut roomiest) = roomiest else { continue };
            room += roomiest.0 - one.available;
            std::mem::swap(one, &mut others[roomiest.1.0]);
            roomiest.0 = others[roomiest.1.0].available;
        }
    }
    if room < needed {
        return Err(Refusal::NotEnoughRoom { n_clusters });
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious way: looks at all others for each cluster that is exchanged.
    fn one_by_one(
        mut candidates: Vec<Candidate>,
        needed: i64,
        bounds: Bounds,
    ) -> Result<Vec<Candidate>, Refusal> {
        if candidates.len() < bounds.min {
            return Err(Refusal::TooFewGroups(Groups::Clusters));
        }
        let n_clusters = candidates.len().min(bounds.max);
        let mut others = candidates.split_off(n_clusters);
        let room = |selected: &[Candidate]| selected.iter().map(|one| one.available).sum::<i64>();
        for at in (0..n_clusters).rev() {
            if room(&candidates) >= needed {
                break;
            }
            let mut roomiest: Option<usize> = None;
            for (place, other) in others.iter().enumerate() {
                let least =
                    roomiest.map_or(candidates[at].available, |best| others[best].available);
                if other.available > least {
                    roomiest = Some(place);
                }
            }
            if let Some(place) = roomiest {
                std::mem::swap(&mut candidates[at], &mut others[place]);
            }
        }
        if room(&candidates) < needed {
            return Err(Refusal::NotEnoughRoom { n_clusters });
        }
        Ok(candidates)
    }

    proptest! {
        #[test]
        fn clusters_are_exchanged_as_if_one_by_one(
            rooms in proptest::collection::vec(prop_oneof![0..4_i64, 0..40_i64], 0..24),
            needed in 0..300_i64,
            min in 0..4_usize,
            more in prop_oneof![0..20_usize, Just(1_000)],
        ) {
            let candidate = |(at, available): (usize, &i64)| Candidate {
                at,
                available: *available,
                ..Candidate::default()
            };
            let candidates: Vec<Candidate> = rooms.iter().enumerate().map(candidate).collect();
            let bounds = Bounds { min, max: min + more };
            prop_assert_eq!(
                select(&candidates, Some(needed), bounds),
                one_by_one(candidates, needed, bounds)
            );
        }
    }
}
