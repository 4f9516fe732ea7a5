//! `apps/v1 DaemonSet`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, is_observed, pick, pick_always, pick_generations};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::complete::Reported;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::sum_counters;

/// One pod on each node: no replicas to divide.
pub(super) struct DaemonSet;

const COUNTERS_ALWAYS: &[&str] =
    &["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"];
const COUNTERS: &[&str] = &["numberAvailable", "numberUnavailable", "updatedNumberScheduled"];

impl Kind for DaemonSet {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "DaemonSet")
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let updated = live.count("status.updatedNumberScheduled");
        Ok(Some(
            is_observed(live)
                && updated >= live.count("status.desiredNumberScheduled")
                && live.count("status.numberAvailable") >= updated,
        ))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, COUNTERS);
        kept.append(&mut pick(status, &["observedGeneration"]));
        pick_always(&mut kept, status, COUNTERS_ALWAYS);
        pick_generations(&mut kept, live);
        Some(Value::Object(kept))
    }

    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        reported.put_caught_up(status);
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let counters = [COUNTERS_ALWAYS, COUNTERS].concat();
        Ok(sum_counters(template, items, &counters, COUNTERS_ALWAYS))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(template.at("spec.template"), template.namespace()))
    }
}
