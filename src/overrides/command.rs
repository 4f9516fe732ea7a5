//! `commandOverrider` and `argsOverrider`: append to or take from a container's command line.

use serde_json::Value;

use super::Refusal;
use crate::api::manifest::Manifest;
use crate::api::override_policy::{CommandArgsOverrider, OverriderOperator, Overriders};

/// Applies every command overrider of `overriders`, in order.
#[expect(clippy::unnecessary_wraps, reason = "every overrider has this shape; most can refuse")]
pub(super) fn apply_commands(
    manifest: &mut Manifest,
    overriders: &Overriders,
) -> Result<(), Refusal> {
    for overrider in &overriders.command_overrider {
        override_words(manifest, "command", overrider);
    }
    Ok(())
}

/// Applies every args overrider of `overriders`, in order.
#[expect(clippy::unnecessary_wraps, reason = "every overrider has this shape; most can refuse")]
pub(super) fn apply_args(manifest: &mut Manifest, overriders: &Overriders) -> Result<(), Refusal> {
    for overrider in &overriders.args_overrider {
        override_words(manifest, "args", overrider);
    }
    Ok(())
}

/// The containers of a kind that has pods: matched by kind alone, in any group.
pub(super) fn containers_mut(manifest: &mut Manifest) -> Option<&mut Vec<Value>> {
    let path: &[&str] = match manifest.kind() {
        "Pod" => &["spec", "containers"],
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" => {
            &["spec", "template", "spec", "containers"]
        }
        _ => return None,
    };
    let (first, rest) = path.split_first()?;
    let value = manifest.0.get_mut(*first)?;
    rest.iter().try_fold(value, |value, key| value.get_mut(*key))?.as_array_mut()
}

/// A field that is absent is made, even when there is only something to take from it.
fn override_words(manifest: &mut Manifest, field: &str, overrider: &CommandArgsOverrider) {
    for container in containers_mut(manifest).into_iter().flatten() {
        if container["name"].as_str() != Some(overrider.container_name.as_str()) {
            continue;
        }
        let Some(container) = container.as_object_mut() else { continue };
        let slot = container.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if slot.is_null() {
            *slot = Value::Array(Vec::new());
        }
        let Some(words) = slot.as_array_mut() else { continue };
        match overrider.operator {
            OverriderOperator::Add => {
                words.extend(overrider.value.iter().cloned().map(Value::String));
            }
            OverriderOperator::Remove => words.retain(|word| {
                !overrider.value.iter().any(|taken| word.as_str() == Some(taken.as_str()))
            }),
            OverriderOperator::Replace => {}
        }
    }
}
