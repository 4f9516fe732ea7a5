//! What can go wrong between a client and a simulated member, switched at run time.

use std::time::Duration;

use super::status_error::Refusal;

/// Which requests a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strikes {
    /// A share of the requests, 0.0 to 1.0, drawn from the member's seed.
    Share(f64),
    /// The next so many requests, then none.
    Next(u32),
}

/// Requests answered 429 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    /// Which requests.
    pub strikes: Strikes,
    /// Seconds in the `Retry-After` header.
    pub retry_after_s: u32,
}

/// Requests answered with a 5xx code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// Which requests.
    pub strikes: Strikes,
    /// The code, e.g. 500 or 503.
    pub code: u16,
}

/// Everything that is wrong with a member now; the default is nothing.
///
/// Faults strike before the request is looked at, so a refused write has changed nothing. A watch
/// that runs is not struck; see `Host::drop_watches` and `Host::expire_watches`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Delay before each answer.
    pub latency: Duration,
    /// Requests refused with 429.
    pub throttle: Option<Throttle>,
    /// Requests refused with 5xx.
    pub failure: Option<Failure>,
    /// Requests are accepted but not answered until this is switched off.
    pub paused: bool,
    /// Paths of which, and of what is below them, requests are refused with 403.
    pub forbidden: Vec<String>,
    /// The same of requests that read.
    pub unreadable: Vec<String>,
}

impl Faults {
    /// The refusal of a request for `path`, which reads or does not, if it is forbidden.
    pub(super) fn forbid(&self, path: &str, reads: bool) -> Option<Refusal> {
        let is_it = |forbidden: &String| {
            let rest = path.strip_prefix(forbidden.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let unreadable = self.unreadable.iter().filter(|_| reads);
        let found = self.forbidden.iter().chain(unreadable).find(|forbidden| is_it(forbidden))?;
        Some(Refusal::new(403, "Forbidden", format!("{found} is forbidden for this user")))
    }

    /// The refusal that strikes the next request, if one does.
    pub(super) fn strike(&mut self, rng: &mut fastrand::Rng) -> Option<Refusal> {
        if let Some(throttle) = &mut self.throttle
            && throttle.strikes.draw(rng)
        {
            return Some(Refusal::too_many_requests(throttle.retry_after_s));
        }
        let failure = self.failure.as_mut()?;
        failure.strikes.draw(rng).then(|| Refusal::server_error(failure.code))
    }
}

impl Strikes {
    fn draw(&mut self, rng: &mut fastrand::Rng) -> bool {
        match self {
            Self::Share(share) => rng.f64() < *share,
            Self::Next(0) => false,
            Self::Next(left) => {
                *left -= 1;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counted_fault_ends_and_a_share_follows_the_seed() {
        let mut rng = fastrand::Rng::with_seed(7);
        let failure = Some(Failure { strikes: Strikes::Next(2), code: 503 });
        let mut faults = Faults { failure, ..Faults::default() };
        let codes: Vec<Option<u16>> =
            (0..3).map(|_| faults.strike(&mut rng).map(|refusal| refusal.code)).collect();
        assert_eq!(codes, [Some(503), Some(503), None]);
        let draws = |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            (0..32).map(|_| Strikes::Share(0.5).draw(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }
}
