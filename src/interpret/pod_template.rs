//! What one pod of a template needs from the cluster that runs it (`spec/interpreter.md` §4.2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{Fields, replica_count};
use crate::api::binding::{
    Component, ComponentReplicaRequirements, NodeClaim, ReplicaRequirements,
};
use crate::api::quantity::Quantity;

/// The needs of one pod of `template` (anything with a pod's `spec`); `None` when it has none.
///
/// Requests of the containers add up; an init container runs alone, so the greater of both counts;
/// the overhead of the runtime comes on top. A limit stands in for a request that is not there.
#[must_use]
pub fn requirements(template: &Value) -> Option<ReplicaRequirements> {
    requirements_of_pod(template.get("spec")?)
}

/// The needs of one pod with this `spec`.
pub(super) fn requirements_of_pod(pod: &Value) -> Option<ReplicaRequirements> {
    from_parts(node_claim(pod), resource_request(pod))
}

/// The needs of a pod of which only the nodes are known.
pub(super) fn requirements_of_nodes(pod: &Value) -> Option<ReplicaRequirements> {
    from_parts(node_claim(pod), Amounts::new())
}

fn from_parts(
    node_claim: Option<NodeClaim>,
    resource_request: Amounts,
) -> Option<ReplicaRequirements> {
    if node_claim.is_none() && resource_request.is_empty() {
        return None;
    }
    Some(ReplicaRequirements { node_claim, resource_request, ..ReplicaRequirements::default() })
}

/// A part of a workload: so many replicas of a pod template.
pub(super) fn component(name: &str, replicas: i64, template: Option<&Value>) -> Component {
    let needs = template.and_then(requirements);
    Component {
        name: name.to_owned(),
        replicas: replica_count(replicas),
        replica_requirements: needs.map(|needs| ComponentReplicaRequirements {
            node_claim: needs.node_claim,
            resource_request: needs.resource_request,
            priority_class_name: needs.priority_class_name,
        }),
    }
}

/// An amount, as text or as a number; `None` when it is neither.
pub(super) fn amount(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// The nodes that a pod with this `spec` may run on; `None` when it may run anywhere.
pub(super) fn node_claim(pod: &Value) -> Option<NodeClaim> {
    let hard_affinity = pod
        .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution")
        .filter(|affinity| affinity.is_object());
    let node_selector = pod.get("nodeSelector").filter(|selector| selector.is_object());
    let tolerations =
        pod.get("tolerations").and_then(Value::as_array).filter(|list| !list.is_empty());
    if hard_affinity.is_none() && node_selector.is_none() && tolerations.is_none() {
        return None;
    }
    let node_selector = node_selector.and_then(Value::as_object).into_iter().flatten();
    Some(NodeClaim {
        hard_node_affinity: hard_affinity
            .and_then(|affinity| serde_json::from_value(affinity.clone()).ok()),
        node_selector: node_selector
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        tolerations: tolerations
            .map(|list| {
                list.iter().filter_map(|one| serde_json::from_value(one.clone()).ok()).collect()
            })
            .unwrap_or_default(),
    })
}

type Amounts = BTreeMap<String, Quantity>;

fn resource_request(pod: &Value) -> Amounts {
    let mut total = Amounts::new();
    for container in pod.list("containers") {
        add(&mut total, &request_of(container));
    }
    for container in pod.list("initContainers") {
        for (name, amount) in request_of(container) {
            let slot = total.entry(name).or_insert_with(|| amount.clone());
            if *slot < amount {
                *slot = amount;
            }
        }
    }
    add(&mut total, &amounts(pod.get("overhead")));
    total.retain(|name, amount| *amount != Quantity::zero() && is_counted(name));
    total
}

/// What a container asks for, with its limits where it does not say.
fn request_of(container: &Value) -> Amounts {
    let resources = container.get("resources");
    let part = |name| amounts(resources.and_then(|resources| resources.get(name)));
    let mut request = part("requests");
    for (name, limit) in part("limits") {
        request.entry(name).or_insert(limit);
    }
    request
}

/// The quantities of a map; what is no quantity is left out (a member will refuse it).
fn amounts(map: Option<&Value>) -> Amounts {
    let entries = map.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(name, value)| Some((name.clone(), counted(name, amount(value)?))))
        .collect()
}

/// An amount as clusters count it: cpu in thousandths, all else in whole units, rounded up.
fn counted(name: &str, amount: Quantity) -> Quantity {
    match name {
        "cpu" if Quantity::from_milli(amount.milli_value()) != amount => {
            Quantity::from_milli(amount.milli_value())
        }
        "cpu" => amount,
        _ if amount.is_whole() => amount,
        _ => Quantity::from(amount.value()),
    }
}

fn add(total: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = match total.get(name) {
            Some(so_far) => so_far.plus(amount),
            None => amount.clone(),
        };
        total.insert(name.clone(), sum);
    }
}

/// Whether clusters are compared by this resource: the core ones, huge pages, attachable volumes,
/// and every name with a prefix (extended resources).
fn is_counted(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage" | "pods")
        || name.contains('/')
        || name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
}
