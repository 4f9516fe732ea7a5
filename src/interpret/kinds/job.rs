//! `batch/v1 Job`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick, set_in_spec};
use crate::api::binding::AggregatedStatusItem;
use crate::api::condition::ConditionStatus;
use crate::api::manifest::Manifest;
use crate::interpret::complete::{Observation, Reported};
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable, keep, replica_count};
use crate::interpret::items::{clusters_where, condition, earliest, everywhere, latest, put, sum};
use crate::interpret::{Replicas, requirements};

/// Pods that run to completion, `spec.parallelism` at a time.
pub(super) struct Job;

fn is_true(status: &Value, condition: &str) -> bool {
    status.list("conditions").iter().any(|one| one["type"] == condition && one["status"] == "True")
}

/// How a job ended: with the first of `Complete` and `Failed` that is true.
fn end(status: &Value) -> Option<&str> {
    let ends = ["Complete", "Failed"];
    status
        .list("conditions")
        .iter()
        .find(|one| ends.iter().any(|end| one["type"] == *end) && one["status"] == "True")?
        .text("type")
}

/// Takes out that the job has ended, and when.
fn take_back_the_end(status: &mut Map<String, Value>, stays_failed: bool) {
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|one| match one["type"].as_str() {
            Some("Complete" | "SuccessCriteriaMet") => false,
            Some("Failed") => stays_failed,
            _ => true,
        });
    }
    for time in ["completionTime", "startTime"] {
        status.remove(time);
    }
}

impl Kind for Job {
    fn matches(&self) -> (&'static str, &'static str) {
        ("batch/v1", "Job")
    }

    /// `spec.parallelism` (an API server makes 1 of an absent one), at most `spec.completions`.
    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        let parallelism = template.number("spec.parallelism").unwrap_or(1);
        let completions = template.number("spec.completions").unwrap_or(parallelism);
        Ok(Some(Replicas {
            count: replica_count(parallelism.min(completions)),
            requirements: template.at("spec.template").and_then(requirements),
        }))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "parallelism", count);
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    /// A member's job controller writes the selector, which nobody may change afterwards.
    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        keep(desired, live, "spec.selector.matchLabels");
        keep(desired, live, "spec.template.metadata.labels");
        Ok(())
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let fields = ["active", "completionTime", "conditions", "failed", "startTime", "succeeded"];
        Some(Value::Object(pick(status, &fields)))
    }

    fn begin_anew(&self, status: &mut Map<String, Value>) {
        take_back_the_end(status, false);
    }

    /// A job is suspended once it is everywhere. Until it has ended, how an earlier work of it did says
    /// nothing of the newest one, which a cluster has not taken yet; that it failed where the newest
    /// runs does.
    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        let has_ended = reported.template.field("status").and_then(end).is_some();
        if !has_ended && reported.items.iter().any(|item| !item.applied) {
            let mut newest = reported.items.iter().filter(|item| item.applied);
            let has_failed =
                |item: &AggregatedStatusItem| item.status.as_ref().and_then(end) == Some("Failed");
            take_back_the_end(status, newest.any(has_failed));
        }
        if end(&Value::Object(status.clone())).is_none()
            && everywhere(reported.items, |status| is_true(status, "Suspended"))
        {
            let suspended = Observation {
                of_type: "Suspended",
                status: ConditionStatus::True,
                reason: "JobSuspended",
                message: "Job suspended".to_owned(),
            };
            reported.put_condition(status, suspended);
        }
    }

    /// A job that ended is never touched again, so its times are written once; see
    /// [`begin_anew`](Kind::begin_anew) for one that is changed afterwards.
    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        now: Timestamp,
    ) -> Answer<Value> {
        let old = template.field("status").filter(|old| old.is_object());
        if old.is_some_and(|old| end(old).is_some()) {
            return Ok(None);
        }
        let mut status = Map::new();
        for counter in ["active", "failed", "succeeded"] {
            put(&mut status, counter, Some(Value::from(sum(items, counter))));
        }
        let mut conditions = Vec::new();
        let has_failed = |status: &Value| end(status) == Some("Failed");
        if let Some(clusters) = clusters_where(items, ",", has_failed) {
            let message = format!("Job executed failed in member clusters {clusters}");
            conditions.push(condition(template, "Failed", "JobFailed", &message, now));
        }
        if everywhere(items, |status| end(status) == Some("Complete")) {
            let message = "Job completed";
            conditions.push(condition(template, "Complete", "Completed", message, now));
            if everywhere(items, |status| is_true(status, "SuccessCriteriaMet")) {
                let (of_type, reason) = ("SuccessCriteriaMet", "CompletionsReached");
                let message = "All member clusters have met success criteria";
                conditions.push(condition(template, of_type, reason, message, now));
            }
        }
        put(&mut status, "conditions", Some(Value::Array(conditions)));
        let started = old.and_then(|old| old.field("startTime")).or_else(|| {
            everywhere(items, |status| status.field("startTime").is_some())
                .then(|| earliest(items, "startTime"))?
        });
        put(&mut status, "startTime", started.cloned());
        let completed = everywhere(items, |status| status.field("completionTime").is_some())
            .then(|| latest(items, "completionTime"))
            .flatten();
        put(&mut status, "completionTime", completed.cloned());
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(template.at("spec.template"), template.namespace()))
    }
}
