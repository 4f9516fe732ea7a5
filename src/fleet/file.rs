//! One file becomes documents: text, values, lists opened, each object recognised and checked.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::api::cluster::Cluster;
use crate::api::cluster_taint_policy::ClusterTaintPolicy;
use crate::api::federated_resource_quota::FederatedResourceQuota;
use crate::api::manifest::{GroupKind, Manifest, ObjectKey, PackedManifest};
use crate::api::meta::Resource;
use crate::api::names::ObjectId;
use crate::api::override_policy::{ClusterOverridePolicy, OverridePolicy};
use crate::api::problem::{Place, Problem};
use crate::api::propagation_policy::{ClusterPropagationPolicy, PropagationPolicy};
use crate::api::resource_interpreter_customization::ResourceInterpreterCustomization;
use crate::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use crate::api::settings::FleetSettings;

use super::contents::contents;
use super::identity::{content_id, desired_id};
use super::object::{Checked, drop_server_owned, metadata, type_meta, unknown_metadata};
use super::own::{is_own, own};
use super::positions::{PackedPositions, Positions};
use super::report::{Report, shown};
use super::scope::{Scope, Unpropagated, never_propagated};
use super::tree::Tree;
use super::workload::workload;
use super::{json, text, yaml};

/// How deep lists may stand in lists.
const LIST_DEPTH_MAX: usize = 4;

/// What one blob holds: depends on nothing but its path and bytes, so it is cached by both.
#[derive(Clone, Debug)]
pub struct ParsedFile {
    /// Path in the repository.
    pub path: Arc<str>,
    /// Id of the blob.
    pub blob: ObjectId,
    /// Its objects, in the order of the text, lists opened. Objects with an error are left out.
    pub documents: Vec<Document>,
    /// What is wrong with the file, taken by itself.
    pub problems: Vec<Problem>,
}

/// One object of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Identity.
    pub key: ObjectKey,
    /// Where it starts.
    pub place: Place,
    /// Where its fields are.
    pub positions: PackedPositions,
    /// Changes if and only if the object's content changes; its place does not count.
    pub id: ObjectId,
    /// Changes if and only if something besides metadata and status does; `None` for an object without
    /// a `spec`.
    pub desired: Option<ObjectId>,
    /// What it is.
    pub object: Object,
}

/// What an object of the source is to the engine.
#[derive(Clone, Debug)]
pub enum Object {
    /// A manifest that policies may send to members.
    Template(PackedManifest),
    /// A CRD: a template that says where objects of its kind live.
    Definition(PackedManifest, GroupKind, Scope),
    /// An object that never runs in a member and steers nothing.
    Inert(PackedManifest),
    /// A member of the fleet.
    Cluster(Arc<Cluster>),
    /// Where templates of its namespace run.
    PropagationPolicy(Arc<PropagationPolicy>),
    /// Where templates of any namespace run.
    ClusterPropagationPolicy(Arc<ClusterPropagationPolicy>),
    /// How templates of its namespace differ from cluster to cluster.
    OverridePolicy(Arc<OverridePolicy>),
    /// How templates of any namespace differ from cluster to cluster.
    ClusterOverridePolicy(Arc<ClusterOverridePolicy>),
    /// What a namespace may use in the whole fleet.
    Quota(Arc<FederatedResourceQuota>),
    /// Taints that follow conditions.
    TaintPolicy(Arc<ClusterTaintPolicy>),
    /// What a kind means, in Lua.
    Customization(Arc<ResourceInterpreterCustomization>),
    /// What kinds mean, by HTTPS.
    WebhookConfiguration(Arc<ResourceInterpreterWebhookConfiguration>),
    /// Settings of the fleet.
    Settings(Arc<FleetSettings>),
}

/// Whether the file at `path` may hold manifests: `.yaml`, `.yml` and `.json`.
///
/// Which of them count is the settings' to say: by default all but those in hidden folders.
pub fn is_manifest_path(path: &str) -> bool {
    matches!(ending(path), "yaml" | "yml" | "json")
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Reads one file. Never fails: what is wrong becomes Problems, and what is right is kept.
pub fn parse_file(path: &str, blob: ObjectId, bytes: &[u8]) -> ParsedFile {
    let (path, mut documents) = (Arc::from(path), Vec::new());
    let problems = load(&path, bytes, Objects::Documents(&mut documents));
    documents.shrink_to_fit();
    ParsedFile { path, blob, documents, problems }
}

/// The objects of a file that is no part of a fleet, lists opened, with every field that they have: only
/// that they are objects is checked. And what is wrong with the file.
pub fn parse_objects(path: &str, bytes: &[u8]) -> (Vec<Manifest>, Vec<Problem>) {
    let mut manifests = Vec::new();
    let problems = load(&path.into(), bytes, Objects::AsTheyAre(&mut manifests));
    (manifests, problems)
}

/// Adds what the file holds to the objects. Returns what is wrong with it.
fn load(path: &Arc<str>, bytes: &[u8], objects: Objects<'_>) -> Vec<Problem> {
    let mut report = Report::new(path);
    let trees = trees(path, bytes, &mut report);
    let mut loader = Loader { report, objects };
    for tree in trees {
        loader.value(tree.value, &tree.positions, 0);
    }
    loader.report.finish()
}

/// The documents of a file, whatever they are, with their positions. And what is wrong with the file.
pub fn parse_values(path: &str, bytes: &[u8]) -> (Vec<(Value, Positions)>, Vec<Problem>) {
    let path = Arc::from(path);
    let mut report = Report::new(&path);
    let trees = trees(&path, bytes, &mut report);
    (trees.into_iter().map(|tree| (tree.value, tree.positions)).collect(), report.finish())
}

/// The documents that could be read without an error.
fn trees(path: &str, bytes: &[u8], report: &mut Report<'_>) -> Vec<Tree> {
    let is_json = ending(path) == "json";
    let mut trees = match text::read(bytes, is_json, report) {
        None => Vec::new(),
        Some(text) => {
            if text.contains("Secret") {
                report.hide_values();
            }
            if is_json {
                json::read(text, report).into_iter().collect()
            } else {
                yaml::read(text, report)
            }
        }
    };
    trees.retain(|tree| tree.is_sound);
    trees
}

struct Loader<'f> {
    report: Report<'f>,
    objects: Objects<'f>,
}

/// Where the objects go.
enum Objects<'f> {
    /// Recognised and checked.
    Documents(&'f mut Vec<Document>),
    /// Neither.
    AsTheyAre(&'f mut Vec<Manifest>),
}

impl Loader<'_> {
    fn value(&mut self, value: Value, positions: &Positions, depth: usize) {
        match value {
            Value::Object(map) => match list_items(map) {
                Ok(list) => self.list(list, positions, depth),
                Err(map) => self.object(Manifest(map), positions),
            },
            // A list may hold nothing, as `kubectl get` prints it.
            Value::Null => {}
            _ => self.report.error(
                positions.value(""),
                "TYPE_MISMATCH",
                "the document is no object: it is a list or a single value",
                "write `apiVersion`, `kind` and `metadata`; if the file is no manifest, exclude its path in fleet.yaml",
            ),
        }
    }

    fn list(&mut self, list: List, positions: &Positions, depth: usize) {
        if depth >= LIST_DEPTH_MAX {
            self.report.error(
                positions.value(""),
                "LIST_DEPTH",
                format!("lists stand in lists, more than {LIST_DEPTH_MAX} levels deep"),
                "write the objects out one after the other, separated by `---`",
            );
            return;
        }
        for (idx, mut item) in list.items.into_iter().enumerate() {
            // The API server prints the items of a typed list without their type.
            if let (Value::Object(item), Some((api_version, kind))) = (&mut item, &list.item_type) {
                item.entry("apiVersion").or_insert_with(|| Value::from(api_version.as_str()));
                item.entry("kind").or_insert_with(|| Value::from(kind.as_str()));
            }
            let of_item = positions.at(&format!("/items/{idx}"));
            self.value(item, of_item.as_ref().unwrap_or(positions), depth + 1);
        }
    }

    fn object(&mut self, mut manifest: Manifest, positions: &Positions) {
        let mut checked = Checked { report: &mut self.report, positions, is_bad: false };
        if !type_meta(&mut checked, &manifest.0) {
            return;
        }
        let documents = match &mut self.objects {
            Objects::AsTheyAre(manifests) => return manifests.push(manifest),
            Objects::Documents(documents) => documents,
        };
        if is_kubeconfig(&manifest) {
            return checked.error(
                "",
                "KUBECONFIG_IN_SOURCE",
                "this is a kubeconfig: whoever may read the repository may act in its cluster",
                "have its credentials made void, take the file out, and keep kubeconfigs outside of the repository",
            );
        }
        drop_server_owned(&mut checked, &mut manifest);
        let is_own = is_own(manifest.group());
        if !(is_own && manifest.kind() == FleetSettings::KIND) {
            metadata(&mut checked, &manifest);
        }
        let json = manifest.json();
        let (id, n_bytes) = (content_id(&json), json.len());
        let desired = desired_id(&manifest);
        let key = manifest.key();
        let object = if is_own {
            own(&mut checked, &manifest)
        } else {
            unknown_metadata(&mut checked, &manifest);
            workload(&mut checked, &manifest);
            contents(&mut checked, &manifest, n_bytes);
            Some(recognise(&mut checked, &key, &manifest))
        };
        if let (Some(object), false) = (object, checked.is_bad) {
            let place = checked.report.place(positions.value(""));
            let positions = PackedPositions::from(positions);
            documents.push(Document { key, place, positions, id, desired, object });
        }
    }
}

fn is_kubeconfig(manifest: &Manifest) -> bool {
    let has = |field| manifest.0.contains_key(field);
    (manifest.api_version(), manifest.kind()) == ("v1", "Config") && has("clusters") && has("users")
}

fn recognise(checked: &mut Checked<'_, '_>, key: &ObjectKey, manifest: &Manifest) -> Object {
    let packed = PackedManifest::from(manifest);
    let group_kind = &key.group_kind;
    if let Some(Unpropagated { why, hint }) =
        never_propagated(&group_kind.group, &group_kind.kind, key.namespace.as_deref(), &key.name)
    {
        checked.warning(
            "",
            "KIND_NOT_PROPAGATED",
            format!("{} {why}", shown(&key.to_string())),
            hint,
        );
        return Object::Inert(packed);
    }
    match definition(manifest) {
        Some((defined, scope)) => Object::Definition(packed, defined, scope),
        None => Object::Template(packed),
    }
}

/// Which kind a CRD defines, and where its objects live.
fn definition(manifest: &Manifest) -> Option<(GroupKind, Scope)> {
    if (manifest.group(), manifest.kind()) != ("apiextensions.k8s.io", "CustomResourceDefinition") {
        return None;
    }
    let spec = manifest.0.get("spec")?;
    let scope = match spec.get("scope")?.as_str()? {
        "Namespaced" => Scope::Namespaced,
        "Cluster" => Scope::Cluster,
        _ => return None,
    };
    let group = Arc::from(spec.get("group")?.as_str()?);
    let kind = Arc::from(spec.get("names")?.get("kind")?.as_str()?);
    Some((GroupKind { group, kind }, scope))
}

struct List {
    items: Vec<Value>,
    /// `apiVersion` and `kind` of items that do not say theirs; `None` for the kind `List`.
    item_type: Option<(String, String)>,
}

/// The items of `List`, `ConfigMapList`, …; gives the map back if it is no list.
fn list_items(mut map: Map<String, Value>) -> Result<List, Map<String, Value>> {
    let Some(item_kind) =
        map.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"))
    else {
        return Err(map);
    };
    let has_name = map.get("metadata").is_some_and(|metadata| metadata.get("name").is_some());
    let is_list =
        item_kind.is_empty() || (!has_name && map.get("items").is_some_and(Value::is_array));
    if !is_list {
        return Err(map);
    }
    let item_kind = item_kind.to_owned();
    let api_version = map.get("apiVersion").and_then(Value::as_str).unwrap_or("v1").to_owned();
    match map.remove("items") {
        Some(Value::Array(items)) => {
            let item_type = (!item_kind.is_empty()).then_some((api_version, item_kind));
            Ok(List { items, item_type })
        }
        None | Some(Value::Null) => Ok(List { items: Vec::new(), item_type: None }),
        Some(items) => {
            map.insert("items".to_owned(), items);
            Err(map)
        }
    }
}
