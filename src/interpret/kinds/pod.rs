//! `v1 Pod`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, has_condition};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::complete::{Observation, Reported};
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable, set};
use crate::interpret::items::{entries_of, put, statuses};
use crate::interpret::{Replicas, requirements_of_pod};

/// One pod, which is its own template.
pub(super) struct Pod;

/// The first of `order` that a cluster reports; a cluster that reports nothing is `Pending`.
pub(super) fn foremost_phase<'p>(
    items: &[AggregatedStatusItem],
    order: &[&'p str],
) -> Option<&'p str> {
    let is_waiting = statuses(items).count() < items.len();
    order.iter().copied().find(|phase| {
        (is_waiting && *phase == "Pending")
            || statuses(items).any(|(_, status)| status.text("phase") == Some(phase))
    })
}

/// What is told of the containers: whether each is ready, and its state.
fn containers(items: &[AggregatedStatusItem], field: &str) -> Value {
    entries_of(items, field)
        .map(|container| {
            let is_ready = container.is_true("ready");
            let state = container.field("state").cloned();
            let mut told = Map::from_iter([("ready".to_owned(), Value::from(is_ready))]);
            told.insert("state".to_owned(), state.unwrap_or_else(|| Value::Object(Map::new())));
            Value::Object(told)
        })
        .collect()
}

/// The mounts of a container are those of the live container of its name.
fn retain_mounts(desired: &mut Manifest, live: &Manifest, field: &str) {
    let spec = desired.0.get_mut("spec").and_then(Value::as_object_mut);
    let containers = spec.and_then(|spec| spec.get_mut(field)?.as_array_mut());
    let Some(containers) = containers else { return };
    for kept in live.list(&format!("spec.{field}")) {
        let same_name = containers.iter_mut().find(|one| one.text("name") == kept.text("name"));
        let Some(container) = same_name.and_then(Value::as_object_mut) else { continue };
        match kept.field("volumeMounts") {
            Some(mounts) => container.insert("volumeMounts".to_owned(), mounts.clone()),
            None => container.remove("volumeMounts"),
        };
    }
}

impl Kind for Pod {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "Pod")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        let requirements = template.field("spec").and_then(requirements_of_pod);
        Ok(Some(Replicas { count: 1, requirements }))
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    /// What the member's scheduler and admission wrote cannot be changed afterwards.
    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        for path in ["spec.nodeName", "spec.serviceAccountName", "spec.volumes"] {
            set(desired, path, live.at(path).cloned());
        }
        retain_mounts(desired, live, "containers");
        retain_mounts(desired, live, "initContainers");
        Ok(())
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(match live.text("status.phase") {
            Some("Succeeded") => true,
            Some("Running") => has_condition(live, "Ready"),
            Some(_) | None => false,
        }))
    }

    /// The conditions of the pods that still run, and the names of their containers.
    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        for field in ["containerStatuses", "initContainerStatuses"] {
            let names = statuses(reported.items).flat_map(|(_, status)| status.list(field));
            let told = status.get_mut(field).and_then(Value::as_array_mut);
            for (told, container) in told.into_iter().flatten().zip(names) {
                if let (Some(told), Some(name)) = (told.as_object_mut(), container.field("name")) {
                    told.insert("name".to_owned(), name.clone());
                }
            }
        }
        let ended = ["Succeeded", "Failed"].map(Some);
        let running = statuses(reported.items)
            .filter(|(_, status)| !ended.contains(&status.text("phase")))
            .collect::<Vec<_>>();
        if running.is_empty() {
            return;
        }
        for of_type in ["PodScheduled", "Initialized", "ContainersReady", "Ready"] {
            let of_pod = |status: &'_ Value| {
                status.list("conditions").iter().find(|one| one["type"] == of_type).cloned()
            };
            let not_so = running.iter().find_map(|(cluster, status)| match of_pod(status) {
                Some(condition) if condition["status"] == "True" => None,
                other => Some((*cluster, other.unwrap_or_default())),
            });
            let waits = statuses(reported.items).count() < reported.items.len();
            let (is_so, reason, message) = match &not_so {
                Some((cluster, condition)) => {
                    let why = condition.text("message").unwrap_or_default();
                    let reason = condition.text("reason").unwrap_or_default();
                    (false, reason, format!("in {cluster}: {why}"))
                }
                None if waits => {
                    (false, "NotReported", "not all clusters have reported".to_owned())
                }
                None => (true, "", String::new()),
            };
            let seen = Observation { of_type, status: is_so.into(), reason, message };
            reported.put_condition(status, seen);
        }
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
        for field in ["containerStatuses", "initContainerStatuses"] {
            put(&mut status, field, Some(containers(items, field)));
        }
        let phase = foremost_phase(items, &["Failed", "Pending", "Running", "Succeeded"]);
        put(&mut status, "phase", phase.map(Value::from));
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let mut references = References::new(template.namespace());
        if let Some(spec) = template.field("spec") {
            references.add_pod_spec(spec);
        }
        Ok(references.into_dependencies())
    }
}
