//! Who is left alone for a while: scripts and servers that keep their callers waiting for nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::api::names::ObjectId;

/// So many calls in a row may be in vain before the called is left alone for [`BENCH`]: each of them
/// keeps its caller waiting for the whole time.
const STRIKES_MAX: u32 = 3;
/// How long it is left alone. One more call in vain, and it is again.
const BENCH: Duration = Duration::from_mins(1);

/// Counts calls in vain, by what was called and with what they ended.
#[derive(Debug)]
pub(super) struct Bench<C> {
    strikes: BTreeMap<ObjectId, Strikes<C>>,
}

#[derive(Debug)]
struct Strikes<C> {
    n: u32,
    last: Instant,
    cause: C,
}

impl<C> Default for Bench<C> {
    fn default() -> Self {
        Self { strikes: BTreeMap::new() }
    }
}

impl<C> Bench<C> {
    /// With what the last call ended, if `called` is left alone now.
    pub(super) fn of(&self, called: ObjectId) -> Option<&C> {
        let strikes = self.strikes.get(&called)?;
        let is_benched = strikes.n >= STRIKES_MAX && strikes.last.elapsed() < BENCH;
        is_benched.then_some(&strikes.cause)
    }

    /// Counts a call: with what it ended, if it was in vain.
    pub(super) fn count(&mut self, called: ObjectId, in_vain: Option<C>) {
        let Some(cause) = in_vain else {
            self.strikes.remove(&called);
            return;
        };
        let n = self.strikes.get(&called).map_or(0, |strikes| strikes.n) + 1;
        self.strikes.insert(called, Strikes { n, last: Instant::now(), cause });
    }

    /// Forgets those that are not called any more.
    pub(super) fn retain(&mut self, is_called: impl Fn(ObjectId) -> bool) {
        self.strikes.retain(|called, _| is_called(*called));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_calls_in_vain_in_a_row_are_enough_and_what_is_gone_is_forgotten() {
        let [one, other] = [1, 2].map(|n| ObjectId::from_bytes([n; 20]));
        let mut bench = Bench::default();
        for in_vain in [Some("a"), Some("b"), None, Some("c"), Some("d")] {
            bench.count(one, in_vain);
            assert_eq!(bench.of(one), None);
        }
        bench.count(one, Some("e"));
        assert_eq!((bench.of(one), bench.of(other)), (Some(&"e"), None));
        bench.retain(|called| called == other);
        assert_eq!(bench.of(one), None);
        assert!(bench.strikes.is_empty());
    }
}
