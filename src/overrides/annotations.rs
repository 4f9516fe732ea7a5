//! `annotationsOverrider`: changes the object's own annotations.

use super::Refusal;
use super::labels::override_map;
use crate::api::manifest::Manifest;
use crate::api::override_policy::Overriders;

/// Applies every annotations overrider of `overriders`, in order.
#[expect(clippy::unnecessary_wraps, reason = "every overrider has this shape; most can refuse")]
pub(super) fn apply(manifest: &mut Manifest, overriders: &Overriders) -> Result<bool, Refusal> {
    let mut has_effect = false;
    for overrider in &overriders.annotations_overrider {
        has_effect |= override_map(manifest, "annotations", overrider);
    }
    Ok(has_effect)
}
