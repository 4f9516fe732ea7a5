//! What one member holds: ordered tables of serialized objects, one version counter, and a bounded
//! window of events for each table.
//!
//! An object is kept as the bytes it is served with plus the few facts that requests filter by; it is
//! parsed again only when it is changed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;

use super::controllers;
use super::resources::Resource;

/// Events kept for each table. A watcher that falls further behind is told 410 and lists again; 4,096
/// covers a first apply of a thousand workloads with several status changes each.
pub(super) const EVENTS_MAX: usize = 4096;
/// Snapshots kept for lists that are read in pages; the oldest is dropped first, as compaction would.
pub(super) const SNAPSHOTS_MAX: usize = 32;

/// Name of one object: its table, its namespace (empty for cluster scope) and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub table: Rc<str>,
    pub namespace: Rc<str>,
    pub name: Rc<str>,
}

impl Key {
    pub(super) fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        Self { table: resource.table.clone(), namespace: namespace.into(), name: name.into() }
    }
}

/// An owner that an object names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owner {
    pub uid: String,
    /// Whether a foreground deletion of the owner waits for this object.
    pub blocking: bool,
}

/// One version of one object.
#[derive(Debug)]
pub(super) struct Object {
    pub key: Key,
    pub resource_version: u64,
    pub uid: String,
    /// `apiVersion` that [`Object::bytes`] is written in.
    pub api_version: Rc<str>,
    /// The object as JSON, with keys in order.
    pub bytes: Bytes,
    pub labels: BTreeMap<String, String>,
    /// The fields that a field selector may ask for, beside name and namespace.
    pub fields: Vec<(&'static str, String)>,
    pub owners: Vec<Owner>,
    pub finalizers: Vec<String>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
}

impl Object {
    /// The object as a tree.
    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("stored bytes were written from a value")
    }

    /// The value of a field that a field selector names.
    pub(super) fn field(&self, path: &str) -> Option<&str> {
        match path {
            "metadata.name" => Some(&self.key.name),
            "metadata.namespace" => Some(&self.key.namespace),
            _ => self
                .fields
                .iter()
                .find(|(field, _)| *field == path)
                .map(|(_, value)| value.as_str()),
        }
    }

    /// The same object with the version of a later change.
    pub(super) fn at(&self, resource_version: u64) -> Self {
        let api_version = self.api_version.clone();
        Self::read(self.key.clone(), resource_version, api_version, &mut self.value())
    }

    fn read(key: Key, resource_version: u64, api_version: Rc<str>, value: &mut Value) -> Self {
        let version_text = Value::from(resource_version.to_string());
        let kind_fields = fields_of(&key.table);
        let meta = &mut value["metadata"];
        meta["resourceVersion"] = version_text;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let labels = meta["labels"].as_object().map_or_else(BTreeMap::new, |labels| {
            labels.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        });
        let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
        let owners = list(&meta["ownerReferences"])
            .iter()
            .map(|o| Owner { uid: text(&o["uid"]), blocking: o["blockOwnerDeletion"] == true })
            .collect();
        let finalizers = list(&meta["finalizers"]).iter().map(text).collect();
        let (uid, deleting) = (text(&meta["uid"]), meta["deletionTimestamp"].is_string());
        let fields = kind_fields
            .iter()
            .filter_map(|path| Some((*path, field_text(value.pointer(&pointer(path))?)?)))
            .collect();
        let bytes = Bytes::from(serde_json::to_vec(value).expect("a JSON tree always serializes"));
        Self {
            key,
            resource_version,
            uid,
            api_version,
            bytes,
            labels,
            fields,
            owners,
            finalizers,
            deleting,
        }
    }
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

fn field_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Fields that can be selected, beside name and namespace, by table.
pub(super) fn fields_of(table: &str) -> &'static [&'static str] {
    match table {
        "pods." => &[
            "spec.hostNetwork",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.nominatedNodeName",
            "status.phase",
            "status.podIP",
        ],
        "events." => &[
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.resourceVersion",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "namespaces." => &["status.phase"],
        "nodes." => &["spec.unschedulable"],
        "secrets." => &["type"],
        "replicasets.apps" | "replicationcontrollers." => &["status.replicas"],
        "jobs.batch" => &["status.successful"],
        _ => &[],
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One entry of a table's window.
#[derive(Debug)]
pub(super) struct Event {
    pub resource_version: u64,
    pub change: Change,
    pub object: Rc<Object>,
    /// The object before, for watchers whose selector it left or entered.
    pub previous: Option<Rc<Object>>,
}

/// The objects of one resource.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub objects: BTreeMap<(Rc<str>, Rc<str>), Rc<Object>>,
    pub events: VecDeque<Event>,
    /// Events at or before this version are no longer in the window.
    pub forgotten: u64,
    /// Wakes the watchers of this table.
    pub changed: Rc<Notify>,
}

/// A list that is being read in pages.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub id: u64,
    pub resource_version: u64,
    pub objects: Rc<[Rc<Object>]>,
}

/// Everything one member holds.
#[derive(Debug)]
pub(super) struct Storage {
    tables: BTreeMap<Rc<str>, Table>,
    /// Objects by the uid of an owner they name.
    dependents: BTreeMap<String, BTreeSet<Key>>,
    by_uid: BTreeMap<String, Key>,
    snapshots: VecDeque<Snapshot>,
    /// Version of the last change.
    pub resource_version: u64,
    n_snapshots: u64,
    /// Objects that the controllers have yet to look at.
    pub dirty: BTreeSet<Key>,
    /// Wakes the controllers, where there are any.
    pub touched: Option<Rc<Notify>>,
}

impl Storage {
    pub(super) fn new() -> Self {
        // Zero and one mean "any version" and "the beginning" to some clients.
        Self {
            tables: BTreeMap::new(),
            dependents: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            snapshots: VecDeque::new(),
            resource_version: 1,
            n_snapshots: 0,
            dirty: BTreeSet::new(),
            touched: None,
        }
    }

    /// Starts the table of a new kind: nothing of what was before it can be told.
    pub(super) fn begin_table(&mut self, table: &Rc<str>) {
        let forgotten = self.resource_version;
        self.tables.entry(table.clone()).or_insert_with(|| Table { forgotten, ..Table::default() });
    }

    pub(super) fn table(&mut self, table: &Rc<str>) -> &mut Table {
        self.tables.entry(table.clone()).or_default()
    }

    /// The objects of a table, or of one namespace of it, in order of namespace and name.
    pub(super) fn objects<'a>(
        &'a self,
        table: &str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Rc<Object>> {
        let start: (Rc<str>, Rc<str>) = (namespace.unwrap_or_default().into(), "".into());
        self.tables
            .get(table)
            .into_iter()
            .flat_map(move |table| table.objects.range(start.clone()..))
            .take_while(move |(key, _)| namespace.is_none_or(|namespace| *key.0 == *namespace))
            .map(|(_, object)| object)
    }

    /// Every object of a table.
    pub(super) fn objects_of(&self, table: &str) -> impl Iterator<Item = &Rc<Object>> {
        self.tables.get(table).into_iter().flat_map(|table| table.objects.values())
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Rc<Object>> {
        self.tables.get(&key.table)?.objects.get(&(key.namespace.clone(), key.name.clone()))
    }

    /// From now on changes are noted for the controllers; what is there already is noted too.
    pub(super) fn start_controllers(&mut self, touched: Rc<Notify>) {
        let keys: Vec<Key> = self.all().map(|object| object.key.clone()).collect();
        self.dirty.extend(keys.into_iter().filter(|key| controllers::watches(&key.table)));
        self.touched = Some(touched);
    }

    /// Every object, table by table.
    pub(super) fn all(&self) -> impl Iterator<Item = &Rc<Object>> {
        self.tables.values().flat_map(|table| table.objects.values())
    }

    /// The object with this uid.
    pub(super) fn of_uid(&self, uid: &str) -> Option<&Rc<Object>> {
        self.get(self.by_uid.get(uid)?)
    }

    /// Objects that name `uid` as an owner.
    pub(super) fn dependents(&self, uid: &str) -> Vec<Rc<Object>> {
        let keys = self.dependents.get(uid).into_iter().flatten();
        keys.filter_map(|key| self.get(key).cloned()).collect()
    }

    /// Stores `value` under `key`, with the next version, and tells the watchers.
    pub(super) fn put(&mut self, key: &Key, api_version: Rc<str>, mut value: Value) -> Rc<Object> {
        self.resource_version += 1;
        let object =
            Rc::new(Object::read(key.clone(), self.resource_version, api_version, &mut value));
        for owner in &object.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(key.clone());
        }
        let place = (key.namespace.clone(), key.name.clone());
        let previous = self.table(&key.table).objects.insert(place, object.clone());
        if previous.is_none() {
            self.by_uid.insert(object.uid.clone(), key.clone());
        }
        if let Some(previous) = &previous {
            let left =
                previous.owners.iter().filter(|o| !object.owners.iter().any(|n| n.uid == o.uid));
            for owner in left {
                self.forget_dependent(&owner.uid, key);
            }
        }
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        self.record(Event {
            resource_version: object.resource_version,
            change,
            object: object.clone(),
            previous,
        });
        object
    }

    /// Removes an object and tells the watchers; the last state carries the version of the removal.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Rc<Object>> {
        let place = (key.namespace.clone(), key.name.clone());
        let previous = self.table(&key.table).objects.remove(&place)?;
        for owner in &previous.owners {
            self.forget_dependent(&owner.uid, key);
        }
        self.by_uid.remove(&previous.uid);
        self.resource_version += 1;
        let last = previous.at(self.resource_version);
        self.record(Event {
            resource_version: self.resource_version,
            change: Change::Deleted,
            object: Rc::new(last),
            previous: Some(previous.clone()),
        });
        Some(previous)
    }

    fn forget_dependent(&mut self, uid: &str, key: &Key) {
        if let Some(keys) = self.dependents.get_mut(uid) {
            keys.remove(key);
            if keys.is_empty() {
                self.dependents.remove(uid);
            }
        }
    }

    fn record(&mut self, event: Event) {
        if let Some(touched) = self.touched.clone()
            && controllers::watches(&event.object.key.table)
        {
            let keys = controllers::touched(self, &event.object, event.change);
            self.dirty.extend(keys);
            touched.notify_one();
        }
        let table = self.table(&event.object.key.table.clone());
        if table.events.len() == EVENTS_MAX
            && let Some(oldest) = table.events.pop_front()
        {
            table.forgotten = oldest.resource_version;
        }
        table.events.push_back(event);
        table.changed.notify_waiters();
    }

    /// Forgets every past event and every page of a list, as a compaction of etcd does.
    pub(super) fn compact(&mut self) {
        self.snapshots.clear();
        for table in self.tables.values_mut() {
            table.events.clear();
            table.forgotten = self.resource_version;
            table.changed.notify_waiters();
        }
    }

    /// Keeps the objects of a list for its next pages; returns the snapshot's id.
    pub(super) fn keep_snapshot(&mut self, objects: Rc<[Rc<Object>]>) -> u64 {
        if self.snapshots.len() == SNAPSHOTS_MAX {
            self.snapshots.pop_front();
        }
        self.n_snapshots += 1;
        let resource_version = self.resource_version;
        self.snapshots.push_back(Snapshot { id: self.n_snapshots, resource_version, objects });
        self.n_snapshots
    }

    pub(super) fn snapshot(&self, id: u64) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(namespace: &str, name: &str) -> Key {
        Key { table: "pods.".into(), namespace: namespace.into(), name: name.into() }
    }

    fn pod(name: &str, owner: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}, "metadata":
            {"name": name, "uid": format!("uid-{name}"), "labels": {"a": "b"}, "ownerReferences": [{"uid": owner}]}})
    }

    #[test]
    fn each_change_has_a_later_version_and_an_event() {
        let mut storage = Storage::new();
        let first = storage.put(&key("x", "a"), "v1".into(), pod("a", "o"));
        let second = storage.put(&key("x", "a"), "v1".into(), pod("a", "p"));
        storage.remove(&key("x", "a"));
        assert!(first.resource_version < second.resource_version);
        let changes: Vec<Change> =
            storage.table(&"pods.".into()).events.iter().map(|e| e.change).collect();
        assert_eq!(changes, [Change::Added, Change::Modified, Change::Deleted]);
        assert!(storage.dependents("o").is_empty() && storage.dependents("p").is_empty());
    }

    #[test]
    fn facts_for_selectors_are_read_once() {
        let mut storage = Storage::new();
        let object = storage.put(&key("x", "a"), "v1".into(), pod("a", "o"));
        assert_eq!(
            (object.field("status.phase"), object.field("metadata.namespace")),
            (Some("Running"), Some("x"))
        );
        assert_eq!(
            object.value()["metadata"]["resourceVersion"],
            object.resource_version.to_string()
        );
        assert_eq!(object.value()["metadata"].get("finalizers"), None);
    }

    #[test]
    fn a_namespace_is_a_range_of_its_table() {
        let mut storage = Storage::new();
        for (namespace, name) in [("a", "1"), ("ab", "2"), ("a", "3"), ("b", "4")] {
            storage.put(&key(namespace, name), "v1".into(), pod(name, "o"));
        }
        let names = |namespace| {
            storage.objects("pods.", namespace).map(|o| o.key.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(Some("a")), ["1", "3"]);
        assert_eq!(names(None), ["1", "3", "2", "4"]);
    }
}
