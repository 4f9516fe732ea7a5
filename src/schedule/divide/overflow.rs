//! Division over the tiers of an affinity group (`spec/placement.md` §3.10.5).

use std::collections::BTreeMap;

use super::Share;
use super::by_room::{self, Mode};
use crate::api::binding::BindingSpec;
use crate::schedule::Snapshot;
use crate::schedule::candidate::Candidate;
use crate::schedule::reason::Refusal;

/// Fills the tiers one after the other; a tier that is not needed gets nothing, and loses what it
/// had.
///
/// # Errors
/// All tiers together have too little room.
pub(super) fn assign(
    selected: &[Candidate],
    spec: &BindingSpec,
    mode: Mode,
    snapshot: &Snapshot<'_>,
) -> Result<Vec<Share>, Refusal> {
    let mut tiers: BTreeMap<u32, Vec<Candidate>> = BTreeMap::new();
    for candidate in selected {
        tiers.entry(candidate.tier).or_default().push(*candidate);
    }
    let mut left = i64::from(spec.replicas);
    let mut shares = Vec::new();
    let mut available = 0_i64;
    for tier in tiers.into_values() {
        if left <= 0 {
            break;
        }
        let room = tier.iter().fold(0_i64, |sum, one| sum.saturating_add(one.available));
        available = available.saturating_add(room);
        let part = left.min(room);
        if part > 0 {
            shares.extend(by_room::assign(&tier, spec, part, mode, snapshot)?);
        }
        left -= part;
    }
    if left > 0 {
        return Err(Refusal::Unschedulable { step: None, available });
    }
    Ok(shares)
}
