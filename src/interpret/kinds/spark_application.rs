//! `sparkoperator.k8s.io/v1beta2 SparkApplication`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick_present};
use crate::api::binding::{AggregatedStatusItem, Component, ComponentReplicaRequirements};
use crate::api::manifest::Manifest;
use crate::api::quantity::Quantity;
use crate::interpret::fields::{Answer, Fields, Unreadable, replica_count};
use crate::interpret::items::{foremost, latest, only, put, put_sums, status_of, statuses};
use crate::interpret::pod_template::{amount, node_claim};

/// A driver and its executors.
pub(super) struct SparkApplication;

/// Spark adds at least so much to the memory of a pod.
const OVERHEAD_BYTES_MIN: f64 = 384.0 * 1024.0 * 1024.0;

/// Bytes of an amount as a JVM is told it: `512m`, `1g`; its units are powers of 1024.
fn jvm_bytes(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.to_lowercase(),
        _ => return None,
    };
    let end = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(end);
    let power = match unit {
        "b" => 0,
        "k" | "kb" => 1,
        "m" | "mb" => 2,
        "g" | "gb" => 3,
        "t" | "tb" => 4,
        "p" | "pb" => 5,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * 1024_f64.powi(power))
}

/// What a pod of one part needs: its memory, and what Spark adds to it.
fn memory(template: &Manifest, part: &str) -> Result<Quantity, Unreadable> {
    let bytes = |field: &str| {
        let path = format!("spec.{part}.{field}");
        let value = template.at(&path);
        value.map(|value| jvm_bytes(value).ok_or(Unreadable(path))).transpose()
    };
    let heap = bytes("memory")?.unwrap_or(1024.0 * 1024.0 * 1024.0);
    let overhead = match bytes("memoryOverhead")? {
        Some(overhead) => overhead,
        None => (heap * overhead_factor(template)?).max(OVERHEAD_BYTES_MIN),
    };
    let total = heap + overhead;
    let mebibytes = total / (1024.0 * 1024.0);
    let written =
        if mebibytes.fract() == 0.0 { format!("{mebibytes}Mi") } else { total.to_string() };
    written.parse().map_err(|_| Unreadable(format!("spec.{part}.memory")))
}

/// The share of its memory that a pod needs on top: more when not all of it runs on a JVM.
fn overhead_factor(template: &Manifest) -> Result<f64, Unreadable> {
    let language = template.need("spec.type")?.as_str().unwrap_or_default().to_lowercase();
    let default = if ["java", "scala"].contains(&language.as_str()) { 0.1 } else { 0.4 };
    let factor = template.at("spec.memoryOverheadFactor").and_then(|factor| match factor {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    });
    Ok(factor.unwrap_or(default))
}

fn part(template: &Manifest, name: &str, replicas: i64) -> Result<Component, Unreadable> {
    template.need("spec.type")?;
    let spec = template.at(&format!("spec.{name}"));
    let cpu = spec.and_then(|spec| spec.field("cores")).and_then(amount);
    let mut resource_request = BTreeMap::from([
        ("cpu".to_owned(), cpu.unwrap_or_else(|| Quantity::from(1))),
        ("memory".to_owned(), memory(template, name)?),
    ]);
    if let Some(gpu) = spec.and_then(|spec| spec.field("gpu")) {
        let quantity = gpu.written_number("quantity").filter(|quantity| *quantity > 0);
        if let (Some(name), Some(quantity)) = (gpu.filled("name"), quantity) {
            resource_request.insert(name.to_owned(), Quantity::from(quantity));
        }
    }
    let priority_class = spec.and_then(|spec| spec.text("priorityClassName"));
    Ok(Component {
        name: name.to_owned(),
        replicas: replica_count(replicas),
        replica_requirements: Some(ComponentReplicaRequirements {
            node_claim: spec.and_then(node_claim),
            resource_request,
            priority_class_name: priority_class.unwrap_or_default().to_owned(),
        }),
    })
}

/// As many as are asked for; when Spark may add executors, at least as many as it begins with.
fn executors(template: &Manifest) -> i64 {
    let instances = template.written_number("spec.executor.instances").unwrap_or(1);
    if !template.is_true("spec.dynamicAllocation.enabled") {
        return instances;
    }
    let at_least = ["initialExecutors", "minExecutors"].map(|field| {
        template.written_number(&format!("spec.dynamicAllocation.{field}")).unwrap_or(1)
    });
    at_least.into_iter().fold(instances, i64::max)
}

/// How bad a state is; one that we do not know is as one that is not known there.
fn rank(state: &str) -> u8 {
    match state {
        "SUBMITTED" | "PENDING_RERUN" => 1,
        "COMPLETED" => 2,
        "SUSPENDING" | "SUSPENDED" => 3,
        "RUNNING" | "RESUMING" | "SUCCEEDING" => 4,
        "INVALIDATING" => 5,
        "FAILING" | "FAILED" | "SUBMISSION_FAILED" => 6,
        _ => 0,
    }
}

impl Kind for SparkApplication {
    fn matches(&self) -> (&'static str, &'static str) {
        ("sparkoperator.k8s.io/v1beta2", "SparkApplication")
    }

    fn components(&self, template: &Manifest) -> Answer<Vec<Component>> {
        let driver = part(template, "driver", 1)?;
        let executor = part(template, "executor", executors(template))?;
        Ok(Some(vec![driver, executor]))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let state = live.text("status.applicationState.state");
        Ok(Some(state.is_some_and(|state| state != "FAILED")))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let fields = [
            "applicationState",
            "driverInfo",
            "executionAttempts",
            "executorState",
            "lastSubmissionAttemptTime",
            "sparkApplicationId",
            "submissionAttempts",
            "submissionID",
            "terminationTime",
        ];
        Some(Value::Object(pick_present(status, &fields)))
    }

    /// The worst state counts, the first of equally bad ones.
    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        if items.len() < 2 {
            return Ok(only(items));
        }
        let mut status = status_of(template);
        let states = statuses(items).filter_map(|(_, status)| status.field("applicationState"));
        let rank = |state: &Value| rank(state.text("state").unwrap_or_default());
        let worst = foremost(states, rank);
        put(&mut status, "applicationState", worst.cloned());
        put_sums(&mut status, items, &["executionAttempts", "submissionAttempts"]);
        for time in ["lastSubmissionAttemptTime", "terminationTime"] {
            put(&mut status, time, latest(items, time).cloned());
        }
        let executors = statuses(items).flat_map(|(_, status)| status.entries("executorState"));
        let executors: Map<String, Value> =
            executors.map(|(name, state)| (name.to_owned(), state.clone())).collect();
        put(&mut status, "executorState", Some(Value::Object(executors)));
        Ok(Some(Value::Object(status)))
    }
}
