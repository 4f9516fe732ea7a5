//! `plaintext`: a JSON patch over the whole object.

use super::Refusal;
use super::patch::{Operation, patch};
use crate::api::manifest::Manifest;
use crate::api::override_policy::Overriders;

/// Applies the whole list as one patch: all of it or nothing.
pub(super) fn apply(manifest: &mut Manifest, overriders: &Overriders) -> Result<bool, Refusal> {
    if overriders.plaintext.is_empty() {
        return Ok(false);
    }
    let operations: Vec<Operation<'_>> = overriders
        .plaintext
        .iter()
        .map(|one| Operation { operator: one.operator, path: &one.path, value: one.value.as_ref() })
        .collect();
    let mut object = std::mem::take(&mut manifest.0).into();
    let has_effect =
        patch(&mut object, &operations).map_err(|(idx, rule)| Refusal::path(idx, rule))?;
    match object {
        serde_json::Value::Object(map) => manifest.0 = map,
        _ => return Err(Refusal::value(0, "leaves no object behind".to_owned())),
    }
    Ok(has_effect)
}
