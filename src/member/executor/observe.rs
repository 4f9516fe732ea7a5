//! What came back: answers, watch events, discovery, the state of the cluster.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinError;
use tokio::time::Instant;

use crate::api::manifest::{GroupKind, KeyParts, Manifest, ObjectKey};
use crate::api::names::ObjectId;
use crate::member::MemberReport;
use crate::member::discovery::{Lookup, Resource};
use crate::member::identity::Identity;
use crate::member::intent;
use crate::member::live::{Live, version_of};
use crate::member::meaning::{Bundled, Meaning};
use crate::member::observer::{Discovered, Observation};
use crate::member::watch::{self, Object, Seen};
use crate::member::wire::RequestError;

use super::drifted::Drift;
use super::entry::{Nature, Sight};
use super::request::{Done, Failure};
use super::{Answers, Cause, Executor, Watch, WatchState};

impl Executor {
    /// A request has ended.
    pub(super) fn requested(
        &mut self,
        done: Result<(ObjectKey, Option<ObjectId>, Done), JoinError>,
    ) {
        let Ok((key, work, done)) = done else { return };
        let (now, meaning) = (Instant::now(), self.meaning());
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.in_flight = false;
        let is_newest = entry.desired.as_ref().map(|desired| desired.work) == work;
        if !matches!(done, Done::Failed(Failure::Cluster(_))) {
            self.pause_attempt = 0;
        }
        match done {
            Done::Applied { live: value, before } => {
                let is_repair = entry.was_in_place;
                self.round.n_applied += 1;
                // What is not ours right after an apply, the server does not keep. The answer tells,
                // not the newest sight: somebody may have been faster since.
                let version = version_of(&value);
                let is_known = self.knows(&key, version);
                let overtaken =
                    self.entries.get(&key).filter(|entry| entry.has_seen_after(version));
                let answered = overtaken.map(|entry| {
                    let desired = entry.desired.as_ref().map(|one| one.manifest.open());
                    Live::read(&value, desired.as_ref(), &*meaning)
                });
                if !is_known && answered.is_none() {
                    self.look(&key, value);
                }
                let Some(entry) = self.entries.get_mut(&key) else { return };
                if is_newest {
                    let answered = answered.as_ref().or(entry.live());
                    let tolerated = answered.map(|live| live.lost().to_vec()).unwrap_or_default();
                    let tolerated = entry.tolerate(tolerated);
                    entry.succeeded();
                    if is_repair {
                        self.round.n_repaired += 1;
                        let drift = Drift::of(before.as_ref(), &tolerated);
                        if entry.repaired(now, &drift) {
                            let cluster = &self.cluster;
                            tracing::warn!(%cluster, object = %key, error = %entry.message(), "an object is changed again and again");
                        }
                    }
                }
            }
            Done::InPlace(value) => {
                entry.succeeded();
                self.look(&key, value);
            }
            Done::Removed | Done::Kept(_) | Done::Absent => {
                if !matches!(done, Done::Absent) {
                    self.round.n_pruned += 1;
                }
                if let Done::Kept(why) = done {
                    tracing::warn!(cluster = %self.cluster, object = %key, error = %why, "an object is let go of in place of being deleted");
                    self.kept.insert(key.clone(), why);
                }
                entry.gone();
                if entry.leaving && entry.desired.is_none() {
                    self.forget(&key);
                }
            }
            Done::Going(value) => {
                self.round.n_pruned += 1;
                // The watch tells when it is gone, and may have told already.
                let is_there = matches!(entry.sight, Sight::There(_));
                if is_there && self.watches.get(&key.group_kind).is_some_and(Watch::is_open) {
                    self.look(&key, value);
                } else {
                    entry.gone();
                }
            }
            Done::Failed(Failure::Cluster(error)) => {
                entry.say(error.to_string());
                self.pause(&error);
            }
            Done::Failed(Failure::Passing(message)) if is_newest => {
                if entry.message() != message {
                    tracing::info!(cluster = %self.cluster, object = %key, error = %message, "an object is not in place yet");
                }
                entry.failed(Nature::Passing, message, now);
            }
            Done::Failed(Failure::Lasting(message)) if is_newest => {
                if entry.message() != message {
                    tracing::warn!(cluster = %self.cluster, object = %key, error = %message, "an object is not in place");
                }
                entry.failed(Nature::Lasting, message, now);
            }
            // What could never be applied there, because nobody may look at it, is not ours.
            Done::Failed(Failure::Hidden(_)) if entry.is_hidden && entry.desired.is_none() => {
                tracing::info!(cluster = %self.cluster, object = %key, "an object that was never seen there is forgotten");
                entry.gone();
                return self.forget(&key);
            }
            Done::Failed(Failure::Hidden(why)) if is_newest => {
                let message = if entry.desired.is_some() {
                    entry.is_hidden |= entry.live().is_none() && !entry.was_in_place;
                    format!("CLUSTER_FORBIDDEN: {why}")
                } else {
                    format!(
                        "CLUSTER_FORBIDDEN: {why}; whether it is there nobody can tell: give the account the right to \
                         remove it (`git fleet join` with other `--rights`)"
                    )
                };
                if entry.message() != message {
                    tracing::warn!(cluster = %self.cluster, object = %key, error = %message, "an object is hidden");
                }
                entry.failed(Nature::Lasting, message, now);
            }
            Done::Failed(_) => {}
        }
        self.consider(&key);
        self.foundation_changed(&key);
    }

    /// Something was seen by the watch of a kind.
    pub(super) fn seen(&mut self, group_kind: &GroupKind, seen: Seen<Object>) {
        match seen {
            Seen::Listing => {
                if let Some(watch) = self.watches.get_mut(group_kind) {
                    watch.hidden.clear();
                }
                for key in self.keys_of(group_kind) {
                    if let Some(entry) = self.entries.get_mut(&key) {
                        entry.listed = false;
                    }
                }
            }
            Seen::Live(object) => {
                if let Some(key) = self.known(&object.key) {
                    let is_synced =
                        self.watches.get(group_kind).is_some_and(|w| w.state == WatchState::Synced);
                    let is_news = if self.knows(&key, object.version) {
                        false
                    } else {
                        match object.open() {
                            Ok(value) => self.look(&key, value),
                            Err(error) => return self.seen(group_kind, Seen::Failed(error)),
                        }
                    };
                    if let Some(entry) = self.entries.get_mut(&key) {
                        entry.listed = true;
                    }
                    // While the first list is read, everything waits for its end anyway.
                    if is_news && is_synced {
                        self.consider(&key);
                        self.foundation_changed(&key);
                    }
                }
            }
            Seen::Deleted(object) => {
                if let Some(key) = self.known(&object.key) {
                    self.deleted(&key, object.version);
                }
            }
            Seen::Hidden(namespace) => {
                if let Some(watch) = self.watches.get_mut(group_kind) {
                    watch.hidden.insert(Arc::clone(&namespace));
                }
                // That no list names them says nothing.
                for key in self.keys_of(group_kind) {
                    if let Some(entry) = self.entries.get_mut(&key)
                        && key.namespace.as_ref() == Some(&namespace)
                    {
                        entry.listed = true;
                    }
                }
            }
            Seen::Listed(version) => self.listed(group_kind, version),
            Seen::Failed(error) => {
                if let RequestError::NotFound(_) = error {
                    self.discover_soon(); // the kind may be gone
                }
                if let Some(watch) = self.watches.get_mut(group_kind)
                    && watch.state != WatchState::Synced
                {
                    watch.state = WatchState::Failing;
                    watch.failure = error.to_string();
                    for key in self.queues.blocked_by(&Cause::Kind(group_kind.clone())) {
                        self.consider(&key);
                    }
                }
            }
        }
    }

    /// A list is complete: what it does not name is not there, unless we made it meanwhile.
    fn listed(&mut self, group_kind: &GroupKind, version: u64) {
        if let Some(watch) = self.watches.get_mut(group_kind) {
            watch.state = WatchState::Synced;
        }
        for key in self.keys_of(group_kind) {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            let is_newer = entry.live().is_some_and(|live| live.version > version);
            if !entry.listed && !is_newer {
                entry.gone();
            }
            if entry.in_place() {
                entry.was_in_place = true;
            }
            self.consider(&key);
        }
        for key in self.queues.blocked_by(&Cause::Kind(group_kind.clone())) {
            self.consider(&key);
        }
        if intent::turn(group_kind) == 0 {
            for key in self.keys_of(group_kind) {
                self.foundation_changed(&key);
            }
        }
    }

    fn deleted(&mut self, key: &ObjectKey, version: u64) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        // An object that was made again in the meantime is newer than the end of the old one.
        if entry.live().is_some_and(|live| version > 0 && live.version > version) {
            return;
        }
        entry.gone();
        self.consider(key);
        self.foundation_changed(key);
    }

    /// Whether this version of a live object was looked at already, in the light of the present work: a watch
    /// tells of every apply what its answer has told.
    fn knows(&self, key: &ObjectKey, version: u64) -> bool {
        let Some(entry) = self.entries.get(key) else { return false };
        let is_seen = entry.live().is_some_and(|live| version > 0 && live.version == version);
        is_seen && entry.looked_for == entry.desired.as_ref().map(|desired| desired.work)
    }

    /// Takes in a live object. Gives whether it is news.
    fn look(&mut self, key: &ObjectKey, value: Value) -> bool {
        let meaning = self.meaning();
        let Some(entry) = self.entries.get_mut(key) else { return false };
        if entry.has_seen_after(version_of(&value)) {
            return false;
        }
        let desired = entry.desired.as_ref().map(|desired| desired.manifest.open());
        entry.sight = Sight::There(Live::read(&value, desired.as_ref(), &*meaning));
        entry.looked_for = entry.desired.as_ref().map(|desired| desired.work);
        entry.is_hidden = false;
        if let Some(source) = entry.note_others_work(Instant::now()) {
            let (cluster, patience) = (&self.cluster, self.options.other_engine_patience);
            tracing::info!(
                %cluster,
                object = %key,
                commit = %source,
                "another engine has applied its work of this commit; it is put back in {} s unless that commit comes here too",
                patience.as_secs()
            );
        }
        if let (Some(_), Some(live)) = (desired, Manifest::from_value(value)) {
            self.observe(key, live);
        }
        true
    }

    /// Whoever waits for this Namespace or CRD looks again; a CRD that is established is served
    /// soon after.
    fn foundation_changed(&mut self, key: &ObjectKey) {
        if !intent::is_foundation(&key.group_kind) {
            return;
        }
        if !self.entries.get(key).is_some_and(|entry| entry.is_usable()) {
            return;
        }
        // Whoever needs the kind may still wait for its Namespace: it is looked for all the same.
        let is_needed = |kind: &GroupKind| !self.keys_of(kind).is_empty();
        if self
            .crds
            .iter()
            .any(|(kind, crd)| crd == key && !self.watches.contains_key(kind) && is_needed(kind))
        {
            self.discover_attempt = 0;
            self.discover_at = Some(Instant::now());
        }
        for key in self.queues.blocked_by(&Cause::Foundation(key.clone())) {
            self.consider(&key);
        }
    }

    /// The key under which an object is held. A template may leave the namespace `default` out.
    fn known(&self, key: &ObjectKey) -> Option<ObjectKey> {
        if let Some((key, _)) = self.entries.get_key_value(key) {
            return Some(key.clone());
        }
        if key.namespace.as_deref() == Some("default") {
            let bare = ObjectKey::from(KeyParts { namespace: None, ..KeyParts::clone(key) });
            return self.entries.get_key_value(&bare).map(|(key, _)| key.clone());
        }
        None
    }

    fn keys_of(&self, group_kind: &GroupKind) -> Vec<ObjectKey> {
        let first = ObjectKey::first_of(group_kind.clone());
        self.entries
            .range(first..)
            .map(|(key, _)| key)
            .take_while(|key| key.group_kind == *group_kind)
            .cloned()
            .collect()
    }

    /// Starts the watch of a kind if it is served and not watched.
    pub(super) fn ensure_watch(&mut self, group_kind: &GroupKind, version: Option<&str>) {
        if self.watches.contains_key(group_kind) {
            return;
        }
        let Some(discovery) = &self.discovery else { return };
        let found = match version {
            Some(version) => discovery.find(group_kind, version),
            None => discovery.preferred(group_kind),
        };
        if let Lookup::Served(resource) = found {
            let resource = resource.clone();
            self.watches.insert(group_kind.clone(), self.new_watch(resource));
        }
    }

    fn new_watch(&self, resource: Resource) -> Watch {
        if !resource.watchable {
            // Looked at one by one, before each apply.
            return Watch::new(resource, None);
        }
        let (api, namespaces) = (self.api.clone(), self.namespaces.subscribe());
        let task = watch::managed(api, resource.clone(), namespaces, self.seen_sender.clone());
        let task = tokio::spawn(task).abort_handle();
        Watch::new(resource, Some(task))
    }

    /// The cluster said what it serves, or did not.
    pub(super) fn discovery_ended(&mut self, ended: Option<Answers>) {
        self.discovering = None;
        let (identity, ended) = ended.map_or((None, None), |(who, what)| (who, Some(what)));
        if let Some(identity) = identity {
            self.identified(identity);
        }
        let discovery = match ended {
            Some(Ok(discovery)) => discovery,
            Some(Err(error)) => {
                self.discovered.send_modify(|known| known.failure = Some(error.to_string()));
                return self.discover_soon();
            }
            None => return self.discover_soon(),
        };
        self.discover_at = Some(Instant::now() + super::DISCOVERY_INTERVAL);
        if self.discovery.as_deref() == Some(&discovery) {
            self.discovered.send_if_modified(|known| known.failure.take().is_some());
            // Kinds that are waited for are not there yet.
            self.discover_again_if_waited_for();
            return;
        }
        let served =
            |watch: &Watch| discovery.resources().any(|resource| *resource == watch.resource);
        let ended: Vec<GroupKind> = self
            .watches
            .iter()
            .filter(|(_, watch)| !served(watch))
            .map(|(group_kind, _)| group_kind.clone())
            .collect();
        let discovery = Arc::new(discovery);
        self.discovery = Some(discovery.clone());
        self.discovered.send_replace(Discovered { discovery: Some(discovery), failure: None });
        for group_kind in ended {
            self.watches.remove(&group_kind);
            for key in self.keys_of(&group_kind) {
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.sight = Sight::Unknown;
                }
                self.consider(&key);
            }
        }
        let waiting: Vec<Cause> =
            self.queues.blocked.keys().filter(|c| matches!(c, Cause::Kind(_))).cloned().collect();
        for cause in waiting {
            for key in self.queues.blocked_by(&cause) {
                self.consider(&key);
            }
        }
        self.discover_again_if_waited_for();
    }

    /// The cluster said which one it is.
    fn identified(&mut self, identity: Identity) {
        if self.identity.as_ref() == Some(&identity) {
            return;
        }
        let cluster = &self.cluster;
        if identity == Identity::Hidden {
            tracing::warn!(
                %cluster,
                "the Namespace kube-system cannot be read, so another cluster behind this kubeconfig would go unnoticed; allow `get` on it"
            );
        }
        self.outbox.push_back(MemberReport::Identity(cluster.clone(), identity.clone()));
        self.identity = Some(identity);
        self.flush();
    }

    /// Asks again soon while a kind is waited for that is not served, or the cluster is refused because it
    /// does not say which one it is; else the next asking is the first of its row.
    fn discover_again_if_waited_for(&mut self) {
        let is_refused = self.identity == Some(Identity::Hidden) && !self.is_admitted();
        if is_refused || self.queues.blocked.keys().any(|cause| self.is_unserved(cause)) {
            self.discover_soon();
        } else {
            self.discover_attempt = 0;
        }
    }

    fn is_unserved(&self, cause: &Cause) -> bool {
        matches!(cause, Cause::Kind(group_kind) if !self.watches.contains_key(group_kind))
    }

    /// The cluster itself was looked at.
    pub(super) fn observed(&mut self, observation: Observation) {
        match observation {
            Observation::Status(status) => {
                self.outbox.push_back(MemberReport::Cluster(self.cluster.clone(), *status));
            }
            // Watches may hang on connections that died silently: they are opened anew, which
            // costs a list each.
            Observation::Back => {
                self.paused_until = None;
                self.pause_attempt = 0;
                self.look_again();
                // Another cluster may answer now. What it is asked comes in order.
                self.identity = None;
                self.discovering = None;
                self.discover_at = Some(Instant::now());
            }
        }
    }

    /// Opens all watches anew: every object is seen once more.
    pub(super) fn look_again(&mut self) {
        for entry in self.entries.values_mut() {
            entry.looked_for = None;
        }
        let group_kinds: Vec<GroupKind> = self.watches.keys().cloned().collect();
        for group_kind in group_kinds {
            let Some(watch) = self.watches.remove(&group_kind) else { continue };
            let mut new = self.new_watch(watch.resource.clone());
            if watch.state == WatchState::Synced {
                new.state = WatchState::Synced;
            }
            self.watches.insert(group_kind, new);
        }
    }

    /// What live objects mean by the newest work.
    pub(super) fn meaning(&self) -> Arc<dyn Meaning> {
        let work = self.work.as_ref();
        work.map_or_else(|| Arc::new(Bundled) as _, |work| Arc::clone(&work.meaning))
    }
}
