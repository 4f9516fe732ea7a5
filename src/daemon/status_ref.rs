//! The content of a status ref: what one executor reports, as files.
//!
//! ```text
//! cluster.yaml                                      Cluster with its status
//! objects/<namespace>/<kind>.<group>/<name>.yaml    one ObjectReport for each object it holds
//! settled.yaml                                      the work of which nothing was left to remove
//! ```
//!
//! The same code writes it in the controller, for the members that it pushes to, and in the agent.
//! Only changes that matter are written: a counter or a timestamp alone makes no commit.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::cluster::{AllocatableModeling, ClusterStatus};
use crate::api::condition::{self, ConditionStatus};
use crate::api::manifest::ObjectKey;
use crate::api::marks::CONDITION_COMPLETE_API_ENABLEMENTS;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::{ClusterReport, ObjectReport};
use crate::api::yaml;
use crate::engine::News;
use crate::member::MemberReport;
use crate::store::{Change, Render};

const CLUSTER_PATH: &str = "cluster.yaml";
const OBJECTS_DIR: &str = "objects/";
const SETTLED_PATH: &str = "settled.yaml";

/// Largest share by which a member's capacity may differ before it is worth a commit, in percent.
const CAPACITY_CHANGE_PERCENT: i128 = 5;

/// What the next commit of a status ref has to change. No file is rendered before it is put.
#[derive(Debug)]
pub struct StatusEdits<'s>(Vec<(String, Option<StatusFile<'s>>)>);

impl StatusEdits<'_> {
    /// Whether the ref holds all that was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form in which the store takes them.
    #[must_use]
    pub fn changes(&self) -> Vec<Change<'_>> {
        let changes = self.0.iter().map(|(path, file)| match file {
            Some(file) => Change::render(path, file),
            None => Change::delete(path),
        });
        changes.collect()
    }
}

/// One file of a status ref.
#[derive(Debug)]
enum StatusFile<'s> {
    Cluster(Box<ClusterFile>),
    Object(&'s ObjectReport),
    Settled(SettledFile),
}

impl Render for StatusFile<'_> {
    fn render(&self) -> Cow<'_, [u8]> {
        let bytes = match self {
            Self::Cluster(file) => yaml::to_bytes(file),
            Self::Object(report) => yaml::to_bytes(report),
            Self::Settled(file) => yaml::to_bytes(file),
        };
        bytes.into()
    }
}

/// Why a status ref could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusRefError {
    /// A file is not what an executor writes.
    #[error("`{path}` in the status of cluster {cluster} cannot be read: {reason}")]
    File {
        /// Whose status.
        cluster: ClusterName,
        /// Path in the status tree.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// `cluster.yaml` of a status ref: a Cluster that consists of its status.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterFile {
    api_version: String,
    kind: String,
    metadata: ClusterFileMeta,
    #[serde(default)]
    status: ClusterStatus,
}

#[derive(Debug, Serialize, Deserialize)]
struct ClusterFileMeta {
    name: ClusterName,
}

/// `settled.yaml` of a status ref.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledFile {
    /// Commit since which the work is what was in force when nothing earlier was left to be removed.
    pub work: ObjectId,
    /// What was let go of in place of being deleted, and why, for a person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kept: BTreeSet<String>,
}

/// One member's reports: what its status ref holds, and what it does not hold yet.
#[derive(Debug)]
pub struct StatusRef {
    cluster: ClusterName,
    /// What the ref holds; `None` until there is a commit with a readable cluster status.
    committed: Option<Arc<ClusterReport>>,
    tip: Option<ObjectId>,
    pending_cluster: Option<ClusterStatus>,
    pending_objects: BTreeMap<ObjectKey, Option<Arc<ObjectReport>>>,
    settled: Option<SettledFile>,
    pending_settled: Option<SettledFile>,
    /// Whether the executor that runs now has spoken.
    heard: bool,
}

impl StatusRef {
    /// The reports of a member whose status ref does not exist yet.
    #[must_use]
    pub fn new(cluster: ClusterName) -> Self {
        Self {
            cluster,
            committed: None,
            tip: None,
            pending_cluster: None,
            pending_objects: BTreeMap::new(),
            settled: None,
            pending_settled: None,
            heard: false,
        }
    }

    /// Commit that the ref is known to be at.
    #[must_use]
    pub fn tip(&self) -> Option<ObjectId> {
        self.tip
    }

    /// What the ref holds, for the plan.
    #[must_use]
    pub fn committed(&self) -> Option<&Arc<ClusterReport>> {
        self.committed.as_ref()
    }

    /// The newest work that was in force with nothing earlier left to be removed.
    #[must_use]
    pub fn settled(&self) -> Option<&SettledFile> {
        self.settled.as_ref()
    }

    /// The cluster that it is recorded as, by what was said last; empty if it never was.
    pub fn id(&self) -> &str {
        let committed = self.committed.as_ref().map(|report| &report.cluster);
        self.pending_cluster.as_ref().or(committed).map_or("", |status| &status.id)
    }

    /// Takes over the tree of a new tip, reading only the files that differ from `before`: those of the
    /// tip that it was at, or none for all to be read.
    ///
    /// Files of other names than an executor writes are passed over: what else a member's
    /// credentials put there changes nothing.
    ///
    /// # Errors
    /// A file that cannot be read leaves all as it was.
    pub fn advance<E: std::fmt::Display>(
        &mut self,
        tip: ObjectId,
        files: &BTreeMap<String, ObjectId>,
        before: &BTreeMap<String, ObjectId>,
        mut read: impl FnMut(ObjectId) -> Result<Vec<u8>, E>,
    ) -> Result<(), StatusRefError> {
        let fault = |path: &str, reason: String| StatusRefError::File {
            cluster: self.cluster.clone(),
            path: path.escape_debug().to_string(),
            reason,
        };
        let mut cluster = None;
        let mut settled = self.settled.clone().filter(|_| files.contains_key(SETTLED_PATH));
        let mut objects: Vec<(ObjectKey, Arc<ObjectReport>)> = Vec::new();
        for (path, blob) in files {
            if before.get(path) == Some(blob) {
                continue;
            }
            let mut bytes = || read(*blob).map_err(|error| fault(path, error.to_string()));
            if path == CLUSTER_PATH {
                let file: ClusterFile =
                    yaml::from_bytes(&bytes()?).map_err(|e| fault(path, e.to_string()))?;
                if file.metadata.name != self.cluster {
                    return Err(fault(path, format!("it names cluster {}", file.metadata.name)));
                }
                cluster = Some(file.status);
            } else if path == SETTLED_PATH {
                let file = yaml::from_bytes(&bytes()?);
                settled = Some(file.map_err(|e| fault(path, e.to_string()))?);
            } else if let Some(key) = object_key(path) {
                let object = yaml::from_bytes(&bytes()?).map_err(|e| fault(path, e.to_string()))?;
                objects.push((key, Arc::new(object)));
            }
        }
        let mut report = self.take_committed(tip);
        if before.is_empty() {
            report.objects.clear();
        }
        for path in before.keys().filter(|path| !files.contains_key(*path)) {
            if let Some(key) = object_key(path) {
                report.objects.remove(&key);
            }
        }
        report.objects.extend(objects);
        if let Some(status) = cluster {
            report.cluster = status;
        }
        self.committed = Some(Arc::new(report));
        self.settled = settled;
        self.tip = Some(tip);
        Ok(())
    }

    /// What is committed, to be changed to what `tip` holds.
    fn take_committed(&mut self, tip: ObjectId) -> ClusterReport {
        match self.committed.take() {
            Some(report) => ClusterReport { commit: tip, ..Arc::unwrap_or_clone(report) },
            None => ClusterReport {
                commit: tip,
                cluster: ClusterStatus::default(),
                objects: BTreeMap::new(),
            },
        }
    }

    /// Goes on from where someone else has moved the ref, `None`: deleted it. All that was reported is to be
    /// committed again, but for what is there. Without `keeps_id` the cluster is recorded anew.
    ///
    /// # Errors
    /// A file that cannot be read is replaced by what was reported, if that has it.
    pub fn go_on_from<E: std::fmt::Display>(
        &mut self,
        tip: Option<(ObjectId, BTreeMap<String, ObjectId>)>,
        keeps_id: bool,
        read: impl FnMut(ObjectId) -> Result<Vec<u8>, E>,
    ) -> Result<(), StatusRefError> {
        if let Some(report) = self.committed.take() {
            let ClusterReport { cluster, objects, .. } = Arc::unwrap_or_clone(report);
            if self.tip.is_some() {
                self.pending_cluster.get_or_insert(cluster);
            }
            for (key, object) in objects {
                self.pending_objects.entry(key).or_insert(Some(object));
            }
        }
        if let Some(status) = self.pending_cluster.as_mut().filter(|_| !keeps_id) {
            status.id.clear();
        }
        self.pending_objects.retain(|_, object| object.is_some());
        self.pending_settled = self.pending_settled.take().or(self.settled.take());
        self.tip = None;
        let Some((tip, files)) = tip else { return Ok(()) };
        let advanced = self.advance(tip, &files, &BTreeMap::new(), read);
        self.tip = Some(tip);
        for key in self.committed.iter().flat_map(|report| report.objects.keys()) {
            // What the ref has and the cluster has not was reported gone since.
            self.pending_objects.entry(key.clone()).or_insert(None);
        }
        advanced
    }

    /// Takes in what an executor said. Returns how urgent it is, or `None` if it says nothing new.
    pub fn absorb(&mut self, report: MemberReport) -> Option<News> {
        match report {
            MemberReport::Cluster(_, mut status) => {
                let first = !std::mem::replace(&mut self.heard, true);
                let committed = self.committed.as_ref().map(|report| &report.cluster);
                if let Some(committed) = committed {
                    keep_transitions(&mut status, committed);
                }
                let known = self.pending_cluster.as_ref().or(committed);
                // One that does not answer, or is not let in, is the cluster that it was.
                if let Some(known) = known.filter(|_| status.id.is_empty()) {
                    status.id.clone_from(&known.id);
                }
                if let Some(known) = known.filter(|known| known.id == status.id) {
                    keep_unsaid(&mut status, known);
                }
                let urgent = first || known.is_none_or(|known| ready(known) != ready(&status));
                let is_news = known.is_none_or(|known| differs(known, &status));
                // Back to what the ref holds: there is nothing to commit any more.
                let matters = committed.is_none_or(|committed| differs(committed, &status));
                self.pending_cluster = matters.then_some(status);
                match (first, is_news, urgent) {
                    (true, ..) | (false, true, true) => Some(News::Member),
                    (false, true, false) => Some(News::Objects),
                    (false, false, _) => None,
                }
            }
            // Whose it is, others decide: it comes back with the status.
            MemberReport::Identity(..) => None,
            MemberReport::Objects(_, objects) => {
                for (key, object) in objects {
                    let committed =
                        self.committed.as_ref().and_then(|report| report.objects.get(&key));
                    if committed == object.as_ref() {
                        self.pending_objects.remove(&key);
                    } else {
                        self.pending_objects.insert(key, object);
                    }
                }
                (!self.pending_objects.is_empty()).then_some(News::Objects)
            }
            MemberReport::Applied(_, round) => {
                if !round.is_settled {
                    return None;
                }
                let mut settled =
                    SettledFile { work: round.commit, kept: round.kept.into_iter().collect() };
                // An executor that starts anew does not know it any more.
                let before = self.settled.as_ref().filter(|before| before.work == round.commit);
                settled.kept.extend(before.into_iter().flat_map(|one| one.kept.iter().cloned()));
                let is_news = self.settled.as_ref() != Some(&settled);
                self.pending_settled = is_news.then_some(settled);
                self.pending_settled.as_ref().map(|_| News::Objects)
            }
        }
    }

    /// Notes that the status taken in before was said of this cluster. Returns how urgent that is.
    pub fn identify(&mut self, id: &str) -> Option<News> {
        let committed = self.committed.as_ref().map(|report| &report.cluster);
        let known = self.pending_cluster.as_ref().or(committed)?;
        // Without a word of the executor there is nothing to add to: it comes with the first one.
        if known.id == id || !self.heard {
            return None;
        }
        let status = ClusterStatus { id: id.to_owned(), ..known.clone() };
        self.pending_cluster = Some(status);
        Some(News::Objects)
    }

    /// What the next commit of this ref has to change; empty when it holds all that was reported.
    #[must_use]
    pub fn edits(&self) -> StatusEdits<'_> {
        let committed = self.committed.as_deref();
        let mut edits = Vec::new();
        let is_news = |status: &&ClusterStatus| committed.is_none_or(|it| it.cluster != **status);
        if let Some(status) = self.pending_cluster.as_ref().filter(is_news) {
            let file = ClusterFile {
                api_version: "cluster.karmada.io/v1alpha1".to_owned(),
                kind: "Cluster".to_owned(),
                metadata: ClusterFileMeta { name: self.cluster.clone() },
                status: status.clone(),
            };
            edits.push((CLUSTER_PATH.to_owned(), Some(StatusFile::Cluster(Box::new(file)))));
        }
        for (key, object) in &self.pending_objects {
            if object.as_ref() != committed.and_then(|report| report.objects.get(key)) {
                let path = format!("{OBJECTS_DIR}{}.yaml", key.path());
                edits.push((path, object.as_deref().map(StatusFile::Object)));
            }
        }
        if self.pending_settled != self.settled
            && let Some(settled) = self.pending_settled.clone()
        {
            edits.push((SETTLED_PATH.to_owned(), Some(StatusFile::Settled(settled))));
        }
        StatusEdits(edits)
    }

    /// Notes that `tip`, a commit of all that [`StatusRef::edits`] gives, is in force.
    pub fn settle(&mut self, tip: ObjectId) {
        let mut report = self.take_committed(tip);
        if let Some(status) = self.pending_cluster.take() {
            report.cluster = status;
        }
        for (key, object) in std::mem::take(&mut self.pending_objects) {
            match object {
                Some(object) => report.objects.insert(key, object),
                None => report.objects.remove(&key),
            };
        }
        self.committed = Some(Arc::new(report));
        if let Some(settled) = self.pending_settled.take() {
            self.settled = Some(settled);
        }
        self.tip = Some(tip);
    }

    /// Forgets that an executor has spoken: the next one's first word is news again.
    pub fn expect_first_word(&mut self) {
        self.heard = false;
    }
}

fn object_key(path: &str) -> Option<ObjectKey> {
    ObjectKey::from_file(path.strip_prefix(OBJECTS_DIR)?)
}

/// Since when a condition has its status is known from before if the status is the same: an executor
/// that starts anew does not know it.
fn keep_transitions(status: &mut ClusterStatus, known: &ClusterStatus) {
    for new in &mut status.conditions {
        let old = condition::find(&known.conditions, &new.type_);
        if let Some(old) = old.filter(|old| old.status == new.status) {
            new.last_transition_time = old.last_transition_time;
        }
    }
}

/// What a cluster does not say, since it does not answer or has only begun to, is as it was said before.
pub(super) fn keep_unsaid(status: &mut ClusterStatus, known: &ClusterStatus) {
    if status.kubernetes_version.is_empty() {
        status.kubernetes_version.clone_from(&known.kubernetes_version);
    }
    if status.api_enablements.is_empty() {
        status.api_enablements.clone_from(&known.api_enablements);
        let complete = condition::find(&known.conditions, CONDITION_COMPLETE_API_ENABLEMENTS);
        if let Some(complete) = complete {
            condition::set(&mut status.conditions, complete.clone());
        }
    }
    if status.node_summary.is_none() {
        status.node_summary.clone_from(&known.node_summary);
    }
    match (&mut status.resource_summary, &known.resource_summary) {
        (said @ None, known) => said.clone_from(known),
        (Some(said), Some(known)) if said.allocatable_modelings.is_empty() => {
            said.allocatable_modelings.clone_from(&known.allocatable_modelings);
        }
        (Some(_), _) => {}
    }
}

fn ready(status: &ClusterStatus) -> Option<ConditionStatus> {
    condition::find(&status.conditions, "Ready").map(|condition| condition.status)
}

/// Whether the difference between two states of a cluster is worth a commit.
fn differs(known: &ClusterStatus, new: &ClusterStatus) -> bool {
    let sketch = |status: &ClusterStatus| {
        let mut status = status.clone();
        status.resource_summary = None;
        for condition in &mut status.conditions {
            condition.last_transition_time = jiff::Timestamp::UNIX_EPOCH;
        }
        status
    };
    sketch(known) != sketch(new) || capacity_differs(known, new)
}

/// Whether other grades are counted in, or more nodes than a few of a hundred have changed their grade.
fn modelings_differ(known: &[AllocatableModeling], new: &[AllocatableModeling]) -> bool {
    let grades =
        |counts: &[AllocatableModeling]| counts.iter().map(|of| of.grade).collect::<Vec<_>>();
    let total: i128 = known.iter().map(|of| i128::from(of.count)).sum();
    let pairs = known.iter().zip(new);
    let moved: i128 = pairs.map(|(a, b)| (i128::from(a.count) - i128::from(b.count)).abs()).sum();
    grades(known) != grades(new) || moved * 100 > total * CAPACITY_CHANGE_PERCENT
}

fn capacity_differs(known: &ClusterStatus, new: &ClusterStatus) -> bool {
    let (known, new) = match (&known.resource_summary, &new.resource_summary) {
        (None, None) => return false,
        (Some(known), Some(new)) => (known, new),
        _ => return true,
    };
    if modelings_differ(&known.allocatable_modelings, &new.allocatable_modelings) {
        return true;
    }
    let pairs = [
        (&known.allocatable, &new.allocatable, &known.allocatable),
        (&known.allocated, &new.allocated, &known.allocatable),
        (&known.allocating, &new.allocating, &known.allocatable),
    ];
    pairs.into_iter().any(|(known, new, scale)| {
        known.keys().ne(new.keys())
            || known.iter().zip(new.values()).any(|((resource, known), new)| {
                let scale =
                    scale.get(resource).map_or(0, |quantity| i128::from(quantity.milli_value()));
                let step = i128::from(known.milli_value()) - i128::from(new.milli_value());
                step.abs() * 100 > scale * CAPACITY_CHANGE_PERCENT
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_does_not_answer_is_what_it_was() {
        let known: ClusterStatus = serde_saphyr::from_str(
            "kubernetesVersion: v1.36.0
apiEnablements: [{groupVersion: v1, resources: [{name: pods, kind: Pod}]}]
nodeSummary: {totalNum: 3, readyNum: 3}
resourceSummary: {allocatable: {cpu: 4}, allocatableModelings: [{grade: 3, count: 3}]}
",
        )
        .unwrap();
        let mut silent = ClusterStatus::default();
        keep_unsaid(&mut silent, &known);
        assert_eq!(silent, known);
        let mut grown: ClusterStatus =
            serde_saphyr::from_str("resourceSummary: {allocatable: {cpu: 9}}").unwrap();
        keep_unsaid(&mut grown, &known);
        let room = grown.resource_summary.unwrap();
        assert_eq!(room.allocatable["cpu"].value(), 9);
        assert_eq!(room.allocatable_modelings.len(), 1, "they are being counted");
    }

    fn told(objects: &[(&str, Option<&str>)]) -> MemberReport {
        let object = |(name, message): &(&str, Option<&str>)| {
            let report = message.map(|message| {
                Arc::new(ObjectReport { message: message.to_owned(), ..ObjectReport::default() })
            });
            (ObjectKey::new("", "ConfigMap", Some("web"), name), report)
        };
        let cluster = ClusterName::new("one").unwrap();
        MemberReport::Objects(cluster, objects.iter().map(object).collect())
    }

    /// What the edits write and delete, by name.
    fn edited(status: &StatusRef) -> Vec<String> {
        let edits = status.edits();
        let name = |path: &str| path.rsplit('/').next().unwrap().replace(".yaml", "");
        let mark = |file: &Option<StatusFile<'_>>| if file.is_some() { "+" } else { "-" };
        edits.0.iter().map(|(path, file)| format!("{}{}", mark(file), name(path))).collect()
    }

    #[test]
    fn only_what_the_ref_does_not_hold_is_written() {
        let mut status = StatusRef::new(ClusterName::new("one").unwrap());
        let id = |n: u8| ObjectId::from_bytes([n; 20]);
        status.absorb(told(&[("a", Some("1")), ("b", Some("1"))]));
        assert_eq!(edited(&status), ["+a", "+b"]);
        status.settle(id(1));
        assert!(status.edits().is_empty());
        status.absorb(told(&[("a", Some("1")), ("b", Some("2")), ("c", None)]));
        assert_eq!(edited(&status), ["+b"], "what is the same, or was never there, is no change");

        // Someone else has moved the ref: `b` there is what was reported, `a` is not, `d` is unknown.
        let path = |name: &str| format!("objects/web/ConfigMap/{name}.yaml");
        let mut files =
            BTreeMap::from([("a", id(3)), ("b", id(2)), ("d", id(2))].map(|(n, id)| (path(n), id)));
        let read = |blob: ObjectId| -> Result<Vec<u8>, String> {
            Ok(format!("applied: false\nmessage: '{}'\n", blob.as_bytes()[0]).into_bytes())
        };
        status.go_on_from(Some((id(4), files.clone())), true, read).unwrap();
        assert_eq!(edited(&status), ["+a", "-d"]);
        status.settle(id(5));

        files.insert(path("a"), id(1));
        let before = files.clone();
        files.remove(&path("d"));
        files.insert(path("e"), id(6));
        let mut n_read = 0;
        let counted = |blob| {
            n_read += 1;
            read(blob)
        };
        status.advance(id(6), &files, &before, counted).unwrap();
        let held = |status: &StatusRef| -> Vec<String> {
            let objects = &status.committed().unwrap().objects;
            objects.iter().map(|(key, one)| format!("{} {}", key.name, one.message)).collect()
        };
        assert_eq!((held(&status), n_read), (["a 1", "b 2", "e 6"].map(str::to_owned).into(), 1));
        let failing = |_| Err("away");
        status.advance(id(7), &files, &BTreeMap::new(), failing).unwrap_err();
        assert_eq!((held(&status).len(), status.tip()), (3, Some(id(6))), "as it was");
    }

    #[test]
    fn a_few_nodes_that_change_their_grade_are_no_news() {
        let counts = |counts: &[i64]| -> Vec<AllocatableModeling> {
            let grades = counts.iter().zip(0..);
            grades.map(|(count, grade)| AllocatableModeling { grade, count: *count }).collect()
        };
        let known = counts(&[10, 190]);
        assert!(!modelings_differ(&known, &counts(&[11, 189])));
        assert!(modelings_differ(&known, &counts(&[110, 90])));
        assert!(modelings_differ(&known, &counts(&[10, 100, 90])), "there is one grade more");
        assert!(modelings_differ(&[], &known));
    }
}
