//! `apps.kruise.io/v1alpha1 SidecarSet`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick_always};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::Replicas;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::sum;

/// Containers that are added to other workloads' pods; it has no pods itself.
pub(super) struct SidecarSet;

const COUNTERS: &[&str] = &["matchedPods", "readyPods", "updatedPods"];

impl Kind for SidecarSet {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps.kruise.io/v1alpha1", "SidecarSet")
    }

    fn replicas(&self, _template: &Manifest) -> Answer<Replicas> {
        Ok(Some(Replicas { count: 0, requirements: None }))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let Some(status) = live.field("status") else { return Ok(Some(false)) };
        let matched = status.count("matchedPods");
        Ok(Some(matched == 0 || status.count("updatedPods") == matched))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = Map::new();
        pick_always(&mut kept, status, COUNTERS);
        Some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let sums = COUNTERS.iter().map(|name| ((*name).to_owned(), Value::from(sum(items, name))));
        Ok(Some(Value::Object(sums.collect())))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let mut references = References::new(template.namespace());
        for container in template.list("spec.containers") {
            references.add_container(container);
        }
        for volume in template.list("spec.volumes") {
            references.add_volume(volume);
        }
        references.forget("PersistentVolumeClaim", |_| true);
        Ok(references.into_dependencies())
    }
}
