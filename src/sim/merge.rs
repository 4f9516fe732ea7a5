//! The seam between requests and the pure functions that merge, default and validate.

use serde_json::Value;

use super::apply::{self, Force, Write};
use super::resources::Resource;
use super::status_error::Refusal;
use super::storage::Key;
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
    _resource: &Resource,
    kind: PatchKind,
    live: &Value,
    patch: &Value,
) -> Result<Value, Refusal> {
    let mut object = live.clone();
    if kind == PatchKind::Json {
        let patch: json_patch::Patch = serde_json::from_value(patch.clone())
            .map_err(|error| Refusal::bad_request(error.to_string()))?;
        json_patch::patch(&mut object, &patch)
            .map_err(|error| Refusal::new(422, "Invalid", error.to_string()))?;
    } else {
        json_patch::merge(&mut object, patch);
    }
    Ok(object)
}

/// Records who changed which fields.
pub(super) fn track(call: &Call, live: Option<&Value>, object: &mut Value, time: &str) {
    apply::track(call.resource.schema(), live, object, &write_of(call, time));
}
