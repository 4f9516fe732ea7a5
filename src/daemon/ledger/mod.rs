//! The one owner of the repository: reads the source, makes plans, commits results and reports.
//!
//! A `Ledger` is synchronous and single-threaded. The controller gives it a thread of its own; the
//! verbs of the command line call it directly, so `git fleet plan` and the controller run the same
//! code.

mod answers;
mod checks;
mod clone;
mod error;
mod note;
mod plan;
mod publish;
mod recorded;
mod remotes;
mod source;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::api::cluster::{Cluster, ResourceModel, SyncMode};
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::problem::Problem;
use crate::api::report::ClusterReport;
use crate::customize::{Interpreter, Limits, Program};
use crate::daemon::identities::{Identities, WayOut};
use crate::daemon::meanings::Meanings;
use crate::daemon::status_ref::StatusRef;
use crate::daemon::upkeep::Upkeep;
use crate::fleet::{Fleet, ParsedFile};
use crate::plan::{Memo, Previous, RenderedFile};
use crate::store::{
    Change, Lane, Layout, Location, RefName, RefUpdate, RemoteUrl, Store, Upstream,
};

pub use checks::{Origin, fleet_of};
pub use error::LedgerError;
pub use plan::{Approval, Hold, Planned, Preview};
pub use publish::Reach;
pub use recorded::Recorded;
pub use source::Loaded;

/// What the flags of the command line fix, before any `fleet.yaml` has been read.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Source branch; from `fleet.yaml` if not given.
    pub source_branch: Option<String>,
    /// Prefix of the machine-owned refs; from `fleet.yaml` if not given.
    pub refs_prefix: Option<String>,
}

/// The repository, and what is known of it.
pub struct Ledger {
    store: Store,
    overrides: Overrides,
    layout: Layout,
    /// Parsed files by path: a file that did not change is not read again.
    parsed: BTreeMap<Arc<str>, Arc<ParsedFile>>,
    fleet: Option<Arc<Fleet>>,
    /// Whether other refs are ours than those of the last plan: what runs is then not of their results.
    has_moved: bool,
    warnings: Vec<Problem>,
    results: Option<Results>,
    memo: Memo,
    /// Says what templates mean.
    interpreter: Interpreter,
    /// Says what live objects mean.
    meanings: Meanings,
    statuses: BTreeMap<ClusterName, StatusRef>,
    /// Which cluster each member is, and who may write.
    identities: Identities,
    /// Keys that earlier works of a member held, while its executor may not have pruned them yet.
    held: BTreeMap<ClusterName, BTreeSet<ObjectKey>>,
    /// Commit of the results since which the work of a member is what it is; those that are absent
    /// are new to this process.
    work_since: BTreeMap<ClusterName, ObjectId>,
    /// The source commit that has its note, and what the note says.
    noted: Option<(ObjectId, String)>,
    /// The only source commit that may be loaded; any, if none is named.
    expected: Option<ObjectId>,
    /// For verbs that only look: the remotes among whose branches refs are looked for, too. `None`
    /// for who writes.
    looked_at: Option<Vec<Upstream>>,
    /// Whether webhooks are asked although the ledger only looks; who writes asks them anyway.
    calls_webhooks: bool,
    /// Where the source is.
    origin: Origin,
    /// What the remote lacks because it could not be reached; empty for a local repository.
    unpushed: BTreeMap<RefName, RefUpdate>,
    upkeep: Upkeep,
    /// Where results, work and status go since the start; `None` before any settings were read.
    remotes: Option<BTreeMap<Lane, RemoteUrl>>,
}

/// The tip of the results branch, taken apart.
struct Results {
    tip: Option<ObjectId>,
    /// The files that are no decision's.
    others: BTreeMap<String, ObjectId>,
    previous: Previous,
}

impl Ledger {
    /// Has this program run users' scripts, in place of the one that runs.
    pub fn run_scripts_with(&mut self, program: &Program) {
        self.interpreter = Interpreter::new(program.clone(), Limits::default());
        self.meanings = Meanings::new(program.clone());
    }

    /// Opens the repository at `location`; a remote one is cloned below `state_dir`.
    ///
    /// # Errors
    /// The repository cannot be opened or reached for the first time.
    pub fn open(
        location: &Location,
        state_dir: &Path,
        overrides: Overrides,
    ) -> Result<Self, LedgerError> {
        let store = Store::open(location, state_dir)?;
        let layout = Layout::new(
            overrides.source_branch.as_deref().unwrap_or("main"),
            overrides.refs_prefix.as_deref().unwrap_or("fleet"),
        )?;
        Ok(Self {
            store,
            overrides,
            layout,
            parsed: BTreeMap::new(),
            fleet: None,
            has_moved: false,
            warnings: Vec::new(),
            results: None,
            memo: Memo::default(),
            interpreter: Interpreter::new(Program::this(), Limits::default()),
            meanings: Meanings::new(Program::this()),
            statuses: BTreeMap::new(),
            identities: Identities::new(WayOut::Registration),
            held: BTreeMap::new(),
            work_since: BTreeMap::new(),
            noted: None,
            expected: None,
            looked_at: None,
            calls_webhooks: false,
            origin: match location {
                Location::Remote(url) if !url.is_on_this_machine() => Origin::Hosted,
                _ => Origin::Here,
            },
            unpushed: BTreeMap::new(),
            upkeep: Upkeep::default(),
            remotes: None,
        })
    }

    /// The store, for verbs that only read.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The refs in use.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The fleet of the last commit that validated.
    #[must_use]
    pub fn fleet(&self) -> Option<&Arc<Fleet>> {
        self.fleet.as_ref()
    }

    /// The grades that the nodes of each member of the loaded fleet are counted in.
    #[must_use]
    pub fn models(&self) -> BTreeMap<ClusterName, Arc<[ResourceModel]>> {
        let clusters = self.fleet.iter().flat_map(|fleet| &fleet.clusters);
        let models = |cluster: &Cluster| cluster.spec.resource_models.as_slice().into();
        clusters.map(|(name, cluster)| (name.clone(), models(&cluster.value))).collect()
    }

    /// Members of the loaded fleet and who applies their work.
    #[must_use]
    pub fn members(&self) -> BTreeMap<ClusterName, SyncMode> {
        let clusters = self.fleet.iter().flat_map(|fleet| &fleet.clusters);
        clusters.map(|(name, cluster)| (name.clone(), cluster.value.spec.sync_mode)).collect()
    }
}

/// Files of the results that are to change: their new content, or `None` to delete them.
type Edits = BTreeMap<String, Option<Arc<RenderedFile>>>;

/// The form in which the store takes edits.
fn changes(edits: &Edits) -> Vec<Change<'_>> {
    edits
        .iter()
        .map(|(path, file)| match file {
            Some(file) => Change::write(path, &file.bytes),
            None => Change::delete(path),
        })
        .collect()
}

impl Ledger {
    /// From now on the source is loaded at this commit only.
    pub fn expect(&mut self, commit: ObjectId) {
        self.expected = Some(commit);
    }
}

/// For verbs that only look.
impl Ledger {
    /// Whether a file at `path` would be committed by who adds all that is new in the work tree.
    #[must_use]
    pub fn would_commit(&self, path: &Path) -> bool {
        self.store.would_commit(path)
    }

    /// What the executors of these members last reported. Those that never did are absent.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn reported(
        &self,
        clusters: &[ClusterName],
    ) -> Result<BTreeMap<ClusterName, Arc<ClusterReport>>, LedgerError> {
        let refs: Vec<RefName> = clusters.iter().map(|name| self.layout.status(name)).collect();
        self.store.fetch(&refs)?;
        let mut reported = BTreeMap::new();
        for (cluster, refname) in clusters.iter().zip(refs) {
            let Some(status) = self.status_at(cluster, &refname)? else { continue };
            reported.extend(status.committed().map(|report| (cluster.clone(), Arc::clone(report))));
        }
        Ok(reported)
    }

    /// The status that a ref holds, which was fetched.
    fn status_at(
        &self,
        cluster: &ClusterName,
        refname: &RefName,
    ) -> Result<Option<StatusRef>, LedgerError> {
        let Some(tip) = self.tip(refname)? else { return Ok(None) };
        let mut status = StatusRef::new(cluster.clone());
        let files = self.store.files(tip)?;
        let none = BTreeMap::new();
        if let Err(error) = status.advance(tip, &files, &none, |blob| self.store.blob(blob)) {
            tracing::warn!(%cluster, commit = %tip, %error, "a status is unreadable");
        }
        Ok(Some(status))
    }
}
