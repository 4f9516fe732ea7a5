//! `labelsOverrider`: changes the object's own labels, not those of its pods.

use serde_json::{Map, Value};

use super::Refusal;
use crate::api::manifest::Manifest;
use crate::api::override_policy::{LabelAnnotationOverrider, OverriderOperator, Overriders};

/// Applies every labels overrider of `overriders`, in order.
#[expect(clippy::unnecessary_wraps, reason = "every overrider has this shape; most can refuse")]
pub(super) fn apply(manifest: &mut Manifest, overriders: &Overriders) -> Result<(), Refusal> {
    for overrider in &overriders.labels_overrider {
        override_map(manifest, "labels", overrider);
    }
    Ok(())
}

/// Changes `metadata.<field>`. A key that is not there is neither replaced nor removed, silently.
pub(super) fn override_map(
    manifest: &mut Manifest,
    field: &str,
    overrider: &LabelAnnotationOverrider,
) {
    if overrider.value.is_empty() {
        return;
    }
    let metadata = manifest.metadata_mut();
    if overrider.operator == OverriderOperator::Add {
        let slot = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
    }
    let Some(entries) = metadata.get_mut(field).and_then(Value::as_object_mut) else { return };
    for (key, value) in &overrider.value {
        match overrider.operator {
            OverriderOperator::Add => {
                entries.insert(key.clone(), Value::String(value.clone()));
            }
            OverriderOperator::Replace => {
                if let Some(slot) = entries.get_mut(key) {
                    *slot = Value::String(value.clone());
                }
            }
            OverriderOperator::Remove => {
                entries.remove(key);
            }
        }
    }
}
