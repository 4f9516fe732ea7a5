//! `apps/v1 Deployment`.

use serde_json::Value;

use super::{
    Kind, counter, is_observed, number_at, pick_with_generation, replica_count, set_in_spec,
};
use crate::api::manifest::Manifest;
use crate::interpret::{Replicas, requirements};

/// A stateless workload: `spec.replicas` pods of one template.
pub(super) struct Deployment;

impl Kind for Deployment {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "Deployment")
    }

    fn replicas(&self, template: &Manifest) -> Option<Replicas> {
        Some(pods_of_template(template))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "replicas", count);
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        Some(is_rolled_out(live))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let fields = [
            "availableReplicas",
            "observedGeneration",
            "readyReplicas",
            "replicas",
            "unavailableReplicas",
            "updatedReplicas",
        ];
        let kept = pick_with_generation(live, status, &fields);
        (!kept.is_empty()).then_some(Value::Object(kept))
    }
}

/// `spec.replicas` (an API server makes 1 of an absent one) pods of `spec.template`.
pub(super) fn pods_of_template(template: &Manifest) -> Replicas {
    let count = number_at(template, &["spec", "replicas"]).unwrap_or(1);
    let pod_template = template.0.get("spec").and_then(|spec| spec.get("template"));
    Replicas { count: replica_count(count), requirements: pod_template.and_then(requirements) }
}

/// Whether every pod asked for is of the newest template and available.
pub(super) fn is_rolled_out(live: &Manifest) -> bool {
    let updated = counter(live, &["status", "updatedReplicas"]);
    let wanted = number_at(live, &["spec", "replicas"]);
    is_observed(live)
        && wanted.is_none_or(|wanted| updated >= wanted)
        && counter(live, &["status", "availableReplicas"]) >= updated
}
