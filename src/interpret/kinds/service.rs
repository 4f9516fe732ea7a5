//! `v1 Service`.

use serde_json::{Value, json};

use super::{Kind, at};
use crate::api::manifest::Manifest;

/// A name for pods; only one of type LoadBalancer waits for something.
pub(super) struct Service;

fn is_load_balancer(live: &Manifest) -> bool {
    at(live, &["spec", "type"]).and_then(Value::as_str) == Some("LoadBalancer")
}

/// Whether `status.loadBalancer` names an address that can be reached.
pub(super) fn has_address(live: &Manifest) -> bool {
    at(live, &["status", "loadBalancer", "ingress"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .any(|point| {
            ["ip", "hostname"]
                .iter()
                .any(|key| point[key].as_str().is_some_and(|text| !text.is_empty()))
        })
}

impl Kind for Service {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "Service")
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        Some(!is_load_balancer(live) || has_address(live))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let load_balancer = status.get("loadBalancer").cloned().unwrap_or_else(|| json!({}));
        is_load_balancer(live).then(|| json!({ "loadBalancer": load_balancer }))
    }
}
