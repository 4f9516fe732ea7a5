//! One file a kind, or a family of kinds that mean the same. To add one: write `<kind>.rs`, list it
//! in [`KINDS`], add a golden case.

mod argo_workflow;
mod cron_job;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod flink_deployment;
mod flux;
mod horizontal_pod_autoscaler;
mod ingress;
mod job;
mod kruise;
mod kruise_jobs;
mod kubeflow;
mod kyverno;
mod mpi_job;
mod notebook;
mod persistent_volume;
mod persistent_volume_claim;
mod pod;
mod pod_disruption_budget;
mod ray;
mod ray_service;
mod replica_set;
mod rollout;
mod secret;
mod service;
mod service_account;
mod service_import;
mod sidecar_set;
mod spark_application;
mod stateful_set;
mod volcano_job;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::complete::Reported;
use super::dependency::Dependency;
use super::fields::{Answer, Fields, Unreadable, is_zero, replica_count, set};
use super::{Replicas, requirements};
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::Manifest;
use crate::api::marks;

/// The rules of one kind. A rule that a kind does not have keeps its default.
pub(super) trait Kind: Sync {
    /// API version and kind, matched exactly.
    fn matches(&self) -> (&'static str, &'static str);

    /// What the template asks of the scheduler.
    fn replicas(&self, _template: &Manifest) -> Answer<Replicas> {
        Ok(None)
    }

    /// The parts of a template that has several pod templates.
    fn components(&self, _template: &Manifest) -> Answer<Vec<Component>> {
        Ok(None)
    }

    /// Writes one cluster's share.
    fn revise_replicas(&self, _manifest: &mut Manifest, _count: i32) {}

    /// Whether a member may keep something of an object like `desired` that an apply would take from
    /// it; what the template does not mention is nobody's to take.
    fn retains(&self, _desired: &Manifest) -> bool {
        false
    }

    /// Whether one of those things is the number of replicas.
    fn retains_replicas(&self, _desired: &Manifest) -> bool {
        false
    }

    /// Takes over what belongs to the member.
    fn retain(&self, _desired: &mut Manifest, _live: &Manifest) -> Result<(), Unreadable> {
        Ok(())
    }

    /// Whether the live object does what it should.
    fn is_healthy(&self, _live: &Manifest) -> Answer<bool> {
        Ok(None)
    }

    /// The part of `status` worth reporting.
    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        Some(status.clone())
    }

    /// The status that the template gets; `None` when it stays as it is.
    fn aggregate(
        &self,
        _template: &Manifest,
        _items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        Ok(None)
    }

    /// Takes out of the template's status what no content but the one of before brought about, and
    /// nothing would take back.
    fn begin_anew(&self, _status: &mut Map<String, Value>) {}

    /// Adds to the template's status what tools look for that know one cluster's objects only.
    fn complete(&self, _reported: &Reported<'_>, _status: &mut Map<String, Value>) {}

    /// What the template refers to, in any order.
    fn dependencies(&self, _template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(Vec::new())
    }
}

/// Every kind with rules of its own: those of Kubernetes first, then by API group.
pub(super) const KINDS: &[&dyn Kind] = &[
    &deployment::Deployment,
    &pod::Pod,
    &service::Service,
    &stateful_set::StatefulSet,
    &job::Job,
    &ingress::Ingress,
    &cron_job::CronJob,
    &custom_resource_definition::CustomResourceDefinition,
    &daemon_set::DaemonSet,
    &horizontal_pod_autoscaler::HorizontalPodAutoscaler,
    &persistent_volume::PersistentVolume,
    &persistent_volume_claim::PersistentVolumeClaim,
    &pod_disruption_budget::PodDisruptionBudget,
    &replica_set::ReplicaSet,
    &secret::Secret,
    &service_account::ServiceAccount,
    &service_import::ServiceImport,
    &kruise_jobs::AdvancedCronJob,
    &kruise_jobs::BroadcastJob,
    &kruise::CLONE_SET,
    &kruise::DAEMON_SET,
    &kruise::STATEFUL_SET,
    &kruise::UNITED_DEPLOYMENT,
    &sidecar_set::SidecarSet,
    &argo_workflow::Workflow,
    &rollout::Rollout,
    &volcano_job::VolcanoJob,
    &flink_deployment::FlinkDeployment,
    &flux::HELM_RELEASE,
    &kubeflow::PYTORCH_JOB,
    &kubeflow::TF_JOB,
    &notebook::Notebook,
    &mpi_job::MpiJob,
    &flux::KUSTOMIZATION,
    &kyverno::CLUSTER_POLICY,
    &kyverno::POLICY,
    &ray::RayCluster,
    &ray::RayJob,
    &ray_service::RayService,
    &flux::GIT_REPOSITORY,
    &flux::BUCKET,
    &flux::HELM_CHART,
    &flux::HELM_REPOSITORY,
    &flux::OCI_REPOSITORY,
    &spark_application::SparkApplication,
];

/// The rules for `manifest`'s kind.
pub(super) fn of(manifest: &Manifest) -> Option<&'static dyn Kind> {
    let wanted = (manifest.api_version(), manifest.kind());
    KINDS.iter().copied().find(|kind| kind.matches() == wanted)
}

/// `spec.replicas` (an API server makes 1 of an absent one) pods of `spec.template`.
fn pods_of_template(template: &Manifest) -> Replicas {
    let count = template.number("spec.replicas").unwrap_or(1);
    Replicas {
        count: replica_count(count),
        requirements: template.at("spec.template").and_then(requirements),
    }
}

/// Writes `spec.<field>` of a manifest that has a `spec`.
fn set_in_spec(manifest: &mut Manifest, field: &str, value: i32) {
    if manifest.0.get("spec").is_some_and(Value::is_object) {
        set(manifest, &format!("spec.{field}"), Some(Value::from(value)));
    }
}

/// Whether the controller of the live object has seen its newest spec.
fn is_observed(live: &Manifest) -> bool {
    live.count("status.observedGeneration") == live.count("metadata.generation")
}

/// Whether every pod asked for is of the newest template and available.
fn is_rolled_out(live: &Manifest) -> bool {
    let updated = live.count("status.updatedReplicas");
    is_observed(live)
        && live.number("spec.replicas").is_none_or(|wanted| updated >= wanted)
        && live.count("status.availableReplicas") >= updated
}

/// Whether an object reports a condition of this type that is true.
fn has_condition(live: &Manifest, of_type: &str) -> bool {
    live.list("status.conditions")
        .iter()
        .any(|condition| condition["type"] == of_type && condition["status"] == "True")
}

/// The `fields` of `status` that are there and say something: zero counters say nothing.
fn pick(status: &Value, fields: &[&str]) -> Map<String, Value> {
    fields
        .iter()
        .filter_map(|field| {
            let value = status.field(field).filter(|value| !is_zero(value))?;
            Some(((*field).to_owned(), value.clone()))
        })
        .collect()
}

/// The `fields` of `status` that are there.
fn pick_present(status: &Value, fields: &[&str]) -> Map<String, Value> {
    fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), status.field(field)?.clone())))
        .collect()
}

/// The counters of `status` that its kind always has, 0 or not.
fn pick_always(kept: &mut Map<String, Value>, status: &Value, fields: &[&str]) {
    for field in fields {
        kept.insert((*field).to_owned(), Value::from(status.count(field)));
    }
}

/// Adds the generation of the live object, and the template's generation that it came from: what
/// tells whether the cluster caught up (`spec/interpreter.md` §5).
fn pick_generations(kept: &mut Map<String, Value>, live: &Manifest) {
    if let Some(generation) = live.number("metadata.generation") {
        kept.insert("generation".to_owned(), Value::from(generation));
    }
    let annotations = live.at("metadata.annotations");
    let annotation = annotations.and_then(|map| map.get(marks::TEMPLATE_GENERATION));
    let template_generation = annotation
        .and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()))
        .unwrap_or(0);
    if template_generation > 0 {
        kept.insert("resourceTemplateGeneration".to_owned(), Value::from(template_generation));
    }
}
