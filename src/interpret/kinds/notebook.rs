//! `kubeflow.org/v1 Notebook`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Kind, pick_present};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::fields::{Answer, Fields, is_zero, later};
use crate::interpret::items::{
    clusters_where, condition, everywhere, only, put, put_count, statuses, sum,
};
use crate::interpret::{Replicas, requirements};

/// One pod that somebody works in.
pub(super) struct Notebook;

/// Whether the container does not run: it waits, has ended, or nobody knows.
fn is_down(status: &Value) -> bool {
    let state = status.field("containerState");
    state.is_none_or(|state| {
        is_zero(state) || ["terminated", "waiting"].iter().any(|one| state.field(one).is_some())
    })
}

/// The state that stands for all clusters: of those that are down the last, else the newest.
fn container_state(items: &[AggregatedStatusItem]) -> Option<Value> {
    if let Some((_, status)) = statuses(items).filter(|(_, status)| is_down(status)).last() {
        let state = status.field("containerState").filter(|state| !is_zero(state));
        let unknown = || json!({ "waiting": { "reason": "Unschedulable" } });
        return Some(state.cloned().unwrap_or_else(unknown));
    }
    let mut running = statuses(items).filter_map(|(_, status)| status.at("containerState.running"));
    let newest = running.by_ref().fold(None, |newest: Option<&Value>, one| match newest {
        None => Some(one),
        Some(known) => {
            let (old, new) = (known.field("startedAt"), one.field("startedAt"));
            Some(if new != old && later(old, new) == new { one } else { known })
        }
    })?;
    Some(json!({ "running": newest }))
}

impl Kind for Notebook {
    fn matches(&self) -> (&'static str, &'static str) {
        ("kubeflow.org/v1", "Notebook")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        let requirements = requirements(template.need("spec.template")?);
        Ok(Some(Replicas { count: 1, requirements }))
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let Some(state) = live.at("status.containerState") else { return Ok(Some(false)) };
        if state.field("running").is_some() {
            return Ok(Some(true));
        }
        if let Some(waiting) = state.field("waiting") {
            return Ok(Some(waiting.text("reason") == Some("ContainerCreating")));
        }
        let Some(terminated) = state.field("terminated") else { return Ok(Some(false)) };
        let faults = ["Error", "OOMKilled", "ContainerCannotRun"];
        let is_fault = terminated.text("reason").is_some_and(|reason| faults.contains(&reason));
        Ok(Some(!is_fault && terminated.count("exitCode") == 0))
    }

    fn reflect(&self, _live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick_present(status, &["conditions", "containerState"]);
        kept.insert("readyReplicas".to_owned(), Value::from(status.count("readyReplicas")));
        Some(Value::Object(kept))
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
        let mut conditions = Vec::new();
        if let Some(clusters) = clusters_where(items, ", ", is_down) {
            let message = format!("Notebook executed failed in member clusters: {clusters}");
            conditions.push(condition(template, "Failed", "NotebookFailed", &message, now));
        } else if everywhere(items, |status| status.at("containerState.running").is_some()) {
            let message = "All notebooks are ready";
            conditions.push(condition(template, "Ready", "Ready", message, now));
        }
        let mut status = Map::new();
        put_count(&mut status, "readyReplicas", sum(items, "readyReplicas"));
        put(&mut status, "containerState", container_state(items));
        put(&mut status, "conditions", Some(Value::Array(conditions)));
        Ok(Some(Value::Object(status)))
    }
}
