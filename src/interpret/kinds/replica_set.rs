//! `apps/v1 ReplicaSet`.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Kind, is_observed, pick, pick_always, pick_generations, pods_of_template, set_in_spec,
};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::Replicas;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::sum_counters;

/// A fixed number of equal pods, without roll-outs.
pub(super) struct ReplicaSet;

const COUNTERS_ALWAYS: &[&str] = &["replicas"];

impl Kind for ReplicaSet {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "ReplicaSet")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        Ok(Some(pods_of_template(template)))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "replicas", count);
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let available = live.count("status.availableReplicas");
        let wanted = live.number("spec.replicas");
        Ok(Some(is_observed(live) && wanted.is_none_or(|wanted| available >= wanted)))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, &["availableReplicas", "observedGeneration", "readyReplicas"]);
        pick_always(&mut kept, status, COUNTERS_ALWAYS);
        pick_generations(&mut kept, live);
        Some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let counters = ["availableReplicas", "readyReplicas", "replicas"];
        Ok(sum_counters(template, items, &counters, COUNTERS_ALWAYS))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(template.at("spec.template"), template.namespace()))
    }
}
