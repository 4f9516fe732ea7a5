//! The controller: one task that owns the engine, and the tasks that do what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::credentials::{Credentials, CredentialsState};
use super::ledger::Ledger;
use super::worker::{self, Done, Job};
use crate::api::cluster::ResourceModel;
use crate::api::names::{ClusterName, ObjectId};
use crate::daemon::{Fault, chain, not_ready};
use crate::engine::{Effect, Engine, Event, LoadOutcome, PlanOutcome, Timing};
use crate::member::{self, AppliedRound, DesiredWork, MemberHandle, MemberReport};
use crate::store::{Hint, Layout, RefName, Role, Trigger};

/// Messages between the tasks: enough for every member of a large fleet to speak at once, few
/// enough that a stuck receiver is felt instead of filling the memory.
const QUEUE_MAX: usize = 1_024;

/// How long executors get to finish a request when the controller stops.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How often the credentials directory is looked at for replaced files: tokens live for minutes.
pub(super) const ROTATION_CHECK: Duration = Duration::from_secs(10);

/// When the controller ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Never; a signal ends it.
    Stopped,
    /// As soon as the loaded commit is in force in every push-mode member, or cannot be; after this
    /// long in any case.
    Converged(Duration),
}

/// Failures in a row to commit reports after which one pass is over: the repository cannot be
/// written.
const UNRECORDED_MAX: usize = 3;

/// What a run keeps to.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What its executors keep to.
    pub options: member::Options,
    /// How long the engine waits for what.
    pub timing: Timing,
    /// How often a remote repository is asked for news.
    pub poll: Duration,
    /// When it ends.
    pub until: Until,
    /// Tells the time of every decision and commit.
    pub clock: fn() -> Timestamp,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Push-mode members that were given work.
    pub n_clusters: usize,
    /// Those of them that said what came of it, or are away.
    pub n_done: usize,
    /// Objects applied over all members.
    pub n_applied: usize,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The source commit of the last plan that came into force, if any did.
    pub in_force: Option<ObjectId>,
    /// The newest source commit, if it was refused because it does not validate.
    pub refused: Option<ObjectId>,
    /// The newest source commit, if its plan waits for an approval, and why.
    pub held: Option<String>,
    /// Members and what kept their work from being in force, in order of their names.
    pub failures: BTreeMap<ClusterName, String>,
    /// Objects applied and pruned over all members.
    pub n_applied: usize,
    /// See `n_applied`.
    pub n_pruned: usize,
    /// Why the repository could not be used, if it could not.
    pub broken: Option<Fault>,
}

/// A push-mode member; without a handle while it has no usable credentials.
struct Connected {
    handle: Option<MemberHandle>,
    /// Its credentials' state when it was connected.
    state: CredentialsState,
}

/// Everything that the controller's one task owns.
struct Controller {
    engine: Engine,
    credentials: Credentials,
    options: member::Options,
    clock: fn() -> Timestamp,
    jobs: mpsc::Sender<Job>,
    reports: mpsc::Sender<MemberReport>,
    members: BTreeMap<ClusterName, Connected>,
    desired: BTreeMap<ClusterName, Arc<DesiredWork>>,
    /// Grades that each member's nodes are counted in, as it is registered.
    models: BTreeMap<ClusterName, Arc<[ResourceModel]>>,
    /// Members that were handed work and have not said yet what came of it.
    applying: BTreeSet<ClusterName>,
    /// Members that last said of themselves that they are not ready.
    unready: BTreeSet<ClusterName>,
    /// Commit of the newest work of each member of which a round has ended.
    answered: BTreeMap<ClusterName, ObjectId>,
    /// How often in a row reports could not be committed.
    n_unrecorded: usize,
    wake: Option<Timestamp>,
    summary: Summary,
    /// The source commit that is planned for.
    loaded: Option<ObjectId>,
}

/// Runs the controller over `ledger` until a signal, or until converged. `show` is called whenever
/// the progress has changed.
///
/// # Errors
/// The triggers cannot be set up, or the repository's thread ended.
pub async fn run(
    ledger: Ledger,
    credentials: Credentials,
    terms: Terms,
    mut show: impl FnMut(&Progress),
) -> anyhow::Result<Summary> {
    let Terms { options, timing, poll, until, clock } = terms;
    let layout = ledger.layout().clone();
    let mut trigger = if ledger.store().is_remote() {
        Trigger::poll(poll)?
    } else {
        // Our own branches are no news to us.
        let layout = layout.clone();
        let wants = move |name: &RefName| !layout.role(name).is_written_by_controller();
        Trigger::watch(ledger.store().common_dir(), wants)?
    };
    // Status refs may live at a remote although the source is watched here.
    let is_split = !ledger.store().is_remote() && ledger.store().is_routed();
    let mut elsewhere = is_split.then(|| Trigger::poll(poll)).transpose()?;
    let (jobs, inbox) = mpsc::channel(QUEUE_MAX);
    // Without a bound, for both tasks speak to each other: a full queue each way would be a deadlock.
    // A job has two answers at most, and the jobs are bounded.
    let (outbox, mut done) = mpsc::unbounded_channel();
    let worker = worker::spawn(ledger, clock, inbox, outbox)?;
    let (reports, mut reported) = mpsc::channel(QUEUE_MAX);
    // Reports go straight to the repository's thread, which answers with what is news.
    let absorb = jobs.clone();
    tokio::spawn(async move {
        while let Some(report) = reported.recv().await {
            if absorb.send(Job::Absorb(Box::new(report))).await.is_err() {
                break;
            }
        }
    });
    let mut controller = Controller {
        engine: Engine::new(timing),
        credentials,
        options,
        clock,
        jobs,
        reports,
        members: BTreeMap::new(),
        desired: BTreeMap::new(),
        applying: BTreeSet::new(),
        unready: BTreeSet::new(),
        answered: BTreeMap::new(),
        n_unrecorded: 0,
        wake: None,
        summary: Summary::default(),
        models: BTreeMap::new(),
        loaded: None,
    };
    let mut stop = std::pin::pin!(stop_signal());
    let mut rotation = tokio::time::interval(ROTATION_CHECK);
    controller.feed(Event::Started).await?;
    let mut shown = Progress::default();
    let deadline = match until {
        Until::Stopped => None,
        Until::Converged(limit) => Some(tokio::time::Instant::now() + limit),
    };
    loop {
        let progress = controller.progress();
        if progress != shown {
            show(&progress);
            shown = progress;
        }
        if deadline.is_some() && controller.is_converged() {
            break;
        }
        let wake = controller.wake;
        tokio::select! {
            biased;
            () = &mut stop => {
                if deadline.is_some() {
                    controller.give_up("it was stopped before that");
                }
                break;
            }
            () = at(deadline) => {
                controller.give_up("the time was over before that; a longer --timeout waits longer");
                break;
            }
            done = done.recv() => match done {
                Some(done) => controller.take(done).await?,
                None => anyhow::bail!("the thread that owns the repository has ended"),
            },
            hint = trigger.next() => controller.look(&layout, hint).await?,
            hint = next_of(&mut elsewhere) => controller.look(&layout, hint).await?,
            _ = rotation.tick() => controller.reconnect_changed().await?,
            () = sleep_until(wake, clock) => {
                controller.wake = None;
                controller.feed(Event::Woke).await?;
            }
        }
    }
    Ok(controller.stop(worker).await)
}

/// Resolves at the deadline; never, if there is none.
async fn at(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The next hint, or never.
async fn next_of(trigger: &mut Option<Trigger>) -> Hint {
    match trigger {
        Some(trigger) => trigger.next().await,
        None => std::future::pending().await,
    }
}

impl Controller {
    async fn feed(&mut self, event: Event) -> anyhow::Result<()> {
        tracing::debug!(?event, "engine event");
        for effect in self.engine.step(event, (self.clock)()) {
            match effect {
                Effect::Load => self.send(Job::Load).await?,
                Effect::Plan => self.send(Job::Plan).await?,
                Effect::CommitStatus(clusters) => self.send(Job::CommitStatus(clusters)).await?,
                Effect::Push => self.send(Job::Push).await?,
                Effect::Connect(cluster) => self.connect(cluster).await?,
                Effect::Disconnect(cluster) => {
                    self.applying.remove(&cluster);
                    self.unready.remove(&cluster);
                    self.answered.remove(&cluster);
                    self.summary.failures.remove(&cluster);
                    self.desired.remove(&cluster);
                    let member = self.members.remove(&cluster);
                    if let Some(handle) = member.and_then(|member| member.handle) {
                        tokio::spawn(handle.stop());
                    }
                }
                Effect::Apply { cluster, results } => {
                    let handle = self.members.get(&cluster).and_then(|m| m.handle.as_ref());
                    let (Some(handle), Some(work)) = (handle, self.desired.get(&cluster)) else {
                        continue;
                    };
                    tracing::debug!(%cluster, commit = %results, "work handed on");
                    handle.desire(Arc::clone(work));
                    // It gets its work when it is back; nobody waits for that.
                    if !self.unready.contains(&cluster) {
                        self.applying.insert(cluster);
                    }
                }
                Effect::WakeAt(instant) => self.wake = Some(instant),
            }
        }
        Ok(())
    }

    async fn look(&mut self, layout: &Layout, hint: Hint) -> anyhow::Result<()> {
        let role = match &hint {
            Hint::Any => Role::Source,
            Hint::Moved(name) => layout.role(name),
        };
        match role {
            Role::Source => self.feed(Event::SourceMoved).await,
            // A push-mode member's status is written by us.
            Role::Status(cluster) if !self.members.contains_key(&cluster) => {
                self.feed(Event::StatusMoved(cluster)).await
            }
            _ => Ok(()),
        }
    }

    async fn send(&self, job: Job) -> anyhow::Result<()> {
        self.jobs
            .send(job)
            .await
            .map_err(|_| anyhow::anyhow!("the thread that owns the repository has ended"))
    }

    /// Starts a member's executor. Without usable credentials the member counts as not ready, with
    /// the reason; its file is looked at again and again.
    async fn connect(&mut self, cluster: ClusterName) -> anyhow::Result<()> {
        self.send(Job::Reconnected(cluster.clone())).await?;
        let state = self.credentials.state(&cluster);
        let connected =
            self.credentials.config(&cluster).map_err(|error| error.told().line()).and_then(
                |config| {
                    let (reports, options) = (self.reports.clone(), self.options);
                    let models = self.models.get(&cluster).cloned().unwrap_or_default();
                    member::spawn(cluster.clone(), config, reports, options, models)
                        .map_err(|e| chain(&e))
                },
            );
        let handle = match connected {
            Ok(handle) => {
                if let Some(work) = self.desired.get(&cluster) {
                    handle.desire(Arc::clone(work));
                }
                Some(handle)
            }
            Err(reason) => {
                tracing::error!(%cluster, %reason, "the member cannot be connected");
                let status = not_ready("ClusterNotReachable", reason);
                let report = MemberReport::Cluster(cluster.clone(), status);
                self.send(Job::Absorb(Box::new(report))).await?;
                None
            }
        };
        self.members.insert(cluster, Connected { handle, state });
        Ok(())
    }

    /// Connects members anew whose credentials were replaced since.
    async fn reconnect_changed(&mut self) -> anyhow::Result<()> {
        let changed: Vec<ClusterName> = self
            .members
            .iter()
            .filter(|(cluster, member)| self.credentials.state(cluster) != member.state)
            .map(|(cluster, _)| cluster.clone())
            .collect();
        for cluster in changed {
            tracing::info!(%cluster, "the credentials have changed; connecting anew");
            if let Some(handle) = self.members.remove(&cluster).and_then(|member| member.handle) {
                handle.stop().await;
            }
            self.connect(cluster).await?;
        }
        Ok(())
    }

    async fn take(&mut self, done: Done) -> anyhow::Result<()> {
        match done {
            Done::Event(event) => {
                if let Event::Loaded(outcome) = &event {
                    self.summary.refused = None;
                    if let LoadOutcome::Ready { commit, .. } = outcome {
                        self.loaded = Some(*commit);
                    }
                }
                if matches!(event, Event::StatusCommitted(_)) {
                    self.n_unrecorded = 0;
                }
                self.feed(event).await
            }
            Done::Registered(models) => {
                self.models = models;
                Ok(())
            }
            Done::Unrecorded(event, reason) => {
                self.n_unrecorded += 1;
                if self.n_unrecorded >= UNRECORDED_MAX {
                    self.summary.broken = Some(reason);
                }
                self.feed(event).await
            }
            Done::Refused(commit, event) => {
                self.summary.refused = Some(commit);
                self.feed(event).await
            }
            Done::Broken(event, reason) => {
                self.summary.broken = Some(reason);
                self.feed(event).await
            }
            Done::Held(reason) => {
                self.summary.held = Some(reason);
                self.feed(Event::Planned(PlanOutcome::Held)).await
            }
            Done::Planned(outcome, desired) => {
                self.summary.held = None;
                self.summary.in_force = self.loaded;
                self.summary.broken = None;
                self.desired.extend(desired);
                self.feed(Event::Planned(outcome)).await
            }
            Done::Applied(cluster, round) => {
                self.applied(cluster, &round);
                Ok(())
            }
            Done::Readiness(cluster, not_ready) => {
                self.readiness(cluster, not_ready);
                Ok(())
            }
            Done::Admitted(cluster, identity) => {
                let handle = self.members.get(&cluster).and_then(|m| m.handle.as_ref());
                if let Some(handle) = handle {
                    handle.admit(identity);
                }
                Ok(())
            }
            Done::News(cluster, news) => self.feed(Event::Reported(cluster, news)).await,
        }
    }

    fn applied(&mut self, cluster: ClusterName, round: &AppliedRound) {
        self.summary.n_applied += round.n_applied;
        self.summary.n_pruned += round.n_pruned;
        if round.n_applied + round.n_pruned + round.n_failed > 0 {
            tracing::info!(
                %cluster,
                applied = round.n_applied,
                repaired = round.n_repaired,
                pruned = round.n_pruned,
                failed = round.n_failed,
                "work applied"
            );
        }
        let Some(work) = self.desired.get_mut(&cluster) else { return };
        // An executor that is started anew with this work has no business with what is gone.
        if !round.released.is_empty() {
            let work = Arc::make_mut(work);
            for key in &round.released {
                work.held.remove(key);
            }
        }
        if work.commit != round.commit {
            return;
        }
        self.applying.remove(&cluster);
        self.answered.insert(cluster.clone(), round.commit);
        if round.n_failed > 0 {
            let failure = format!(
                "{} objects are not as they should be; git fleet get work --cluster {cluster} -o wide says why",
                round.n_failed
            );
            self.summary.failures.insert(cluster, failure);
        } else if !self.unready.contains(&cluster) {
            self.summary.failures.remove(&cluster);
        }
    }

    /// A member that is not ready is not waited for.
    fn readiness(&mut self, cluster: ClusterName, not_ready: Option<String>) {
        if let Some(reason) = not_ready {
            self.applying.remove(&cluster);
            if self.summary.failures.get(&cluster) != Some(&reason) {
                tracing::warn!(%cluster, %reason, "the cluster is not ready");
            }
            self.unready.insert(cluster.clone());
            self.summary.failures.insert(cluster, reason);
        } else {
            if self.unready.remove(&cluster) {
                tracing::info!(%cluster, "the cluster is ready again");
            }
            self.summary.failures.remove(&cluster);
            // What it was given while it was away, it begins with now.
            let given = self.desired.get(&cluster).map(|work| work.commit);
            if given.is_some() && self.answered.get(&cluster).copied() != given {
                self.applying.insert(cluster);
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            n_clusters: self.desired.len(),
            // Only who has work can be at it.
            n_done: self.desired.len().saturating_sub(self.applying.len()),
            n_applied: self.summary.n_applied,
        }
    }

    /// Names what one pass leaves undone that ends before it is over.
    fn give_up(&mut self, why: &str) {
        for cluster in std::mem::take(&mut self.applying) {
            self.summary.failures.entry(cluster).or_insert_with(|| {
                format!("its work is not in place: {why}; the next apply does what is left")
            });
        }
        if self.summary.failures.is_empty() && self.summary.broken.is_none() {
            let text = format!("not all is done: {why}");
            self.summary.broken = Some(Fault::new("APPLY_UNFINISHED", text, "apply again"));
        }
    }

    /// Whether one pass is complete: the repository failed, the source was refused or held before
    /// anything came into force, or all that was handed out came back and is committed.
    fn is_converged(&self) -> bool {
        let summary = &self.summary;
        if summary.in_force.is_none() {
            return summary.refused.is_some() || summary.held.is_some() || summary.broken.is_some();
        }
        summary.broken.is_some() || (self.engine.is_quiet() && self.applying.is_empty())
    }

    async fn stop(mut self, worker: std::thread::JoinHandle<()>) -> Summary {
        let members = std::mem::take(&mut self.members);
        let handles = members.into_values().filter_map(|member| member.handle);
        let stops = handles.map(MemberHandle::stop);
        let all = futures::future::join_all(stops);
        if tokio::time::timeout(STOP_MAX, all).await.is_err() {
            tracing::warn!(
                "some members did not stop in time; the next start repairs what is left"
            );
        }
        let summary = std::mem::take(&mut self.summary);
        drop(self);
        // Its queue is closed now: the thread finishes the job that it is at and ends.
        if tokio::task::spawn_blocking(move || worker.join()).await.is_err() {
            tracing::warn!("the thread that owns the repository did not end well");
        }
        summary
    }
}

/// Resolves at `instant` by `clock`, or never.
pub(super) async fn sleep_until(instant: Option<Timestamp>, clock: fn() -> Timestamp) {
    let Some(instant) = instant else { return std::future::pending().await };
    let wait = instant.duration_since(clock());
    tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
}

/// Resolves when the process is asked to end, by Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
