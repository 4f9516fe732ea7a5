//! `ray.io/v1 RayService`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::ray::add_cluster;
use super::{Kind, has_condition};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable, replica_count};
use crate::interpret::items::{
    first, joined, latest, only, put, put_count, put_sums, status_of, statuses,
};
use crate::interpret::{Replicas, requirements};

/// Applications that answer requests, on a RayCluster: a head and groups of workers.
pub(super) struct RayService;

const CLUSTER: &str = "spec.rayClusterConfig";

/// Shares out `workers` over groups of these sizes in proportion to them, evenly when all are 0.
/// Rounded to the nearest, as long as there are any; the last group takes what is left.
fn share_out(workers: u32, sizes: &[u32]) -> Vec<i64> {
    let workers = i64::from(workers);
    let total: i128 = sizes.iter().map(|size| i128::from(*size)).sum();
    let n_groups = sizes.len() as i64;
    let mut left = workers;
    let mut shares = Vec::with_capacity(sizes.len());
    for (place, size) in sizes.iter().enumerate() {
        let share = if place + 1 == sizes.len() {
            left
        } else if total == 0 {
            workers / n_groups + i64::from((place as i64) < workers % n_groups)
        } else {
            let twice = i128::from(workers) * i128::from(*size) * 2;
            left.min(((twice + total) / (total * 2)) as i64)
        };
        left -= share;
        shares.push(share);
    }
    shares
}

/// How bad the state of an application is.
fn rank(application: &Value) -> u8 {
    match application.text("status").unwrap_or_default() {
        "NOT_STARTED" => 1,
        "DEPLOYING" => 2,
        "DELETING" => 3,
        "UNHEALTHY" => 4,
        "DEPLOY_FAILED" => 5,
        _ => 0,
    }
}

/// The worst state of each application, the first of equally bad ones.
fn applications(items: &[AggregatedStatusItem]) -> Map<String, Value> {
    let mut worst: Map<String, Value> = Map::new();
    let active = statuses(items).filter_map(|(_, status)| status.field("activeServiceStatus"));
    for (name, one) in active.flat_map(|active| active.entries("applicationStatuses")) {
        if worst.get(name).is_none_or(|known| rank(one) > rank(known)) {
            worst.insert(name.to_owned(), one.clone());
        }
    }
    worst
}

impl Kind for RayService {
    fn matches(&self) -> (&'static str, &'static str) {
        ("ray.io/v1", "RayService")
    }

    /// The head and all workers as if they were equal: each needs what the head needs, and as much
    /// cpu and memory as the largest of them.
    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        let none = Replicas { count: 0, requirements: None };
        let Some(cluster) = template.at(CLUSTER) else { return Ok(Some(none)) };
        let Some(head) = cluster.at("headGroupSpec.template") else { return Ok(Some(none)) };
        let mut needs = requirements(head);
        let mut count = 1_i64;
        for group in cluster.list("workerGroupSpecs") {
            count = count.saturating_add(group.count("replicas"));
            let of_group = group.field("template").and_then(requirements);
            let (Some(needs), Some(of_group)) = (&mut needs, of_group) else { continue };
            for (name, amount) in of_group.resource_request {
                if ["cpu", "memory"].contains(&name.as_str()) {
                    let slot = needs.resource_request.entry(name).or_default();
                    if *slot < amount {
                        *slot = amount;
                    }
                }
            }
        }
        Ok(Some(Replicas { count: replica_count(count), requirements: needs }))
    }

    /// One of them is the head; the rest are workers.
    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        let spec = manifest.0.get_mut("spec").and_then(|spec| spec.get_mut("rayClusterConfig"));
        let groups = spec.and_then(|spec| spec.get_mut("workerGroupSpecs")?.as_array_mut());
        let Some(groups) = groups else { return };
        let size = |group: &Value| u32::try_from(group.count("replicas")).unwrap_or(0);
        let sizes: Vec<u32> = groups.iter().map(size).collect();
        let workers = u32::try_from(count.saturating_sub(1)).unwrap_or(0);
        let shares = share_out(workers, &sizes);
        for (group, share) in groups.iter_mut().filter_map(Value::as_object_mut).zip(shares) {
            group.insert("replicas".to_owned(), Value::from(share));
        }
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(has_condition(live, "Ready")))
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
        put_sums(&mut status, items, &["numServeEndpoints"]);
        put(&mut status, "lastUpdateTime", latest(items, "lastUpdateTime").cloned());
        let seen = statuses(items).map(|(_, status)| status.count("observedGeneration")).max();
        put_count(&mut status, "observedGeneration", seen.unwrap_or(0));
        let is_down = statuses(items).any(|(_, status)| status.text("serviceStatus") == Some(""));
        put(&mut status, "serviceStatus", (!is_down).then(|| Value::from("Running")));
        if let Some(active) = first(items, "activeServiceStatus") {
            let mut active = active.as_object().cloned().unwrap_or_default();
            put(&mut active, "applicationStatuses", Some(Value::Object(applications(items))));
            put(&mut status, "activeServiceStatus", Some(Value::Object(active)));
        }
        if let Some(pending) = first(items, "pendingServiceStatus") {
            put(&mut status, "pendingServiceStatus", Some(pending.clone()));
        }
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let mut references = References::new(template.namespace());
        if let Some(cluster) = template.at(CLUSTER) {
            add_cluster(&mut references, cluster);
        }
        Ok(references.into_dependencies())
    }
}
