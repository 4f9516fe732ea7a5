//! `apps/v1 ReplicaSet`.

use serde_json::Value;

use super::deployment::pods_of_template;
use super::{Kind, counter, is_observed, number_at, pick_with_generation, set_in_spec};
use crate::api::manifest::Manifest;
use crate::interpret::Replicas;

/// A fixed number of equal pods, without roll-outs.
pub(super) struct ReplicaSet;

impl Kind for ReplicaSet {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "ReplicaSet")
    }

    fn replicas(&self, template: &Manifest) -> Option<Replicas> {
        Some(pods_of_template(template))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "replicas", count);
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        let available = counter(live, &["status", "availableReplicas"]);
        let wanted = number_at(live, &["spec", "replicas"]);
        Some(is_observed(live) && wanted.is_none_or(|wanted| available >= wanted))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let fields = ["availableReplicas", "observedGeneration", "readyReplicas", "replicas"];
        let kept = pick_with_generation(live, status, &fields);
        (!kept.is_empty()).then_some(Value::Object(kept))
    }
}
