//! A Kubernetes object as people wrote it, and its identity.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::packed::{Packable, Packed};

/// Group and kind of a Kubernetes object, e.g. `Deployment.apps`; the group of core kinds is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// API group, empty for the core group.
    pub group: Arc<str>,
    /// Kind, as in the manifest.
    pub kind: Arc<str>,
}

impl fmt::Display for GroupKind {
    /// `Deployment.apps`, or `Service` for the core group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}.{}", self.kind, self.group)
        }
    }
}

/// The group of an `apiVersion`: `apps` of `apps/v1`, empty for the core group.
#[must_use]
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The version of an `apiVersion`: `v1` of `apps/v1`.
fn version_of(api_version: &str) -> &str {
    api_version.rsplit('/').next().unwrap_or_default()
}

/// Identity of an object inside one cluster or one fleet: group-kind, namespace and name.
///
/// The version of the API and the file's path are not part of it: moving a file, or changing
/// `apps/v1beta1` to `apps/v1`, is the same object. Orders by group-kind, namespace, name. Clones share it:
/// a dozen maps of a fleet have each of its keys.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(Arc<KeyParts>);

/// What an [`ObjectKey`] consists of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyParts {
    /// Group and kind.
    pub group_kind: GroupKind,
    /// Namespace; `None` for a cluster-scoped object.
    pub namespace: Option<Arc<str>>,
    /// Name.
    pub name: Arc<str>,
}

impl Deref for ObjectKey {
    type Target = KeyParts;

    fn deref(&self) -> &KeyParts {
        &self.0
    }
}

impl From<KeyParts> for ObjectKey {
    fn from(parts: KeyParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Ord for ObjectKey {
    fn cmp(&self, other: &Self) -> Ordering {
        // Most often it is a clone that is looked for.
        if self.is_same(other) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for ObjectKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl ObjectKey {
    /// Whether it is a clone of `other`, or `other` of it: equal without a look at the texts. Two
    /// keys that are not may be equal all the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What comes before the keys of all objects of a kind.
    #[must_use]
    pub fn first_of(group_kind: GroupKind) -> Self {
        Self::from(KeyParts { group_kind, namespace: None, name: "".into() })
    }

    /// The key with these parts; an empty namespace means none.
    #[must_use]
    pub fn new(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self::from(KeyParts {
            group_kind: GroupKind { group: Arc::from(group), kind: Arc::from(kind) },
            namespace: namespace.filter(|namespace| !namespace.is_empty()).map(Arc::from),
            name: Arc::from(name),
        })
    }

    /// Where an object with this key stands in a machine-owned tree, without the file's ending:
    /// `<namespace>/<kind>.<group>/<name>`, with `_cluster` for objects that have no namespace.
    ///
    /// `:` in a name (legal for RBAC objects) is kept: git allows it. Names that are no file name
    /// in git never get here: the fleet refuses them.
    #[must_use]
    pub fn path(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or("_cluster");
        format!("{namespace}/{}/{}", self.group_kind, self.name)
    }

    /// Reads back what [`ObjectKey::path`] wrote.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let mut parts = path.splitn(3, '/');
        let (namespace, group_kind, name) = (parts.next()?, parts.next()?, parts.next()?);
        let (kind, group) = group_kind.split_once('.').unwrap_or((group_kind, ""));
        let namespace = (namespace != "_cluster").then_some(namespace);
        Some(Self::new(group, kind, namespace, name))
    }

    /// The key of the object whose file this is: its [`ObjectKey::path`] with the ending `.yaml`.
    #[must_use]
    pub fn from_file(file: &str) -> Option<Self> {
        Self::from_path(file.strip_suffix(".yaml")?)
    }
}

impl fmt::Display for ObjectKey {
    /// `Deployment.apps web/shop`, or `Namespace web` for a cluster-scoped object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.group_kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// A whole Kubernetes object, kept as it was written: nothing that we do not know is lost.
///
/// Keys are sorted (`serde_json` without `preserve_order`), so equal objects give equal bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(pub Map<String, Value>);

impl Manifest {
    /// The object in `value`, or `None` if it is not a map.
    #[must_use]
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self(map)),
            _ => None,
        }
    }

    /// The object as JSON with sorted keys.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("a map with text keys is JSON")
    }

    /// The object as one JSON value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// `apiVersion`, or the empty text.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.0.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
    }

    /// `kind`, or the empty text.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// API group: `apiVersion` before the `/`, empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        group_of(self.api_version())
    }

    /// API version without its group: `v1` of `apps/v1`.
    #[must_use]
    pub fn version(&self) -> &str {
        version_of(self.api_version())
    }

    fn metadata_text(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// `metadata.name`, or the empty text.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata_text("name").unwrap_or_default()
    }

    /// `metadata.namespace`; an empty one counts as none.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.metadata_text("namespace")
    }

    /// One label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// One annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// Labels in order of their keys; values that are not text are left out.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .get("metadata")
            .and_then(|metadata| metadata.get("labels"))
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Identity of the object.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.group(), self.kind(), self.namespace(), self.name())
    }

    /// `metadata` to write to; made if the object has none or one that is not a map.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        object_at(&mut self.0, "metadata")
    }

    /// Whether it is a core Secret: messages about it may not quote what it holds.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret" && self.group().is_empty()
    }

    /// Sets a label, making `metadata.labels` if needed.
    pub fn set_label(&mut self, key: &str, value: &str) {
        object_at(self.metadata_mut(), "labels").insert(key.to_owned(), Value::from(value));
    }

    /// Removes an annotation, if it is there.
    pub fn remove_annotation(&mut self, key: &str) {
        let metadata = self.0.get_mut("metadata").and_then(Value::as_object_mut);
        let annotations = metadata.and_then(|metadata| metadata.get_mut("annotations"));
        if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
            annotations.remove(key);
        }
    }

    /// Sets an annotation, making `metadata.annotations` if needed.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        object_at(self.metadata_mut(), "annotations").insert(key.to_owned(), Value::from(value));
    }
}

impl Packable for Manifest {
    const COMMON: &'static [u8] = include_bytes!("common_manifests.jsonl");
}

/// A manifest that is kept: packed, a thirtieth of the memory that [`Manifest`] takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedManifest {
    api_version: Arc<str>,
    json: Packed<Manifest>,
}

impl PackedManifest {
    /// The manifest; reads some hundred megabytes a second.
    #[must_use]
    pub fn open(&self) -> Manifest {
        self.json.open()
    }

    /// `apiVersion`, or the empty text.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// API version without its group: `v1` of `apps/v1`.
    #[must_use]
    pub fn version(&self) -> &str {
        version_of(&self.api_version)
    }

    /// Labels by their keys, read without the rest; values that are not text are left out.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        #[derive(Deserialize)]
        struct Labelled {
            metadata: Option<Metadata>,
        }
        #[derive(Deserialize)]
        struct Metadata {
            #[serde(default)]
            labels: Value,
        }
        let labelled = serde_json::from_slice(&self.json.json()).ok();
        let metadata = labelled.and_then(|Labelled { metadata }| metadata);
        let Some(Value::Object(labels)) = metadata.map(|metadata| metadata.labels) else {
            return BTreeMap::new();
        };
        let text = |(key, value)| match value {
            Value::String(text) => Some((key, text)),
            _ => None,
        };
        labels.into_iter().filter_map(text).collect()
    }
}

impl From<&Manifest> for PackedManifest {
    fn from(manifest: &Manifest) -> Self {
        Self { api_version: manifest.api_version().into(), json: Packed::new(manifest) }
    }
}

fn object_at<'m>(map: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    let slot = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut().expect("made an object one line above")
}
