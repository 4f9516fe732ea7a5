//! The seam between requests and the pure functions that merge, default and validate.

use serde_json::Value;

use super::apply::{self, Force, Write};
use super::defaults::{self, FieldError};
use super::patch::{self, PatchError};
use super::resources::Resource;
use super::status_error::{Cause, Refusal};
use super::storage::Key;
use super::structural;
use super::world::Call;
use super::write::PatchKind;

/// An applied configuration with its circumstances.
#[derive(Debug)]
pub(super) struct Config<'a> {
    pub call: &'a Call,
    pub key: &'a Key,
    /// The instant of the write.
    pub time: &'a str,
    pub patch: &'a Value,
}

/// Merges an applied configuration over the live object.
pub(super) fn applied(config: &Config<'_>, live: Option<&Value>) -> Result<Value, Refusal> {
    let call = config.call;
    let resource = &*call.resource;
    if config.patch.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let mistakes = apply::check(resource.schema(), config.patch);
    if !mistakes.is_empty() {
        let texts: Vec<String> =
            mistakes.iter().map(|m| format!("{}: {}", m.path, m.message)).collect();
        let name = &config.key.name;
        return Err(Refusal::new(
            500,
            "",
            format!(
                "failed to create typed patch object ({name}; {}, Kind={}): {}",
                resource.api_version,
                resource.kind,
                texts.join("\n")
            ),
        ));
    }
    let force = if call.options.force { Force::Yes } else { Force::No };
    let write = write_of(call, config.time);
    let without_status;
    let keeps_status =
        resource.custom.is_none() || !resource.has("status") || call.subresource.is_some();
    let patch = match config.patch.get("status") {
        Some(_) if !keeps_status => {
            let mut patch = config.patch.clone();
            patch.as_object_mut().map(|patch| patch.remove("status"));
            without_status = patch;
            &without_status
        }
        _ => config.patch,
    };
    apply::apply(resource.schema(), live, patch, &write, force)
        .map_err(|conflicts| Refusal::apply_conflict(&conflicts.causes))
}

fn write_of<'a>(call: &'a Call, time: &'a str) -> Write<'a> {
    let manager = if call.options.field_manager.is_empty() {
        &call.user_agent
    } else {
        &call.options.field_manager
    };
    Write {
        manager,
        api_version: &call.resource.api_version,
        time,
        subresource: call.subresource.as_deref(),
    }
}

/// Applies a patch of the other three kinds.
pub(super) fn patched(
    resource: &Resource,
    kind: PatchKind,
    live: &Value,
    patch: &Value,
) -> Result<Value, Refusal> {
    let refused = |error: PatchError| match error {
        PatchError::Malformed(message) => Refusal::bad_request(message),
        PatchError::DoesNotFit(message) => Refusal::new(422, "Invalid", message),
    };
    if kind == PatchKind::Strategic {
        if resource.custom.is_some() {
            return Err(PatchKind::unsupported());
        }
        return patch::strategic_merge_patch(resource.schema(), live, patch).map_err(refused);
    }
    let mut object = live.clone();
    if kind == PatchKind::Json {
        patch::json_patch(&mut object, patch).map_err(refused)?;
    } else {
        patch::merge_patch(&mut object, patch);
    }
    Ok(object)
}

/// Fields of a new object that its writer leaves to the server: who owns fields does not own these.
#[derive(Debug)]
pub(super) struct ServerSet(Vec<String>);

/// The values of these fields while the books are kept.
#[derive(Debug)]
pub(super) struct Taken(Vec<(String, Value)>);

impl ServerSet {
    /// Of an object before its defaults are filled in.
    pub(super) fn of(resource: &Resource, object: &Value) -> Self {
        let mut fields: Vec<String> = match &*resource.table {
            _ if resource.custom.is_some() => Vec::new(),
            "namespaces." => vec!["/spec/finalizers".to_owned()],
            "services." => ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]
                .iter()
                .map(|field| format!("/spec/{field}"))
                .chain((0..ports(object)).map(|at| format!("/spec/ports/{at}/nodePort")))
                .collect(),
            _ => Vec::new(),
        };
        if resource.custom.is_none() && resource.has("status") {
            fields.push("/status".to_owned());
        }
        fields.retain(|field| object.pointer(field).is_none());
        Self(fields)
    }

    /// Takes them out of the object.
    pub(super) fn take(self, object: &mut Value) -> Taken {
        let values = self.0.into_iter().filter_map(|field| {
            let (place, name) = field.rsplit_once('/')?;
            let value = object.pointer_mut(place)?.as_object_mut()?.remove(name)?;
            Some((field, value))
        });
        Taken(values.collect())
    }
}

impl Taken {
    /// Puts them where they were.
    pub(super) fn put_back(self, object: &mut Value) {
        for (field, value) in self.0 {
            let place = field.rsplit_once('/').and_then(|(place, name)| {
                Some((object.pointer_mut(place)?.as_object_mut()?, name))
            });
            if let Some((place, name)) = place {
                place.insert(name.to_owned(), value);
            }
        }
    }
}

fn ports(service: &Value) -> usize {
    service.pointer("/spec/ports").and_then(Value::as_array).map_or(0, Vec::len)
}

/// Fills defaults and refuses what the kind's schema does not allow.
pub(super) fn admit(
    resource: &Resource,
    name: &str,
    field_validation: &str,
    object: &mut Value,
) -> Result<(), Refusal> {
    let Some(custom) = &resource.custom else {
        defaults::apply_defaults(&resource.group, &resource.version, &resource.kind, None, object);
        return Ok(());
    };
    // A version without a schema keeps everything.
    if custom.schema.is_null() {
        return Ok(());
    }
    let unknown = structural::prune(&custom.schema, object);
    if field_validation == "Strict" && !unknown.is_empty() {
        let list: Vec<String> =
            unknown.iter().map(|field| format!("unknown field {field:?}")).collect();
        let (kind, version) = (&resource.kind, &resource.version);
        return Err(Refusal::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {}",
            list.join(", ")
        )));
    }
    defaults::admit(&custom.schema, object).map_err(|errors| {
        let cause = |error: FieldError| Cause {
            reason: error.reason,
            message: error.message,
            field: error.field,
        };
        let causes: Vec<Cause> = errors.into_iter().map(cause).collect();
        Refusal::invalid(resource, name, &causes)
    })
}

/// Records who changed which fields.
pub(super) fn track(call: &Call, live: Option<&Value>, object: &mut Value, time: &str) {
    apply::track(call.resource.schema(), live, object, &write_of(call, time));
}
