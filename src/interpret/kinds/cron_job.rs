//! `batch/v1 CronJob`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Kind;
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::complete::Reported;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable, earlier, later};
use crate::interpret::items::{joined, latest, put, statuses};

/// A Job on a timetable: no replicas, no health of its own, its whole status is reflected.
pub(super) struct CronJob;

impl Kind for CronJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("batch/v1", "CronJob")
    }

    /// Where the last run failed in a cluster, the last success is the one before it there.
    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        let failed = statuses(reported.items).filter_map(|(_, status)| {
            let success = status.field("lastSuccessfulTime")?;
            let has_ended = status.list("active").is_empty();
            let run = status.field("lastScheduleTime").filter(|_| has_ended);
            (run != Some(success) && later(run, Some(success)) == run).then_some(success)
        });
        if let Some(success) = failed.fold(None, |so_far, time| earlier(so_far, Some(time))) {
            put(status, "lastSuccessfulTime", Some(success.clone()));
        }
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let mut status = Map::new();
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
