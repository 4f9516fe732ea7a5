//! The one task that owns everything known of one member.
//!
//! Requests run beside it, at most [`CONCURRENCY`] at a time; watches, discovery and the look at
//! the cluster itself are tasks that send it what they see. Level-triggered: whatever happens, the
//! objects concerned are considered again, and what they need follows from what is desired and
//! what is there ([`next`]).

mod drifted;
mod entry;
mod merge;
mod next;
mod observations;
mod observe;
mod pace;
mod request;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::cluster::ResourceModel;
use crate::api::manifest::{GroupKind, ObjectKey};
use crate::api::names::{ClusterName, ObjectId};

use super::backoff::Backoff;
use super::discovery::{Discovery, Resource};
use super::identity::{self, Identity};
use super::observer::{self, Discovered, Observation};
use super::watch::{Namespaces, Object, Seen};
use super::wire::{Api, RequestError};
use super::{AppliedRound, DesiredWork, MemberReport, Options};
use entry::Entry;
use observations::Observations;
use pace::Pace;
use request::Done;

/// Requests to one member at a time. An API server on two cores takes 420 applies a second from 8,
/// 470–520 from 32, hardly more from 64, and its memory grows with them.
pub(super) const CONCURRENCY: usize = 32;
/// Events that watches may be ahead of the executor.
const EVENTS_MAX: usize = 256;
/// Events taken before requests are started again, so that a storm of them delays nothing.
const EVENTS_PER_TURN: usize = 128;
/// How long requests on their way are waited for when the executor stops.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// Waits while the cluster as a whole fails.
const CLUSTER_BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15));
/// Waits between looks for a kind that is not served yet.
const DISCOVERY_BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(30));
/// Others install CRDs too, and the scheduler asks what a cluster serves.
const DISCOVERY_INTERVAL: Duration = Duration::from_mins(1);

/// What an executor is told.
pub(super) struct Orders {
    /// What the cluster is to run.
    pub desired: watch::Receiver<Option<Arc<DesiredWork>>>,
    /// The cluster that is meant.
    pub admitted: watch::Receiver<Option<Identity>>,
    /// To stop.
    pub stop: CancellationToken,
}

/// Runs until it is told to stop.
pub(super) async fn run(
    cluster: ClusterName,
    api: Api,
    orders: Orders,
    reports: mpsc::Sender<MemberReport>,
    options: Options,
    models: Arc<[ResourceModel]>,
) {
    let (seen_sender, seen) = mpsc::channel(EVENTS_MAX);
    let (observation_sender, observations) = mpsc::channel(16);
    let (discovered, discovery_receiver) = watch::channel(Discovered::default());
    let (models, models_receiver) = watch::channel(models);
    let observer = tokio::spawn(observer::observe(
        api.clone(),
        discovery_receiver,
        models_receiver,
        observation_sender,
        options,
    ));
    let now = Instant::now();
    let mut executor = Executor {
        cluster,
        api,
        options,
        identity: None,
        admitted: None,
        work: None,
        entries: BTreeMap::new(),
        kept: BTreeMap::new(),
        gone: BTreeSet::new(),
        crds: BTreeMap::new(),
        discovery: None,
        discovering: None,
        discover_at: Some(now),
        discover_attempt: 0,
        discovered,
        models,
        watches: BTreeMap::new(),
        namespaces: watch::Sender::default(),
        seen_sender,
        queues: Queues::default(),
        requests: JoinSet::new(),
        observations: Observations::default(),
        n_unplaced: 0,
        n_failing: 0,
        paused_until: None,
        pause_attempt: 0,
        pace: Pace::new(now),
        round: Round::default(),
        dirty: BTreeSet::new(),
        flush_at: None,
        outbox: VecDeque::new(),
    };
    executor.work(orders, seen, observations, reports).await;
    observer.abort();
}

/// What the cluster answered: which one it is, if it was asked that too, and what it serves.
type Answers = (Option<Identity>, Result<Discovery, RequestError>);

struct Executor {
    cluster: ClusterName,
    api: Api,
    options: Options,
    /// The cluster that answers; `None` until it is asked, and again after it was out of reach.
    identity: Option<Identity>,
    /// The cluster that is meant.
    admitted: Option<Identity>,
    work: Option<Arc<DesiredWork>>,
    /// Boxed: the nodes of a map have room for twice what is in them.
    entries: BTreeMap<ObjectKey, Box<Entry>>,
    /// What was let go of in place of being deleted, and why.
    kept: BTreeMap<ObjectKey, String>,
    /// Keys that are known to be gone and need no second look while they are only held.
    gone: BTreeSet<ObjectKey>,
    /// The CRD of the work that defines a kind.
    crds: BTreeMap<GroupKind, ObjectKey>,
    discovery: Option<Arc<Discovery>>,
    discovering: Option<JoinSet<Answers>>,
    discover_at: Option<Instant>,
    /// Askings in a row since a kind is waited for that is not served; 0 while none is.
    discover_attempt: u32,
    discovered: watch::Sender<Discovered>,
    /// Grades that the cluster's nodes are counted in.
    models: watch::Sender<Arc<[ResourceModel]>>,
    watches: BTreeMap<GroupKind, Watch>,
    /// Namespaces of the entries, for watches that the whole cluster is hidden from.
    namespaces: watch::Sender<Namespaces>,
    seen_sender: mpsc::Sender<(GroupKind, Seen<Object>)>,
    queues: Queues,
    requests: JoinSet<(ObjectKey, Option<ObjectId>, Done)>,
    /// Observations that take a while.
    observations: Observations,
    /// Desired objects that are not in place.
    n_unplaced: usize,
    /// Those of them that have something to say about it.
    n_failing: usize,
    /// The cluster as a whole fails or throttles: nothing is started before this.
    paused_until: Option<Instant>,
    pause_attempt: u32,
    /// How fast writes are started.
    pace: Pace,
    round: Round,
    /// Keys whose report changed since the last time reports were sent.
    dirty: BTreeSet<ObjectKey>,
    flush_at: Option<Instant>,
    outbox: VecDeque<MemberReport>,
}

/// The watch of one kind.
struct Watch {
    resource: Resource,
    task: Option<AbortHandle>,
    state: WatchState,
    /// Why the first list does not succeed, for a person.
    failure: String,
    /// Namespaces that the account may not list.
    hidden: BTreeSet<Arc<str>>,
}

impl Watch {
    fn new(resource: Resource, task: Option<AbortHandle>) -> Self {
        let state = if task.is_some() { WatchState::Listing } else { WatchState::Synced };
        Self { resource, task, state, failure: String::new(), hidden: BTreeSet::new() }
    }

    /// Whether it tells what happens; a kind that cannot be watched is looked at one by one.
    fn is_open(&self) -> bool {
        self.task.is_some()
    }

    /// Whether it tells what happens to `key`.
    fn shows(&self, key: &ObjectKey) -> bool {
        let is_hidden = |namespace| self.hidden.contains(namespace);
        self.is_open() && !key.namespace.as_ref().is_some_and(is_hidden)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WatchState {
    /// The first list is being read: nothing of this kind can be decided.
    Listing,
    /// What is there is known.
    Synced,
    /// The first list does not succeed.
    Failing,
}

/// Where each object that needs something stands. An object is in at most one of them.
#[derive(Default)]
struct Queues {
    /// To be applied as soon as there is room: by turn, then key.
    ready: BTreeSet<(u8, ObjectKey)>,
    /// To be removed once everything is in place: what was applied first goes last.
    leaving: BTreeSet<(u8, ObjectKey)>,
    /// Not before an instant.
    later: BTreeSet<(Instant, ObjectKey)>,
    /// Until something else happens.
    blocked: BTreeMap<Cause, BTreeSet<ObjectKey>>,
}

/// Which of the queues an object is in, to take it out again.
enum QueuePlace {
    Ready(u8),
    Leaving(u8),
    Later(Instant),
    Blocked(Box<Cause>),
}

/// What an object waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// Its kind being served and listed.
    Kind(GroupKind),
    /// Its Namespace or CRD.
    Foundation(ObjectKey),
}

/// What happened since the last [`AppliedRound`] was sent.
#[derive(Default)]
struct Round {
    is_new: bool,
    n_applied: usize,
    n_repaired: usize,
    n_failing_before: usize,
    n_pruned: usize,
    released: Vec<ObjectKey>,
}

impl Queues {
    fn remove(&mut self, key: &ObjectKey, place: &QueuePlace) {
        match place {
            QueuePlace::Ready(turn) => drop(self.ready.remove(&(*turn, key.clone()))),
            QueuePlace::Leaving(turn) => drop(self.leaving.remove(&(*turn, key.clone()))),
            QueuePlace::Later(at) => drop(self.later.remove(&(*at, key.clone()))),
            QueuePlace::Blocked(cause) => {
                if let Some(keys) = self.blocked.get_mut(&**cause) {
                    keys.remove(key);
                    if keys.is_empty() {
                        self.blocked.remove(&**cause);
                    }
                }
            }
        }
    }

    fn put(&mut self, key: &ObjectKey, place: &QueuePlace) {
        match place {
            QueuePlace::Ready(turn) => drop(self.ready.insert((*turn, key.clone()))),
            QueuePlace::Leaving(turn) => drop(self.leaving.insert((*turn, key.clone()))),
            QueuePlace::Later(at) => drop(self.later.insert((*at, key.clone()))),
            QueuePlace::Blocked(cause) => {
                self.blocked.entry(Cause::clone(cause)).or_default().insert(key.clone());
            }
        }
    }

    fn blocked_by(&self, cause: &Cause) -> Vec<ObjectKey> {
        self.blocked.get(cause).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }
}

impl Executor {
    async fn work(
        &mut self,
        orders: Orders,
        mut seen: mpsc::Receiver<(GroupKind, Seen<Object>)>,
        mut observations: mpsc::Receiver<Observation>,
        reports: mpsc::Sender<MemberReport>,
    ) {
        let Orders { mut desired, mut admitted, stop } = orders;
        let (mut is_fed, mut is_told) = (true, true);
        loop {
            self.start_requests();
            self.end_round();
            self.send(&reports);
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = admitted.changed(), if is_told => match changed {
                    Ok(()) => {
                        self.admitted.clone_from(&admitted.borrow_and_update());
                        self.flush();
                    }
                    Err(_) => is_told = false,
                },
                changed = desired.changed(), if is_fed && self.is_admitted() => match changed {
                    Ok(()) => {
                        let work = desired.borrow_and_update().clone();
                        if let Some(work) = work {
                            self.merge(&work);
                        }
                    }
                    Err(_) => is_fed = false, // the handle is gone; what was desired stays in force
                },
                Some(done) = self.requests.join_next() => self.requested(done),
                Some(ended) = self.observations.under_way.join_next() => self.observation_ended(ended),
                Some((group_kind, first)) = seen.recv() => {
                    self.seen(&group_kind, first);
                    for _ in 1..EVENTS_PER_TURN {
                        let Ok((group_kind, next)) = seen.try_recv() else { break };
                        self.seen(&group_kind, next);
                    }
                }
                Some(observation) = observations.recv() => self.observed(observation),
                discovered = join(&mut self.discovering) => self.discovery_ended(discovered),
                permit = reports.reserve(), if !self.outbox.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(report) = self.outbox.pop_front() {
                            permit.send(report);
                        }
                    }
                    Err(_) => self.outbox.clear(),
                },
                () = sleep_until(wake_at) => self.woken(Instant::now()),
            }
        }
        self.watches.clear();
        let ends_at = Instant::now() + STOP_WAIT;
        while let Ok(Some(done)) = tokio::time::timeout_at(ends_at, self.requests.join_next()).await
        {
            self.requested(done);
        }
        self.end_round();
        self.flush();
        self.send(&reports);
    }

    fn wake_at(&self) -> Option<Instant> {
        let has_room = self.requests.len() < CONCURRENCY;
        let paced = self.pace.next_at().filter(|_| has_room);
        let paused = self
            .paused_until
            .or(paced)
            .filter(|_| !self.queues.ready.is_empty() || !self.queues.leaving.is_empty());
        let later = self.queues.later.first().map(|(at, _)| *at);
        let again = self.observations.again_at();
        let (now, leaving) = (Instant::now(), self.queues.leaving.iter());
        // What is due already waits for something else.
        let removals = leaving.filter_map(|(_, key)| self.removal_due(key).filter(|at| *at > now));
        let removal = removals.min();
        [paused, later, again, removal, self.flush_at, self.discover_at].into_iter().flatten().min()
    }

    fn woken(&mut self, now: Instant) {
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush();
        }
        if self.paused_until.is_some_and(|at| at <= now) {
            self.paused_until = None;
        }
        if self.discover_at.is_some_and(|at| at <= now) {
            self.discover();
        }
        self.observe_again(now);
        let due: Vec<ObjectKey> = self
            .queues
            .later
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, key)| key.clone())
            .collect();
        for key in due {
            self.consider(&key);
        }
    }

    /// Asks the cluster what it serves, unless that is being asked.
    fn discover(&mut self) {
        self.discover_at = None;
        if self.discovering.is_some() {
            return;
        }
        let (api, before) = (self.api.clone(), self.discovery.clone());
        // What was hidden may be shown by now: rights change.
        let is_known = matches!(self.identity, Some(Identity::Uid(_)));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut identity = None;
            if !is_known {
                match identity::read(&api).await {
                    Ok(read) => identity = Some(read),
                    Err(error) => return (None, Err(error)),
                }
            }
            (identity, Discovery::ask(&api, before.as_deref()).await)
        });
        self.discovering = Some(task);
    }

    /// Whether the cluster that answers is the one that is meant.
    fn is_admitted(&self) -> bool {
        self.identity.is_some() && self.identity == self.admitted
    }

    /// Asks soon; each time in a row a little later.
    fn discover_soon(&mut self) {
        self.discover_attempt += 1;
        let at = Instant::now() + DISCOVERY_BACKOFF.wait(self.discover_attempt);
        self.discover_at = Some(self.discover_at.map_or(at, |before| before.min(at)));
    }

    /// Nothing more is asked of the cluster for a while.
    fn pause(&mut self, error: &RequestError) {
        let wait = if let RequestError::Throttled { after } = error {
            self.pace.throttled(Instant::now());
            after.mul_f64(1.0 + fastrand::f64() / 10.0)
        } else {
            self.pause_attempt += 1;
            CLUSTER_BACKOFF.wait(self.pause_attempt)
        };
        let until = Instant::now() + wait;
        self.paused_until = Some(self.paused_until.map_or(until, |before| before.max(until)));
    }

    /// Sends an [`AppliedRound`] if a round has ended and there is something to say.
    fn end_round(&mut self) {
        let listing = |cause: &Cause| match cause {
            Cause::Kind(group_kind) => self
                .watches
                .get(group_kind)
                .map_or(self.discovery.is_none(), |watch| watch.state == WatchState::Listing),
            Cause::Foundation(_) => false,
        };
        let has_news = self.round.is_new
            || self.round.n_applied > 0
            || !self.round.released.is_empty()
            || self.n_failing != self.round.n_failing_before;
        if !has_news
            || !self.is_admitted()
            || !self.requests.is_empty()
            || !self.queues.ready.is_empty()
            || self.next_removal(Instant::now()).is_some()
            || self.queues.blocked.keys().any(listing)
        {
            return;
        }
        let Some(work) = &self.work else { return };
        let round = std::mem::take(&mut self.round);
        self.round.n_failing_before = self.n_failing;
        let applied = AppliedRound {
            source: work.source,
            commit: work.commit,
            is_settled: self.entries.values().all(|entry| !entry.leaving),
            n_applied: round.n_applied,
            n_repaired: round.n_repaired,
            n_failed: self.n_unplaced,
            n_pruned: round.n_pruned,
            released: round.released,
            n_prune_held: self.queues.leaving.len(),
            kept: self.kept.values().cloned().collect(),
        };
        self.flush();
        self.outbox.push_back(MemberReport::Applied(self.cluster.clone(), applied));
    }

    /// Gathers the changed reports into one message.
    fn flush(&mut self) {
        self.flush_at = None;
        if self.dirty.is_empty() || !self.is_admitted() {
            return;
        }
        let changed = std::mem::take(&mut self.dirty)
            .into_iter()
            .map(|key| {
                let report = self
                    .entries
                    .get(&key)
                    .filter(|entry| entry.desired.is_some() || !entry.message().is_empty());
                let report = report.map(|entry| Arc::clone(&entry.report));
                (key, report)
            })
            .collect();
        self.outbox.push_back(MemberReport::Objects(self.cluster.clone(), changed));
    }

    /// Hands over what the receiver has room for.
    fn send(&mut self, reports: &mpsc::Sender<MemberReport>) {
        while let Some(report) = self.outbox.pop_front() {
            if let Err(refused) = reports.try_send(report) {
                match refused {
                    mpsc::error::TrySendError::Full(report) => self.outbox.push_front(report),
                    mpsc::error::TrySendError::Closed(_) => self.outbox.clear(),
                }
                return;
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The end of the one task in `running`; never, if there is none.
async fn join<T: 'static>(running: &mut Option<JoinSet<T>>) -> Option<T> {
    match running {
        Some(tasks) => tasks.join_next().await.and_then(Result::ok),
        None => std::future::pending().await,
    }
}
