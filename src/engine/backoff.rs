//! Waiting longer after each failure, up to a bound.

use std::time::Duration;

use jiff::Timestamp;

/// First wait after a failure: long enough not to hammer, short enough that a hiccup is not noticed.
const WAIT_MIN: Duration = Duration::from_millis(500);
/// Longest wait: a person who has mended the cause should not wait longer than this.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Exponential waiting without randomness: one controller has nobody to be out of step with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    until: Option<Timestamp>,
}

impl Backoff {
    /// Notes a failure at `now`.
    pub fn fail(&mut self, now: Timestamp) {
        let wait = WAIT_MIN.saturating_mul(1 << self.failures.min(10)).min(WAIT_MAX);
        self.failures += 1;
        self.until = now.checked_add(wait).ok();
    }

    /// Notes a success: the next failure waits the shortest time again.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Until when to wait, if that is after `now`.
    #[must_use]
    pub fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_bound_and_a_success_ends_them() {
        let now = Timestamp::UNIX_EPOCH;
        let mut backoff = Backoff::default();
        assert_eq!(backoff.waits_until(now), None);
        let mut waits = Vec::new();
        for _ in 0..9 {
            backoff.fail(now);
            waits.push(backoff.waits_until(now).expect("failed just now").as_millisecond());
        }
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        backoff.succeed();
        assert_eq!(backoff.waits_until(now), None);
    }
}
