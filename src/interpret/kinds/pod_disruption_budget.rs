//! `policy/v1 PodDisruptionBudget`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick, pick_always};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::complete::{Observation, Reported};
use crate::interpret::fields::{Answer, Fields};
use crate::interpret::items::{everywhere, put, statuses, sum};

/// How many pods may be down at once; healthy while enough are up.
pub(super) struct PodDisruptionBudget;

const COUNTERS: &[&str] =
    &["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"];

impl Kind for PodDisruptionBudget {
    fn matches(&self) -> (&'static str, &'static str) {
        ("policy/v1", "PodDisruptionBudget")
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(live.count("status.currentHealthy") >= live.count("status.desiredHealthy")))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, &["disruptedPods"]);
        pick_always(&mut kept, status, COUNTERS);
        Some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let mut status = Map::new();
        for counter in COUNTERS {
            status.insert((*counter).to_owned(), Value::from(sum(items, counter)));
        }
        let disrupted = statuses(items).flat_map(|(cluster, status)| {
            status
                .entries("disruptedPods")
                .map(move |(pod, since)| (format!("{cluster}/{pod}"), since.clone()))
        });
        let disrupted: Map<String, Value> = disrupted.collect();
        put(&mut status, "disruptedPods", Some(Value::Object(disrupted)));
        Ok(Some(Value::Object(status)))
    }

    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        reported.put_observed(status, reported.is_complete());
        let is_so = everywhere(reported.items, |status| status.count("disruptionsAllowed") > 0);
        let allowed = Observation {
            of_type: "DisruptionAllowed",
            status: is_so.into(),
            reason: if is_so { "SufficientPods" } else { "InsufficientPods" },
            message: String::new(),
        };
        reported.put_condition(status, allowed);
    }
}
