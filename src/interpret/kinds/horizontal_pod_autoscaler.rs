//! `autoscaling/v2 HorizontalPodAutoscaler`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick, pick_always};
use crate::api::binding::AggregatedStatusItem;
use crate::api::condition::ConditionStatus;
use crate::api::manifest::Manifest;
use crate::interpret::complete::{Observation, Reported, failures};
use crate::interpret::fields::{Answer, Fields};
use crate::interpret::items::{put, sum};

/// Scales a workload inside one member; it has no health of its own.
pub(super) struct HorizontalPodAutoscaler;

/// Whether a condition says that scaling does not work. A target without replicas is not scaled, by
/// somebody's will.
fn is_failure(condition: &Value) -> bool {
    ["AbleToScale", "ScalingActive"].iter().any(|of_type| condition["type"] == *of_type)
        && condition["status"] == "False"
        && condition["reason"] != "ScalingDisabled"
}

impl Kind for HorizontalPodAutoscaler {
    fn matches(&self) -> (&'static str, &'static str) {
        ("autoscaling/v2", "HorizontalPodAutoscaler")
    }

    /// That it cannot scale is told too, which Karmada leaves out.
    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, &["currentReplicas"]);
        pick_always(&mut kept, status, &["desiredReplicas"]);
        kept.extend(failures(status, is_failure));
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

    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        reported.put_observed(status, reported.is_complete());
        for (of_type, reason) in
            [("AbleToScale", "ReadyForNewScale"), ("ScalingActive", "ValidMetricFound")]
        {
            let seen = match reported.clusters_with(of_type, is_failure) {
                Some((clusters, condition)) => {
                    let why = condition.text("message").unwrap_or_default();
                    Observation {
                        of_type,
                        status: ConditionStatus::False,
                        reason: condition.text("reason").unwrap_or_default(),
                        message: format!("in {}: {why}", clusters.join(", ")),
                    }
                }
                None if reported.is_complete() => Observation {
                    of_type,
                    status: ConditionStatus::True,
                    reason,
                    message: "it scales in all clusters".to_owned(),
                },
                None => Observation {
                    of_type,
                    status: ConditionStatus::Unknown,
                    reason: "NotReported",
                    message: "not all clusters have reported".to_owned(),
                },
            };
            reported.put_condition(status, seen);
        }
    }
}
