//! `labelsOverrider`: changes the object's own labels, not those of its pods.

use serde_json::{Map, Value};

use super::Refusal;
use crate::api::manifest::Manifest;
use crate::api::override_policy::{LabelAnnotationOverrider, OverriderOperator, Overriders};

/// Applies every labels overrider of `overriders`, in order.
#[expect(clippy::unnecessary_wraps, reason = "every overrider has this shape; most can refuse")]
pub(super) fn apply(manifest: &mut Manifest, overriders: &Overriders) -> Result<bool, Refusal> {
    let mut has_effect = false;
    for overrider in &overriders.labels_overrider {
        has_effect |= override_map(manifest, "labels", overrider);
    }
    Ok(has_effect)
}

/// Changes `metadata.<field>`, and says whether it did. A key that is not there is neither replaced nor
/// removed, silently.
pub(super) fn override_map(
    manifest: &mut Manifest,
    field: &str,
    overrider: &LabelAnnotationOverrider,
) -> bool {
    if overrider.value.is_empty() {
        return false;
    }
    let metadata = manifest.metadata_mut();
    if overrider.operator == OverriderOperator::Add {
        let slot = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
    }
    let Some(entries) = metadata.get_mut(field).and_then(Value::as_object_mut) else {
        return false;
    };
    let mut has_effect = false;
    for (key, value) in &overrider.value {
        has_effect |= match overrider.operator {
            OverriderOperator::Add => {
                let old = entries.insert(key.clone(), Value::String(value.clone()));
                old.is_none_or(|old| old != **value)
            }
            OverriderOperator::Replace => entries.get_mut(key).is_some_and(|slot| {
                let old = std::mem::replace(slot, Value::String(value.clone()));
                old != **value
            }),
            OverriderOperator::Remove => entries.remove(key).is_some(),
        };
    }
    has_effect
}
