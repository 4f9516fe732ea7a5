//! What is remembered of a live object: the answers, not the object.

use serde_json::Value;

use crate::api::manifest::Manifest;
use crate::api::marks::{ADOPTED, MANAGED, MANAGED_TRUE, SOURCE_COMMIT, WORK};
use crate::api::names::ObjectId;

use super::{Meaning, drift, intent};

/// A live object, boiled down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Live {
    /// Its resource version as a number; 0 when it is none, and then nothing is older.
    pub version: u64,
    /// Whether it has our label.
    pub marked: bool,
    /// Whether we ever applied it.
    pub applied_by_us: bool,
    /// Whether somebody else made it, and it was taken over.
    pub adopted: bool,
    /// Work that it says it came from.
    pub work: Option<ObjectId>,
    /// Source commit that it says it came from.
    pub source: Option<ObjectId>,
    /// What others took of the desired object; mostly nothing.
    pub taken: Option<Box<Taken>>,
    /// The autoscaler that owns its replicas; they are not ours then.
    pub autoscaler: Option<&'static str>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// What its deletion waits for, for a person: finalizers, or what is left in a Namespace. Empty while it
    /// is not being deleted.
    pub kept_by: Box<[String]>,
    /// Whether others may use it: a CustomResourceDefinition that is established, a Namespace that
    /// is active; true for every other kind.
    pub usable: bool,
}

/// What others took of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Fields of the desired object, in its order; replicas that are left to an autoscaler or to the
    /// member are not among them.
    pub lost: Vec<String>,
    /// Who took them, as far as can be told.
    pub takers: Vec<String>,
}

impl Live {
    /// Reads a live object, and compares it with what is desired.
    pub(super) fn read(live: &Value, desired: Option<&Manifest>, meaning: &dyn Meaning) -> Self {
        let metadata = &live["metadata"];
        let id = |mark: &str| metadata["annotations"][mark].as_str()?.parse::<ObjectId>().ok();
        let autoscaler = drift::autoscaler(live);
        let mut lost = desired
            .map(|desired| drift::uncovered(&intent::wanted(desired), live))
            .unwrap_or_default();
        let keeps_replicas = || desired.is_some_and(|desired| meaning.retains_replicas(desired));
        if !lost.is_empty() && (autoscaler.is_some() || keeps_replicas()) {
            lost.retain(|path| path != ".spec.replicas");
        }
        let mut takers: Vec<String> =
            lost.iter().flat_map(|path| drift::owners_of(live, path)).collect();
        if takers.is_empty() && !lost.is_empty() {
            takers.extend(drift::last_writer(live));
        }
        takers.sort();
        takers.dedup();
        let terminating = metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null());
        Self {
            version: version_of(live),
            marked: metadata["labels"][MANAGED] == MANAGED_TRUE,
            applied_by_us: drift::is_ours(live),
            adopted: metadata["annotations"][ADOPTED] == "true",
            work: id(WORK),
            source: id(SOURCE_COMMIT),
            taken: (!lost.is_empty()).then(|| Box::new(Taken { lost, takers })),
            autoscaler,
            terminating,
            kept_by: if terminating { kept_by(live) } else { Box::default() },
            usable: is_usable(live),
        }
    }

    /// Fields of the desired object that others took.
    pub(super) fn lost(&self) -> &[String] {
        self.taken.as_ref().map_or(&[], |taken| &taken.lost)
    }

    /// Whether the object is ours to change: it says so, or we applied it.
    pub(super) fn is_ours(&self) -> bool {
        self.marked || self.applied_by_us
    }

    /// Whether it is ours to remove, by its marks.
    pub(super) fn is_removable(&self) -> bool {
        self.marked && (self.applied_by_us || self.work.is_some())
    }

    /// Whether it runs this work, and nobody changed what we set. `tolerated` are fields that were
    /// not ours even right after an apply: the server does not keep them.
    pub(super) fn runs(&self, work: ObjectId, tolerated: &[String]) -> bool {
        !self.terminating
            && self.applied_by_us
            && self.work == Some(work)
            && self.lost().iter().all(|path| tolerated.contains(path))
    }
}

/// The resource version of a live object as a number; 0 when it is none.
pub(super) fn version_of(live: &Value) -> u64 {
    let version = live["metadata"]["resourceVersion"].as_str();
    version.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Finalizers, as `finalizer example.com/a`, and what the API server says is left in a Namespace.
fn kept_by(live: &Value) -> Box<[String]> {
    let finalizers = live["metadata"]["finalizers"].as_array().into_iter().flatten();
    let finalizers =
        finalizers.filter_map(Value::as_str).map(|finalizer| format!("finalizer {finalizer}"));
    // A Namespace has one of its own, and conditions that tell what it waits for.
    let conditions = live["status"]["conditions"].as_array().into_iter().flatten();
    let left = conditions.filter(|condition| {
        condition["type"].as_str().is_some_and(|type_| type_.starts_with("Namespace"))
            && condition["status"] == "True"
    });
    let left = left.filter_map(|condition| condition["message"].as_str()).map(str::to_owned);
    finalizers.chain(left).collect()
}

fn is_usable(live: &Value) -> bool {
    match live["kind"].as_str() {
        Some("Namespace") => live["status"]["phase"] != "Terminating",
        Some("CustomResourceDefinition") => {
            let conditions = live["status"]["conditions"].as_array();
            conditions.into_iter().flatten().any(|condition| {
                condition["type"] == "Established" && condition["status"] == "True"
            })
        }
        _ => true,
    }
}
