//! The files of one commit become a [`Fleet`]; what only shows between files is checked here.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::api::manifest::{GroupKind, Manifest, ObjectKey};
use crate::api::names::ObjectId;
use crate::api::problem::{Place, Problem};

use super::file::{Document, Object, ParsedFile};
use super::positions::Positions;
use super::report::shown;
use super::scope::{Scope, built_in};

/// Everything that one commit says.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The commit.
    pub commit: ObjectId,
    /// What may be propagated, by identity.
    pub templates: BTreeMap<ObjectKey, Template>,
    /// Objects that never run in a member and steer nothing yet, by identity.
    pub inert: BTreeMap<ObjectKey, Template>,
}

/// A manifest that policies may send to members.
#[derive(Clone, Debug)]
pub struct Template {
    /// The manifest, without what belongs to an API server.
    pub manifest: Arc<Manifest>,
    /// Where it starts.
    pub place: Place,
    /// Changes if and only if the object's content changes; moving it changes only `place`.
    pub id: ObjectId,
    /// Where its fields are.
    pub positions: Positions,
}

impl Template {
    /// Where the value at `pointer` (RFC 6901, e.g. `/spec/replicas`) is written.
    pub fn place_of(&self, pointer: &str) -> Place {
        let position = self.positions.value(pointer);
        Place { file: self.place.file.clone(), line: position.line, column: position.column }
    }
}

impl Fleet {
    /// A fleet of nothing, at this commit.
    pub fn empty(commit: ObjectId) -> Self {
        Self { commit, templates: BTreeMap::new(), inert: BTreeMap::new() }
    }

    /// Whether the commit says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty() && self.inert.is_empty()
    }

    /// Puts the files of a commit together.
    ///
    /// Returns every Problem of the commit, sorted by place: those of the files themselves and those
    /// that show between them. If one of them is an error the fleet must not be acted upon; it is
    /// returned so that a person can see the rest. Of two objects with one identity the first counts.
    pub fn assemble(commit: ObjectId, files: &[Arc<ParsedFile>]) -> (Self, Vec<Problem>) {
        let mut problems: Vec<Problem> =
            files.iter().flat_map(|file| &file.problems).cloned().collect();
        let documents = || files.iter().flat_map(|file| &file.documents);
        let mut fleet = Self::empty(commit);
        let definitions: BTreeMap<&GroupKind, Scope> = documents()
            .filter_map(|document| match &document.object {
                Object::Definition(_, group_kind, scope) => Some((group_kind, *scope)),
                Object::Template(_) | Object::Inert(_) => None,
            })
            .collect();
        let mut seen: BTreeMap<&ObjectKey, &Document> = BTreeMap::new();
        for document in documents() {
            match seen.entry(&document.key) {
                Entry::Occupied(first) => {
                    problems.push(duplicate(document, first.get()));
                    continue;
                }
                Entry::Vacant(slot) => slot.insert(document),
            };
            problems.extend(wrong_scope(document, &definitions));
            fleet.add(document);
        }
        if fleet.is_empty() && problems.is_empty() {
            problems.push(Problem::warning(
                Place::default(),
                "FLEET_EMPTY",
                "the commit holds no manifest, policy or cluster",
                "add one, or check which paths fleet.yaml includes and excludes",
            ));
        }
        problems.sort();
        (fleet, problems)
    }

    fn add(&mut self, document: &Document) {
        let template = |manifest: &Arc<Manifest>| Template {
            manifest: Arc::clone(manifest),
            place: document.place.clone(),
            id: document.id,
            positions: document.positions.clone(),
        };
        let key = || document.key.clone();
        match &document.object {
            Object::Template(manifest) | Object::Definition(manifest, ..) => {
                self.templates.insert(key(), template(manifest));
            }
            Object::Inert(manifest) => {
                self.inert.insert(key(), template(manifest));
            }
        }
    }
}

fn duplicate(document: &Document, first: &Document) -> Problem {
    Problem::error(
        document.place.clone(),
        "OBJ_DUPLICATE",
        format!("{} is written twice, first in {}", shown(&document.key.to_string()), first.place),
        "keep one of the two",
    )
    .related_to(first.place.clone())
}

/// A namespace where none may be, or none where one must be. Kinds that neither Kubernetes nor a CRD
/// of the fleet defines are not judged.
fn wrong_scope(document: &Document, definitions: &BTreeMap<&GroupKind, Scope>) -> Option<Problem> {
    let group_kind = &document.key.group_kind;
    let scope = built_in(&group_kind.group, &group_kind.kind)
        .or_else(|| definitions.get(group_kind).copied())?;
    let at = |pointer: &str| {
        let position = document.positions.key(pointer);
        Place { file: document.place.file.clone(), line: position.line, column: position.column }
    };
    let name = shown(&document.key.to_string());
    match (scope, &document.key.namespace) {
        (Scope::Namespaced, None) => Some(Problem::error(
            at("/metadata"),
            "NAMESPACE_REQUIRED",
            format!("{name} has no namespace, and its kind lives in one"),
            "add `metadata.namespace`: which namespace is meant must not depend on who applies it",
        )),
        (Scope::Cluster, Some(_)) => Some(Problem::error(
            at("/metadata/namespace"),
            "NAMESPACE_FORBIDDEN",
            format!("{name} has a namespace, and its kind lives outside of namespaces"),
            "remove `metadata.namespace`",
        )),
        (Scope::Namespaced, Some(_)) | (Scope::Cluster, None) => None,
    }
}
