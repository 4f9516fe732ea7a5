//! `flink.apache.org/v1beta1 FlinkDeployment`.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, pick_present};
use crate::api::binding::{
    AggregatedStatusItem, Component, ComponentReplicaRequirements, NodeClaim, ReplicaRequirements,
};
use crate::api::manifest::Manifest;
use crate::api::quantity::Quantity;
use crate::interpret::Replicas;
use crate::interpret::fields::{Answer, Fields, replica_count};
use crate::interpret::items::{put, status_of, statuses};
use crate::interpret::pod_template::{amount, node_claim};

/// A job manager and its task managers.
pub(super) struct FlinkDeployment;

const FIELDS: &[&str] = &[
    "clusterInfo",
    "error",
    "jobManagerDeploymentStatus",
    "jobStatus",
    "lifecycleState",
    "observedGeneration",
    "reconciliationStatus",
    "taskManager",
];

fn job_managers(template: &Manifest) -> i64 {
    template.written_number("spec.jobManager.replicas").unwrap_or(1)
}

/// As many as are asked for, or as the job's parallelism needs slots.
fn task_managers(template: &Manifest) -> i64 {
    template.written_number("spec.taskManager.replicas").unwrap_or_else(|| {
        let configuration = template.at("spec.flinkConfiguration");
        let slots =
            configuration.and_then(|map| match map.get("taskmanager.numberOfTaskSlots")? {
                Value::String(text) => text.trim().parse().ok(),
                value => value.as_i64(),
            });
        let parallelism = template.written_number("spec.job.parallelism");
        match (parallelism, slots) {
            (Some(parallelism), Some(slots)) if slots > 0 => {
                parallelism.saturating_add(slots - 1).div_euclid(slots)
            }
            _ => 1,
        }
    })
}

fn resource(template: &Manifest, manager: &str, resource: &str) -> Option<Quantity> {
    template.at(&format!("spec.{manager}.resource.{resource}")).and_then(amount)
}

fn pod(template: &Manifest) -> Option<&Value> {
    template.at("spec.podTemplate.spec")
}

/// The nodes for all pods: those of the common pod template, without its affinity.
fn nodes(template: &Manifest) -> Option<NodeClaim> {
    let claim = node_claim(pod(template)?)?;
    let claim = NodeClaim { hard_node_affinity: None, ..claim };
    (claim != NodeClaim::default()).then_some(claim)
}

fn priority_class(template: &Manifest) -> String {
    pod(template).and_then(|pod| pod.text("priorityClassName")).unwrap_or_default().to_owned()
}

impl Kind for FlinkDeployment {
    fn matches(&self) -> (&'static str, &'static str) {
        ("flink.apache.org/v1beta1", "FlinkDeployment")
    }

    /// All managers as if they were equal: each needs the greater of both amounts.
    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        template.need("spec")?;
        let greater = |name: &str| {
            let amounts = ["jobManager", "taskManager"];
            let greatest =
                amounts.iter().filter_map(|manager| resource(template, manager, name)).max();
            greatest.map(|amount| (name.to_owned(), amount))
        };
        let requirements = ReplicaRequirements {
            node_claim: nodes(template),
            resource_request: ["cpu", "memory"].into_iter().filter_map(greater).collect(),
            namespace: template.namespace().unwrap_or_default().to_owned(),
            priority_class_name: priority_class(template),
        };
        let count = job_managers(template).saturating_add(task_managers(template));
        Ok(Some(Replicas { count: replica_count(count), requirements: Some(requirements) }))
    }

    fn components(&self, template: &Manifest) -> Answer<Vec<Component>> {
        let part = |name: &str, manager: &str, replicas: i64| {
            let memory = resource(template, manager, "memory").unwrap_or_default();
            let cpu = resource(template, manager, "cpu").map(|cpu| ("cpu".to_owned(), cpu));
            let resource_request = cpu.into_iter().chain([("memory".to_owned(), memory)]).collect();
            Component {
                name: name.to_owned(),
                replicas: replica_count(replicas),
                replica_requirements: Some(ComponentReplicaRequirements {
                    node_claim: nodes(template),
                    resource_request,
                    priority_class_name: priority_class(template),
                }),
            }
        };
        Ok(Some(vec![
            part("jobmanager", "jobManager", job_managers(template)),
            part("taskmanager", "taskManager", task_managers(template)),
        ]))
    }

    /// A job that has begun is the member's to look after. One that has not is healthy only if
    /// another cluster would not do better: its image cannot be had, or it crashes.
    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let is_users_mistake = || {
            let error = live.text("status.error").unwrap_or_default();
            ["ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff"]
                .iter()
                .any(|mistake| error.contains(mistake))
        };
        Ok(Some(match live.text("status.jobStatus.state") {
            Some(
                "RUNNING" | "FINISHED" | "FAILED" | "CANCELED" | "SUSPENDED" | "CANCELLING"
                | "FAILING" | "RESTARTING",
            ) => true,
            Some("CREATED" | "INITIALIZING" | "RECONCILING") => is_users_mistake(),
            Some(_) => false,
            None => {
                live.text("status.jobManagerDeploymentStatus") == Some("READY")
                    && live.text("status.lifecycleState") == Some("STABLE")
            }
        }))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        Some(Value::Object(pick_present(status, FIELDS)))
    }

    /// It is meant for one cluster: the last one's status counts.
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
        let last = statuses(items).last().map(|(_, status)| status);
        for field in FIELDS {
            put(&mut status, field, last.and_then(|last| last.field(field)).cloned());
        }
        Ok(Some(Value::Object(status)))
    }
}
