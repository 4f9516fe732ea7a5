//! The files of one commit become a [`Fleet`]; what only shows between files is checked here.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Deref;
use std::sync::Arc;

use crate::api::cluster::Cluster;
use crate::api::cluster_taint_policy::ClusterTaintPolicy;
use crate::api::federated_resource_quota::FederatedResourceQuota;
use crate::api::manifest::{GroupKind, ObjectKey, PackedManifest};
use crate::api::names::{ClusterName, ObjectId};
use crate::api::override_policy::{ClusterOverridePolicy, OverridePolicy};
use crate::api::problem::{Place, Problem};
use crate::api::propagation_policy::{ClusterPropagationPolicy, PropagationPolicy};
use crate::api::resource_interpreter_customization::ResourceInterpreterCustomization;
use crate::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use crate::api::selector::{LabelSelector, Selectable};
use crate::api::settings::{FleetSettings, SETTINGS_PATH, Settings};

use super::file::{Document, Object, ParsedFile};
use super::members;
use super::positions::{PackedPositions, Position, Positions};
use super::protected;
use super::report::shown;
use super::scope::{Scope, built_in};

/// Namespace and name.
pub type NamespacedName = (Arc<str>, Arc<str>);

/// Everything that one commit says.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The commit.
    pub commit: ObjectId,
    /// Settings of `fleet.yaml`; the defaults if there is none.
    pub settings: Settings,
    /// Where `fleet.yaml` says them, if there is one.
    settings_at: Option<(Place, PackedPositions)>,
    /// Members of the fleet.
    pub clusters: BTreeMap<ClusterName, Sourced<Cluster>>,
    /// Policies of namespaces, by namespace and name.
    pub propagation_policies: BTreeMap<NamespacedName, Sourced<PropagationPolicy>>,
    /// Policies for all namespaces, by name.
    pub cluster_propagation_policies: BTreeMap<Arc<str>, Sourced<ClusterPropagationPolicy>>,
    /// Overrides of namespaces, by namespace and name.
    pub override_policies: BTreeMap<NamespacedName, Sourced<OverridePolicy>>,
    /// Overrides for all namespaces, by name.
    pub cluster_override_policies: BTreeMap<Arc<str>, Sourced<ClusterOverridePolicy>>,
    /// Quotas, by namespace and name.
    pub quotas: BTreeMap<NamespacedName, Sourced<FederatedResourceQuota>>,
    /// Taint policies, by name.
    pub taint_policies: BTreeMap<Arc<str>, Sourced<ClusterTaintPolicy>>,
    /// What kinds mean, in Lua, by name.
    pub customizations: BTreeMap<Arc<str>, Sourced<ResourceInterpreterCustomization>>,
    /// What kinds mean, by HTTPS, by name.
    pub webhook_configurations:
        BTreeMap<Arc<str>, Sourced<ResourceInterpreterWebhookConfiguration>>,
    /// What may be propagated, by identity.
    pub templates: BTreeMap<ObjectKey, Template>,
    /// Objects that never run in a member and steer nothing yet, by identity.
    pub inert: BTreeMap<ObjectKey, Template>,
}

/// A typed object of the source. Defaults are filled in.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    /// The object.
    pub value: Arc<T>,
    /// Where it starts.
    pub place: Place,
    /// Changes if and only if the object's content changes; moving it changes only `place`.
    pub id: ObjectId,
    /// Where its fields are.
    pub positions: PackedPositions,
}

impl<T> Sourced<T> {
    fn new(value: &Arc<T>, document: &Document) -> Self {
        Self {
            value: Arc::clone(value),
            place: document.place.clone(),
            id: document.id,
            positions: document.positions.clone(),
        }
    }

    /// Where the value at `pointer` (RFC 6901, e.g. `/spec/priority`) is written.
    pub fn place_of(&self, pointer: &str) -> Place {
        self.places().of(pointer)
    }

    /// The same, to ask for many.
    pub fn places(&self) -> Places<'_> {
        Places::new(&self.place, &self.positions)
    }
}

/// Places in one object. They are looked up once there is one to tell.
#[derive(Debug)]
pub struct Places<'a> {
    start: &'a Place,
    packed: &'a PackedPositions,
    positions: OnceCell<Positions>,
}

impl<'a> Places<'a> {
    fn new(start: &'a Place, packed: &'a PackedPositions) -> Self {
        Self { start, packed, positions: OnceCell::new() }
    }

    /// Where the value at `pointer` (RFC 6901) is written.
    pub fn of(&self, pointer: &str) -> Place {
        self.place(self.positions().value(pointer))
    }

    /// Where the key of the field at `pointer` stands.
    pub fn of_key(&self, pointer: &str) -> Place {
        self.place(self.positions().key(pointer))
    }

    fn positions(&self) -> &Positions {
        self.positions.get_or_init(|| self.packed.open())
    }

    fn place(&self, position: Position) -> Place {
        Place { file: Arc::clone(&self.start.file), line: position.line, column: position.column }
    }
}

impl<T> Deref for Sourced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A manifest that policies may send to members.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its identity.
    pub key: ObjectKey,
    /// The manifest, without what belongs to an API server.
    pub manifest: PackedManifest,
    /// Where it starts.
    pub place: Place,
    /// Changes if and only if the object's content changes; moving it changes only `place`.
    pub id: ObjectId,
    /// Changes if and only if something besides metadata and status does; `None` for an object without
    /// a `spec`.
    pub desired: Option<ObjectId>,
    /// Where its fields are.
    pub positions: PackedPositions,
}

impl Template {
    /// Where the value at `pointer` (RFC 6901, e.g. `/spec/replicas`) is written.
    pub fn place_of(&self, pointer: &str) -> Place {
        Places::new(&self.place, &self.positions).of(pointer)
    }
}

impl Selectable for Template {
    fn api_version(&self) -> &str {
        self.manifest.api_version()
    }

    fn kind(&self) -> &str {
        &self.key.group_kind.kind
    }

    fn namespace(&self) -> Option<&str> {
        self.key.namespace.as_deref()
    }

    fn name(&self) -> &str {
        &self.key.name
    }

    fn is_labelled(&self, selector: &LabelSelector) -> bool {
        selector.matches(&self.manifest.labels())
    }
}

impl Fleet {
    /// A fleet of nothing, at this commit.
    pub fn empty(commit: ObjectId) -> Self {
        Self {
            commit,
            settings: Settings::default(),
            settings_at: None,
            clusters: BTreeMap::new(),
            propagation_policies: BTreeMap::new(),
            cluster_propagation_policies: BTreeMap::new(),
            override_policies: BTreeMap::new(),
            cluster_override_policies: BTreeMap::new(),
            quotas: BTreeMap::new(),
            taint_policies: BTreeMap::new(),
            customizations: BTreeMap::new(),
            webhook_configurations: BTreeMap::new(),
            templates: BTreeMap::new(),
            inert: BTreeMap::new(),
        }
    }

    /// Where `fleet.yaml` says the setting at `pointer` (RFC 6901, e.g. `/spec/scheduler`).
    pub fn place_of_setting(&self, pointer: &str) -> Place {
        match &self.settings_at {
            Some((start, positions)) => Places::new(start, positions).of(pointer),
            None => Place { file: SETTINGS_PATH.into(), line: 0, column: 0 },
        }
    }

    /// Puts the files of a commit together.
    ///
    /// Returns every Problem of the commit, sorted by place: those of the files themselves and those
    /// that show between them. If one of them is an error the fleet must not be acted upon; it is
    /// returned so that a person can see the rest. Of two objects with one identity the first counts.
    /// Files that the settings leave out are left out here, too.
    pub fn assemble(commit: ObjectId, files: &[Arc<ParsedFile>]) -> (Self, Vec<Problem>) {
        let mut fleet = Self::empty(commit);
        if let Some((document, settings)) = settings(files) {
            fleet.settings = settings.spec.clone();
            fleet.settings_at = Some((document.place.clone(), document.positions.clone()));
        }
        let paths = fleet.settings.paths.clone();
        let counts =
            |file: &&Arc<ParsedFile>| *file.path == *SETTINGS_PATH || paths.includes(&file.path);
        let files: Vec<&Arc<ParsedFile>> = files.iter().filter(counts).collect();
        let mut problems: Vec<Problem> =
            files.iter().flat_map(|file| &file.problems).cloned().collect();
        let documents = || files.iter().flat_map(|file| &file.documents);
        let definitions: BTreeMap<&GroupKind, Scope> = documents()
            .filter_map(|document| match &document.object {
                Object::Definition(_, group_kind, scope) => Some((group_kind, *scope)),
                _ => None,
            })
            .collect();
        let mut seen: BTreeMap<&ObjectKey, &Document> = BTreeMap::new();
        // A map that is made at once has no room to spare in its nodes.
        let mut templates = Vec::new();
        for document in documents() {
            match seen.entry(&document.key) {
                Entry::Occupied(first) => {
                    problems.push(duplicate(document, first.get()));
                    continue;
                }
                Entry::Vacant(slot) => slot.insert(document),
            };
            match wrong_scope(document, &definitions) {
                Some(problem) => problems.push(problem),
                None => fleet.add(document, &mut templates),
            }
        }
        fleet.templates = templates.into_iter().collect();
        if seen.is_empty() && problems.is_empty() {
            problems.push(Problem::warning(
                Place::default(),
                "FLEET_EMPTY",
                "the commit holds no manifest, policy or cluster",
                "add one, or check which paths fleet.yaml includes and excludes",
            ));
        }
        members::check(&fleet, &mut problems);
        let protected = fleet.templates.iter();
        problems.extend(protected.filter_map(|(key, template)| protected::check(key, template)));
        problems.sort();
        (fleet, problems)
    }

    /// Adds an object whose scope is right; a template to `templates`.
    fn add(&mut self, document: &Document, templates: &mut Vec<(ObjectKey, Template)>) {
        let template = |manifest: &PackedManifest| Template {
            key: document.key.clone(),
            manifest: manifest.clone(),
            place: document.place.clone(),
            id: document.id,
            desired: document.desired,
            positions: document.positions.clone(),
        };
        let name = || Arc::clone(&document.key.name);
        let namespaced = || {
            let namespace =
                document.key.namespace.clone().expect("a namespaced kind has one: checked before");
            (namespace, name())
        };
        match &document.object {
            Object::Template(manifest) | Object::Definition(manifest, ..) => {
                templates.push((document.key.clone(), template(manifest)));
            }
            Object::Inert(manifest) => {
                self.inert.insert(document.key.clone(), template(manifest));
            }
            Object::Cluster(cluster) => {
                let name =
                    ClusterName::new(&document.key.name).expect("checked when the file was read");
                self.clusters.insert(name, Sourced::new(cluster, document));
            }
            Object::PropagationPolicy(policy) => {
                self.propagation_policies.insert(namespaced(), Sourced::new(policy, document));
            }
            Object::ClusterPropagationPolicy(policy) => {
                self.cluster_propagation_policies.insert(name(), Sourced::new(policy, document));
            }
            Object::OverridePolicy(policy) => {
                self.override_policies.insert(namespaced(), Sourced::new(policy, document));
            }
            Object::ClusterOverridePolicy(policy) => {
                self.cluster_override_policies.insert(name(), Sourced::new(policy, document));
            }
            Object::Quota(quota) => {
                self.quotas.insert(namespaced(), Sourced::new(quota, document));
            }
            Object::TaintPolicy(policy) => {
                self.taint_policies.insert(name(), Sourced::new(policy, document));
            }
            Object::Customization(customization) => {
                self.customizations.insert(name(), Sourced::new(customization, document));
            }
            Object::WebhookConfiguration(webhooks) => {
                self.webhook_configurations.insert(name(), Sourced::new(webhooks, document));
            }
            // Taken first of all, because settings decide which files count.
            Object::Settings(_) => {}
        }
    }
}

fn settings(files: &[Arc<ParsedFile>]) -> Option<(&Document, &FleetSettings)> {
    files
        .iter()
        .filter(|file| *file.path == *SETTINGS_PATH)
        .flat_map(|file| &file.documents)
        .find_map(|document| match &document.object {
            Object::Settings(settings) => Some((document, &**settings)),
            _ => None,
        })
}

fn duplicate(document: &Document, first: &Document) -> Problem {
    let is_cluster = matches!(document.object, Object::Cluster(_));
    Problem::error(
        document.place.clone(),
        if is_cluster { "CLUSTER_DUPLICATE" } else { "OBJ_DUPLICATE" },
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
    let at = |pointer: &str| Places::new(&document.place, &document.positions).of_key(pointer);
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
