//! `batch.volcano.sh/v1alpha1 Job`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Kind, pick_present};
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::Manifest;
use crate::interpret::component;
use crate::interpret::fields::{Answer, Fields, later, written};
use crate::interpret::items::{
    clusters_where, everywhere, foremost, one_of_each, only, put, statuses, sum,
};

/// Tasks that are scheduled together.
pub(super) struct VolcanoJob;

const COUNTERS: &[&str] = &[
    "failed",
    "minAvailable",
    "pending",
    "retryCount",
    "running",
    "succeeded",
    "terminating",
    "unknown",
];

/// Seconds of a duration such as `1h2m30.5s`; what is none is 0.
fn seconds(duration: &Value) -> f64 {
    let mut total = 0.0;
    let mut number = String::new();
    for c in duration.as_str().unwrap_or_default().chars() {
        let scale = match c {
            'h' => 3600.0,
            'm' => 60.0,
            's' => 1.0,
            _ => {
                number.push(c);
                continue;
            }
        };
        total += number.parse::<f64>().unwrap_or(0.0) * scale;
        number.clear();
    }
    total
}

fn phase(status: &Value) -> Option<&str> {
    status.text("state.phase")
}

/// The phases that a job does not come back from by itself.
fn is_failure(condition: &Value) -> bool {
    let phases = ["Failed", "Aborted", "Aborting", "Terminated", "Terminating"];
    condition.text("status").is_some_and(|status| phases.contains(&status))
}

/// The state of the whole, since `now` or since the template's old state that says the same.
fn state(template: &Manifest, phase: &str, reason: &str, message: &str, now: Timestamp) -> Value {
    let old = template.at("status.state").filter(|old| {
        old["phase"] == phase && old["reason"] == reason && old["message"] == message
    });
    let since = old.and_then(|old| old.field("lastTransitionTime")).cloned();
    json!({
        "phase": phase,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since.unwrap_or_else(|| written(now)),
    })
}

/// All conditions of the first cluster that has failed; if none has, the newest of each phase.
fn conditions(items: &[AggregatedStatusItem]) -> Vec<Value> {
    let lists = || statuses(items).map(|(_, status)| status.list("conditions"));
    if let Some(failed) = lists().find(|list| list.iter().any(is_failure)) {
        return failed.to_vec();
    }
    one_of_each(lists().flatten(), "status", |new, old| {
        let [new, old] = [new, old].map(|one| one.field("lastTransitionTime"));
        new != old && later(old, new) == new
    })
}

impl Kind for VolcanoJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("batch.volcano.sh/v1alpha1", "Job")
    }

    /// One part a task; a task without a name is called by its place.
    fn components(&self, template: &Manifest) -> Answer<Vec<Component>> {
        let tasks = template.list("spec.tasks").iter().enumerate();
        let components = tasks.map(|(place, task)| {
            let by_place = format!("task-{place}");
            let name = task.filled("name").unwrap_or(&by_place);
            let replicas = task.written_number("minAvailable").unwrap_or(1);
            component(name, replicas, task.field("template"))
        });
        Ok(Some(components.collect()))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let phases = [
            "Aborted",
            "Aborting",
            "Completed",
            "Completing",
            "Pending",
            "Restarting",
            "Running",
            "Terminated",
            "Terminating",
        ];
        let phase = live.text("status.state.phase");
        Ok(Some(phase.is_some_and(|phase| phases.contains(&phase))))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let others = [
            "conditions",
            "controlledResources",
            "runningDuration",
            "state",
            "taskStatusCount",
            "version",
        ];
        Some(Value::Object(pick_present(status, &[COUNTERS, &others].concat())))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        now: Timestamp,
    ) -> Answer<Value> {
        if items.len() < 2 {
            return Ok(only(items));
        }
        let mut status = Map::new();
        for counter in COUNTERS {
            put(&mut status, counter, Some(Value::from(sum(items, counter))));
        }
        let version = statuses(items).map(|(_, status)| status.count("version")).max();
        put(&mut status, "version", version.map(Value::from));
        let durations = statuses(items).filter_map(|(_, status)| status.field("runningDuration"));
        let longest = foremost(durations, seconds).filter(|longest| seconds(longest) > 0.0);
        put(&mut status, "runningDuration", longest.cloned());

        let mut tasks = Map::new();
        for (task, _) in statuses(items).flat_map(|(_, status)| status.entries("taskStatusCount")) {
            let of_task = statuses(items).filter_map(|(_, status)| status.at("taskStatusCount"));
            let mut phases: Map<String, Value> = Map::new();
            for (phase, count) in
                of_task.filter_map(|tasks| tasks.field(task)).flat_map(|task| task.entries("phase"))
            {
                let sum = phases.get(phase).and_then(Value::as_i64).unwrap_or(0);
                let sum = sum.saturating_add(count.as_i64().unwrap_or(0));
                phases.insert(phase.to_owned(), Value::from(sum));
            }
            tasks.insert(task.to_owned(), json!({ "phase": phases }));
        }
        put(&mut status, "taskStatusCount", Some(Value::Object(tasks)));
        let resources =
            statuses(items).flat_map(|(_, status)| status.entries("controlledResources"));
        let resources = resources.map(|(name, id)| (name.to_owned(), id.clone())).collect();
        put(&mut status, "controlledResources", Some(Value::Object(resources)));

        let has_failed = |status: &Value| matches!(phase(status), Some("Failed" | "Aborted"));
        if let Some(clusters) = clusters_where(items, ",", has_failed) {
            let message = format!("Job failed in clusters: {clusters}");
            let state = state(template, "Failed", "VolcanoJobFailed", &message, now);
            put(&mut status, "state", Some(state));
        } else if everywhere(items, |status| phase(status) == Some("Completed")) {
            let message = "Job completed successfully";
            put(
                &mut status,
                "state",
                Some(state(template, "Completed", "Completed", message, now)),
            );
        }
        put(&mut status, "conditions", Some(Value::Array(conditions(items))));
        Ok(Some(Value::Object(status)))
    }
}
