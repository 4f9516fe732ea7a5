//! Deletion: finalizers, propagation to dependents, namespaces and their contents.
//!
//! The garbage collector and the namespace controller of a real cluster work in the background; here
//! their work is done before the request that caused it is answered, which no client can tell apart
//! from a fast cluster.

use std::rc::Rc;

use serde_json::{Value, json};

use super::resources::Resource;
use super::route::{DryRun, Propagation};
use super::status_error::{Refusal, deleted};
use super::storage::{Key, Object};
use super::world::{Answer, Call, Reply, World, now};
use super::{crd, read, write};

/// Finalizer of an object whose dependents go first.
const FOREGROUND: &str = "foregroundDeletion";

/// What a `DeleteOptions` body and the query ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct DeleteOptions {
    propagation: Option<Propagation>,
    uid: Option<String>,
    resource_version: Option<String>,
    dry_run: DryRun,
}

impl DeleteOptions {
    /// Reads the body, which may be empty; the query fills what it leaves out.
    pub(super) fn parse(call: &Call, body: &[u8], content_type: &str) -> Result<Self, Refusal> {
        let body = if body.is_empty() { Value::Null } else { write::decode(body, content_type)? };
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let propagation = match text("/propagationPolicy") {
            Some(policy) => Some(Propagation::parse(&policy)?),
            None if body["orphanDependents"] == true => Some(Propagation::Orphan),
            None => call.options.propagation,
        };
        let dry = body["dryRun"].as_array().is_some_and(|runs| !runs.is_empty());
        Ok(Self {
            propagation,
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
            dry_run: if dry { DryRun::All } else { call.options.dry_run },
        })
    }
}

/// DELETE on one object.
pub(super) fn one(
    world: &mut World,
    call: &Call,
    options: &DeleteOptions,
) -> Result<Answer, Refusal> {
    let resource = &*call.resource;
    let key = call.key()?;
    if call.subresource.is_some() {
        return Err(Refusal::method_not_allowed());
    }
    let Some(live) = world.storage.get(&key).cloned() else {
        return Err(Refusal::not_found(resource, &key.name));
    };
    check_preconditions(resource, &live, options)?;
    if &*key.table == "namespaces."
        && matches!(&*key.name, "default" | "kube-system" | "kube-public")
    {
        let message =
            format!("namespaces \"{}\" is forbidden: this namespace may not be deleted", key.name);
        return Err(Refusal::new(403, "Forbidden", message));
    }
    if options.dry_run == DryRun::All {
        return Ok(gone(resource, &live));
    }
    let policy = options.propagation.unwrap_or(default_policy(resource));
    begin(world, &live, policy);
    Ok(match world.storage.get(&key).filter(|still| still.uid == live.uid) {
        Some(still) => Answer::ok(write::reply_in_version(resource, still.clone())),
        None if &*key.table == "namespaces." => {
            let mut last = live.value();
            last["status"]["phase"] = json!("Terminating");
            last["metadata"]["deletionTimestamp"] = json!(now());
            Answer::ok(Reply::Value(last))
        }
        None => gone(resource, &live),
    })
}

/// DELETE on a collection: the objects that the selectors choose.
pub(super) fn collection(
    world: &mut World,
    call: &Call,
    options: &DeleteOptions,
) -> Result<Answer, Refusal> {
    if &*call.resource.table == "namespaces." {
        // Each is a deletion of much more than itself: one at a time.
        return Err(Refusal::method_not_allowed());
    }
    let chosen = read::select(world, call)?;
    let policy = options.propagation.unwrap_or(default_policy(&call.resource));
    if options.dry_run == DryRun::No {
        for object in &chosen {
            // An earlier one may have taken its dependents with it.
            if world.storage.get(&object.key).is_some_and(|still| still.uid == object.uid) {
                begin(world, object, policy);
            }
        }
    }
    Ok(Answer::ok(Reply::Value(json!({
        "kind": call.resource.list_kind, "apiVersion": &*call.resource.api_version,
        "metadata": {"resourceVersion": world.storage.resource_version.to_string()},
        "items": chosen.iter().map(|object| object.value()).collect::<Vec<_>>(),
    }))))
}

fn check_preconditions(
    resource: &Resource,
    live: &Object,
    options: &DeleteOptions,
) -> Result<(), Refusal> {
    let name = &live.key.name;
    if let Some(uid) = options.uid.as_ref().filter(|uid| **uid != live.uid) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). \
             The object might have been deleted and then recreated",
            live.uid
        );
        return Err(Refusal::conflict(resource, name, &why));
    }
    let version = live.resource_version.to_string();
    if let Some(wanted) = options.resource_version.as_ref().filter(|wanted| **wanted != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). \
             The object might have been modified"
        );
        return Err(Refusal::conflict(resource, name, &why));
    }
    Ok(())
}

/// Jobs and replication controllers leave their pods behind unless told otherwise.
fn default_policy(resource: &Resource) -> Propagation {
    match &*resource.table {
        "jobs.batch" | "replicationcontrollers." => Propagation::Orphan,
        _ => Propagation::Background,
    }
}

/// The answer when nothing of the object is left.
fn gone(resource: &Resource, live: &Rc<Object>) -> Answer {
    let returns_object = matches!(
        &*resource.table,
        "pods."
            | "services."
            | "serviceaccounts."
            | "persistentvolumes."
            | "persistentvolumeclaims."
            | "podtemplates."
            | "resourcequotas."
    );
    Answer::ok(if returns_object {
        write::reply_in_version(resource, live.clone())
    } else {
        Reply::Value(deleted(resource, &live.key.name, &live.uid))
    })
}

/// Starts a deletion and carries it as far as finalizers allow.
pub(super) fn begin(world: &mut World, live: &Rc<Object>, policy: Propagation) {
    let dependents = world.storage.dependents(&live.uid);
    if policy == Propagation::Orphan {
        for dependent in &dependents {
            disown(world, dependent, &live.uid);
        }
    }
    let foreground = policy == Propagation::Foreground && !dependents.is_empty();
    let holds_contents = match &*live.key.table {
        "namespaces." => true,
        crd::TABLE => crd::instances(world, live).next().is_some(),
        _ => false,
    };
    if !foreground && !holds_contents && live.finalizers.is_empty() {
        remove(world, &live.key);
        return;
    }
    let live = mark(world, live, foreground);
    if foreground {
        for dependent in dependents {
            release(world, &dependent, &live.uid, Propagation::Foreground);
        }
    }
    match &*live.key.table {
        "namespaces." => empty_namespace(world, &live.key.name),
        crd::TABLE => {
            let instances: Vec<Rc<Object>> = crd::instances(world, &live).cloned().collect();
            for instance in instances {
                begin(world, &instance, Propagation::Background);
            }
        }
        _ => {}
    }
    settle(world, &live.key);
}

/// Sets the deletion timestamp, and the marks of what the deletion waits for.
fn mark(world: &mut World, live: &Rc<Object>, foreground: bool) -> Rc<Object> {
    let mut value = live.value();
    let meta = &mut value["metadata"];
    if !live.deleting {
        meta["deletionTimestamp"] = json!(now());
        meta["deletionGracePeriodSeconds"] = json!(0);
        if let Some(generation) = meta["generation"].as_u64() {
            meta["generation"] = json!(generation + 1);
        }
    }
    let waits_for = match (&*live.key.table, foreground) {
        (crd::TABLE, _) => Some(crd::CLEANUP),
        (_, true) => Some(FOREGROUND),
        _ => None,
    };
    if let Some(finalizer) = waits_for.filter(|wanted| !live.finalizers.iter().any(|f| f == wanted))
    {
        let mut finalizers = live.finalizers.clone();
        finalizers.push(finalizer.to_owned());
        meta["finalizers"] = json!(finalizers);
    }
    if &*live.key.table == "namespaces." {
        value["status"]["phase"] = json!("Terminating");
    }
    if value == live.value() {
        return live.clone();
    }
    world.storage.put(&live.key, live.api_version.clone(), value)
}

/// Removes an object that nothing holds any more, then what depended on it.
fn remove(world: &mut World, key: &Key) {
    let Some(last) = world.storage.remove(key) else { return };
    if &*key.table == crd::TABLE {
        world.registry.remove_custom(&key.name);
    }
    for dependent in world.storage.dependents(&last.uid) {
        release(world, &dependent, &last.uid, Propagation::Background);
    }
    for owner in &last.owners {
        let waiting = world.storage.of_uid(&owner.uid).filter(|owner| owner.deleting);
        if let Some(key) = waiting.map(|owner| owner.key.clone()) {
            settle(world, &key);
        }
    }
    if !key.namespace.is_empty() {
        let namespace =
            Key { table: "namespaces.".into(), namespace: "".into(), name: key.namespace.clone() };
        settle(world, &namespace);
    }
    if let Some(definition) = crd::definition_of(world, &key.table) {
        settle(world, &definition);
    }
}

/// The owner `uid` goes: its dependent goes too, unless another owner keeps it.
fn release(world: &mut World, dependent: &Rc<Object>, uid: &str, policy: Propagation) {
    let Some(dependent) =
        world.storage.get(&dependent.key).filter(|now| now.uid == dependent.uid).cloned()
    else {
        return;
    };
    let kept = dependent.owners.iter().any(|owner| {
        owner.uid != uid && world.storage.of_uid(&owner.uid).is_some_and(|owner| !owner.deleting)
    });
    if kept {
        disown(world, &dependent, uid);
    } else if !dependent.deleting {
        begin(world, &dependent, policy);
    }
}

/// Takes one owner off an object.
fn disown(world: &mut World, dependent: &Object, uid: &str) {
    let mut value = dependent.value();
    if let Some(owners) = value["metadata"]["ownerReferences"].as_array_mut() {
        owners.retain(|owner| owner["uid"] != uid);
        if owners.is_empty()
            && let Some(meta) = value["metadata"].as_object_mut()
        {
            meta.remove("ownerReferences");
        }
    }
    world.storage.put(&dependent.key, dependent.api_version.clone(), value);
}

fn empty_namespace(world: &mut World, namespace: &str) {
    let contents: Vec<Rc<Object>> =
        world.storage.all().filter(|object| *object.key.namespace == *namespace).cloned().collect();
    for object in contents {
        if world.storage.get(&object.key).is_some_and(|now| !now.deleting && now.uid == object.uid)
        {
            begin(world, &object, Propagation::Background);
        }
    }
}

/// A deletion that waited may be done: drops our own finalizers that hold no more, and the object
/// when none is left.
fn settle(world: &mut World, key: &Key) {
    let Some(live) = world.storage.get(key).filter(|object| object.deleting).cloned() else {
        return;
    };
    let held_by_contents = match &*key.table {
        "namespaces." => world.storage.all().any(|object| object.key.namespace == key.name),
        crd::TABLE => crd::instances(world, &live).next().is_some(),
        _ => false,
    };
    let blocked = world.storage.dependents(&live.uid).iter().any(|dependent| {
        dependent.owners.iter().any(|owner| owner.uid == live.uid && owner.blocking)
    });
    let left: Vec<&String> = live
        .finalizers
        .iter()
        .filter(|finalizer| match finalizer.as_str() {
            FOREGROUND => blocked,
            crd::CLEANUP => held_by_contents,
            _ => true,
        })
        .collect();
    if left.is_empty() && !held_by_contents {
        remove(world, key);
    } else if left.len() < live.finalizers.len() {
        let mut value = live.value();
        value["metadata"]["finalizers"] = json!(left);
        world.storage.put(key, live.api_version.clone(), value);
    }
}

/// A write took the last finalizer off an object that is being deleted.
pub(super) fn finalized(world: &mut World, object: &Object) {
    settle(world, &object.key);
}
