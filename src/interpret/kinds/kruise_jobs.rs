//! OpenKruise's jobs: BroadcastJob and AdvancedCronJob.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Kind, pick_present, set_in_spec};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable, replica_count, set};
use crate::interpret::items::{joined, last, latest, put, put_sums, status_of, statuses};
use crate::interpret::{Replicas, requirements};

/// Runs a pod to completion on every node.
pub(super) struct BroadcastJob;

/// Makes Jobs or BroadcastJobs by a timetable.
pub(super) struct AdvancedCronJob;

const COUNTERS: &[&str] = &["active", "desired", "failed", "succeeded"];

/// The first of a status's conditions that ends a job.
fn end(status: &Value) -> Option<&str> {
    let conditions = status.list("conditions").iter().filter(|one| one["status"] == "True");
    conditions
        .filter_map(|one| one.text("type"))
        .find(|of_type| ["Complete", "Failed"].contains(of_type))
}

impl Kind for BroadcastJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps.kruise.io/v1alpha1", "BroadcastJob")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        let pod_template = template.need("spec.template")?;
        let count = template.number("spec.parallelism").unwrap_or(1);
        let requirements = requirements(pod_template);
        Ok(Some(Replicas { count: replica_count(count), requirements }))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "parallelism", count);
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        if let Some(labels) = live.need("spec.template")?.at("metadata.labels") {
            set(desired, "spec.template.metadata.labels", Some(labels.clone()));
        }
        Ok(())
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let status = live.need("status")?;
        let [desired, failed, succeeded, active] =
            ["desired", "failed", "succeeded", "active"].map(|counter| status.number(counter));
        let is_idle = succeeded == Some(0) && active == Some(0);
        Ok(Some(desired != Some(0) && failed == Some(0) && !is_idle))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let others = ["completionTime", "conditions", "phase", "startTime"];
        Some(Value::Object(pick_present(status, &[COUNTERS, &others].concat())))
    }

    /// Conditions are made anew. Unlike in Karmada, how one cluster's job ended says nothing about
    /// the next cluster's, and the condition has the name that members use (`spec/interpreter.md`
    /// §10).
    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        if items.is_empty() {
            return Ok(None);
        }
        let mut status = status_of(template);
        put_sums(&mut status, items, COUNTERS);
        put(&mut status, "phase", last(items, "phase").cloned());
        let ended = |how| statuses(items).filter(move |(_, status)| end(status) == Some(how));
        let failed_in: Vec<&str> = ended("Failed").map(|(cluster, _)| cluster).collect();
        let mut conditions = Vec::new();
        if !failed_in.is_empty() {
            let clusters = failed_in.join(", ");
            conditions.push(json!({
                "type": "Failed",
                "status": "True",
                "reason": "JobFailed",
                "message": format!("Job executed failed in member clusters: {clusters}"),
            }));
        }
        if ended("Complete").count() == items.len() {
            conditions.push(json!({
                "type": "Complete",
                "status": "True",
                "reason": "Completed",
                "message": "Job completed",
            }));
            put(&mut status, "completionTime", latest(items, "completionTime").cloned());
        }
        put(&mut status, "conditions", Some(Value::Array(conditions)));
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(Some(template.need("spec.template")?), template.namespace()))
    }
}

impl Kind for AdvancedCronJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps.kruise.io/v1alpha1", "AdvancedCronJob")
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        if items.is_empty() {
            return Ok(None);
        }
        let mut status = Map::new();
        put(&mut status, "active", Some(Value::Array(joined(items, "active"))));
        put(&mut status, "type", last(items, "type").cloned());
        put(&mut status, "lastScheduleTime", last(items, "lastScheduleTime").cloned());
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let jobs = template.need("spec.template")?;
        let pod_template = jobs
            .at("broadcastJobTemplate.spec.template")
            .or_else(|| jobs.at("jobTemplate.spec.template"));
        Ok(of_pod(pod_template, template.namespace()))
    }
}
