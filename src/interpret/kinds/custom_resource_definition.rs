//! `apiextensions.k8s.io/v1 CustomResourceDefinition`.

use serde_json::Value;

use super::{Kind, has_condition, pick};
use crate::api::manifest::Manifest;
use crate::interpret::fields::Answer;

/// A kind that a member learns; healthy once its API is served.
///
/// Karmada has no rule for it and calls every one healthy. Ours keeps a fleet from looking
/// converged while the resources of the new kind cannot be applied yet.
pub(super) struct CustomResourceDefinition;

impl Kind for CustomResourceDefinition {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(has_condition(live, "Established")))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        Some(Value::Object(pick(status, &["conditions", "storedVersions"])))
    }
}
