//! Deals seats out by weight: the method of Webster and Sainte-Laguë (`spec/placement.md` §3.10.2).

use std::collections::BTreeMap;

/// Which way a tie goes when neither the quotient nor the seats held decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TieBreak {
    NameAscending,
    NameDescending,
}

impl TieBreak {
    /// Descending for a template whose uid hashes (FNV-1a, 32 bits) to an odd number, so that the odd
    /// replica of many templates does not always end in the same cluster; an empty uid is ascending.
    fn of(uid: &str) -> Self {
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
    let mut seats = held.clone();
    let n_weight = weights.values().fold(0_i64, |sum, weight| sum.wrapping_add(*weight));
    if (n_seats <= 0 && !held.is_empty()) || n_weight == 0 {
        return seats;
    }
    for name in weights.keys() {
        seats.entry(name.clone()).or_insert(0);
    }
    let tie = TieBreak::of(uid);
    let mut queue: std::collections::BinaryHeap<Party<'_, N>> = seats
        .iter()
        .enumerate()
        .map(|(rank, (name, held))| {
            let weight = weights.get(name).copied().unwrap_or(0);
            Party::new(name, rank, weight, *held, tie)
        })
        .collect();
    for _ in 0..n_seats {
        let Some(first) = queue.pop() else { break };
        queue.push(first.with_one_more());
    }
    let dealt: Vec<(N, i64)> =
        queue.into_iter().map(|party| (party.name.clone(), party.seats)).collect();
    seats.extend(dealt);
    seats
}

/// One party in the queue; the greatest is next to get a seat.
struct Party<'a, N> {
    name: &'a N,
    /// Place in the order of names, negated when ties go to the first name.
    preference: i64,
    weight: i64,
    seats: i64,
    quotient: f64,
}

impl<'a, N> Party<'a, N> {
    fn new(name: &'a N, rank: usize, weight: i64, seats: i64, tie: TieBreak) -> Self {
        let rank = i64::try_from(rank).expect("fewer parties than 2^63");
        let preference = match tie {
            TieBreak::NameAscending => -rank,
            TieBreak::NameDescending => rank,
        };
        Self { name, preference, weight, seats, quotient: quotient(weight, seats) }
    }

    fn with_one_more(mut self) -> Self {
        self.seats += 1;
        self.quotient = quotient(self.weight, self.seats);
        self
    }
}

fn quotient(weight: i64, seats: i64) -> f64 {
    weight as f64 / (2 * seats + 1) as f64
}

impl<N> Ord for Party<'_, N> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.quotient
            .total_cmp(&other.quotient)
            .then(other.seats.cmp(&self.seats))
            .then(self.preference.cmp(&other.preference))
    }
}

impl<N> PartialOrd for Party<'_, N> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<N> PartialEq for Party<'_, N> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<N> Eq for Party<'_, N> {}

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
