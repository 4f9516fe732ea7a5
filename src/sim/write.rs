//! Create, update and patch: from a request body to the object that is stored.
//!
//! Order of a write, as in Kubernetes: decode, check names and preconditions, merge, default,
//! validate, keep what users may not set, record managers, store. Nothing is stored when the object
//! would not change. Not here: how fields merge (`super::apply`, `super::patch`).

use std::rc::Rc;

use serde_json::{Value, json};

use super::merge::ServerSet;
use super::resources::{Resource, Scope};
use super::route::DryRun;
use super::status_error::{Cause, Refusal};
use super::storage::{Key, Object};
use super::world::{Answer, Call, Reply, World, now};
use super::{convert, crd, delete, merge, review, subresource, validate};

/// The four ways to patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchKind {
    pub(super) fn of(content_type: &str) -> Result<Self, Refusal> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            _ => Err(Self::unsupported()),
        }
    }

    /// The refusal of any other media type.
    pub(super) fn unsupported() -> Refusal {
        Refusal::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: \
             application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
    }
}

/// Reads a JSON or YAML body.
pub(super) fn decode(body: &[u8], content_type: &str) -> Result<Value, Refusal> {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let is_patch = media.ends_with("patch+json") || media.ends_with("patch+yaml");
    if !is_patch && !matches!(media, "" | "application/json" | "application/yaml") {
        return Err(Refusal::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml",
        ));
    }
    let is_json = body
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'{' | b'['));
    let value = if is_json {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_slice(body).map_err(|error| error.to_string())
    };
    value.map_err(|error| {
        Refusal::bad_request(format!("error decoding the body of the request: {error}"))
    })
}

/// POST on a collection.
pub(super) fn create(world: &mut World, call: &Call, mut object: Value) -> Result<Answer, Refusal> {
    let resource = &*call.resource;
    if let Some(subresource) = &call.subresource {
        return subresource::create(world, call, subresource, &object);
    }
    if call.name.is_some() {
        return Err(Refusal::method_not_allowed());
    }
    if resource.is_review() {
        return Ok(Answer { code: 201, reply: Reply::Value(review::answer(resource, object)) });
    }
    if resource.scope == Scope::Namespaced && call.namespace.is_empty() {
        return Err(Refusal::method_not_allowed());
    }
    check_kind(resource, &object)?;
    name_kind(resource, &mut object);
    let meta = metadata(&mut object);
    if meta.get("resourceVersion").is_some_and(|version| version != "" && version != "0") {
        return Err(Refusal::new(
            500,
            "",
            "resourceVersion should not be set on objects to be created",
        ));
    }
    let generated =
        meta.get("generateName").and_then(Value::as_str).filter(|prefix| !prefix.is_empty());
    let name = match (meta.get("name").and_then(Value::as_str), generated) {
        (Some(name), _) if !name.is_empty() => name.to_owned(),
        (_, Some(prefix)) => format!("{prefix}{}", world.suffix()),
        _ => {
            let message = "Required value: name or generateName is required".to_owned();
            let cause =
                Cause { reason: "FieldValueRequired", message, field: "metadata.name".to_owned() };
            return Err(Refusal::invalid(resource, "", &[cause]));
        }
    };
    meta.insert("name".to_owned(), Value::from(name.as_str()));
    let key = Key::new(resource, &call.namespace, &name);
    check_place(&key, &mut object)?;
    if world.storage.get(&key).is_some() {
        return Err(Refusal::already_exists(resource, &name));
    }
    finish(world, call, &key, None, object, Author::Writer)
}

/// PUT on one object.
pub(super) fn update(world: &mut World, call: &Call, mut object: Value) -> Result<Answer, Refusal> {
    let key = call.key()?;
    if call.subresource.as_deref() == Some("scale") {
        return subresource::scale_update(world, call, &object);
    }
    check_kind(&call.resource, &object)?;
    name_kind(&call.resource, &mut object);
    if object.pointer("/metadata/name").and_then(Value::as_str) != Some(&*key.name) {
        let given = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let name = &key.name;
        let message =
            format!("the name of the object ({given}) does not match the name on the URL ({name})");
        return Err(Refusal::bad_request(message));
    }
    let Some(live) = world.storage.get(&key).cloned() else {
        return Err(Refusal::not_found(&call.resource, &key.name));
    };
    if call.resource.custom.is_some() && object.pointer("/metadata/resourceVersion").is_none() {
        let message = "Invalid value: 0: must be specified for an update".to_owned();
        let cause = Cause {
            reason: "FieldValueInvalid",
            message,
            field: "metadata.resourceVersion".to_owned(),
        };
        return Err(Refusal::invalid(&call.resource, &key.name, &[cause]));
    }
    let live_value = convert::served(&call.resource, &live);
    finish(world, call, &key, Some((live, live_value)), object, Author::Writer)
}

/// PATCH on one object; an apply also creates.
pub(super) fn patch(
    world: &mut World,
    call: &Call,
    kind: PatchKind,
    patch: &Value,
) -> Result<Answer, Refusal> {
    let key = call.key()?;
    let resource = &*call.resource;
    if call.subresource.as_deref() == Some("scale") {
        return subresource::scale_patch(world, call, kind, patch);
    }
    let live = world.storage.get(&key).cloned();
    let live = live.map(|live| (live.clone(), convert::served(resource, &live)));
    let time = now();
    match (kind, live) {
        (PatchKind::Apply, live) => {
            if call.options.field_manager.is_empty() {
                return Err(Refusal::invalid_option(
                    "PatchOptions",
                    "fieldManager",
                    "FieldValueRequired",
                    "Required value: is required for apply patch".to_owned(),
                ));
            }
            if live.is_none() && call.subresource.is_some() {
                return Err(Refusal::not_found(resource, &key.name));
            }
            check_kind(resource, patch)?;
            let uid = patch.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
            if live.is_none() && !uid.is_empty() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(Refusal::conflict(resource, &key.name, &why));
            }
            let config = merge::Config { call, key: &key, time: &time, patch };
            let applied = merge::applied(&config, live.as_ref().map(|(_, value)| value))?;
            finish(world, call, &key, live, applied, Author::Applier)
        }
        (_, None) => Err(Refusal::not_found(resource, &key.name)),
        (kind, Some((object, value))) => {
            let patched = merge::patched(resource, kind, &value, patch)?;
            finish(world, call, &key, Some((object, value)), patched, Author::Writer)
        }
    }
}

/// Whether the managers are already recorded in the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// POST, PUT or PATCH: what changed is recorded now.
    Writer,
    /// Apply: the merge has recorded it.
    Applier,
}

/// An object as it is stored, and as the request's version shows it.
pub(super) type Live = (Rc<Object>, Value);

/// Completes a new state of an object, checks it and stores it.
pub(super) fn finish(
    world: &mut World,
    call: &Call,
    key: &Key,
    live: Option<Live>,
    mut object: Value,
    author: Author,
) -> Result<Answer, Refusal> {
    let resource = &*call.resource;
    check_place(key, &mut object)?;
    if resource.scope == Scope::Namespaced && live.is_none() {
        world.check_namespace(resource, &key.namespace, &key.name)?;
    }
    let live_value = live.as_ref().map(|(_, value)| value);
    if let Some((stored, live_value)) = &live {
        check_preconditions(resource, stored, &object)?;
        keep_other_half(resource, call.subresource.as_deref(), live_value, &mut object);
    } else {
        drop_status(resource, &mut object);
    }
    set_identity(world, live_value, &mut object);
    drop_empty(&mut object);
    let set_by_server = live_value.is_none().then(|| ServerSet::of(resource, &object));
    merge::admit(resource, &key.name, &call.options.field_validation, &mut object)?;
    set_generation(resource, live_value, &mut object);
    validate::check(resource, &key.name, live_value, &object)?;
    if author == Author::Writer {
        let kept = set_by_server.map(|set| set.take(&mut object));
        merge::track(call, live_value, &mut object, &now());
        if let Some(kept) = kept {
            kept.put_back(&mut object);
        }
    }
    if live_value.is_some_and(|live| *live == object) {
        let (stored, _) = live.expect("a live value comes with its object");
        return Ok(Answer::ok(reply_in_version(resource, stored)));
    }
    let code = if live.is_some() { 200 } else { 201 };
    if call.options.dry_run == DryRun::All {
        return Ok(Answer { code, reply: Reply::Value(object) });
    }
    let (api_version, object) = convert::stored(resource, object);
    let stored = world.storage.put(key, api_version, object);
    if &*resource.table == crd::TABLE {
        let stored = crd::register(world, &stored);
        return Ok(Answer { code, reply: Reply::Object(stored) });
    }
    if stored.deleting && stored.finalizers.is_empty() {
        delete::finalized(world, &stored);
    }
    Ok(Answer { code, reply: reply_in_version(resource, stored) })
}

/// The object as a reply, converted when it is stored in another version.
pub(super) fn reply_in_version(resource: &Resource, object: Rc<Object>) -> Reply {
    if object.api_version == resource.api_version {
        Reply::Object(object)
    } else {
        Reply::Value(convert::served(resource, &object))
    }
}

/// The path names the kind of a built-in object whose body does not.
fn name_kind(resource: &Resource, object: &mut Value) {
    if object.get("kind").is_none() {
        object["apiVersion"] = Value::from(&*resource.api_version);
        object["kind"] = Value::from(&*resource.kind);
    }
}

fn metadata(object: &mut Value) -> &mut serde_json::Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"].as_object_mut().expect("it was made an object above")
}

fn check_kind(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    if !object.is_object() {
        return Err(Refusal::bad_request("the body of the request is not an object"));
    }
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let wanted = (&*resource.api_version, &*resource.kind);
    if (api_version, kind) == wanted
        || (api_version.is_empty() && kind.is_empty() && resource.custom.is_none())
    {
        return Ok(());
    }
    if kind.is_empty() || api_version.is_empty() {
        return Err(Refusal::bad_request(
            "Object 'Kind' or 'apiVersion' is missing in the body of the request",
        ));
    }
    let message = if kind == wanted.1 {
        format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            wanted.0
        )
    } else {
        format!("{kind} in version {api_version:?} cannot be handled as a {}", wanted.1)
    };
    Err(Refusal::bad_request(message))
}

/// Makes the object say where it is, or refuses when it says something else.
fn check_place(key: &Key, object: &mut Value) -> Result<(), Refusal> {
    let meta = metadata(object);
    match meta.get("namespace").and_then(Value::as_str) {
        Some(given) if !given.is_empty() && *given != *key.namespace => {
            return Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        Some(_) if key.namespace.is_empty() => {
            meta.remove("namespace");
        }
        _ if !key.namespace.is_empty() => {
            meta.insert("namespace".to_owned(), Value::from(&*key.namespace));
        }
        _ => {}
    }
    match meta.get("name").and_then(Value::as_str) {
        Some(given) if *given != *key.name => Err(Refusal::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({})",
            key.name
        ))),
        _ => {
            meta.insert("name".to_owned(), Value::from(&*key.name));
            Ok(())
        }
    }
}

fn check_preconditions(resource: &Resource, live: &Object, object: &Value) -> Result<(), Refusal> {
    let meta = &object["metadata"];
    let text =
        |field: &str| meta.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(uid) = text("uid")
        && *uid != *live.uid
    {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            live.uid
        );
        return Err(Refusal::conflict(resource, &live.key.name, &why));
    }
    match text("resourceVersion") {
        Some(version) if version != "0" && *version != live.resource_version.to_string() => {
            Err(Refusal::stale(resource, &live.key.name))
        }
        _ => Ok(()),
    }
}

/// A write to the object keeps the live status, a write to the status keeps everything else.
fn keep_other_half(
    resource: &Resource,
    subresource: Option<&str>,
    live: &Value,
    object: &mut Value,
) {
    match subresource {
        Some("status") => {
            let status = object.get("status").cloned();
            let managed = object["metadata"].get("managedFields").cloned();
            let version = object["metadata"].get("resourceVersion").cloned();
            *object = live.clone();
            set_or_remove(object, "status", status);
            set_or_remove(&mut object["metadata"], "managedFields", managed);
            set_or_remove(&mut object["metadata"], "resourceVersion", version);
        }
        Some("finalize") => {
            let finalizers = object.pointer("/spec/finalizers").cloned();
            *object = live.clone();
            set_or_remove(&mut object["spec"], "finalizers", finalizers);
        }
        _ if resource.has("status") => set_or_remove(object, "status", live.get("status").cloned()),
        _ => {}
    }
}

fn set_or_remove(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(object) = object.as_object_mut() else { return };
    match value {
        Some(value) => object.insert(field.to_owned(), value),
        None => object.remove(field),
    };
}

fn drop_status(resource: &Resource, object: &mut Value) {
    if resource.has("status") {
        set_or_remove(object, "status", None);
    }
}

/// Leaves out the maps and lists of metadata that hold nothing, as its Go type does.
fn drop_empty(object: &mut Value) {
    let meta = metadata(object);
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let is_empty = match meta.get(field) {
            Some(Value::Object(entries)) => entries.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if is_empty {
            meta.remove(field);
        }
    }
}

/// Sets what only the server sets, but for the generation, which depends on the defaults.
fn set_identity(world: &mut World, live: Option<&Value>, object: &mut Value) {
    const KEPT: [&str; 6] = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
    ];
    let meta = metadata(object);
    meta.remove("selfLink");
    for field in KEPT {
        match live.and_then(|live| live["metadata"].get(field)) {
            Some(value) => meta.insert(field.to_owned(), value.clone()),
            None => meta.remove(field),
        };
    }
    if live.is_none() {
        meta.insert("uid".to_owned(), Value::from(world.uid()));
        meta.insert("creationTimestamp".to_owned(), Value::from(now()));
    }
}

/// Counts a change of anything but metadata and status.
fn set_generation(resource: &Resource, live: Option<&Value>, object: &mut Value) {
    if !resource.generation {
        return;
    }
    let changed = live.is_some_and(|live| generation_changes(live, object));
    let meta = metadata(object);
    let generation = meta.get("generation").and_then(Value::as_u64).unwrap_or_default();
    let generation = if live.is_none() { 1 } else { generation + u64::from(changed) };
    meta.insert("generation".to_owned(), Value::from(generation));
}

/// Whether anything but metadata and status differs.
fn generation_changes(live: &Value, object: &Value) -> bool {
    let (Some(live), Some(object)) = (live.as_object(), object.as_object()) else { return true };
    let counted = |field: &str| !matches!(field, "metadata" | "status" | "apiVersion" | "kind");
    let differs =
        |(field, value): (&String, &Value)| counted(field) && live.get(field) != Some(value);
    object.iter().any(differs)
        || live.keys().any(|field| counted(field) && !object.contains_key(field))
}
