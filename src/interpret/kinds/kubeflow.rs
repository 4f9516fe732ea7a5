//! Kubeflow's training jobs: PyTorchJob and TFJob.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Kind;
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::Manifest;
use crate::interpret::component;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable, earlier, written};
use crate::interpret::items::{
    clusters_where, condition, earliest, entries_of, everywhere, latest, put, sum,
};

/// A job whose pods have roles.
pub(super) struct TrainingJob {
    kind: &'static str,
    /// Where the roles stand.
    path: &'static str,
    /// Each role, as the spec calls it and as the component is called.
    roles: &'static [(&'static str, &'static str)],
    conditions: fn(&Manifest, &[AggregatedStatusItem], Timestamp) -> Vec<Value>,
}

pub(super) const PYTORCH_JOB: TrainingJob = TrainingJob {
    kind: "PyTorchJob",
    path: "spec.pytorchReplicaSpecs",
    roles: &[("Master", "master"), ("Worker", "worker")],
    conditions: steps_of_pytorch_job,
};

pub(super) const TF_JOB: TrainingJob = TrainingJob {
    kind: "TFJob",
    path: "spec.tfReplicaSpecs",
    roles: &[
        ("PS", "ps"),
        ("Worker", "worker"),
        ("Chief", "chief"),
        ("Master", "master"),
        ("Evaluator", "evaluator"),
    ],
    conditions: end_of_tf_job,
};

/// How a job ended: with the last of `Succeeded` and `Failed` that is true.
fn end(status: &Value) -> Option<&str> {
    let conditions = status.list("conditions").iter().filter(|one| one["status"] == "True");
    conditions
        .filter_map(|one| one.text("type"))
        .rfind(|of_type| ["Succeeded", "Failed"].contains(of_type))
}

fn failed_in(items: &[AggregatedStatusItem]) -> Option<String> {
    clusters_where(items, ", ", |status| end(status) == Some("Failed"))
}

fn has_succeeded(items: &[AggregatedStatusItem]) -> bool {
    everywhere(items, |status| end(status) == Some("Succeeded"))
}

fn end_of_tf_job(
    template: &Manifest,
    items: &[AggregatedStatusItem],
    now: Timestamp,
) -> Vec<Value> {
    let mut conditions = Vec::new();
    if let Some(clusters) = failed_in(items) {
        let message = format!("TFJob executed failed in member clusters: {clusters}");
        conditions.push(condition(template, "Failed", "TFJobFailed", &message, now));
    }
    if has_succeeded(items) {
        let message = "TFJob completed successfully";
        conditions.push(condition(template, "Succeeded", "Completed", message, now));
    }
    conditions
}

/// The steps that a job went through, each at the time that the members tell; where they tell none,
/// since the template's old condition that says the same.
fn steps_of_pytorch_job(
    template: &Manifest,
    items: &[AggregatedStatusItem],
    now: Timestamp,
) -> Vec<Value> {
    let step = |of_type: &str, is_so: bool, message: &str, time: Option<&Value>| {
        let status = if is_so { "True" } else { "False" };
        let says_the_same = |old: &&Value| {
            old["type"] == of_type && old["status"] == status && old["message"] == message
        };
        let old = template.list("status.conditions").iter().find(says_the_same);
        let old = old.and_then(|old| old.field("lastTransitionTime"));
        let time = time.or(old).cloned().unwrap_or_else(|| written(now));
        json!({
            "type": of_type,
            "status": status,
            "lastTransitionTime": time,
            "lastUpdateTime": time,
            "reason": format!("PyTorchJob{of_type}"),
            "message": message,
        })
    };
    let failed_in = failed_in(items);
    let is_final = failed_in.is_some() || has_succeeded(items);
    let mut conditions = Vec::new();
    if let Some(start) = earliest(items, "startTime") {
        conditions.push(step("Created", true, "PyTorchJob is created.", Some(start)));
    }
    let running: Vec<&Value> =
        entries_of(items, "conditions").filter(|one| one["type"] == "Running").collect();
    if !running.is_empty() {
        let times = running.iter().map(|one| one.field("lastTransitionTime"));
        let time = times.fold(None, earlier);
        conditions.push(step("Running", !is_final, "PyTorchJob is running.", time));
    }
    let completion = latest(items, "completionTime");
    if let Some(clusters) = failed_in {
        let message = format!("PyTorchJob executed failed in member clusters: {clusters}");
        conditions.push(step("Failed", true, &message, completion));
    } else if is_final {
        let message = "PyTorchJob is successfully completed.";
        conditions.push(step("Succeeded", true, message, completion));
    }
    conditions
}

impl Kind for TrainingJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("kubeflow.org/v1", self.kind)
    }

    fn components(&self, template: &Manifest) -> Answer<Vec<Component>> {
        let Some(specs) = template.at(self.path) else { return Ok(Some(Vec::new())) };
        let components = self.roles.iter().filter_map(|(role, name)| {
            let spec = specs.field(role)?;
            let replicas = spec.written_number("replicas").unwrap_or(1);
            Some(component(name, replicas, spec.field("template")))
        });
        Ok(Some(components.collect()))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let Some(conditions) = live.at("status.conditions").and_then(Value::as_array) else {
            return Ok(Some(false));
        };
        let has_failed = |one: &Value| one["type"] == "Failed" && one["status"] == "True";
        Ok(Some(!conditions.iter().any(has_failed)))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        now: Timestamp,
    ) -> Answer<Value> {
        let mut status =
            template.field("status").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut replicas = Map::new();
        for (role, _) in self.roles {
            let mut counts = Map::new();
            for counter in ["active", "failed", "succeeded"] {
                let sum = sum(items, &format!("replicaStatuses.{role}.{counter}"));
                put(&mut counts, counter, Some(Value::from(sum)));
            }
            put(&mut replicas, role, Some(Value::Object(counts)));
        }
        put(&mut status, "replicaStatuses", Some(Value::Object(replicas)));
        let conditions = (self.conditions)(template, items, now);
        put(&mut status, "conditions", Some(Value::Array(conditions)));
        put(&mut status, "startTime", earliest(items, "startTime").cloned());
        if !items.is_empty() {
            let reconciled = latest(items, "lastReconcileTime");
            put(&mut status, "lastReconcileTime", reconciled.cloned());
        }
        if items.is_empty() || has_succeeded(items) {
            put(&mut status, "completionTime", latest(items, "completionTime").cloned());
        }
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let mut references = References::new(template.namespace());
        for (role, _) in self.roles {
            if let Some(pod) = template.at(&format!("{}.{role}.template", self.path)) {
                references.add_pod(pod);
            }
        }
        Ok(references.into_dependencies())
    }
}
