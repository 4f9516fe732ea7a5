//! From the fleet to published results: the four lines where git, policy and clusters meet.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Edits, Ledger, LedgerError, Loaded, Reach, Results, changes};
use crate::api::cluster::{ApiEnablement, ApiResource, ClusterStatus, SyncMode};
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::ClusterReport;
use crate::customize::Rules;
use crate::daemon::inputs::{self, PlanInputs};
use crate::daemon::status_ref::{StatusRef, keep_unsaid};
use crate::fleet::Fleet;
use crate::member::{DesiredObject, DesiredWork};
use crate::plan::{DecisionFile, Inputs, Plan, PlanDiff, Previous, RenderedFile};
use crate::store::{Change, NewCommit, PathChange, PublishError, RefName, RefUpdate, Render};

/// How many results commits back removed works are looked for when a controller starts. An object
/// is in doubt only between its application and the next status commit, a second later.
pub(super) const HISTORY_MAX: usize = 500;

/// A plan whose results are in force.
pub struct Planned {
    /// Tip of the results branch.
    pub results: ObjectId,
    /// Whether the remote has it.
    pub pushed: bool,
    /// Whether it took a commit.
    pub diff: PlanDiff,
    /// Tree of each member's work.
    pub works: BTreeMap<ClusterName, ObjectId>,
    /// Instant at which time alone changes the plan.
    pub next: Option<Timestamp>,
    /// The plan.
    pub plan: Plan,
}

/// A plan that removes too much to be acted upon without a person's word.
#[derive(Clone, Debug)]
pub struct Hold {
    /// What stands behind the refusal, for a person.
    pub reason: String,
    /// The trailer that approves exactly this removal.
    pub approval: Approval,
}

/// The reason, and what to do if the removal is meant.
impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\n  hint: if this is meant, run `git fleet approve {}` in a clone and push, or push a commit with the trailer\n    {}: {}",
            self.reason,
            self.approval.0,
            Approval::TRAILER,
            self.approval.0
        )
    }
}

/// Most source commits that an approval is looked for in: those since the last plan that was carried
/// out.
const APPROVALS_MAX: usize = 1_000;

/// Names one set of removals: the same set has the same name, any other set another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval(pub String);

impl Approval {
    /// Trailer of a source commit that approves a removal.
    pub const TRAILER: &str = "Fleet-Approve-Removal";

    /// Whether a commit message carries this approval.
    #[must_use]
    pub fn is_in(&self, message: &str) -> bool {
        has_trailer(message, Self::TRAILER, &self.0)
    }
}

/// Whether a commit message says this, anywhere: forges put their own words behind what people write.
pub(super) fn has_trailer(message: &str, trailer: &str, text: &str) -> bool {
    message
        .lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(key, value)| key.trim().eq_ignore_ascii_case(trailer) && value.trim() == text)
}

/// What a plan would do, without doing it.
pub struct Preview {
    /// The plan.
    pub plan: Plan,
    /// Its difference from the results in force.
    pub diff: PlanDiff,
    /// Why it would wait for an approval, if it would.
    pub hold: Option<Hold>,
}

impl Ledger {
    /// Plans for a commit that need not be the source's, and publishes nothing. The clusters of
    /// `supposed` count as reporting that of themselves; what it leaves out is as they reported it, and
    /// of APIs, where nothing is known, they serve all that the commit asks for.
    ///
    /// # Errors
    /// The results or the reports in git cannot be read.
    pub fn preview(
        &mut self,
        loaded: &Loaded,
        supposed: &BTreeMap<ClusterName, ClusterStatus>,
        now: Timestamp,
    ) -> Result<Preview, LedgerError> {
        self.refresh(&loaded.fleet)?;
        let mut reports = self.reports();
        for (name, status) in supposed {
            let report = reports.get(name);
            let commit = report.map_or(ObjectId::from_bytes([0; 20]), |report| report.commit);
            let objects = report.map(|report| report.objects.clone()).unwrap_or_default();
            let mut status = status.clone();
            if let Some(report) = report {
                keep_unsaid(&mut status, &report.cluster);
            }
            if status.api_enablements.is_empty() {
                status.api_enablements = all_that_is_asked_for(&loaded.fleet);
            }
            let report = ClusterReport { commit, cluster: status, objects };
            reports.insert(name.clone(), Arc::new(report));
        }
        let (plan, diff) = self.make(&loaded.fleet, &reports, now)?;
        let hold = self.hold(&loaded.fleet, &diff)?;
        Ok(Preview { plan, diff, hold })
    }

    /// Plans for the loaded fleet, and makes git say so.
    ///
    /// # Errors
    /// Git cannot be read or written, or someone else moved a ref of ours (read it again and plan
    /// again).
    ///
    /// # Panics
    /// Before a fleet was loaded.
    pub fn plan(&mut self, now: Timestamp) -> Result<Result<Planned, Hold>, LedgerError> {
        let fleet =
            Arc::clone(self.fleet.as_ref().expect("a fleet is loaded before it is planned"));
        self.refresh(&fleet)?;
        let (plan, diff) = self.make(&fleet, &self.reports(), now)?;
        if let Some(hold) = self.hold(&fleet, &diff)? {
            return Ok(Err(hold));
        }
        let outcome = self.publish(&fleet, &plan, &diff, now);
        if matches!(&outcome, Err(LedgerError::Publish(PublishError::Moved { .. }))) {
            // Whoever wrote it: what is known of the past is no longer all of it.
            self.results = None;
            self.work_since.clear();
        }
        let (results, pushed, works) = outcome?;
        self.has_moved = false;
        let next = plan.next_wake;
        Ok(Ok(Planned { results, pushed, diff, works, next, plan }))
    }

    /// Brings results and pull-mode members' reports up to what the refs say.
    fn refresh(&mut self, fleet: &Fleet) -> Result<(), LedgerError> {
        self.refresh_statuses(fleet)?;
        if self.results.is_none() {
            self.fetch_record(fleet)?;
        }
        let refname = self.layout.results();
        let tip = self.our_tip(&refname)?;
        self.recall_held(fleet, tip)?;
        if self.results.as_ref().is_some_and(|results| results.tip == tip) {
            return Ok(());
        }
        let (files, previous) = match tip {
            None => (BTreeMap::new(), Previous::default()),
            Some(commit) => {
                let files = self.store.files(commit)?;
                let mut blobs = Vec::new();
                let is_read = |path: &str| {
                    ["bindings/", "work/", "surveys/"].iter().any(|dir| path.starts_with(dir))
                };
                for (path, blob) in files.iter().filter(|(path, _)| is_read(path)) {
                    blobs.push((path.as_str(), self.store.blob(*blob)?));
                }
                let read =
                    Previous::read(blobs.iter().map(|(path, bytes)| (*path, bytes.as_slice())));
                let previous = read.map_err(|error| LedgerError::Results {
                    refname: refname.to_string(),
                    commit,
                    reason: error.to_string(),
                })?;
                (files, previous)
            }
        };
        self.recall_answers(tip, &files)?;
        let mut others = files;
        others.retain(|path, _| !previous.has_file(path));
        self.results = Some(Results { tip, others, previous });
        Ok(())
    }

    /// Remembers what earlier works of push-mode members held that are new to this process: their
    /// executor prunes what is left of it.
    ///
    /// INVARIANT: no further back than the work that was settled last. What was removed before that
    /// is gone or let go; if it is there again, somebody else made it.
    fn recall_held(&mut self, fleet: &Fleet, tip: Option<ObjectId>) -> Result<(), LedgerError> {
        let is_push = |name: &ClusterName| {
            fleet.clusters.get(name).is_some_and(|c| c.value.spec.sync_mode == SyncMode::Push)
        };
        self.work_since.retain(|name, _| is_push(name));
        let new = fleet.clusters.keys().filter(|name| is_push(name));
        let new: BTreeSet<ClusterName> =
            new.filter(|name| !self.work_since.contains_key(*name)).cloned().collect();
        let Some(tip) = tip.filter(|_| !new.is_empty()) else { return Ok(()) };
        let settled =
            |name: &ClusterName| Some(self.statuses.get(name).and_then(StatusRef::settled)?.work);
        let mut until: BTreeMap<ObjectId, Vec<&str>> = BTreeMap::new();
        for name in &new {
            if let Some(commit) = settled(name) {
                until.entry(commit).or_default().push(name.as_str());
            }
        }
        let open: BTreeSet<&str> = new.iter().map(ClusterName::as_str).collect();
        let (open, mut changed) = (RefCell::new(open), BTreeSet::new());
        let held = &mut self.held;
        self.store.walk_changes(
            tip,
            "work",
            HISTORY_MAX,
            |commit| {
                let mut open = open.borrow_mut();
                for name in until.get(&commit).into_iter().flatten() {
                    open.remove(name);
                }
                !open.is_empty()
            },
            |path, change| {
                let Some((name, rest)) = path.split_once('/') else { return };
                if !open.borrow().contains(name) {
                    return;
                }
                changed.insert(name.to_owned());
                let key = ObjectKey::from_file(rest);
                if let (PathChange::Removed, Some(key), Ok(name)) =
                    (change, key, ClusterName::new(name))
                {
                    held.entry(name).or_default().insert(key);
                }
            },
        )?;
        for name in &new {
            let since = settled(name).filter(|_| !changed.contains(name.as_str()));
            self.work_since.insert(name.clone(), since.unwrap_or(tip));
        }
        Ok(())
    }

    fn make(
        &mut self,
        fleet: &Fleet,
        reports: &BTreeMap<ClusterName, Arc<ClusterReport>>,
        now: Timestamp,
    ) -> Result<(Plan, PlanDiff), LedgerError> {
        let results = self.results.as_ref().expect("refreshed before it is planned");
        self.interpreter.load(Arc::new(Rules::of(fleet)));
        self.interpreter.begin_plan();
        let (previous, interpreter) = (&results.previous, &self.interpreter);
        let inputs = Inputs { fleet, reports, previous, interpreter, now };
        let plan = crate::plan::make(&inputs, &mut self.memo);
        let mut diff = plan.diff(&results.previous);
        for (cluster, held) in self.returned(fleet)? {
            diff.come_back(&plan, &cluster, held);
        }
        // Whatever goes may have been held.
        diff.removals.is_blind = results.tip.is_none() || self.has_moved;
        Ok((plan, diff))
    }

    /// The clusters that are new to the results and were of the fleet before, with what their last work held and
    /// what they last reported: nothing was removed there when they left, or when the results were lost or others
    /// were looked for.
    ///
    /// INVARIANT: nothing is pruned in them ([`Ledger::desired`]) that is not among these.
    fn returned(
        &self,
        fleet: &Fleet,
    ) -> Result<BTreeMap<ClusterName, BTreeSet<ObjectKey>>, LedgerError> {
        let known = self.results.as_ref().filter(|_| !self.has_moved);
        let is_new = |name: &&ClusterName| {
            let file = format!("clusters/{name}.yaml");
            known.is_none_or(|results| !results.others.contains_key(&file))
        };
        let names = fleet.clusters.keys().filter(is_new);
        let refs: BTreeMap<&ClusterName, RefName> =
            names.map(|name| (name, self.layout.work(name))).collect();
        if self.only_looks() && !refs.is_empty() {
            // Whoever writes has fetched all work refs at the start.
            self.store.fetch(&refs.values().cloned().collect::<Vec<_>>())?;
        }
        let mut returned = BTreeMap::new();
        for (name, work) in refs {
            let mut keys = self.held.get(name).cloned().unwrap_or_default();
            keys.extend(self.last_reported(name).cloned());
            if let Some(tip) = self.our_tip(&work)? {
                let files = self.store.files(tip)?;
                keys.extend(files.keys().filter_map(|file| ObjectKey::from_file(file)));
            }
            // What the results know of is compared with them.
            let previous = self.results.iter().flat_map(|results| &results.previous.bindings);
            for (key, _) in previous.filter(|(_, one)| one.works().any(|(other, _)| other == name))
            {
                keys.remove(key);
            }
            if !keys.is_empty() {
                returned.insert(name.clone(), keys);
            }
        }
        Ok(returned)
    }

    pub(super) fn reports(&self) -> BTreeMap<ClusterName, Arc<ClusterReport>> {
        let committed = |(name, status): (&ClusterName, &crate::daemon::status_ref::StatusRef)| {
            Some((name.clone(), Arc::clone(status.committed()?)))
        };
        self.statuses.iter().filter_map(committed).collect()
    }

    fn hold(&self, fleet: &Fleet, diff: &PlanDiff) -> Result<Option<Hold>, LedgerError> {
        if diff.left.is_empty() && diff.removals.total().n_removed == 0 {
            return Ok(None);
        }
        let guards = match self.guards_in_force()? {
            Some(old) => crate::check::stricter(&old, &fleet.settings.guards),
            None => fleet.settings.guards.clone(),
        };
        let refusals = crate::check::guard(&guards, diff);
        if refusals.is_empty() {
            return Ok(None);
        }
        let approval = Approval(crate::check::removal_id(diff));
        let mut messages =
            self.store.messages_since(self.in_force()?, fleet.commit, APPROVALS_MAX)?;
        if messages.any(|message| approval.is_in(&message)) {
            return Ok(None);
        }
        Ok(Some(Hold { reason: crate::check::why(&refusals), approval }))
    }

    /// INVARIANT: all refs move together or none does, and only from where they were read.
    fn publish(
        &mut self,
        fleet: &Fleet,
        plan: &Plan,
        diff: &PlanDiff,
        now: Timestamp,
    ) -> Result<(ObjectId, bool, BTreeMap<ClusterName, ObjectId>), LedgerError> {
        let mut others = plan.other_files();
        others.extend(self.answers(fleet));
        let results = self.results.as_ref().expect("refreshed before it is published");
        let mut edits = edits(&results.others, &others);
        let decided: Vec<_> = plan.changes(&results.previous).collect();
        let mut updates = Vec::new();
        let message = message(&crate::plan::subject(diff), fleet.commit, now);
        let mut batch = self.store.batch();
        let tip = match results.tip {
            // The guards in force are those of the source that the results name.
            Some(tip)
                if edits.is_empty()
                    && decided.is_empty()
                    && self.guards_in_force()?.is_none_or(|old| old == fleet.settings.guards) =>
            {
                tip
            }
            old => {
                let name = self.layout.results();
                let parent = self.upkeep.base(&self.store, &mut batch, &name, old, now)?;
                let input = PlanInputs {
                    engine: env!("CARGO_PKG_VERSION").to_owned(),
                    source: fleet.commit,
                    previous: parent,
                    now,
                    status: self.reports().iter().map(|(n, r)| (n.clone(), r.commit)).collect(),
                };
                let file = RenderedFile::yaml(&input);
                edits.insert(inputs::PATH.to_owned(), Some(Arc::clone(&file)));
                others.insert(inputs::PATH.to_owned(), file);
                let mut changes = changes(&edits);
                changes.extend(decided.iter().map(|(path, file)| match file {
                    Some(file) => Change::render(path, file),
                    None => Change::delete(path),
                }));
                let commit = NewCommit { parent, changes: &changes, message: &message, time: now };
                let new = batch.commit(&commit)?;
                self.upkeep.grew(&name, new, now);
                updates.push(RefUpdate { name, old, new: Some(new) });
                new
            }
        };
        let mut works = BTreeMap::new();
        for cluster in fleet.clusters.keys() {
            let tree = match batch.find(tip, &format!("work/{cluster}"))? {
                Some(tree) => tree,
                None => batch.tree(None, &[])?,
            };
            works.insert(cluster.clone(), tree);
            let name = self.layout.work(cluster);
            let old = self.our_tip(&name)?;
            let shown = old.map(|old| batch.tree_of(old)).transpose()?;
            if shown != Some(tree) {
                let base = self.upkeep.base(&self.store, &mut batch, &name, old, now)?;
                let new = batch.commit_tree(base, tree, &message, now);
                self.upkeep.grew(&name, new, now);
                updates.push(RefUpdate { name, old, new: Some(new) });
            }
        }
        batch.write()?;
        let reach = if updates.is_empty() { Reach::Everywhere } else { self.move_refs(updates)? };
        let pushed = reach == Reach::Everywhere;
        self.remember_held(plan);
        for cluster in self.push_members().collect::<Vec<_>>() {
            if diff.works.contains_key(&cluster) || !self.work_since.contains_key(&cluster) {
                self.work_since.insert(cluster, tip);
            }
        }
        let others = others.into_iter().map(|(path, file)| (path, file.id)).collect();
        let previous = Previous::from(plan);
        self.results = Some(Results { tip: Some(tip), others, previous });
        Ok((tip, pushed, works))
    }

    /// Adds what the new plan no longer holds to what the executors may have to prune, and takes
    /// away what it holds again.
    fn remember_held(&mut self, plan: &Plan) {
        let is_in_plan = |cluster: &ClusterName, key: &ObjectKey| {
            plan.works.get(cluster).is_some_and(|works| works.contains_key(key))
        };
        if let Some(before) = &self.results {
            for (key, remembered) in &before.previous.bindings {
                for (cluster, _) in remembered.works().filter(|(name, _)| !is_in_plan(name, key)) {
                    self.held.entry(cluster.clone()).or_default().insert(key.clone());
                }
            }
            // Works that no binding speaks of.
            for path in before.others.keys() {
                let work = path.strip_prefix("work/").and_then(|path| path.split_once('/'));
                let Some((cluster, rest)) = work else { continue };
                let key = ObjectKey::from_file(rest);
                if let (Ok(cluster), Some(key)) = (ClusterName::new(cluster), key)
                    && !is_in_plan(&cluster, &key)
                {
                    self.held.entry(cluster).or_default().insert(key);
                }
            }
        }
        for (cluster, held) in &mut self.held {
            if let Some(works) = plan.works.get(cluster) {
                held.retain(|key| !works.contains_key(key));
            }
        }
    }

    /// What a cluster last reported of.
    fn last_reported(&self, cluster: &ClusterName) -> impl Iterator<Item = &ObjectKey> {
        let status = self.statuses.get(cluster).and_then(|status| status.committed());
        status.into_iter().flat_map(|report| report.objects.keys())
    }

    /// The work of one push-mode member, to hand to its executor.
    #[must_use]
    pub fn desired(&mut self, cluster: &ClusterName, plan: &Plan) -> DesiredWork {
        let fleet = self.fleet.as_ref().expect("a plan has a fleet");
        let source = fleet.commit;
        let meaning = self.meanings.by(&Rules::of(fleet));
        let works = plan.works.get(cluster);
        let objects = works.into_iter().flat_map(|works| works.iter()).map(|(key, work)| {
            let object = DesiredObject { manifest: work.manifest.clone(), work: work.id };
            (key.clone(), object)
        });
        let mut held: BTreeSet<ObjectKey> = self.held.get(cluster).cloned().unwrap_or_default();
        held.extend(self.last_reported(cluster).cloned());
        let objects: BTreeMap<ObjectKey, DesiredObject> = objects.collect();
        held.retain(|key| !objects.contains_key(key));
        DesiredWork {
            source,
            commit: *self.work_since.get(cluster).expect("noted when it was published"),
            objects,
            held,
            leaves: fleet.clusters.get(cluster).is_some_and(|one| one.value.departure().is_some()),
            models: plan.models(cluster).into(),
            meaning,
        }
    }

    /// Push-mode members of the loaded fleet.
    pub fn push_members(&self) -> impl Iterator<Item = ClusterName> {
        self.members().into_iter().filter(|(_, mode)| *mode == SyncMode::Push).map(|(name, _)| name)
    }
}

impl Render for DecisionFile<'_> {
    fn render(&self) -> Cow<'_, [u8]> {
        self.bytes().into()
    }
}

/// The APIs of all templates.
fn all_that_is_asked_for(fleet: &Fleet) -> Vec<ApiEnablement> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for template in fleet.templates.values() {
        let kinds = kinds.entry(template.manifest.api_version().to_owned()).or_default();
        kinds.insert(template.key.group_kind.kind.to_string());
    }
    let resource = |kind: String| ApiResource { name: String::new(), kind };
    let enablement = |(group_version, kinds): (String, BTreeSet<String>)| ApiEnablement {
        group_version,
        resources: kinds.into_iter().map(resource).collect(),
    };
    kinds.into_iter().map(enablement).collect()
}

/// What turns the tree with `before` into the tree with `after`. `inputs.yaml` does not count.
fn edits(
    before: &BTreeMap<String, ObjectId>,
    after: &BTreeMap<String, Arc<RenderedFile>>,
) -> Edits {
    let written = after.iter().filter(|(path, file)| before.get(*path) != Some(&file.id));
    let mut edits: Edits =
        written.map(|(path, file)| (path.clone(), Some(Arc::clone(file)))).collect();
    let deleted = before.keys().filter(|path| *path != inputs::PATH && !after.contains_key(*path));
    edits.extend(deleted.map(|path| (path.clone(), None)));
    edits
}

fn message(subject: &str, source: ObjectId, now: Timestamp) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("{subject}\n\nFleet-Source: {source}\nFleet-Time: {now}\nFleet-Version: {version}\n")
}
