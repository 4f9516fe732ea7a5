//! What each object needs next, and starting it when there is room.

use std::sync::Arc;

use tokio::time::Instant;

use crate::api::manifest::ObjectKey;
use crate::member::discovery::{Lookup, Resource};
use crate::member::intent;

use super::entry::{Counted, Entry, Sight};
use super::request::{self, Known, Parting, Task};
use super::{CONCURRENCY, Cause, Executor, QueuePlace, WatchState};

/// What an object needs next.
enum Next {
    /// Nothing: it is as it should be, or nobody may write it.
    Nothing,
    /// Something else has to happen first; what, for a person (empty: it will not take long).
    Blocked(Cause, String),
    /// Patience.
    Later(Instant),
    /// To be applied.
    Apply,
    /// To be removed.
    Remove,
    /// To be waited for: it was deleted and does not go away; why, for a person.
    Lingering(String),
    /// It is gone, or was never ours to hold.
    Gone,
}

impl Executor {
    /// Finds out what `key` needs now and puts it where it belongs.
    pub(super) fn consider(&mut self, key: &ObjectKey) {
        self.unqueue(key);
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.note_going(Instant::now());
        entry.wait_for(String::new());
        if !entry.in_flight {
            let version =
                entry.desired.as_ref().map(|desired| desired.manifest.version().to_owned());
            self.ensure_watch(&key.group_kind, version.as_deref());
            match self.next(key) {
                Next::Nothing => {}
                Next::Blocked(cause, message) => {
                    if let Some(entry) = self.entries.get_mut(key) {
                        entry.wait_for(message);
                    }
                    // Once somebody has asked, the answer tells whether to ask again.
                    if self.discover_attempt == 0 {
                        self.discover_unless_listing(&cause);
                    }
                    self.queue(key, QueuePlace::Blocked(Box::new(cause)));
                }
                Next::Later(at) => self.queue(key, QueuePlace::Later(at)),
                Next::Apply => {
                    self.queue(key, QueuePlace::Ready(intent::turn(&key.group_kind)));
                }
                Next::Remove => {
                    let turn = u8::MAX - intent::turn(&key.group_kind);
                    self.queue(key, QueuePlace::Leaving(turn));
                }
                Next::Lingering(message) => {
                    if let Some(entry) = self.entries.get_mut(key)
                        && entry.message() != message
                    {
                        if entry.message().is_empty() {
                            tracing::warn!(cluster = %self.cluster, object = %key, error = %message, "an object does not go away");
                        }
                        entry.say(message);
                    }
                }
                Next::Gone => return self.forget(key),
            }
        }
        self.note(key);
    }

    fn next(&self, key: &ObjectKey) -> Next {
        let Some(entry) = self.entries.get(key) else { return Next::Nothing };
        match (&entry.desired, entry.leaving) {
            (Some(_), _) => self.next_of_desired(key, entry),
            (None, true) => self.next_of_leaving(key, entry),
            (None, false) => Next::Gone,
        }
    }

    fn next_of_desired(&self, key: &ObjectKey, entry: &Entry) -> Next {
        if entry.in_place() {
            return Next::Nothing;
        }
        let kind = || Cause::Kind(key.group_kind.clone());
        let foundations = [
            key.namespace
                .as_deref()
                .map(|namespace| ObjectKey::new("", "Namespace", None, namespace)),
            self.crds.get(&key.group_kind).cloned(),
        ];
        for foundation in foundations.into_iter().flatten() {
            let waited_for = self.entries.get(&foundation).filter(|f| f.desired.is_some());
            if waited_for.is_some_and(|foundation| !foundation.is_usable()) {
                let message = format!("waits for {foundation}");
                return Next::Blocked(Cause::Foundation(foundation), message);
            }
        }
        if let Err(message) = self.resource(key, entry) {
            return Next::Blocked(kind(), message);
        }
        match self.watches.get(&key.group_kind).map(|watch| (watch.state, &watch.failure)) {
            Some((WatchState::Synced, _)) => {}
            Some((WatchState::Listing, _)) | None => {
                return Next::Blocked(kind(), String::new());
            }
            Some((WatchState::Failing, failure)) => {
                return Next::Blocked(
                    kind(),
                    format!("{} cannot be listed: {failure}", key.group_kind),
                );
            }
        }
        let yields_until = entry.yields_until(self.options.other_engine_patience);
        match entry.unusual().not_before.max(yields_until) {
            Some(at) if at > Instant::now() => Next::Later(at),
            _ => Next::Apply,
        }
    }

    fn next_of_leaving(&self, key: &ObjectKey, entry: &Entry) -> Next {
        if matches!(entry.sight, Sight::NotOurs) {
            return Next::Gone;
        }
        let Some(discovery) = &self.discovery else {
            return Next::Blocked(Cause::Kind(key.group_kind.clone()), String::new());
        };
        match discovery.preferred(&key.group_kind) {
            // The kind is gone, and every object of it: a CRD that was removed takes them along.
            Lookup::NotServed if discovery.is_complete() => return Next::Gone,
            Lookup::Served(_) => {}
            Lookup::NotServed | Lookup::OtherVersions(_) | Lookup::Unsure => {
                return Next::Blocked(Cause::Kind(key.group_kind.clone()), String::new());
            }
        }
        let synced = self.watches.get(&key.group_kind).map(|watch| watch.state);
        if synced != Some(WatchState::Synced) {
            return Next::Blocked(Cause::Kind(key.group_kind.clone()), String::new());
        }
        if let Some(why) = entry.lingers() {
            let since = entry.unusual().going_since;
            let until = since.map(|since| since + self.options.deletion_patience);
            return match until {
                Some(at) if at > Instant::now() => Next::Later(at),
                _ => Next::Lingering(why),
            };
        }
        match entry.unusual().not_before {
            Some(at) if at > Instant::now() => Next::Later(at),
            _ => Next::Remove,
        }
    }

    /// How the kind of `key` is served, or why it cannot be written.
    pub(super) fn resource(&self, key: &ObjectKey, entry: &Entry) -> Result<&Resource, String> {
        let Some(discovery) = &self.discovery else { return Err(String::new()) };
        let group_kind = &key.group_kind;
        let found = match &entry.desired {
            Some(desired) => discovery.find(group_kind, desired.manifest.version()),
            None => discovery.preferred(group_kind),
        };
        match found {
            Lookup::Served(resource) => Ok(resource),
            Lookup::OtherVersions(others) => {
                let versions: Vec<&str> = others.iter().map(|other| &*other.version).collect();
                Err(format!(
                    "the cluster serves {group_kind} in {} only; change the template's apiVersion",
                    versions.join(", ")
                ))
            }
            Lookup::NotServed => Err(format!(
                "the cluster does not serve {group_kind}; it is applied as soon as the cluster does"
            )),
            Lookup::Unsure => Err(format!(
                "the cluster cannot say whether it serves {group_kind}: its API group is down"
            )),
        }
    }

    /// Whether the kind has to be looked for again, or only its list is being read.
    fn discover_unless_listing(&mut self, cause: &Cause) {
        let Cause::Kind(group_kind) = cause else { return };
        if self.discovery.is_some() && !self.watches.contains_key(group_kind) {
            self.discover_soon();
        }
    }

    /// Notes where `key`, which is in no queue, waits.
    fn queue(&mut self, key: &ObjectKey, place: QueuePlace) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        self.queues.put(key, &place);
        entry.place = Some(place);
    }

    /// Takes `key` out of the queue that it is in, if any.
    fn unqueue(&mut self, key: &ObjectKey) {
        if let Some(place) = self.entries.get_mut(key).and_then(|entry| entry.place.take()) {
            self.queues.remove(key, &place);
        }
    }

    /// Takes `key` out of everything.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        self.unqueue(key);
        if let Some(entry) = self.entries.remove(key) {
            self.count(entry.counted, Counted::default());
            if entry.leaving {
                self.gone.insert(key.clone());
                self.round.released.push(key.clone());
            }
            self.changed(key);
        }
    }

    /// Brings the report and the counts of `key` up to date.
    pub(super) fn note(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let in_place = entry.in_place();
        entry.was_in_place |= in_place;
        let unplaced = entry.desired.is_some() && !in_place;
        let counted = Counted { unplaced, failing: unplaced && !entry.message().is_empty() };
        let before = std::mem::replace(&mut entry.counted, counted);
        let work = entry.live().and_then(|live| live.work);
        let message = if in_place { entry.remark() } else { entry.message().to_owned().into() };
        let is_same = entry.report.applied == in_place
            && entry.report.work == work
            && entry.report.message == message;
        if !is_same {
            let report = Arc::make_mut(&mut entry.report);
            report.message = message.into_owned();
            report.applied = in_place;
            report.work = work;
        }
        entry.tidy();
        let is_news = !is_same || std::mem::take(&mut entry.observed_anew);
        self.count(before, counted);
        if is_news {
            self.changed(key);
        }
    }

    fn count(&mut self, before: Counted, after: Counted) {
        self.n_unplaced =
            self.n_unplaced + usize::from(after.unplaced) - usize::from(before.unplaced);
        self.n_failing = self.n_failing + usize::from(after.failing) - usize::from(before.failing);
    }

    fn changed(&mut self, key: &ObjectKey) {
        self.dirty.insert(key.clone());
        self.flush_at.get_or_insert_with(|| Instant::now() + self.options.report_interval);
    }

    /// Starts what is ready while there is room.
    pub(super) fn start_requests(&mut self) {
        if self.paused_until.is_some() || !self.is_admitted() {
            return;
        }
        while self.requests.len() < CONCURRENCY {
            let Some((_, key)) = self.queues.ready.first() else { break };
            let key = key.clone();
            if !self.pace.take(Instant::now()) {
                return;
            }
            self.unqueue(&key);
            self.start(&key);
        }
        // What is applied goes first, and foundations go alone at the end.
        if !self.queues.ready.is_empty() {
            return;
        }
        while self.requests.len() < CONCURRENCY {
            let Some(key) = self.next_removal(Instant::now()).cloned() else { break };
            let is_foundation = intent::is_foundation(&key.group_kind);
            if is_foundation && (!self.requests.is_empty() || self.is_something_else_leaving()) {
                break;
            }
            if !self.pace.take(Instant::now()) {
                return;
            }
            self.unqueue(&key);
            self.start(&key);
            if is_foundation {
                break;
            }
        }
    }

    /// The next object to remove: while anything is not in place, one that has waited long enough.
    pub(super) fn next_removal(&self, now: Instant) -> Option<&ObjectKey> {
        let mut leaving = self.queues.leaving.iter().map(|(_, key)| key);
        leaving.find(|key| self.n_unplaced == 0 || self.removal_due(key).is_none_or(|at| at <= now))
    }

    /// When the removal of `key` waits no longer for what is not in place.
    pub(super) fn removal_due(&self, key: &ObjectKey) -> Option<Instant> {
        let since = self.entries.get(key)?.unusual().leaving_since?;
        Some(since + self.options.prune_patience)
    }

    fn is_something_else_leaving(&self) -> bool {
        // What was deleted already and does not go away holds nothing up.
        self.entries.iter().any(|(key, entry)| {
            entry.leaving
                && !entry.live().is_some_and(|live| live.terminating)
                && !intent::is_foundation(&key.group_kind)
        })
    }

    fn parting(&self, key: &ObjectKey) -> Parting {
        let is_foundation = intent::is_foundation(&key.group_kind);
        let still_used = self.entries.iter().filter(|_| is_foundation).find(|(other, entry)| {
            entry.desired.is_some() && other.namespace.as_deref() == Some(&*key.name)
        });
        Parting {
            leaves: self.work.as_ref().is_some_and(|work| work.leaves),
            still_used: still_used.map(|(other, _)| other.clone()),
            discovery: self.discovery.clone(),
        }
    }

    fn known_before_apply(&self, key: &ObjectKey, entry: &Entry) -> Known {
        if let Some(live) = entry.live() {
            return Known::Live(Box::new(live.clone()));
        }
        let is_shown = self.watches.get(&key.group_kind).is_some_and(|watch| watch.shows(key));
        // What has failed once is looked at: nothing is tried again and again that cannot be.
        if is_shown && entry.unusual().attempts == 0 { Known::LikelyAbsent } else { Known::Nothing }
    }

    fn start(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get(key) else { return };
        let Ok(resource) = self.resource(key, entry) else { return };
        let resource = resource.clone();
        let source = self.work.as_ref().map(|work| work.source);
        let task = match (&entry.desired, entry.leaving, source) {
            (Some(desired), _, Some(source)) => Task::Apply {
                desired: desired.clone(),
                source,
                known: self.known_before_apply(key, entry),
                tolerated: entry.unusual().tolerated.clone(),
            },
            (None, true, _) => Task::Remove(self.parting(key)),
            (Some(_), _, None) | (None, false, _) => return,
        };
        let work = entry.desired.as_ref().map(|desired| desired.work);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.in_flight = true;
        }
        let (api, key, meaning) = (self.api.clone(), key.clone(), self.meaning());
        self.requests.spawn(async move {
            let done = request::perform(&api, &resource, &key, &*meaning, task).await;
            (key, work, done)
        });
    }
}
