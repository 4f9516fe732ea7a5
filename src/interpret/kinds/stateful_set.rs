//! `apps/v1 StatefulSet`.

use serde_json::Value;

use super::deployment::{is_rolled_out, pods_of_template};
use super::{Kind, pick_with_generation, set_in_spec};
use crate::api::manifest::Manifest;
use crate::interpret::Replicas;

/// A workload whose pods have names and disks of their own.
pub(super) struct StatefulSet;

impl Kind for StatefulSet {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "StatefulSet")
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

    /// `observedGeneration` is kept, which Karmada forgets for this kind (`spec/interpreter.md` §10).
    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let fields = [
            "availableReplicas",
            "currentReplicas",
            "observedGeneration",
            "readyReplicas",
            "replicas",
            "updatedReplicas",
        ];
        Some(Value::Object(pick_with_generation(live, status, &fields)))
    }
}
