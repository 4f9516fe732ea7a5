//! How fast one member is written to: a token bucket whose rate gives way when the member throttles.
//!
//! A member that keeps up never meets it: the rate at rest is more than an API server takes. One that
//! answers 429 is asked at half the rate at which it was asked when it did, and ever faster again while it
//! stays content (additive increase, multiplicative decrease, as TCP does), so that what it bears is found
//! and a burst after its `Retry-After` does not throttle it anew.

use std::time::Duration;

use tokio::time::Instant;

/// Writes a second at rest. An API server on two cores takes 500.
const RATE_MAX: f64 = 4_000.0;
/// Writes a second, however often the member throttles: everything moves on, if slowly.
const RATE_MIN: f64 = 2.0;
/// Seconds of writes that may be saved up while nothing is to be written.
const BURST_SECONDS: f64 = 0.25;
/// What a second without a 429 adds to the rate, of itself and besides.
const GROWTH: (f64, f64) = (0.1, 2.0);
/// 429s that come so soon after another belong to it: all requests on their way are answered alike.
const SAME_BREATH: Duration = Duration::from_secs(1);

/// The bucket.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Writes a second.
    rate: f64,
    /// Writes that may be started now.
    tokens: f64,
    /// When `tokens` and `rate` were brought up to date.
    at: Instant,
    /// Writes started since `measured_at`, by which the rate in use is known.
    n_started: f64,
    measured_at: Instant,
    throttled_at: Option<Instant>,
}

impl Pace {
    /// A full bucket.
    pub(super) fn new(now: Instant) -> Self {
        let tokens = RATE_MAX * BURST_SECONDS;
        Self {
            rate: RATE_MAX,
            tokens,
            at: now,
            n_started: 0.0,
            measured_at: now,
            throttled_at: None,
        }
    }

    /// Takes a write out of the bucket; `false`: there is none before [`Pace::next_at`].
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        self.n_started += 1.0;
        true
    }

    /// When the next write may be started, if it may not now.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let missing = 1.0 - self.tokens;
        // A little later than that: rounding must not have somebody look for nothing.
        (missing > 0.0).then(|| self.at + Duration::from_secs_f64(missing / self.rate + 0.000_1))
    }

    /// The member answered 429.
    pub(super) fn throttled(&mut self, now: Instant) {
        self.fill(now);
        if self.throttled_at.is_some_and(|at| now.duration_since(at) < SAME_BREATH) {
            return;
        }
        // What was asked, not what was allowed: a rate that was never used says nothing.
        let seconds = now.duration_since(self.measured_at).as_secs_f64().max(1.0);
        self.rate = (self.rate.min(self.n_started / seconds) / 2.0).max(RATE_MIN);
        self.tokens = 0.0;
        self.throttled_at = Some(now);
    }

    fn fill(&mut self, now: Instant) {
        let seconds = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        if self.rate < RATE_MAX {
            self.rate = (self.rate + (self.rate * GROWTH.0 + GROWTH.1) * seconds).min(RATE_MAX);
        }
        let burst = (self.rate * BURST_SECONDS).max(1.0);
        self.tokens = (self.tokens + self.rate * seconds).min(burst);
        if now.duration_since(self.measured_at) > Duration::from_secs(2) {
            (self.n_started, self.measured_at) = (0.0, now - Duration::from_secs(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts whatever may be started for so long, looking a thousand times a second.
    fn started(pace: &mut Pace, from: Instant, seconds: u64) -> usize {
        let moments = (0..seconds * 1_000).map(|n| from + Duration::from_millis(n));
        moments.map(|now| (0..1_000).take_while(|_| pace.take(now)).count()).sum()
    }

    #[test]
    fn a_member_that_keeps_up_is_not_slowed_down() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let n = started(&mut pace, now, 1);
        assert!(n >= RATE_MAX as usize, "{n}");
    }

    #[test]
    fn a_throttled_member_gets_half_and_then_ever_more() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        for n in 0..400 {
            assert!(pace.take(now + Duration::from_millis(n * 2)));
        }
        let then = now + Duration::from_secs(1);
        pace.throttled(then);
        pace.throttled(then + Duration::from_millis(1));
        assert!(!pace.take(then + Duration::from_millis(2)), "no burst");
        let wait = pace.next_at().expect("nothing is left").duration_since(then);
        assert!(wait < Duration::from_millis(20), "{wait:?}");

        let first = started(&mut pace, then, 1);
        assert!((180..240).contains(&first), "half of 400, and not a quarter: {first}");
        let second = started(&mut pace, then + Duration::from_secs(1), 1);
        assert!(second > first, "{second}");
        started(&mut pace, then + Duration::from_secs(2), 40);
        let last = started(&mut pace, then + Duration::from_secs(42), 1);
        assert!(last > 3_900, "all is well again: {last}");
    }

    #[test]
    fn a_member_that_throttles_everything_still_moves_on() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..20 {
            now += Duration::from_secs(2);
            pace.take(now);
            pace.throttled(now);
        }
        let n = started(&mut pace, now, 2);
        assert!((2..20).contains(&n), "{n}");
    }

    #[test]
    fn the_next_write_is_possible_when_it_is_said_to_be() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        while pace.take(now) {}
        let at = pace.next_at().expect("the bucket is empty");
        assert!(pace.take(at));
    }
}
