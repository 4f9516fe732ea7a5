//! One file a kind. To add one: write `<kind>.rs`, list it in [`KINDS`], add a golden case.

mod cron_job;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod horizontal_pod_autoscaler;
mod ingress;
mod job;
mod persistent_volume_claim;
mod pod;
mod pod_disruption_budget;
mod replica_set;
mod service;
mod stateful_set;

use serde_json::{Map, Value};

use super::Replicas;
use crate::api::manifest::Manifest;

/// The rules of one kind. A rule that a kind does not have keeps its default.
pub(super) trait Kind: Sync {
    /// API version and kind, matched exactly.
    fn matches(&self) -> (&'static str, &'static str);

    /// What the template asks of the scheduler.
    fn replicas(&self, _template: &Manifest) -> Option<Replicas> {
        None
    }

    /// Writes one cluster's share.
    fn revise_replicas(&self, _manifest: &mut Manifest, _count: i32) {}

    /// Whether the live object does what it should; `None` when the kind has no rule.
    fn is_healthy(&self, _live: &Manifest) -> Option<bool> {
        None
    }

    /// The part of `status` worth reporting.
    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        Some(status.clone())
    }
}

/// Every kind with rules of its own, in the order of their names.
const KINDS: &[&dyn Kind] = &[
    &cron_job::CronJob,
    &custom_resource_definition::CustomResourceDefinition,
    &daemon_set::DaemonSet,
    &deployment::Deployment,
    &horizontal_pod_autoscaler::HorizontalPodAutoscaler,
    &ingress::Ingress,
    &job::Job,
    &persistent_volume_claim::PersistentVolumeClaim,
    &pod::Pod,
    &pod_disruption_budget::PodDisruptionBudget,
    &replica_set::ReplicaSet,
    &service::Service,
    &stateful_set::StatefulSet,
];

/// The rules for `manifest`'s kind.
pub(super) fn of(manifest: &Manifest) -> Option<&'static dyn Kind> {
    let wanted = (manifest.api_version(), manifest.kind());
    KINDS.iter().copied().find(|kind| kind.matches() == wanted)
}

/// `value[path[0]][path[1]]…`
fn at<'v>(manifest: &'v Manifest, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(manifest.0.get(*first)?, |value, key| value.get(key))
}

/// The whole number at `path`, if there is one.
fn number_at(manifest: &Manifest, path: &[&str]) -> Option<i64> {
    at(manifest, path)?.as_i64()
}

/// The counter at `path`; one that is absent is 0.
fn counter(manifest: &Manifest, path: &[&str]) -> i64 {
    number_at(manifest, path).unwrap_or(0)
}

/// A replica count as Kubernetes types it; what does not fit is the nearest that does.
fn replica_count(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(if count < 0 { i32::MIN } else { i32::MAX })
}

/// Writes `spec.<field>` of a manifest that has a `spec`.
fn set_in_spec(manifest: &mut Manifest, field: &str, value: i32) {
    if let Some(spec) = manifest.0.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert(field.to_owned(), Value::from(value));
    }
}

/// Whether the controller of the live object has seen its newest spec.
fn is_observed(live: &Manifest) -> bool {
    counter(live, &["status", "observedGeneration"]) == counter(live, &["metadata", "generation"])
}

/// The `fields` of `status` that are there and say something: zero counters say nothing.
fn pick(status: &Value, fields: &[&str]) -> Map<String, Value> {
    fields
        .iter()
        .filter_map(|field| {
            let value = status.get(*field)?;
            let says_something = match value {
                Value::Null => false,
                Value::Number(number) => number.as_i64() != Some(0),
                Value::Array(items) => !items.is_empty(),
                Value::Object(entries) => !entries.is_empty(),
                Value::String(text) => !text.is_empty(),
                Value::Bool(_) => true,
            };
            says_something.then(|| ((*field).to_owned(), value.clone()))
        })
        .collect()
}

/// Like [`pick`], with the generation of the live object beside the one that its controller saw.
fn pick_with_generation(live: &Manifest, status: &Value, fields: &[&str]) -> Map<String, Value> {
    let mut kept = pick(status, fields);
    let generation = counter(live, &["metadata", "generation"]);
    if generation > 0 {
        kept.insert("generation".to_owned(), Value::from(generation));
    }
    let template_generation = live
        .annotation("resourcetemplate.karmada.io/generation")
        .and_then(|text| text.parse::<i64>().ok())
        .unwrap_or(0);
    if template_generation > 0 {
        kept.insert("resourceTemplateGeneration".to_owned(), Value::from(template_generation));
    }
    kept
}
