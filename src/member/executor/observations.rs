//! What live objects mean, where finding out takes a while: so many at a time, and again what failed.

use std::collections::{BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::report::Health;
use crate::member::backoff::Backoff;
use crate::member::meaning::{Observed, Observing};

use super::Executor;
use super::entry::Sight;

/// Observations of one member under way at a time. Each holds an object, and all members share the
/// thread that asks the rules.
pub(super) const OBSERVATIONS_MAX: usize = 8;
/// Objects that are kept until their turn comes; those behind them are looked up again then.
const KEPT_MAX: usize = 64;
/// Waits before an observation is made again that failed and need not.
const AGAIN_BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// The observations of one member.
#[derive(Default)]
pub(super) struct Observations {
    pub under_way: JoinSet<Ended>,
    /// Number of the one that was begun last.
    newest: u64,
    /// Objects in the order of their turns; one with nothing to observe is passed over.
    waiting: VecDeque<ObjectKey>,
    /// Objects to be observed again, and from when on; one with another instant is passed over.
    again: BTreeSet<(Instant, ObjectKey)>,
}

/// An observation that has ended; without an answer if the object could not be looked up.
pub(super) struct Ended {
    key: ObjectKey,
    number: u64,
    observed: Option<Observed>,
}

/// Where one object stands.
pub(super) struct Standing {
    /// Number of the observation that is under way: the answer of another one is not about this
    /// object.
    under_way: Option<u64>,
    /// What is observed after that, or when its turn comes.
    next: Option<Awaiting>,
    /// Observations in a row that failed and need not.
    attempts: u32,
    again_at: Option<Instant>,
}

impl Standing {
    /// Nothing is under way, and nothing waits.
    pub(super) const NONE: Self = Self { under_way: None, next: None, attempts: 0, again_at: None };

    pub(super) fn is_nothing(&self) -> bool {
        let Self { under_way, next, attempts, again_at } = self;
        under_way.is_none() && next.is_none() && *attempts == 0 && again_at.is_none()
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self::NONE
    }
}

/// What is observed when nothing is under way any more.
enum Awaiting {
    Kept(Manifest),
    LookUp,
}

impl Observations {
    fn has_room(&self) -> bool {
        self.under_way.len() < OBSERVATIONS_MAX
    }

    /// When the next one is made again.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.again.first().map(|(at, _)| *at)
    }
}

impl Executor {
    /// Finds out what a live object means. While that is under way, the newest sight waits.
    pub(super) fn observe(&mut self, key: &ObjectKey, live: Manifest) {
        let meaning = self.meaning();
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(standing) = entry.if_unusual().map(|unusual| &mut unusual.observing) {
            match &mut standing.next {
                Some(Awaiting::Kept(kept)) => {
                    *kept = live;
                    return;
                }
                Some(Awaiting::LookUp) => return,
                None if standing.under_way.is_some() => {
                    standing.next = Some(Awaiting::Kept(live));
                    return;
                }
                None => {}
            }
        }
        match meaning.observe(&live) {
            Observing::Done(observed) => self.took(key, observed),
            Observing::UnderWay(observing) if self.observations.has_room() => {
                self.begin(key, observing.map(Some).boxed());
            }
            Observing::UnderWay(_) => {
                entry.unusual_mut().observing.next = Some(Awaiting::Kept(live));
                self.wait(key);
            }
        }
    }

    /// Gives an object that is to be observed the last turn.
    fn wait(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if self.observations.waiting.len() >= KEPT_MAX {
            entry.unusual_mut().observing.next = Some(Awaiting::LookUp);
        }
        self.observations.waiting.push_back(key.clone());
    }

    fn begin(&mut self, key: &ObjectKey, observing: BoxFuture<'static, Option<Observed>>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        self.observations.newest += 1;
        let (key, number) = (key.clone(), self.observations.newest);
        entry.unusual_mut().observing.under_way = Some(number);
        self.observations.under_way.spawn(async move {
            let ended = AssertUnwindSafe(observing).catch_unwind().await;
            let observed = ended.unwrap_or_else(|_| Some(broken_off()));
            Ended { key, number, observed }
        });
    }

    /// An observation that took a while has ended.
    pub(super) fn observation_ended(&mut self, ended: Result<Ended, JoinError>) {
        if let Ok(Ended { key, number, observed }) = ended
            && let Some(entry) = self.entries.get_mut(&key)
            && let Some(standing) = entry.if_unusual().map(|unusual| &mut unusual.observing)
            && standing.under_way == Some(number)
        {
            standing.under_way = None;
            match observed {
                _ if standing.next.is_some() => self.wait(&key),
                _ if !matches!(entry.sight, Sight::There(_)) => {}
                Some(observed) => self.took(&key, observed),
                None => self.observe_later(&key),
            }
            self.note(&key);
        }
        self.observe_waiting();
    }

    fn took(&mut self, key: &ObjectKey, observed: Observed) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let is_passing = observed.is_passing;
        entry.observed(observed);
        if is_passing {
            self.observe_later(key);
        } else {
            entry.stop_observing();
        }
    }

    fn observe_later(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let standing = &mut entry.unusual_mut().observing;
        standing.attempts += 1;
        let at = Instant::now() + AGAIN_BACKOFF.wait(standing.attempts);
        if let Some(before) = standing.again_at.replace(at) {
            self.observations.again.remove(&(before, key.clone()));
        }
        self.observations.again.insert((at, key.clone()));
    }

    /// Begins what waits while there is room.
    fn observe_waiting(&mut self) {
        while self.observations.has_room() {
            let Some(key) = self.observations.waiting.pop_front() else { break };
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            let Some(unusual) = entry.if_unusual() else { continue };
            if unusual.observing.under_way.is_some() {
                continue;
            }
            match unusual.observing.next.take() {
                None => {}
                Some(Awaiting::Kept(live)) => {
                    self.observe(&key, live);
                    self.note(&key);
                }
                Some(Awaiting::LookUp) => self.look_up(&key),
            }
        }
    }

    /// Gets the object and observes it, as it is then.
    fn look_up(&mut self, key: &ObjectKey) {
        let entry = self.entries.get(key).filter(|entry| entry.desired.is_some());
        let Some(entry) = entry else { return };
        // Once its kind is served again, everything of it is seen anew.
        let Ok(resource) = self.resource(key, entry).cloned() else { return };
        let (api, meaning, looked_up) = (self.api.clone(), self.meaning(), key.clone());
        let observing = async move {
            let (namespace, name) = (looked_up.namespace.as_deref(), &*looked_up.name);
            let live = api.get(&resource, namespace, name).await.ok()?;
            let observing = meaning.observe(&Manifest::from_value(live)?);
            Some(match observing {
                Observing::Done(observed) => observed,
                Observing::UnderWay(observing) => observing.await,
            })
        };
        self.begin(key, observing.boxed());
    }

    /// Observes what failed long enough ago.
    pub(super) fn observe_again(&mut self, now: Instant) {
        while self.observations.again_at().is_some_and(|at| at <= now) {
            let Some((at, key)) = self.observations.again.pop_first() else { break };
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            let Some(unusual) = entry.if_unusual() else { continue };
            let standing = &mut unusual.observing;
            if standing.again_at != Some(at) {
                continue;
            }
            standing.again_at = None;
            if standing.under_way.is_none() && standing.next.is_none() {
                standing.next = Some(Awaiting::LookUp);
                self.observations.waiting.push_back(key);
            }
        }
        self.observe_waiting();
    }
}

/// What is said of an object whose observation panicked.
fn broken_off() -> Observed {
    Observed {
        health: Health::Unknown,
        status: None,
        failure: "its observation was broken off, which is an error of this program; \
                  it is made again"
            .to_owned(),
        is_passing: true,
    }
}
