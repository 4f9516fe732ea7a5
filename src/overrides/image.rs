//! `imageOverrider`: changes a part of image references.

use serde_json::Value;

use super::Refusal;
use super::image_name::ImageName;
use crate::api::manifest::Manifest;
use crate::api::override_policy::{ImageComponent, ImageOverrider, OverriderOperator, Overriders};
use crate::api::pointer::unescape;

/// Applies every image overrider of `overriders`, in order.
pub(super) fn apply(manifest: &mut Manifest, overriders: &Overriders) -> Result<bool, Refusal> {
    let is_secret = manifest.is_secret();
    let mut has_effect = false;
    for (idx, overrider) in overriders.image_overrider.iter().enumerate() {
        let refused = |rule| Refusal::value(idx, rule);
        match &overrider.predicate {
            Some(predicate) => {
                let slot = image_at(manifest, idx, &predicate.path)?;
                has_effect |= override_image(slot, overrider, is_secret).map_err(refused)?;
            }
            None => {
                for slot in images_of_containers(manifest) {
                    has_effect |= override_image(slot, overrider, is_secret).map_err(refused)?;
                }
            }
        }
    }
    Ok(has_effect)
}

/// The images of the containers (never of init containers) of a kind that has pods.
fn images_of_containers(manifest: &mut Manifest) -> Vec<&mut Value> {
    super::command::containers_mut(manifest)
        .into_iter()
        .flatten()
        .filter_map(|container| container.get_mut("image"))
        .collect()
}

/// The text that `path` leads to, a JSON pointer. As in Karmada, the `/` that it begins with may lack.
fn image_at<'m>(
    manifest: &'m mut Manifest,
    idx: usize,
    path: &str,
) -> Result<&'m mut Value, Refusal> {
    let wrong = |rule: &str| format!("has the path `{path}`, which {rule}");
    let missing = || Refusal::path(idx, wrong("leads nowhere"));
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').map(unescape);
    let first = segments.next().unwrap_or_default();
    let mut value = manifest.0.get_mut(&*first).ok_or_else(missing)?;
    for segment in segments {
        let next = match value {
            Value::Object(map) => map.get_mut(&*segment),
            Value::Array(list) => segment.parse::<usize>().ok().and_then(|at| list.get_mut(at)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        value = next.ok_or_else(missing)?;
    }
    let is_text = value.is_string();
    is_text.then_some(value).ok_or_else(|| Refusal::value(idx, wrong("does not lead to a text")))
}

/// The refusal quotes the image, unless it is a value of a Secret that a path led to.
fn override_image(
    slot: &mut Value,
    overrider: &ImageOverrider,
    is_secret: bool,
) -> Result<bool, String> {
    let text = slot.as_str().unwrap_or_default();
    let mut image = ImageName::parse(text).map_err(|rule| {
        let rule = if is_secret { "what is there is not an image".to_owned() } else { rule };
        format!("cannot be applied: {rule}")
    })?;
    let value = overrider.value.as_str();
    match (overrider.component, overrider.operator) {
        (ImageComponent::Registry, OverriderOperator::Add) => image.registry.push_str(value),
        (ImageComponent::Registry, OverriderOperator::Replace) => {
            value.clone_into(&mut image.registry);
        }
        (ImageComponent::Registry, OverriderOperator::Remove) => image.registry.clear(),
        (ImageComponent::Repository, OverriderOperator::Add) => image.repository.push_str(value),
        (ImageComponent::Repository, OverriderOperator::Replace) => {
            value.clone_into(&mut image.repository);
        }
        (ImageComponent::Repository, OverriderOperator::Remove) => image.repository.clear(),
        (ImageComponent::Tag, OverriderOperator::Add) => {
            let longer = format!("{}{value}", image.tag_or_digest());
            image.set_tag_or_digest(&longer);
        }
        (ImageComponent::Tag, OverriderOperator::Replace) => image.set_tag_or_digest(value),
        (ImageComponent::Tag, OverriderOperator::Remove) => image.remove_tag_or_digest(),
    }
    let changed = image.to_string();
    let has_effect = text != changed;
    *slot = Value::String(changed);
    Ok(has_effect)
}
