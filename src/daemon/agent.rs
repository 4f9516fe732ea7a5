//! The agent: the executor of one pull-mode member, fed from its work ref.
//!
//! It reads one ref, `…/work/<cluster>`, and writes one, `…/status/<cluster>`. While the repository
//! cannot be reached it keeps the last work in force that it has, across restarts too: the clone in
//! its state directory holds it. Nothing is ever removed because something could not be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::chain;
use super::controller::{ROTATION_CHECK, stop_signal};
use super::credentials::Credentials;
use super::identities::{Identities, Registration, WayOut};
use super::meanings::Meanings;
use super::reminder::Reminder;
use super::status_ref::StatusRef;
use super::upkeep::Upkeep;
use crate::api::cluster::{ResourceModel, default_resource_models};
use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::names::{ClusterName, ObjectId};
use crate::api::settings::HistorySettings;
use crate::customize::{Program, Rules};
use crate::engine::{Backoff, News};
use crate::member::{self, DesiredObject, DesiredWork, Identity, MemberHandle, MemberReport};
use crate::plan::{MODELS_PATH, OWNER_PATH, Owner, is_path_of_rule};
use crate::store::{
    Lane, Layout, Location, NewCommit, PathChange, PublishError, RefUpdate, RemoteUrl, Store,
    Trigger,
};

/// Reports that may wait for the agent's attention.
const QUEUE_MAX: usize = 256;

/// How long news about objects wait so that they share a commit.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// How many commits back removed works are looked for at the start: see the controller's.
const HISTORY_MAX: usize = 500;

/// One agent's settings.
pub struct Agent {
    /// The repository of its work.
    pub location: Location,
    /// The repository of its status; that of its work if absent.
    pub status_remote: Option<RemoteUrl>,
    /// Where its clone is kept.
    pub state_dir: PathBuf,
    /// The refs.
    pub layout: Layout,
    /// The member.
    pub cluster: ClusterName,
    /// Its credentials.
    pub credentials: Credentials,
    /// What the executor is told.
    pub options: member::Options,
    /// How often a remote is asked for new work.
    pub poll: Duration,
    /// How much history of the status is kept.
    pub history: HistorySettings,
}

/// The repository side of an agent; blocking, so it is lent to a blocking thread for each job.
struct Desk {
    store: Store,
    layout: Layout,
    cluster: ClusterName,
    status: StatusRef,
    /// Which cluster this is to be, and is.
    identities: Identities,
    /// Files of the work in hand by path: only blobs that differ are read.
    files: BTreeMap<String, ObjectId>,
    objects: BTreeMap<ObjectKey, DesiredObject>,
    held: BTreeSet<ObjectKey>,
    tip: Option<ObjectId>,
    /// Source commit of the work in hand.
    source: Option<ObjectId>,
    /// A tip of the work branch, and the earlier commit since which the work is what it is there.
    work_since: Option<(ObjectId, ObjectId)>,
    /// Users' rules of the work in hand.
    rules: Rules,
    meanings: Meanings,
    /// Grades of the work in hand.
    models: Arc<[ResourceModel]>,
    upkeep: Upkeep,
}

/// The cluster that may be written to; `None`: none.
struct Admission(Option<Identity>);

/// How urgent it is to publish the status, and, if that is decided now, which cluster may be written to.
type Decided = (Option<News>, Option<Admission>);

/// Tells the executor what is decided. Gives when the status is to be published, which is due at `due`.
fn carry_out(
    (news, admitted): Decided,
    member: &MemberHandle,
    due: Option<Timestamp>,
) -> anyhow::Result<Option<Timestamp>> {
    if let Some(Admission(identity)) = admitted {
        member.admit(identity);
    }
    let now = Timestamp::now();
    let by = match news {
        None => return Ok(due),
        Some(News::Member) => now,
        Some(News::Objects) => now.checked_add(STATUS_INTERVAL)?,
    };
    Ok(Some(due.map_or(by, |due| due.min(by))))
}

/// Runs the agent until a signal.
///
/// # Errors
/// The repository cannot be opened for the first time. Later failures are waited out.
pub async fn run(agent: Agent) -> anyhow::Result<()> {
    let Agent {
        location,
        status_remote,
        state_dir,
        layout,
        cluster,
        credentials,
        options,
        poll,
        history,
    } = agent;
    let opened = {
        let cluster = cluster.clone();
        let layout = layout.clone();
        tokio::task::spawn_blocking(move || {
            let store = open_store(&location, status_remote, &state_dir, &layout)?;
            Desk::open(store, layout, cluster)
        })
    };
    let mut desk = opened.await.context("the thread that opens the repository has ended")??;
    desk.upkeep.set_limits(&history);
    let mut trigger = if desk.store.is_remote() {
        Trigger::poll(poll)?
    } else {
        let work = layout.work(&cluster);
        Trigger::watch(desk.store.common_dir(), move |name| *name == work)?
    };
    let mut state = credentials.state(&cluster);
    let config = credentials.config(&cluster).map_err(|error| error.told())?;
    let models = Arc::clone(&desk.models);
    let (mut member, mut reported) = start(&cluster, config, &options, models)?;
    let mut rotation = tokio::time::interval(ROTATION_CHECK);
    let mut desk = Some(desk);
    let mut stop = std::pin::pin!(stop_signal());
    let mut backoff = Backoff::default();
    let mut unread = Reminder::default();
    // What is to be done, and from when on.
    let mut fetch_at = Some(Timestamp::now());
    let mut status_at: Option<Timestamp> = None;
    loop {
        let now = Timestamp::now();
        let held_off = backoff.waits_until(now);
        if held_off.is_none() && fetch_at.is_some_and(|instant| instant <= now) {
            fetch_at = None;
            let (outcome, decided) = lend(&mut desk, |desk| (desk.pull(), desk.decide())).await?;
            // Before the work is handed on: the cluster may turn out to be another one's.
            status_at = carry_out(decided, &member, status_at)?;
            match outcome {
                Ok(Some(work)) => {
                    backoff.succeed();
                    unread.forget();
                    tracing::info!(%cluster, objects = work.objects.len(), commit = %work.source, "new work");
                    member.desire(Arc::new(work));
                }
                Ok(None) => {
                    backoff.succeed();
                    unread.forget();
                }
                Err(error) => {
                    if unread.is_due(&error, std::time::Instant::now()) {
                        tracing::warn!(%cluster, error = %error, "the work ref cannot be read; the last work stays in force");
                    }
                    backoff.fail(now);
                    fetch_at = Some(now);
                }
            }
            continue;
        }
        if held_off.is_none() && status_at.is_some_and(|instant| instant <= now) {
            status_at = None;
            if let Err(error) = lend(&mut desk, Desk::push_status).await? {
                tracing::warn!(%cluster, error = %error, "the status cannot be published yet");
                backoff.fail(now);
                status_at = Some(now);
            }
            continue;
        }
        let wake = [fetch_at, status_at].into_iter().flatten().min();
        let wake = wake.map(|instant| held_off.map_or(instant, |until| until.max(instant)));
        tokio::select! {
            biased;
            () = &mut stop => break,
            _hint = trigger.next() => fetch_at = Some(Timestamp::now()),
            report = reported.recv() => {
                let Some(report) = report else { anyhow::bail!("the executor has ended") };
                let decided = lend(&mut desk, move |desk| desk.absorb(report)).await?;
                status_at = carry_out(decided, &member, status_at)?;
            }
            _ = rotation.tick() => {
                let now = credentials.state(&cluster);
                if std::mem::replace(&mut state, now.clone()) == now {
                    continue;
                }
                let connected = credentials.config(&cluster).map_err(|error| error.told().line());
                let models = lend(&mut desk, |desk| Arc::clone(&desk.models)).await?;
                let connected = connected.and_then(|config| {
                    start(&cluster, config, &options, models).map_err(|e| chain(&e))
                });
                let (new, news) = match connected {
                    Ok(connected) => connected,
                    Err(reason) => {
                        tracing::error!(%cluster, %reason, "the new credentials cannot be used; going on with the old ones");
                        continue;
                    }
                };
                tracing::info!(%cluster, "the credentials have changed; connecting anew");
                stop_member(std::mem::replace(&mut member, new)).await;
                let mut last_words = std::mem::replace(&mut reported, news);
                let work = lend(&mut desk, move |desk| {
                    while let Ok(report) = last_words.try_recv() {
                        desk.absorb(report);
                    }
                    desk.status.expect_first_word();
                    desk.identities.connecting(&desk.cluster);
                    desk.desired()
                });
                if let Some(work) = work.await? {
                    member.desire(Arc::new(work));
                }
            }
            () = super::controller::sleep_until(wake, Timestamp::now) => {}
        }
    }
    stop_member(member).await;
    // The last word: what was applied is known to the fleet even if this process never comes back.
    if let Err(error) = lend(&mut desk, Desk::push_status).await? {
        tracing::warn!(%cluster, error = %error, "the last status could not be published");
    }
    Ok(())
}

fn start(
    cluster: &ClusterName,
    config: kube::Config,
    options: &member::Options,
    models: Arc<[ResourceModel]>,
) -> Result<(MemberHandle, mpsc::Receiver<MemberReport>), member::SpawnError> {
    let (reports, reported) = mpsc::channel(QUEUE_MAX);
    Ok((member::spawn(cluster.clone(), config, reports, *options, models)?, reported))
}

fn open_store(
    location: &Location,
    status_remote: Option<RemoteUrl>,
    state_dir: &Path,
    layout: &Layout,
) -> anyhow::Result<Store> {
    let mut store = Store::open(location, state_dir)?;
    let urls = status_remote.into_iter().map(|url| (Lane::Status, url)).collect();
    store.route(layout, &urls)?;
    Ok(store)
}

async fn stop_member(member: MemberHandle) {
    if tokio::time::timeout(Duration::from_secs(10), member.stop()).await.is_err() {
        tracing::warn!("the executor did not stop in time; the next start repairs what is left");
    }
}

/// Lends the desk to a blocking thread for one job.
async fn lend<T: Send + 'static>(
    desk: &mut Option<Desk>,
    job: impl FnOnce(&mut Desk) -> T + Send + 'static,
) -> anyhow::Result<T> {
    let mut lent = desk.take().context("the repository is at hand between two jobs")?;
    let (back, answer) = tokio::task::spawn_blocking(move || {
        let answer = job(&mut lent);
        (lent, answer)
    })
    .await?;
    *desk = Some(back);
    Ok(answer)
}

impl Desk {
    fn open(store: Store, layout: Layout, cluster: ClusterName) -> anyhow::Result<Self> {
        let way_out = WayOut::Status(layout.status(&cluster));
        let mut desk = Self {
            store,
            layout,
            identities: Identities::new(way_out),
            status: StatusRef::new(cluster.clone()),
            cluster,
            files: BTreeMap::new(),
            objects: BTreeMap::new(),
            held: BTreeSet::new(),
            tip: None,
            source: None,
            work_since: None,
            rules: Rules::default(),
            meanings: Meanings::new(Program::this()),
            models: default_resource_models().into(),
            upkeep: Upkeep::default(),
        };
        desk.recall()?;
        Ok(desk)
    }

    /// Takes up what earlier runs left: our own status, and the keys that earlier works held.
    fn recall(&mut self) -> anyhow::Result<()> {
        let status = self.layout.status(&self.cluster);
        if let Err(error) = self.store.fetch(std::slice::from_ref(&status)) {
            tracing::warn!(cluster = %self.cluster, error = %chain(&error), "the status ref cannot be fetched");
        }
        self.reread_status()?;
        self.register(None);
        if let Some(report) = self.status.committed() {
            self.held.extend(report.objects.keys().cloned());
        }
        let work = self.layout.work(&self.cluster);
        if let Err(error) = self.store.fetch(std::slice::from_ref(&work)) {
            tracing::warn!(cluster = %self.cluster, error = %chain(&error), "the work ref cannot be fetched");
        }
        if let Some(tip) = self.store.read_ref(&work)? {
            if let Some(bytes) = self.store.file(tip, MODELS_PATH)? {
                // What cannot be read is told of when the work is.
                let models: Option<Vec<ResourceModel>> = crate::api::yaml::from_bytes(&bytes).ok();
                self.models = models.map_or_else(|| Arc::clone(&self.models), Into::into);
            }
            let settled = self.status.settled().map(|settled| settled.work);
            let mut is_changed = false;
            self.store.walk_changes(
                tip,
                "",
                HISTORY_MAX,
                |commit| Some(commit) != settled,
                |path, change| {
                    is_changed = true;
                    if change == PathChange::Removed {
                        self.held.extend(ObjectKey::from_file(path));
                    }
                },
            )?;
            self.work_since = settled.filter(|_| !is_changed).map(|settled| (tip, settled));
        }
        Ok(())
    }

    fn reread_status(&mut self) -> anyhow::Result<()> {
        let tip = self.store.read_ref(&self.layout.status(&self.cluster))?;
        if let Some(tip) = tip.filter(|tip| self.status.tip() != Some(*tip)) {
            let files = self.store.files(tip)?;
            let store = &self.store;
            self.status.advance(tip, &files, &BTreeMap::new(), |blob| store.blob(blob))?;
        }
        Ok(())
    }

    /// Goes on from what someone else has made of the status ref.
    fn retake_status(&mut self) -> anyhow::Result<()> {
        let tip = self.store.read_ref(&self.layout.status(&self.cluster))?;
        if self.status.tip() == tip {
            return Ok(());
        }
        let store = &self.store;
        let files = tip.map(|tip| store.files(tip).map(|files| (tip, files))).transpose()?;
        // Deleting the branch is how people accept another cluster: its record is not written back.
        let keeps_id = tip.is_some() || !self.identities.is_refused(&self.cluster);
        Ok(self.status.go_on_from(files, keeps_id, |blob| store.blob(blob))?)
    }

    /// Reads the work ref. Returns the work if it differs from the one in hand.
    fn pull(&mut self) -> Result<Option<DesiredWork>, String> {
        let refname = self.layout.work(&self.cluster);
        // Out of reach: what the clone holds stays good, and is the work after a restart.
        let fetched = self.store.fetch(std::slice::from_ref(&refname));
        let text = |error: &(dyn std::error::Error + 'static)| chain(error);
        let tip = self.store.read_ref(&refname).map_err(|error| text(&error))?;
        let Some(tip) = tip.filter(|tip| self.tip != Some(*tip)) else {
            return fetched.map(|()| None).map_err(|error| text(&error));
        };
        let files = self.store.files(tip).map_err(|error| text(&error))?;
        let mut objects = BTreeMap::new();
        let mut rules = Vec::new();
        let mut models = default_resource_models();
        let mut owner: Option<Owner> = None;
        for (path, blob) in &files {
            if is_path_of_rule(path) {
                rules.push((path, self.store.blob(*blob).map_err(|error| text(&error))?));
                continue;
            }
            let unreadable =
                |error| format!("WORK_UNREADABLE `{path}` of {refname} at {tip}: {error}");
            if path == MODELS_PATH || path == OWNER_PATH {
                let bytes = self.store.blob(*blob).map_err(|error| text(&error))?;
                if path == MODELS_PATH {
                    models = crate::api::yaml::from_bytes(&bytes).map_err(unreadable)?;
                } else {
                    owner = Some(crate::api::yaml::from_bytes(&bytes).map_err(unreadable)?);
                }
                continue;
            }
            let Some(key) = ObjectKey::from_file(path) else { continue };
            if let Some(object) = self.objects.get(&key).filter(|object| object.work == *blob) {
                objects.insert(key, object.clone());
                continue;
            }
            let bytes = self.store.blob(*blob).map_err(|error| text(&error))?;
            let manifest: Manifest = crate::api::yaml::from_bytes(&bytes).map_err(unreadable)?;
            if manifest.key() != key {
                return Err(format!(
                    "WORK_UNREADABLE `{path}` of {refname} at {tip} holds {}",
                    manifest.key()
                ));
            }
            objects.insert(key, DesiredObject { manifest: (&manifest).into(), work: *blob });
        }
        let rules =
            Rules::read(rules.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())))
                .map_err(|error| format!("WORK_UNREADABLE {error}, of {refname} at {tip}"))?;
        let info = self.store.commit_info(tip).map_err(|error| text(&error))?;
        let source = info
            .trailer("Fleet-Source")
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| format!("WORK_UNREADABLE {refname} at {tip} names no source commit"))?;
        self.held.extend(self.objects.keys().cloned());
        self.held.retain(|key| !objects.contains_key(key));
        self.files = files;
        self.objects = objects;
        self.rules = rules;
        self.models = models.into();
        self.register(owner);
        self.tip = Some(tip);
        self.source = Some(source);
        Ok(self.desired())
    }

    /// Has it known which cluster this one was recorded as, and whose it is if it is another one's.
    fn register(&mut self, owner: Option<Owner>) {
        let own = Registration {
            cluster: self.cluster.clone(),
            written: String::new(),
            recorded: self.status.id().to_owned(),
            is_ours: true,
        };
        let owner = owner.map(|Owner { cluster, id }| Registration {
            cluster,
            written: id,
            recorded: String::new(),
            is_ours: false,
        });
        self.identities.register([own].into_iter().chain(owner).collect());
    }

    /// The work in hand.
    fn desired(&mut self) -> Option<DesiredWork> {
        let (tip, source) = (self.tip?, self.source?);
        let meaning = self.meanings.by(&self.rules);
        Some(DesiredWork {
            source,
            commit: self.work_since.filter(|(at, _)| *at == tip).map_or(tip, |(_, since)| since),
            objects: self.objects.clone(),
            held: self.held.clone(),
            // It is told nothing but its work, and a cluster that leaves is emptied.
            leaves: self.objects.is_empty(),
            models: Arc::clone(&self.models),
            meaning,
        })
    }

    /// Takes in what the executor said. Gives how urgent it is to publish it, and, if that is decided now,
    /// which cluster may be written to.
    fn absorb(&mut self, report: MemberReport) -> Decided {
        let news = match report {
            MemberReport::Identity(cluster, identity) => {
                self.identities.saw(&cluster, identity);
                None
            }
            MemberReport::Cluster(cluster, status) => {
                let status = self.identities.status(&cluster, status);
                self.status.absorb(MemberReport::Cluster(cluster, status))
            }
            MemberReport::Applied(cluster, round) => {
                for key in &round.released {
                    self.held.remove(key);
                }
                self.status.absorb(MemberReport::Applied(cluster, round))
            }
            MemberReport::Objects(..) => self.status.absorb(report),
        };
        let (more, admitted) = self.decide();
        (more.or(news), admitted)
    }

    /// Decides which cluster may be written to, if anything is new of that.
    fn decide(&mut self) -> Decided {
        let Some(decision) = self.identities.decide().pop() else { return (None, None) };
        let more = match (decision.status, &decision.admitted) {
            (Some(status), _) => {
                self.status.absorb(MemberReport::Cluster(decision.cluster, status))
            }
            (None, Some(Identity::Uid(uid))) => self.status.identify(uid),
            (None, _) => None,
        };
        (more, Some(Admission(decision.admitted)))
    }

    /// Commits and publishes what was reported and no commit holds yet.
    fn push_status(&mut self) -> Result<(), String> {
        let edits = self.status.edits();
        if edits.is_empty() {
            return Ok(());
        }
        let now = Timestamp::now();
        let message = format!("status of {}\n\nFleet-Time: {now}\n", self.cluster);
        let text = |error: PublishError| chain(&error);
        let old = self.status.tip();
        let name = self.layout.status(&self.cluster);
        let mut batch = self.store.batch();
        let parent = self.upkeep.base(&self.store, &mut batch, &name, old, now).map_err(text)?;
        let changes = edits.changes();
        let commit = NewCommit { parent, changes: &changes, message: &message, time: now };
        let new = batch.commit(&commit).map_err(text)?;
        batch.write().map_err(text)?;
        self.upkeep.grew(&name, new, now);
        match self.store.publish(&[RefUpdate { name, old, new: Some(new) }]) {
            Ok(()) => {
                self.upkeep.published();
                self.status.settle(new);
                Ok(())
            }
            Err(error @ PublishError::Moved { .. }) => {
                let name = self.layout.status(&self.cluster);
                self.store.fetch(&[name]).map_err(|error| chain(&error))?;
                self.retake_status().map_err(|error| chain(error.as_ref()))?;
                Err(chain(&error))
            }
            Err(error) => {
                self.upkeep.failed(&error);
                Err(chain(&error))
            }
        }
    }
}
