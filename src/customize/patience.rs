//! How long scripts and webhooks may keep one plan waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::names::ObjectId;

/// The time that a plan has waited for each script and each webhook.
#[derive(Debug)]
pub(super) struct Patience {
    most: Duration,
    waited: BTreeMap<ObjectId, Duration>,
}

impl Patience {
    /// A plan that waits so long for each of them, all its answers together.
    pub(super) fn new(most: Duration) -> Self {
        Self { most, waited: BTreeMap::new() }
    }

    /// A new plan begins.
    pub(super) fn begin(&mut self) {
        self.waited.clear();
    }

    /// The plan has waited for `called`.
    pub(super) fn spend(&mut self, called: ObjectId, waited: Duration) {
        *self.waited.entry(called).or_default() += waited;
    }

    /// Whether the plan waits no more for `called`.
    pub(super) fn is_spent(&self, called: ObjectId) -> bool {
        self.waited.get(&called).is_some_and(|waited| *waited >= self.most)
    }

    /// How long it waits at most, in seconds.
    pub(super) fn seconds(&self) -> u64 {
        self.most.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_late_ok_in_turns_uses_up_the_time_of_one_plan() {
        let [one, other] = [1, 2].map(|n| ObjectId::from_bytes([n; 20]));
        let mut patience = Patience::new(Duration::from_secs(30));
        let waits = [10_000, 10_000, 5, 10_000].map(Duration::from_millis);
        let mut n_asked = 0;
        for waited in waits.into_iter().cycle().take(100) {
            if !patience.is_spent(one) {
                patience.spend(one, waited);
                n_asked += 1;
            }
        }
        assert_eq!(n_asked, 4);
        assert!(!patience.is_spent(other));
        patience.begin();
        assert!(!patience.is_spent(one));
    }
}
