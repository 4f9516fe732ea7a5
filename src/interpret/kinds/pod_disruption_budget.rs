//! `policy/v1 PodDisruptionBudget`.

use serde_json::Value;

use super::{Kind, counter, pick};
use crate::api::manifest::Manifest;

/// How many pods may be down at once; healthy while enough are up.
pub(super) struct PodDisruptionBudget;

impl Kind for PodDisruptionBudget {
    fn matches(&self) -> (&'static str, &'static str) {
        ("policy/v1", "PodDisruptionBudget")
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        let wanted = counter(live, &["status", "desiredHealthy"]);
        Some(counter(live, &["status", "currentHealthy"]) >= wanted)
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, &["disruptedPods"]);
        for field in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
            let count = status.get(field).and_then(Value::as_i64).unwrap_or(0);
            kept.insert(field.to_owned(), Value::from(count));
        }
        Some(Value::Object(kept))
    }
}
