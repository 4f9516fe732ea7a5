//! The thread that owns the repository: jobs in, answers out, one at a time.
//!
//! libgit2 blocks and its handle must not be shared, so it gets a thread instead of a lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::mpsc::{Receiver, UnboundedSender};

use super::identities::Decision;
use super::ledger::{Ledger, LedgerError, Planned, Reach};
use super::reminder::Reminder;
use crate::api::cluster::{ClusterStatus, ResourceModel};
use crate::api::condition::{self, ConditionStatus};
use crate::api::names::{ClusterName, ObjectId};
use crate::daemon::{Fault, chain};
use crate::engine::{Event, LoadOutcome, News, PlanOutcome, PushOutcome, StatusOutcome};
use crate::member::{AppliedRound, DesiredWork, Identity, MemberReport};
use crate::store::PublishError;

/// How often in a row reports are committed that someone else's came before.
const STATUS_TRIES: usize = 5;

/// What the thread can be asked for.
#[derive(Debug)]
pub(super) enum Job {
    Load,
    Plan,
    CommitStatus(Vec<ClusterName>),
    Push,
    Absorb(Box<MemberReport>),
    Reconnected(ClusterName),
}

/// What it answers.
pub(super) enum Done {
    /// A job ended.
    Event(Event),
    /// The source commit that does not validate.
    Refused(ObjectId, Event),
    /// The grades that each member's nodes are counted in, as the fleet that comes next registers it.
    Registered(BTreeMap<ClusterName, Arc<[ResourceModel]>>),
    /// A job ended because the world failed, and why.
    Broken(Event, Fault),
    /// A plan ended; the works of the members whose work differs from the last one.
    Planned(PlanOutcome, BTreeMap<ClusterName, Arc<DesiredWork>>),
    /// Reports could not be committed, and why.
    Unrecorded(Event, Fault),
    /// A member's executor has finished a round.
    Applied(ClusterName, AppliedRound),
    /// The plan waits for an approval, and why.
    Held(String),
    /// A member's executor said whether it is ready; if not, why not.
    Readiness(ClusterName, Option<String>),
    /// A member's executor said something new.
    News(ClusterName, News),
    /// Which cluster a member's executor may write to; `None`: none.
    Admitted(ClusterName, Option<Identity>),
}

struct Worker {
    ledger: Ledger,
    clock: fn() -> Timestamp,
    out: UnboundedSender<Done>,
    /// Work trees whose content the controller has.
    handed: BTreeMap<ClusterName, ObjectId>,
    /// The last source commit that was refused.
    refused: Option<ObjectId>,
    /// What was said of a source that cannot be read.
    unread: Reminder,
}

/// Starts the thread. It ends when its queue is closed.
pub(super) fn spawn(
    ledger: Ledger,
    clock: fn() -> Timestamp,
    mut jobs: Receiver<Job>,
    out: UnboundedSender<Done>,
) -> std::io::Result<JoinHandle<()>> {
    let mut worker = Worker {
        ledger,
        clock,
        out,
        handed: BTreeMap::new(),
        refused: None,
        unread: Reminder::default(),
    };
    std::thread::Builder::new().name("repository".to_owned()).spawn(move || {
        while let Some(job) = jobs.blocking_recv() {
            worker.perform(job);
        }
    })
}

impl Worker {
    fn perform(&mut self, job: Job) {
        match job {
            Job::Load => self.load(),
            Job::Plan => self.plan(),
            Job::CommitStatus(clusters) => self.commit_statuses(&clusters),
            Job::Push => self.push(),
            Job::Reconnected(cluster) => {
                self.handed.remove(&cluster);
                self.ledger.reconnected(&cluster);
            }
            Job::Absorb(report) => self.absorb(*report),
        }
    }

    fn absorb(&mut self, report: MemberReport) {
        match report {
            MemberReport::Identity(cluster, identity) => {
                self.ledger.saw(&cluster, identity);
                self.decide();
            }
            MemberReport::Cluster(cluster, status) => {
                let status = self.ledger.status_of(&cluster, status);
                self.take_status(cluster, status);
                self.decide();
            }
            MemberReport::Applied(cluster, round) => {
                self.ledger.release(&cluster, &round.released);
                let report = MemberReport::Applied(cluster.clone(), round.clone());
                // Before the round's end is told: it is over once git says so.
                if let Some(news) = self.ledger.absorb(&cluster, report) {
                    self.answer(Done::News(cluster.clone(), news));
                }
                self.answer(Done::Applied(cluster, round));
            }
            MemberReport::Objects(cluster, objects) => {
                let report = MemberReport::Objects(cluster.clone(), objects);
                if let Some(news) = self.ledger.absorb(&cluster, report) {
                    self.answer(Done::News(cluster, news));
                }
            }
        }
    }

    fn take_status(&mut self, cluster: ClusterName, status: ClusterStatus) {
        self.answer(Done::Readiness(cluster.clone(), why_not_ready(&status)));
        let report = MemberReport::Cluster(cluster.clone(), status);
        if let Some(news) = self.ledger.absorb(&cluster, report) {
            self.answer(Done::News(cluster, news));
        }
    }

    /// Tells the executors whose cluster is known by now whether they may write.
    fn decide(&mut self) {
        for Decision { cluster, admitted, status } in self.ledger.decide() {
            if let Some(status) = status {
                self.take_status(cluster.clone(), status);
            } else if let Some(Identity::Uid(uid)) = &admitted
                && let Some(news) = self.ledger.identify(&cluster, uid)
            {
                self.answer(Done::News(cluster.clone(), news));
            }
            self.answer(Done::Admitted(cluster, admitted));
        }
    }

    /// The controller has gone when nobody listens; there is nothing left to do then.
    fn answer(&self, done: Done) {
        let _ = self.out.send(done);
    }

    fn load(&mut self) {
        let had_fleet = self.ledger.fleet().is_some();
        let loaded = match self.ledger.load() {
            Ok(loaded) => loaded,
            Err(error) => {
                let reason = error.told();
                if self.unread.is_due(&reason.text, Instant::now()) {
                    tracing::warn!(error = %reason.line(), "the source cannot be read; nothing is changed, and it is tried again");
                }
                return self.answer(Done::Broken(Event::Loaded(LoadOutcome::Failed), reason));
            }
        };
        self.unread.forget();
        let commit = loaded.commit;
        self.answer(Done::Registered(self.ledger.models()));
        if loaded.is_valid() {
            let members = self.ledger.members();
            let outcome = LoadOutcome::Ready { commit, members };
            return self.answer(Done::Event(Event::Loaded(outcome)));
        }
        // Said once for each commit, however often it is looked at.
        if self.refused.replace(commit) != Some(commit) {
            tracing::error!(%commit, problems = loaded.problems.len(), "the source does not validate; the last good state stays in force");
        }
        if let Err(error) = self.ledger.note_refusal(&loaded, (self.clock)()) {
            tracing::warn!(%commit, error = %chain(&error), "the refusal could not be noted");
        }
        // After a start the last good commit stands in: it stays in force, and watched over.
        let last_good = self.ledger.fleet().filter(|_| !had_fleet).map(|fleet| fleet.commit);
        let outcome = match last_good {
            Some(commit) => LoadOutcome::Ready { commit, members: self.ledger.members() },
            None => LoadOutcome::Refused { commit },
        };
        self.answer(Done::Refused(commit, Event::Loaded(outcome)));
    }

    fn plan(&mut self) {
        let now = (self.clock)();
        let outcome = self.ledger.plan(now);
        // Before work is handed on: what is recorded and registered is known now.
        self.decide();
        match outcome {
            Ok(Ok(planned)) => self.planned(planned, now),
            Ok(Err(hold)) => {
                tracing::error!(reason = %hold.reason, "the plan waits for an approval");
                self.answer(Done::Held(hold.to_string()));
                if let Err(error) = self.ledger.note_hold(&hold, now) {
                    tracing::warn!(error = %chain(&error), "the hold could not be noted");
                }
            }
            Err(LedgerError::Publish(error @ PublishError::Moved { .. })) => {
                tracing::warn!(%error, "planning again from what the ref says now");
                self.answer(Done::Event(Event::Planned(PlanOutcome::Moved)));
            }
            Err(error) => {
                let reason = error.told();
                tracing::error!(error = %reason.line(), "the plan could not be made or published");
                self.answer(Done::Broken(Event::Planned(PlanOutcome::Failed), reason));
            }
        }
    }

    fn planned(&mut self, planned: Planned, now: Timestamp) {
        let Planned { results, pushed, diff, works, next, plan } = planned;
        let mut desired = BTreeMap::new();
        for cluster in self.ledger.push_members().collect::<Vec<_>>() {
            let Some(work) = works.get(&cluster) else { continue };
            if self.handed.get(&cluster) != Some(work) {
                desired.insert(cluster.clone(), Arc::new(self.ledger.desired(&cluster, &plan)));
                self.handed.insert(cluster, *work);
            }
        }
        let outcome = PlanOutcome::InForce { results, pushed, works, next };
        self.answer(Done::Planned(outcome, desired));
        if !diff.is_empty() {
            tracing::info!(commit = %results, "{}", crate::plan::subject(&diff));
        }
        // After the answer: members need not wait for a note.
        if let Err(error) = self.ledger.note_plan(&plan, &diff, results, now) {
            tracing::warn!(error = %chain(&error), "the source commit could not be noted");
        }
    }

    fn commit_statuses(&mut self, clusters: &[ClusterName]) {
        let mut outcome = self.ledger.commit_statuses(clusters, (self.clock)());
        // Another engine that writes them, as `apply` does beside `run`, is done in a moment.
        for _ in 1..STATUS_TRIES {
            if !matches!(outcome, Err(LedgerError::Publish(PublishError::Moved { .. }))) {
                break;
            }
            outcome = self.ledger.commit_statuses(clusters, (self.clock)());
        }
        match outcome {
            Ok(committed) => {
                let outcome = StatusOutcome::Committed {
                    changed: committed.changed,
                    pushed: committed.pushed,
                };
                self.answer(Done::Event(Event::StatusCommitted(outcome)));
            }
            Err(error) => {
                let reason = error.told();
                tracing::warn!(error = %reason.line(), "reports could not be committed");
                let outcome = StatusOutcome::Failed(clusters.to_vec());
                self.answer(Done::Unrecorded(Event::StatusCommitted(outcome), reason));
            }
        }
    }

    fn push(&mut self) {
        let outcome = match self.ledger.push() {
            Ok(Reach::Everywhere) => PushOutcome::Done,
            Ok(Reach::HereOnly) => PushOutcome::Failed,
            Err(LedgerError::Publish(PublishError::Moved { .. })) => PushOutcome::Moved,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the remote does not have our commits yet");
                PushOutcome::Failed
            }
        };
        self.answer(Done::Event(Event::Pushed(outcome)));
    }
}

/// Why a member is not ready; `None` when it is.
fn why_not_ready(status: &ClusterStatus) -> Option<String> {
    match condition::find(&status.conditions, "Ready") {
        Some(ready) if ready.status == ConditionStatus::True => None,
        Some(ready) => Some(ready.message.clone()),
        None => Some("it does not say whether it is ready".to_owned()),
    }
}
