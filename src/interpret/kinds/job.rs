//! `batch/v1 Job`.

use serde_json::Value;

use super::{Kind, number_at, pick, replica_count, set_in_spec};
use crate::api::manifest::Manifest;
use crate::interpret::{Replicas, requirements};

/// Pods that run to completion, `spec.parallelism` at a time.
pub(super) struct Job;

impl Kind for Job {
    fn matches(&self) -> (&'static str, &'static str) {
        ("batch/v1", "Job")
    }

    /// `spec.parallelism` (an API server makes 1 of an absent one), at most `spec.completions`.
    fn replicas(&self, template: &Manifest) -> Option<Replicas> {
        let parallelism = number_at(template, &["spec", "parallelism"]).unwrap_or(1);
        let completions = number_at(template, &["spec", "completions"]).unwrap_or(parallelism);
        let pod_template = template.0.get("spec").and_then(|spec| spec.get("template"));
        Some(Replicas {
            count: replica_count(parallelism.min(completions)),
            requirements: pod_template.and_then(requirements),
        })
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "parallelism", count);
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let fields = ["active", "completionTime", "conditions", "failed", "startTime", "succeeded"];
        Some(Value::Object(pick(status, &fields)))
    }
}
