//! Waits between attempts: doubling, bounded, and never two members in step.

use std::time::Duration;

/// Waits that double from a shortest to a longest one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
}

impl Backoff {
    /// Waits from `shortest`, doubled with each attempt, to `longest`.
    pub(super) const fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest }
    }

    /// How long to wait after failure number `attempt` (from 1): a random time between half and
    /// all of what the doubling gives.
    pub(super) fn wait(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        let full = self.shortest.saturating_mul(1 << doublings).min(self.longest);
        full.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
        for (attempt, seconds) in [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (u32::MAX, 60)]
        {
            let full = Duration::from_secs(seconds);
            let wait = backoff.wait(attempt);
            assert!(wait >= full / 2 && wait <= full, "{attempt}: {wait:?}");
        }
    }
}
