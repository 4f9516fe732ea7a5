//! The control loop as a state machine: events in, effects out, nothing else.
//!
//! The engine decides *when* a thing is done and in which order: when the source is read, when a
//! plan is due, when a member may be handed its work, when reports are committed, how long to wait
//! after a failure. *What* is placed where is `plan`'s; *doing* it is the daemon's.
//!
//! One job at a time reads or writes the repository ([`Effect::Load`], [`Effect::Plan`],
//! [`Effect::CommitStatus`], [`Effect::Push`]), so two plans never race. Hints that arrive meanwhile
//! are remembered, and any number of them cost one look. Members work side by side and never wait
//! for each other.
//!
//! Nothing here knows what time it is: every step is told.

mod backoff;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::api::cluster::SyncMode;
use crate::api::names::{ClusterName, ObjectId};

pub use backoff::Backoff;

/// Everything that can wake the engine. Closed on purpose: this list is the documentation.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The process has started.
    Started,
    /// The source branch may have moved: a hint to look, never data.
    SourceMoved,
    /// The status ref of a pull-mode member may have moved: a hint to look.
    StatusMoved(ClusterName),
    /// [`Effect::Load`] ended.
    Loaded(LoadOutcome),
    /// [`Effect::Plan`] ended.
    Planned(PlanOutcome),
    /// The executor of a push-mode member has news that no commit holds yet.
    Reported(ClusterName, News),
    /// [`Effect::CommitStatus`] ended.
    StatusCommitted(StatusOutcome),
    /// [`Effect::Push`] ended.
    Pushed(PushOutcome),
    /// The instant of the last [`Effect::WakeAt`] has come.
    Woke,
}

/// How urgent an executor's news are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The first word from this member since it was connected, or its readiness flipped.
    Member,
    /// Something about its objects or its capacity.
    Objects,
}

/// What reading the source gave.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadOutcome {
    /// A commit that validates, and the members that it registers.
    Ready {
        /// The source commit.
        commit: ObjectId,
        /// Its members and who applies their work.
        members: BTreeMap<ClusterName, SyncMode>,
    },
    /// A commit that does not validate. The refusal is recorded; the last good state stays in force.
    Refused {
        /// The source commit.
        commit: ObjectId,
    },
    /// The world failed. Nothing is known; try again.
    Failed,
}

/// What a plan came to.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanOutcome {
    /// The results in git say what the plan says, whether it took a commit or not.
    InForce {
        /// Tip of the results branch that holds the plan.
        results: ObjectId,
        /// Whether the remote has it too; a local repository is its own remote.
        pushed: bool,
        /// Id of each member's work: the tree that its work ref shows.
        works: BTreeMap<ClusterName, ObjectId>,
        /// When the plan would come out differently by time alone.
        next: Option<Timestamp>,
    },
    /// It removes more than the guard allows and waits for an approval in the source.
    Held,
    /// Someone else moved a ref of ours. Read it again and plan again.
    Moved,
    /// The world failed. Try again.
    Failed,
}

/// What committing reports came to.
#[derive(Clone, Debug, PartialEq)]
pub enum StatusOutcome {
    /// The refs hold all that was reported; `changed` says whether any tree changed.
    Committed {
        /// Whether a plan could come out differently for it.
        changed: bool,
        /// Whether the remote has it too.
        pushed: bool,
    },
    /// The world failed; these members' news are still uncommitted.
    Failed(Vec<ClusterName>),
}

/// What pushing to the remote came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The remote has all that we have.
    Done,
    /// Someone else moved a ref of ours there: plan again from what it says.
    Moved,
    /// The remote cannot be reached.
    Failed,
}

/// What the daemon has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read and validate the source; answer with [`Event::Loaded`].
    Load,
    /// Plan from the loaded fleet and the newest reports, publish the results if they differ, and
    /// answer with [`Event::Planned`].
    Plan,
    /// Commit the uncommitted reports of these members; answer with [`Event::StatusCommitted`].
    CommitStatus(Vec<ClusterName>),
    /// Push what the remote does not have yet; answer with [`Event::Pushed`].
    Push,
    /// Start the executor of a push-mode member.
    Connect(ClusterName),
    /// Stop the executor of a member that is no longer ours to write to. Its objects stay.
    Disconnect(ClusterName),
    /// Hand a member's executor its work. The results that hold it are committed.
    Apply {
        /// The member.
        cluster: ClusterName,
        /// Commit of the results that holds the work.
        results: ObjectId,
    },
    /// Send [`Event::Woke`] at this instant, replacing any earlier request.
    WakeAt(Timestamp),
}

/// How long the engine waits for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Shortest time between two publications of results; zero for a local repository.
    pub publish: Duration,
    /// How long news about objects may wait so that they share a commit.
    pub status: Duration,
    /// How long the first plan after a member was connected waits for its first word.
    pub first_report: Duration,
    /// After this long without a hint the source is read anyway: hints can get lost.
    pub resync: Duration,
}

/// The control loop's whole state.
#[derive(Clone, Debug)]
pub struct Engine {
    timing: Timing,
    /// The one job that has the repository now.
    job: Option<Job>,
    /// What the fleet needs next.
    need: Need,
    /// Members of the last commit that validated.
    members: BTreeMap<ClusterName, Member>,
    /// Whether any commit was ever loaded: without a fleet there is nothing to plan.
    loaded: bool,
    last_load: Option<Timestamp>,
    last_publish: Option<Timestamp>,
    replan_at: Option<Timestamp>,
    load_backoff: Backoff,
    plan_backoff: Backoff,
    status_backoff: Backoff,
    push_backoff: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Load,
    Plan,
    CommitStatus,
    Push,
}

#[derive(Clone, Debug, Default)]
struct Need {
    load: bool,
    plan: bool,
    push: bool,
    /// A member spoke for the first time, or its readiness flipped: the next plan must know it.
    status_first: bool,
    /// Members with uncommitted news, and by when these are to be committed.
    status: BTreeMap<ClusterName, Timestamp>,
}

#[derive(Clone, Debug)]
struct Member {
    mode: SyncMode,
    /// Until when the plan waits for this member's first word; `None` once it spoke.
    awaited_until: Option<Timestamp>,
    /// The work that its executor was handed last.
    handed: Option<ObjectId>,
}

impl Engine {
    /// An engine that knows nothing yet. It does nothing before [`Event::Started`].
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            job: None,
            need: Need::default(),
            members: BTreeMap::new(),
            loaded: false,
            last_load: None,
            last_publish: None,
            replan_at: None,
            load_backoff: Backoff::default(),
            plan_backoff: Backoff::default(),
            status_backoff: Backoff::default(),
            push_backoff: Backoff::default(),
        }
    }

    /// Whether nothing is under way and nothing is wanted: the fleet is as the source says, as far
    /// as the repository goes.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.job.is_none()
            && !self.need.load
            && !self.need.plan
            && !self.need.push
            && self.need.status.is_empty()
    }

    /// Members whose executor runs here.
    #[must_use]
    pub fn connected(&self) -> BTreeSet<&ClusterName> {
        let pushes = |member: &&Member| member.mode == SyncMode::Push;
        self.members.iter().filter(|(_, member)| pushes(member)).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests;
