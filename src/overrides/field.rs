//! `fieldOverrider`: patches the structured text inside one field, e.g. a key of a ConfigMap.

use serde_json::Value;

use super::Refusal;
use super::patch::{Operation, patch};
use crate::api::manifest::Manifest;
use crate::api::override_policy::{FieldOverrider, Overriders};
use crate::fleet::embedded_yaml;

/// Applies every field overrider of `overriders`, in order.
pub(super) fn apply(manifest: &mut Manifest, overriders: &Overriders) -> Result<bool, Refusal> {
    let is_secret = manifest.is_secret();
    let mut has_effect = false;
    for (idx, overrider) in overriders.field_overrider.iter().enumerate() {
        let mut object = Value::Object(std::mem::take(&mut manifest.0));
        let outcome = override_field(&mut object, idx, overrider, is_secret);
        if let Value::Object(map) = object {
            manifest.0 = map;
        }
        has_effect |= outcome?;
    }
    Ok(has_effect)
}

/// The refusal tells what is wrong with the text, unless it is a value of a Secret: then only where.
fn override_field(
    object: &mut Value,
    idx: usize,
    overrider: &FieldOverrider,
    is_secret: bool,
) -> Result<bool, Refusal> {
    let path = &overrider.field_path;
    let wrong = |rule: &str| format!("of `{path}` cannot be applied: {rule}");
    let value = |rule: &str| Refusal::value(idx, wrong(rule));
    let missing = || Refusal::path(idx, wrong("the object has no such field"));
    let slot = object.pointer_mut(path).ok_or_else(missing)?;
    let Some(text) = slot.as_str() else { return Err(value("the field is not a text")) };
    let (operations, is_yaml) =
        if overrider.yaml.is_empty() { (&overrider.json, false) } else { (&overrider.yaml, true) };
    if operations.is_empty() {
        let has_effect = !text.is_empty();
        *slot = Value::String(String::new());
        return Ok(has_effect);
    }
    let mut document: Value = if is_yaml {
        embedded_yaml(text).map_err(|problem| {
            let line = problem.place.line;
            let why = if is_secret { String::new() } else { format!(": {}", problem.message) };
            value(&format!("the field does not hold YAML that can be read, line {line} of it{why}"))
        })?
    } else {
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            value(&format!("the field does not hold JSON, line {line} column {column} of it"))
        })?
    };
    let operations: Vec<Operation<'_>> = operations
        .iter()
        .map(|one| Operation {
            operator: one.operator,
            path: &one.sub_path,
            value: one.value.as_ref(),
        })
        .collect();
    patch(&mut document, &operations)
        .map_err(|(_, rule)| Refusal::path(idx, format!("of `{path}` {rule}")))?;
    let patched = if is_yaml {
        String::from_utf8(crate::api::yaml::to_bytes(&document)).expect("YAML is written in UTF-8")
    } else {
        document.to_string()
    };
    let has_effect = text != patched;
    *slot = Value::String(patched);
    Ok(has_effect)
}
