//! Deals seats out by weight: the method of Webster and Sainte-Laguë (`spec/placement.md` §3.10.2).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// Which way a tie goes when neither the quotient nor the seats held decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TieBreak {
    NameAscending,
    NameDescending,
}

impl TieBreak {
    /// Descending for a template whose uid hashes (FNV-1a, 32 bits) to an odd number, so that the odd
    /// replica of many templates does not always end in the same cluster; an empty uid is ascending.
    pub(super) fn of(uid: &str) -> Self {
        if !uid.is_empty() && fnv1a_32(uid.as_bytes()) % 2 == 1 {
            Self::NameDescending
        } else {
            Self::NameAscending
        }
    }
}

/// 32-bit FNV-1a of `bytes`.
pub(crate) fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Deals `n_seats` out over the parties in proportion to their weights.
///
/// Each seat goes to the party with the greatest `weight / (2 * seats + 1)`, compared as 64-bit
/// floats as Karmada does; a tie goes to the party with fewer seats, then by name in the direction
/// that `uid` names. `held` are seats from before: they count in the quotients and in the answer.
/// A party with no weight can still be in the answer, with what it held. When no party has any
/// weight, or there is nothing to deal to parties that hold seats, the answer is `held`.
///
/// Costs `n_seats * log(parties)`.
pub fn dispense<N: Ord + Clone>(
    n_seats: i64,
    weights: &BTreeMap<N, i64>,
    held: &BTreeMap<N, i64>,
    uid: &str,
) -> BTreeMap<N, i64> {
    let n_weight = weights.values().fold(0_i64, |sum, weight| sum.wrapping_add(*weight));
    if (n_seats <= 0 && !held.is_empty()) || n_weight == 0 {
        return held.clone();
    }
    let names: BTreeSet<&N> = held.keys().chain(weights.keys()).collect();
    let of = |map: &BTreeMap<N, i64>, name: &N| map.get(name).copied().unwrap_or(0);
    let mut parties: Vec<Party> = names
        .iter()
        .map(|name| Party { weight: of(weights, name), seats: of(held, name) })
        .collect();
    deal(n_seats, &mut parties, TieBreak::of(uid));
    names.into_iter().cloned().zip(parties.into_iter().map(|party| party.seats)).collect()
}

/// One of those that seats are dealt to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party {
    pub(super) weight: i64,
    pub(super) seats: i64,
}

/// [`dispense`] for parties in the order of their names.
pub(super) fn deal(n_seats: i64, parties: &mut [Party], tie: TieBreak) {
    let n_seats = n_seats - deal_at_once(n_seats, parties);
    let mut queue: BinaryHeap<Bid> = parties
        .iter()
        .enumerate()
        .map(|(at, party)| Bid { quotient: party.quotient(), seats: party.seats, at, tie })
        .collect();
    for _ in 0..n_seats {
        let Some(mut first) = queue.peek_mut() else { break };
        let party = &mut parties[first.at];
        party.seats += 1;
        (first.seats, first.quotient) = (party.seats, party.quotient());
    }
}

/// Deals out most of many seats without a queue; how many.
///
/// Every seat whose quotient is above a threshold is among the first ones, whatever their order. The
/// threshold is where about two seats for each party are left, and two seats a party are left out
/// on top, so that rounding gives nobody a seat too many.
fn deal_at_once(n_seats: i64, parties: &mut [Party]) -> i64 {
    let n_parties = parties.len() as i64;
    if n_seats < 16 * (n_parties + 1) || parties.iter().any(|party| party.seats != 0) {
        return 0;
    }
    let weight: f64 = parties.iter().map(|party| party.weight.max(0) as f64).sum();
    if weight <= 0.0 {
        return 0;
    }
    let threshold = weight / (2 * (n_seats - 2 * n_parties)) as f64;
    for party in parties.iter_mut() {
        let above = (party.weight.max(0) as f64 / threshold - 1.0) / 2.0;
        party.seats = (above as i64 - 2).max(0);
    }
    parties.iter().map(|party| party.seats).sum()
}

impl Party {
    fn quotient(&self) -> f64 {
        self.weight as f64 / (2 * self.seats + 1) as f64
    }
}

/// A party's claim to the next seat; the greatest gets it.
struct Bid {
    quotient: f64,
    seats: i64,
    at: usize,
    tie: TieBreak,
}

impl Ord for Bid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.quotient.total_cmp(&other.quotient).then(other.seats.cmp(&self.seats)).then_with(
            || match self.tie {
                TieBreak::NameAscending => other.at.cmp(&self.at),
                TieBreak::NameDescending => self.at.cmp(&other.at),
            },
        )
    }
}

impl PartialOrd for Bid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bid {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bid {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
    }

    #[test]
    fn seats_follow_the_weights() {
        let none = BTreeMap::new();
        assert_eq!(dispense(9, &of(&[("a", 1), ("b", 2)]), &none, ""), of(&[("a", 3), ("b", 6)]));
        assert_eq!(dispense(9, &of(&[("a", 1), ("b", 3)]), &none, ""), of(&[("a", 2), ("b", 7)]));
    }

    #[test]
    fn a_tie_goes_by_name_in_the_direction_of_the_uid() {
        let weights = of(&[("a", 1), ("b", 1)]);
        let none = BTreeMap::new();
        assert_eq!(dispense(1, &weights, &none, ""), of(&[("a", 1), ("b", 0)]));
        let odd =
            (0..100).map(|n| n.to_string()).find(|uid| fnv1a_32(uid.as_bytes()) % 2 == 1).unwrap();
        assert_eq!(dispense(1, &weights, &none, &odd), of(&[("a", 0), ("b", 1)]));
    }

    #[test]
    fn without_any_weight_nothing_is_dealt() {
        assert_eq!(dispense(5, &of(&[("a", 0)]), &of(&[("b", 2)]), ""), of(&[("b", 2)]));
    }
}
