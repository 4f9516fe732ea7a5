//! Subresources that are not the object itself: scale, eviction, binding, tokens.

use serde_json::{Value, json};

use super::convert;
use super::delete;
use super::merge;
use super::resources::Resource;
use super::route::Propagation;
use super::status_error::{Cause, Refusal};
use super::world::{Answer, Call, Reply, World};
use super::write::{self, Author, PatchKind};

fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

/// Pointers to the wanted replicas, the counted replicas, and the selector.
fn paths(resource: &Resource) -> (String, String, Option<String>) {
    match resource.custom.as_ref().and_then(|custom| custom.scale.as_ref()) {
        Some(scale) => (
            pointer(&scale.replicas),
            pointer(&scale.status_replicas),
            scale.selector.as_deref().map(pointer),
        ),
        None => ("/spec/replicas".to_owned(), "/status/replicas".to_owned(), None),
    }
}

/// The object seen as an `autoscaling/v1` Scale.
pub(super) fn scale_of(resource: &Resource, object: &Value) -> Value {
    let (replicas, status_replicas, selector) = paths(resource);
    let meta = &object["metadata"];
    let kept: serde_json::Map<String, Value> =
        ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"]
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), meta.get(field)?.clone())))
            .collect();
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or_default();
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept,
        "spec": {"replicas": number(&replicas)}, "status": {"replicas": number(&status_replicas)},
    });
    let selector = match selector {
        Some(path) => object.pointer(&path).and_then(Value::as_str).map(str::to_owned),
        None => object.pointer("/spec/selector").map(selector_text),
    };
    if let Some(selector) = selector {
        scale["status"]["selector"] = Value::from(selector);
    }
    scale
}

fn selector_text(selector: &Value) -> String {
    let labels = selector.get("matchLabels").unwrap_or(selector).as_object();
    let pairs = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    pairs.collect::<Vec<_>>().join(",")
}

/// PUT on a scale.
pub(super) fn scale_update(
    world: &mut World,
    call: &Call,
    scale: &Value,
) -> Result<Answer, Refusal> {
    let key = call.key()?;
    let Some(live) = world.storage.get(&key).cloned() else {
        return Err(Refusal::not_found(&call.resource, &key.name));
    };
    let wanted = &scale["spec"]["replicas"];
    if !wanted.is_null() && wanted.as_i64().is_none_or(|replicas| replicas < 0) {
        let message = format!("Invalid value: {wanted}: must be greater than or equal to 0");
        let (field, reason) = ("spec.replicas".to_owned(), "FieldValueInvalid");
        return Err(Refusal::invalid_scale(&key.name, &Cause { reason, message, field }));
    }
    let mut object = convert::served(&call.resource, &live);
    if let Some(version) = scale["metadata"].get("resourceVersion") {
        object["metadata"]["resourceVersion"] = version.clone();
    }
    let live_value = convert::served(&call.resource, &live);
    set(&mut object, &paths(&call.resource).0, json!(wanted.as_i64().unwrap_or_default()));
    let written =
        write::finish(world, call, &key, Some((live, live_value)), object, Author::Writer)?;
    let value = match written.reply {
        Reply::Object(object) => convert::served(&call.resource, &object),
        Reply::Value(value) => value,
    };
    Ok(Answer { code: written.code, reply: Reply::Value(scale_of(&call.resource, &value)) })
}

/// PATCH on a scale, of any kind; an apply names only the replicas, so it merges as well.
pub(super) fn scale_patch(
    world: &mut World,
    call: &Call,
    kind: PatchKind,
    patch: &Value,
) -> Result<Answer, Refusal> {
    let key = call.key()?;
    let Some(live) = world.storage.get(&key) else {
        return Err(Refusal::not_found(&call.resource, &key.name));
    };
    let scale = scale_of(&call.resource, &live.value());
    let kind = if kind == PatchKind::Json { kind } else { PatchKind::Merge };
    let patched = merge::patched(&call.resource, kind, &scale, patch)?;
    scale_update(world, call, &patched)
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut place = object;
    for step in pointer.split('/').filter(|step| !step.is_empty()) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[step];
    }
    *place = value;
}

/// POST on a subresource of a named object.
pub(super) fn create(
    world: &mut World,
    call: &Call,
    subresource: &str,
    body: &Value,
) -> Result<Answer, Refusal> {
    let key = call.key()?;
    let Some(live) = world.storage.get(&key).cloned() else {
        return Err(Refusal::not_found(&call.resource, &key.name));
    };
    let success = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    match subresource {
        "eviction" => {
            delete::begin(world, &live, Propagation::Background);
            Ok(Answer { code: 201, reply: Reply::Value(success) })
        }
        "binding" => {
            let mut pod = live.value();
            pod["spec"]["nodeName"] = body["target"]["name"].clone();
            world.storage.put(&key, live.api_version.clone(), pod);
            Ok(Answer { code: 201, reply: Reply::Value(success) })
        }
        "token" => {
            let status = super::tokens::issue(world, &live, body);
            let mut request = body.clone();
            request["status"] = status;
            Ok(Answer { code: 201, reply: Reply::Value(request) })
        }
        _ => Err(Refusal::method_not_allowed()),
    }
}
