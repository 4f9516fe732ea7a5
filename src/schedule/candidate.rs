//! The clusters that will do, with what orders them (`spec/placement.md` §3.9.1).

use std::cmp::Reverse;

/// A cluster that passed every filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its index in the snapshot, which follows the names.
    pub at: usize,
    /// Sum of the scores that the plugins give it.
    pub score: i64,
    /// The tier of the affinity group that it belongs to: 0 for the group's own clusters.
    pub tier: u32,
    /// Replicas that it can take now.
    pub allocatable: i64,
    /// Replicas that it can take or has already.
    pub available: i64,
    /// Replicas that it has already, if it was chosen before.
    pub assigned: Option<i32>,
}

impl Candidate {
    /// What it is sorted by; the first is the best, and no two are equal.
    #[must_use]
    pub fn rank(&self) -> impl Ord + use<> {
        (self.tier, Reverse(self.score), Reverse(self.available), self.at)
    }
}
