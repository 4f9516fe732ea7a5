//! `autoscaling/v2 HorizontalPodAutoscaler`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick, pick_always};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::fields::Answer;
use crate::interpret::items::{put, sum};

/// Scales a workload inside one member; it has no health of its own.
pub(super) struct HorizontalPodAutoscaler;

impl Kind for HorizontalPodAutoscaler {
    fn matches(&self) -> (&'static str, &'static str) {
        ("autoscaling/v2", "HorizontalPodAutoscaler")
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, &["currentReplicas"]);
        pick_always(&mut kept, status, &["desiredReplicas"]);
        Some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let (current, desired) = (sum(items, "currentReplicas"), sum(items, "desiredReplicas"));
        let mut status = Map::new();
        put(&mut status, "currentReplicas", Some(Value::from(current)));
        status.insert("desiredReplicas".to_owned(), Value::from(desired));
        Ok(Some(Value::Object(status)))
    }
}
