//! `kubeflow.org/v2beta1 MPIJob`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, pick_present};
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::Manifest;
use crate::interpret::component;
use crate::interpret::fields::{Answer, Fields, is_zero, later};
use crate::interpret::items::{
    earliest, entries_of, latest, one_of_each, only, put, put_count, statuses, sum,
};

/// One launcher and its workers.
pub(super) struct MpiJob;

/// When a condition was last touched.
fn touched(condition: &Value) -> Option<&Value> {
    let times = ["lastUpdateTime", "lastTransitionTime"].map(|field| condition.field(field));
    times.into_iter().flatten().next().filter(|time| !is_zero(time))
}

impl Kind for MpiJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("kubeflow.org/v2beta1", "MPIJob")
    }

    fn components(&self, template: &Manifest) -> Answer<Vec<Component>> {
        let components = template.entries("spec.mpiReplicaSpecs").filter_map(|(role, spec)| {
            let pod_template = spec.field("template")?;
            let default = i64::from(!role.eq_ignore_ascii_case("worker"));
            let replicas = spec.written_number("replicas").unwrap_or(default);
            Some(component(role, replicas, Some(pod_template)))
        });
        Ok(Some(components.collect()))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let conditions = live.list("status.conditions");
        let has_failed = |one: &Value| one["type"] == "Failed" && one["status"] == "True";
        Ok(Some(!conditions.is_empty() && !conditions.iter().any(has_failed)))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let fields = ["completionTime", "conditions", "lastReconcileTime", "startTime"];
        let mut kept = pick_present(status, &fields);
        let roles = status.entries("replicaStatuses").map(|(role, counts)| {
            let fields = ["active", "failed", "selector", "succeeded"];
            (role.to_owned(), Value::Object(pick_present(counts, &fields)))
        });
        put(&mut kept, "replicaStatuses", Some(Value::Object(roles.collect())));
        Some(Value::Object(kept))
    }

    /// The newest condition of each type tells how the job stands.
    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        if items.len() < 2 {
            return Ok(only(items));
        }
        let mut replicas = Map::new();
        for (role, _) in statuses(items).flat_map(|(_, status)| status.entries("replicaStatuses")) {
            let mut counts = Map::new();
            for counter in ["active", "failed", "succeeded"] {
                let sum = sum(items, &format!("replicaStatuses.{role}.{counter}"));
                put_count(&mut counts, counter, sum);
            }
            put(&mut replicas, role, Some(Value::Object(counts)));
        }
        let mut conditions = Vec::new();
        for condition in entries_of(items, "conditions") {
            if touched(condition).is_some() {
                condition.need("type")?;
                conditions.push(condition);
            }
        }
        let is_newer = |new: &Value, old: &Value| {
            later(touched(old), touched(new)) == touched(new) && touched(new) != touched(old)
        };
        let conditions = one_of_each(conditions.into_iter(), "type", is_newer);
        let mut status = Map::new();
        put(&mut status, "replicaStatuses", Some(Value::Object(replicas)));
        put(&mut status, "conditions", Some(Value::Array(conditions)));
        put(&mut status, "startTime", earliest(items, "startTime").cloned());
        for time in ["completionTime", "lastReconcileTime"] {
            put(&mut status, time, latest(items, time).cloned());
        }
        Ok(Some(Value::Object(status)))
    }
}
