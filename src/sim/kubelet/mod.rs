//! The fake kubelet and controllers of a simulated member: they make workloads progress.
//!
//! [`progress`] is a pure function: given the objects of a member and which of them changed, it says
//! the next steps. Whoever serves the member performs them, marks what they changed as dirty, and
//! asks again until there is nothing left to do. Everything is level-triggered: a step that is lost
//! is named again the next time somebody looks, and looking at a settled object yields nothing.
//!
//! Conditions, counts, labels and owner references are those of the real controllers. Simpler than
//! in life: a rollout starts all its new pods at once and then drops the old ones, whatever
//! `maxSurge` says; pods become ready at once; a bound claim has no PersistentVolume object; CronJobs,
//! HorizontalPodAutoscalers and endpoints are left alone.

mod daemons;
mod deployments;
mod jobs;
mod pods;
mod replicas;
mod services;
mod stateful;

pub use pods::node;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

use crate::api::manifest::group_of;

/// Names one object; `namespace` is empty for cluster-scoped kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// API group, empty for the core.
    pub group: String,
    /// Kind, e.g. `Deployment`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Id {
    /// The name of an object.
    pub fn of(object: &Value) -> Id {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let metadata = &object["metadata"];
        Id {
            group: group_of(version).to_owned(),
            kind: text(&object["kind"]),
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]),
        }
    }
}

/// What the controllers may read of a member.
pub trait Objects {
    /// The objects to look at: changed or created since they were last looked at, the controllers of
    /// objects that were removed, and when a node comes or changes, pods without a node and
    /// DaemonSets. Looking again does no harm.
    fn dirty(&self) -> Vec<Id>;
    /// One object.
    fn get(&self, id: &Id) -> Option<Value>;
    /// The objects that name this uid in `ownerReferences`.
    fn owned_by(&self, uid: &str) -> Vec<Value>;
    /// The member's nodes.
    fn nodes(&self) -> Vec<Value>;
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The field manager that writes.
    pub manager: &'static str,
    /// The subresource that is written; none writes the rest of the object.
    pub subresource: Option<&'static str>,
    /// What is written.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates an object.
    Create(Value),
    /// Replaces an object.
    Update(Value),
    /// Removes an object at once; its finalizers and dependents are honoured.
    Delete(Id),
}

const CONTROLLERS: &str = "kube-controller-manager";
const KUBELET: &str = "kubelet";
const SCHEDULER: &str = "kube-scheduler";

/// The next steps for the objects that changed, and for the controllers that own them.
///
/// Cost: proportional to the dirty objects and what they own.
pub fn progress(objects: &dyn Objects, now: Timestamp) -> Vec<Step> {
    let mut world =
        World { objects, now: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), steps: Vec::new() };
    let mut due = BTreeSet::new();
    for id in objects.dirty() {
        let Some(object) = objects.get(&id) else { continue };
        due.extend(controller(&object, &id.namespace));
        due.insert(id);
    }
    for id in due {
        let Some(object) = objects.get(&id) else { continue };
        world.look_at(&id, &object);
    }
    world.steps
}

struct World<'a> {
    objects: &'a dyn Objects,
    now: String,
    steps: Vec<Step>,
}

impl World<'_> {
    fn look_at(&mut self, id: &Id, object: &Value) {
        let leaves = is_leaving(object);
        match (&*id.group, &*id.kind) {
            ("", "Pod") => pods::look_at(self, object),
            _ if leaves => {}
            ("", "Service") => services::look_at_service(self, object),
            ("", "PersistentVolumeClaim") => services::look_at_claim(self, object),
            ("apps", "Deployment") => deployments::look_at(self, object),
            ("apps", "ReplicaSet") => replicas::look_at(self, object),
            ("apps", "StatefulSet") => stateful::look_at(self, object),
            ("apps", "DaemonSet") => daemons::look_at(self, object),
            ("batch", "Job") => jobs::look_at(self, object),
            _ => {}
        }
    }

    /// The objects of a kind that an owner controls.
    fn owned(&self, owner: &Value, kind: &str) -> Vec<Value> {
        let uid = text(&owner["metadata"]["uid"]);
        let mut owned = self.objects.owned_by(uid);
        owned.retain(|object| {
            object["kind"] == kind
                && object["metadata"]["ownerReferences"].as_array().is_some_and(|references| {
                    references
                        .iter()
                        .any(|reference| reference["uid"] == uid && reference["controller"] == true)
                })
        });
        owned.sort_by(|left, right| name(left).cmp(name(right)));
        owned
    }

    fn create(&mut self, object: Value) {
        let action = Action::Create(object);
        self.steps.push(Step { manager: CONTROLLERS, subresource: None, action });
    }

    fn delete(&mut self, object: &Value) {
        let action = Action::Delete(Id::of(object));
        self.steps.push(Step { manager: CONTROLLERS, subresource: None, action });
    }

    /// Writes `object` if it differs from what is there.
    fn update(&mut self, manager: &'static str, before: &Value, object: Value) {
        if *before != object {
            let action = Action::Update(object);
            self.steps.push(Step { manager, subresource: None, action });
        }
    }

    /// Writes a status if it differs from what is there. Counts of zero are left out, as their
    /// types do.
    fn update_status(&mut self, manager: &'static str, object: &Value, status: Value) {
        if object["status"] != status {
            let mut object = object.clone();
            object["status"] = status;
            let action = Action::Update(object);
            self.steps.push(Step { manager, subresource: Some("status"), action });
        }
    }

    /// A condition, with the time of its last change kept if its status is what it was.
    fn condition(
        &self,
        owner: &Value,
        condition_type: &str,
        status: bool,
        reason: &str,
        message: &str,
    ) -> Value {
        let status = if status { "True" } else { "False" };
        let before = find_condition(owner, condition_type);
        let same = before.filter(|before| before["status"] == status);
        let time = same.map_or(json!(self.now), |before| before["lastTransitionTime"].clone());
        let mut condition =
            json!({"type": condition_type, "status": status, "lastTransitionTime": time});
        for (field, text) in [("reason", reason), ("message", message)] {
            if !text.is_empty() {
                condition[field] = json!(text);
            }
        }
        condition
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn is_leaving(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

fn find_condition<'a>(object: &'a Value, condition_type: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == condition_type)
}

fn is_ready(object: &Value) -> bool {
    find_condition(object, "Ready").is_some_and(|condition| condition["status"] == "True")
}

/// The object that controls this one.
fn controller(object: &Value, namespace: &str) -> Option<Id> {
    let references = object["metadata"]["ownerReferences"].as_array()?;
    let reference = references.iter().find(|reference| reference["controller"] == true)?;
    let version = text(&reference["apiVersion"]);
    Some(Id {
        group: group_of(version).to_owned(),
        kind: text(&reference["kind"]).to_owned(),
        namespace: namespace.to_owned(),
        name: text(&reference["name"]).to_owned(),
    })
}

/// The `ownerReferences` of what an object controls.
fn controlled_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}

/// A pod of a workload: the template's metadata and spec, with labels added.
fn pod_of(owner: &Value, name: &str, labels: &[(&str, &str)]) -> Value {
    let template = &owner["spec"]["template"];
    let mut metadata = match &template["metadata"] {
        Value::Object(metadata) => metadata.clone(),
        _ => Map::new(),
    };
    metadata.insert("name".to_owned(), json!(name));
    metadata.insert("namespace".to_owned(), owner["metadata"]["namespace"].clone());
    metadata.insert("ownerReferences".to_owned(), controlled_by(owner));
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"],
    });
    for (label, value) in labels {
        pod["metadata"]["labels"][*label] = json!(value);
    }
    pod
}

/// Letters for a name that follow from a text, in the alphabet that Kubernetes uses for names.
pub(super) fn letters(seed: &str, n_letters: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (0..n_letters)
        .map(|_| {
            hash = (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            char::from(ALPHABET[(hash >> 33) as usize % ALPHABET.len()])
        })
        .collect()
}

/// What a pod template is called: the same template, the same letters.
fn template_hash(owner: &Value) -> String {
    letters(&owner["spec"]["template"].to_string(), 10)
}

/// Names for new children of an owner that none of its children has.
fn free_names(owner: &Value, children: &[Value], n_names: usize) -> Vec<String> {
    let uid = text(&owner["metadata"]["uid"]);
    (0..)
        .map(|attempt: u32| format!("{}-{}", name(owner), letters(&format!("{uid}/{attempt}"), 5)))
        .filter(|free| !children.iter().any(|child| name(child) == free))
        .take(n_names)
        .collect()
}

/// A status object without the counts that are zero.
fn status_of(fields: Value) -> Value {
    match fields {
        Value::Object(mut fields) => {
            fields.retain(|_, value| *value != 0 && !value.is_null());
            Value::Object(fields)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
