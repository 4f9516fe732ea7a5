//! `v1 Pod`.

use serde_json::Value;

use super::{Kind, at};
use crate::api::manifest::Manifest;
use crate::interpret::{Replicas, requirements};

/// One pod, which is its own template.
pub(super) struct Pod;

impl Kind for Pod {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "Pod")
    }

    fn replicas(&self, template: &Manifest) -> Option<Replicas> {
        let as_template = Value::Object(template.0.clone());
        Some(Replicas { count: 1, requirements: requirements(&as_template) })
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        let phase = at(live, &["status", "phase"]).and_then(Value::as_str);
        Some(match phase {
            Some("Succeeded") => true,
            Some("Running") => at(live, &["status", "conditions"])
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True"),
            Some(_) | None => false,
        })
    }
}
