//! `apps/v1 DaemonSet`.

use serde_json::Value;

use super::{Kind, counter, is_observed, pick_with_generation};
use crate::api::manifest::Manifest;

/// One pod on each node: no replicas to divide.
pub(super) struct DaemonSet;

impl Kind for DaemonSet {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "DaemonSet")
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        let updated = counter(live, &["status", "updatedNumberScheduled"]);
        Some(
            is_observed(live)
                && updated >= counter(live, &["status", "desiredNumberScheduled"])
                && counter(live, &["status", "numberAvailable"]) >= updated,
        )
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let fields = [
            "currentNumberScheduled",
            "desiredNumberScheduled",
            "numberAvailable",
            "numberMisscheduled",
            "numberReady",
            "numberUnavailable",
            "observedGeneration",
            "updatedNumberScheduled",
        ];
        Some(Value::Object(pick_with_generation(live, status, &fields)))
    }
}
