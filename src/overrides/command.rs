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
) -> Result<bool, Refusal> {
    let mut has_effect = false;
    for overrider in &overriders.command_overrider {
        has_effect |= override_words(manifest, "command", overrider);
    }
    Ok(has_effect)
}

/// Applies every args overrider of `overriders`, in order.
#[expect(clippy::unnecessary_wraps, reason = "every overrider has this shape; most can refuse")]
pub(super) fn apply_args(
    manifest: &mut Manifest,
    overriders: &Overriders,
) -> Result<bool, Refusal> {
    let mut has_effect = false;
    for overrider in &overriders.args_overrider {
        has_effect |= override_words(manifest, "args", overrider);
    }
    Ok(has_effect)
}

/// Where a kind that has pods has its containers: matched by kind alone, in any group.
fn path_of_containers(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "Pod" => Some(&["spec", "containers"]),
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" => {
            Some(&["spec", "template", "spec", "containers"])
        }
        _ => None,
    }
}

/// Names of the containers that overriders of images, commands and arguments look into; none of a kind
/// that they leave alone.
pub fn containers(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let path = path_of_containers(manifest.kind()).unwrap_or_default();
    let list = path.split_first().and_then(|(first, rest)| {
        let value = manifest.0.get(*first)?;
        rest.iter().try_fold(value, |value, key| value.get(*key))?.as_array()
    });
    list.into_iter().flatten().filter_map(|container| container.get("name")?.as_str())
}

pub(super) fn containers_mut(manifest: &mut Manifest) -> Option<&mut Vec<Value>> {
    let path = path_of_containers(manifest.kind())?;
    let (first, rest) = path.split_first()?;
    let value = manifest.0.get_mut(*first)?;
    rest.iter().try_fold(value, |value, key| value.get_mut(*key))?.as_array_mut()
}

/// A field that is absent is made, even when there is only something to take from it. Says whether
/// anything is another for it.
fn override_words(manifest: &mut Manifest, field: &str, overrider: &CommandArgsOverrider) -> bool {
    let mut has_effect = false;
    for container in containers_mut(manifest).into_iter().flatten() {
        if container["name"].as_str() != Some(overrider.container_name.as_str()) {
            continue;
        }
        let Some(container) = container.as_object_mut() else { continue };
        let was_there = container.get(field).is_some_and(Value::is_array);
        let slot = container.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if slot.is_null() {
            *slot = Value::Array(Vec::new());
        }
        let Some(words) = slot.as_array_mut() else { continue };
        let n_before = words.len();
        match overrider.operator {
            OverriderOperator::Add => {
                words.extend(overrider.value.iter().cloned().map(Value::String));
            }
            OverriderOperator::Remove => words.retain(|word| {
                !overrider.value.iter().any(|taken| word.as_str() == Some(taken.as_str()))
            }),
            OverriderOperator::Replace => {}
        }
        has_effect |= !was_there || words.len() != n_before;
    }
    has_effect
}
