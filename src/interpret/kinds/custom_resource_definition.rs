//! `apiextensions.k8s.io/v1 CustomResourceDefinition`.

use serde_json::Value;

use super::{Kind, at, pick};
use crate::api::manifest::Manifest;

/// A kind that a member learns; healthy once its API is served.
///
/// Karmada has no rule for it and calls every one healthy. Ours keeps a fleet from looking
/// converged while the resources of the new kind cannot be applied yet.
pub(super) struct CustomResourceDefinition;

impl Kind for CustomResourceDefinition {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        let conditions = at(live, &["status", "conditions"]).and_then(Value::as_array);
        Some(
            conditions.into_iter().flatten().any(|condition| {
                condition["type"] == "Established" && condition["status"] == "True"
            }),
        )
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        Some(Value::Object(pick(status, &["conditions", "storedVersions"])))
    }
}
