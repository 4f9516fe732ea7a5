//! `autoscaling/v2 HorizontalPodAutoscaler`.

use serde_json::Value;

use super::Kind;
use crate::api::manifest::Manifest;

/// Scales a workload inside one member; it has no health of its own.
pub(super) struct HorizontalPodAutoscaler;

impl Kind for HorizontalPodAutoscaler {
    fn matches(&self) -> (&'static str, &'static str) {
        ("autoscaling/v2", "HorizontalPodAutoscaler")
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = super::pick(status, &["currentReplicas"]);
        let wanted = status.get("desiredReplicas").and_then(Value::as_i64).unwrap_or(0);
        kept.insert("desiredReplicas".to_owned(), Value::from(wanted));
        Some(Value::Object(kept))
    }
}
