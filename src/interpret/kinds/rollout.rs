//! `argoproj.io/v1alpha1 Rollout`: a Deployment that moves on step by step. Karmada has no rules for
//! it; these are of the API itself.

use jiff::Timestamp;
use serde_json::Value;

use super::pod::foremost_phase;
use super::{Kind, pick, pick_generations, pods_of_template, set_in_spec};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::Replicas;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::sum_counters;

/// A workload whose new template takes over in steps.
pub(super) struct Rollout;

const COUNTERS: &[&str] = &["availableReplicas", "readyReplicas", "replicas", "updatedReplicas"];

/// What one cluster says speaks for all, the worst first.
const PHASES: [&str; 4] = ["Degraded", "Progressing", "Paused", "Healthy"];

/// The generation that its controller has seen, which it writes as text.
fn seen(object: &(impl Fields + ?Sized), path: &str) -> Option<i64> {
    object.number(path).or_else(|| object.text(path)?.parse().ok())
}

impl Kind for Rollout {
    fn matches(&self) -> (&'static str, &'static str) {
        ("argoproj.io/v1alpha1", "Rollout")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        Ok(Some(pods_of_template(template)))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "replicas", count);
    }

    /// One that waits between two steps serves.
    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let is_seen = seen(live, "status.observedGeneration") == live.number("metadata.generation");
        let phase = live.text("status.phase");
        Ok(Some(is_seen && phase.is_some_and(|phase| ["Healthy", "Paused"].contains(&phase))))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, COUNTERS);
        kept.append(&mut pick(status, &["phase"]));
        if let Some(seen) = seen(status, "observedGeneration") {
            kept.insert("observedGeneration".to_owned(), Value::from(seen));
        }
        pick_generations(&mut kept, live);
        (!kept.is_empty()).then_some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        // Counted as numbers, written as its controller does.
        let mut counted = template.clone();
        if let Some(seen) = seen(template, "status.observedGeneration") {
            counted.0["status"]["observedGeneration"] = Value::from(seen);
        }
        let old = template.field("status").cloned().unwrap_or_default();
        let mut status = sum_counters(&counted, items, COUNTERS, &[]).unwrap_or(old);
        if let Some(fields) = status.as_object_mut() {
            if let Some(seen) = fields.get("observedGeneration").and_then(Value::as_i64) {
                fields.insert("observedGeneration".to_owned(), Value::from(seen.to_string()));
            }
            let phase = foremost_phase(items, &PHASES).map(Value::from);
            fields.extend(phase.map(|phase| ("phase".to_owned(), phase)));
        }
        Ok(Some(status).filter(|status| !status.is_null()))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(template.at("spec.template"), template.namespace()))
    }
}
