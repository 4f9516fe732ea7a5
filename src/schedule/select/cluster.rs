//! At least and at most so many clusters (`spec/placement.md` §3.9.3).

use super::Bounds;
use crate::schedule::candidate::Candidate;
use crate::schedule::reason::{Groups, Refusal};

/// The best clusters, as many as are allowed. If they lack room, the last of them is exchanged for
/// the roomiest of the others that has more, then the one before it, until there is enough.
pub(super) fn select(
    mut candidates: Vec<Candidate>,
    needed: Option<i64>,
    bounds: Bounds,
) -> Result<Vec<Candidate>, Refusal> {
    if candidates.len() < bounds.min {
        return Err(Refusal::TooFewGroups(Groups::Clusters));
    }
    let n_clusters = candidates.len().min(bounds.max);
    let Some(needed) = needed else {
        candidates.truncate(n_clusters);
        return Ok(candidates);
    };
    let mut others = candidates.split_off(n_clusters);
    let mut room: i64 = candidates.iter().map(|one| one.available).sum();
    for chosen in candidates.iter_mut().rev() {
        if room >= needed {
            break;
        }
        let mut roomiest: Option<&mut Candidate> = None;
        for other in &mut others {
            let least = roomiest.as_ref().map_or(chosen.available, |best| best.available);
            if other.available > least {
                roomiest = Some(other);
            }
        }
        if let Some(other) = roomiest {
            room += other.available - chosen.available;
            std::mem::swap(chosen, other);
        }
    }
    if room < needed {
        return Err(Refusal::NotEnoughRoom { n_clusters });
    }
    Ok(candidates)
}
