//! `v1 Service`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Kind;
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::fields::{Answer, Fields, Unreadable, is_zero, set};
use crate::interpret::items::joined;

/// A name for pods; only one of type LoadBalancer waits for something.
pub(super) struct Service;

fn is_load_balancer(object: &Manifest) -> bool {
    object.text("spec.type") == Some("LoadBalancer")
}

/// Whether `status.loadBalancer` names an address that can be reached.
pub(super) fn has_address(live: &Manifest) -> bool {
    live.list("status.loadBalancer.ingress")
        .iter()
        .any(|point| point.filled("ip").is_some() || point.filled("hostname").is_some())
}

/// Where a point of entry stands, and which points are one: names first, then addresses, then how
/// the address is used, with none last.
fn place(point: &Value) -> (bool, &str, &str, bool, &str) {
    let hostname = point.text("hostname").unwrap_or_default();
    let mode = point.text("ipMode");
    let ip = point.text("ip").unwrap_or_default();
    (hostname.is_empty(), hostname, ip, mode.is_none(), mode.unwrap_or_default())
}

/// All points of entry of the members, each once, with the ports of its doubles.
pub(super) fn load_balancer(items: &[AggregatedStatusItem]) -> Value {
    let mut points: Vec<Value> = Vec::new();
    let reported = joined(items, "loadBalancer.ingress").into_iter();
    for mut point in reported.filter(Value::is_object) {
        let found = points.binary_search_by(|one| place(one).cmp(&place(&point)));
        match found {
            Ok(known) => {
                let more = point.list("ports").to_vec();
                let mut ports = [points[known].list("ports"), &more].concat();
                sort_ports(&mut ports);
                if !ports.is_empty() {
                    points[known]["ports"] = Value::Array(ports);
                }
            }
            Err(at) => {
                if let Some(ports) = point.get_mut("ports").and_then(Value::as_array_mut) {
                    sort_ports(ports);
                }
                points.insert(at, point);
            }
        }
    }
    if points.is_empty() { json!({}) } else { json!({ "ingress": points }) }
}

fn sort_ports(ports: &mut Vec<Value>) {
    let key = |port: &Value| {
        let text = |field| port.text(field).map(str::to_owned);
        (port.count("port"), text("protocol"), text("error"))
    };
    ports.sort_by_key(key);
    ports.dedup();
}

impl Kind for Service {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "Service")
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        for path in ["spec.healthCheckNodePort", "spec.clusterIP"] {
            if let Some(given) = live.at(path).filter(|given| !is_zero(given)) {
                set(desired, path, Some(given.clone()));
            }
        }
        Ok(())
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(!is_load_balancer(live) || has_address(live)))
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let load_balancer = status.field("loadBalancer").cloned().unwrap_or_else(|| json!({}));
        is_load_balancer(live).then(|| json!({ "loadBalancer": load_balancer }))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        Ok(is_load_balancer(template).then(|| json!({ "loadBalancer": load_balancer(items) })))
    }
}
