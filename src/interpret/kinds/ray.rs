//! Ray: RayCluster and RayJob. A RayService has a file of its own.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, has_condition};
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::Manifest;
use crate::api::quantity::Quantity;
use crate::interpret::component;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::{
    first, foremost, joined, latest, only, put, put_sums, status_of, statuses,
};
use crate::interpret::pod_template::amount;

/// A head and groups of workers.
pub(super) struct RayCluster;

/// Work that runs on a RayCluster of its own.
pub(super) struct RayJob;

/// The head and each group of workers; a group without a name is called by its place, from 1.
fn components(cluster: Option<&Value>) -> Vec<Component> {
    let Some(cluster) = cluster else { return Vec::new() };
    let head = cluster.at("headGroupSpec.template");
    let mut components = Vec::from_iter(head.map(|head| component("ray-head", 1, Some(head))));
    for (place, group) in cluster.list("workerGroupSpecs").iter().enumerate() {
        let by_place = format!("worker-{}", place + 1);
        let name = group.filled("groupName").unwrap_or(&by_place);
        components.push(component(name, group.count("replicas"), group.field("template")));
    }
    components
}

/// What the pods of a cluster refer to.
pub(super) fn add_cluster<'v>(references: &mut References<'v>, cluster: &'v Value) {
    let head = cluster.at("headGroupSpec.template");
    let groups = cluster.list("workerGroupSpecs").iter();
    for template in head.into_iter().chain(groups.filter_map(|group| group.field("template"))) {
        references.add_pod(template);
    }
}

/// The sum of an amount; a cluster that has none counts as 0.
fn sum_of_amounts(items: &[AggregatedStatusItem], field: &str) -> Result<Quantity, Unreadable> {
    let amounts = statuses(items).filter_map(|(_, status)| status.field(field));
    amounts.filter(|value| *value != "").try_fold(Quantity::zero(), |sum, value| {
        let amount = amount(value).ok_or_else(|| Unreadable(field.to_owned()))?;
        Ok(if sum.is_zero() { amount } else { sum.plus(&amount) })
    })
}

impl Kind for RayCluster {
    fn matches(&self) -> (&'static str, &'static str) {
        ("ray.io/v1", "RayCluster")
    }

    fn components(&self, template: &Manifest) -> Answer<Vec<Component>> {
        Ok(Some(components(template.field("spec"))))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(
            has_condition(live, "HeadPodReady")
                && has_condition(live, "RayClusterProvisioned")
                && !has_condition(live, "RayClusterReplicaFailure"),
        ))
    }

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
        put(&mut status, "conditions", Some(Value::Array(joined(items, "conditions"))));
        put_sums(
            &mut status,
            items,
            &[
                "availableWorkerReplicas",
                "desiredWorkerReplicas",
                "maxWorkerReplicas",
                "minWorkerReplicas",
                "readyWorkerReplicas",
            ],
        );
        for field in ["desiredCPU", "desiredGPU", "desiredMemory", "desiredTPU"] {
            let sum = sum_of_amounts(items, field)?;
            status.insert(field.to_owned(), Value::from(sum.canonical()));
        }
        put(&mut status, "lastUpdateTime", latest(items, "lastUpdateTime").cloned());
        for field in ["endpoints", "head", "state"] {
            put(&mut status, field, first(items, field).cloned());
        }
        let with_state = statuses(items).find(|(_, status)| status.field("state").is_some());
        let times = with_state.and_then(|(_, status)| status.field("stateTransitionTimes"));
        put(&mut status, "stateTransitionTimes", times.cloned());
        Ok(Some(Value::Object(status)))
    }
}

/// How much the state of a job's deployment says of the whole.
fn rank_of_deployment(state: &str) -> u8 {
    match state {
        "Initializing" => 1,
        "Waiting" => 2,
        "Suspending" | "Suspended" => 3,
        "Retrying" => 4,
        "Running" => 5,
        "Complete" => 6,
        "ValidationFailed" => 7,
        "Failed" => 8,
        _ => 0,
    }
}

/// How much the state of a job says of the whole.
fn rank_of_job(state: &str) -> u8 {
    match state {
        "PENDING" => 1,
        "RUNNING" => 2,
        "SUCCEEDED" => 3,
        "STOPPED" => 4,
        "FAILED" => 5,
        _ => 0,
    }
}

/// The status whose text in `field` ranks highest, the first of equal ones.
fn foremost_by<'i>(
    items: &'i [AggregatedStatusItem],
    field: &str,
    rank: fn(&str) -> u8,
) -> Option<&'i Value> {
    let told = statuses(items).filter_map(|(_, status)| Some((status, status.text(field)?)));
    foremost(told, |(_, text)| rank(text)).map(|(status, _)| status)
}

impl Kind for RayJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("ray.io/v1", "RayJob")
    }

    fn components(&self, template: &Manifest) -> Answer<Vec<Component>> {
        Ok(Some(components(template.at("spec.rayClusterSpec"))))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(match live.text("status.jobDeploymentStatus") {
            Some("Running") => true,
            Some("Complete") => live.text("status.jobStatus") == Some("SUCCEEDED"),
            Some(_) | None => false,
        }))
    }

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
        let deployment = foremost_by(items, "jobDeploymentStatus", rank_of_deployment);
        for field in ["jobDeploymentStatus", "reason", "message"] {
            put(&mut status, field, deployment.and_then(|one| one.field(field)).cloned());
        }
        let job = foremost_by(items, "jobStatus", rank_of_job);
        put(&mut status, "jobStatus", job.and_then(|one| one.field("jobStatus")).cloned());
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let mut references = References::new(template.namespace());
        if let Some(cluster) = template.at("spec.rayClusterSpec") {
            add_cluster(&mut references, cluster);
        }
        if let Some(pod) = template.at("spec.submitterPodTemplate") {
            references.add_pod(pod);
        }
        Ok(references.into_dependencies())
    }
}
