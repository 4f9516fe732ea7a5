//! `batch/v1 CronJob`.

use jiff::Timestamp;
use serde_json::Value;

use super::Kind;
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::{joined, latest, put};

/// A Job on a timetable: no replicas, no health of its own, its whole status is reflected.
pub(super) struct CronJob;

impl Kind for CronJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("batch/v1", "CronJob")
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let mut status = serde_json::Map::new();
        put(&mut status, "active", Some(Value::Array(joined(items, "active"))));
        for time in ["lastScheduleTime", "lastSuccessfulTime"] {
            put(&mut status, time, latest(items, time).cloned());
        }
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(template.at("spec.jobTemplate.spec.template"), template.namespace()))
    }
}
