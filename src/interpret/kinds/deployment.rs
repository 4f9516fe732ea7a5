//! `apps/v1 Deployment`.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, is_rolled_out, pick, pick_generations, pods_of_template, set_in_spec};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::api::marks;
use crate::interpret::Replicas;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable, set};
use crate::interpret::items::sum_counters;

/// A stateless workload: `spec.replicas` pods of one template.
pub(super) struct Deployment;

const COUNTERS: &[&str] =
    &["availableReplicas", "readyReplicas", "replicas", "unavailableReplicas", "updatedReplicas"];

impl Kind for Deployment {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "Deployment")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        Ok(Some(pods_of_template(template)))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "replicas", count);
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        if desired.label(marks::RETAIN_REPLICAS) == Some("true") {
            let replicas = live.need("spec.replicas")?.clone();
            set(desired, "spec.replicas", Some(replicas));
        }
        Ok(())
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(is_rolled_out(live)))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, COUNTERS);
        kept.append(&mut pick(status, &["observedGeneration"]));
        pick_generations(&mut kept, live);
        (!kept.is_empty()).then_some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        Ok(sum_counters(template, items, COUNTERS, &[]))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(template.at("spec.template"), template.namespace()))
    }
}
