//! A metrics server: `metrics.k8s.io` of a member whose workloads progress.
//!
//! What a container uses is a share of what it asks for that follows from its pod's name, and little
//! if it asks for nothing; a node uses what its pods do, and something of its own.

use serde_json::{Value, json};

use super::kubelet;
use super::read::select;
use super::resources::{Registry, built_in};
use super::route::{Format, Options};
use super::status_error::Refusal;
use super::world::{Call, World, now};
use crate::api::quantity::Quantity;

/// The group of the API.
pub(super) const GROUP: &str = "metrics.k8s.io";

const KINDS: [&str; 2] = [
    "metrics.k8s.io v1beta1 nodes NodeMetrics C - - - -",
    "metrics.k8s.io v1beta1 pods PodMetrics N - - - -",
];

/// Thousandths of a CPU and bytes that a container uses which asks for nothing.
const IDLE: (i64, i64) = (2, 12 << 20);
/// And a node for itself.
const NODE: (i64, i64) = (150, 600 << 20);

/// Serves the API from now on.
pub(super) fn serve(registry: &mut Registry) {
    for row in KINDS {
        registry.add(built_in(row));
    }
}

/// What is measured of the pods or nodes that are asked for, one or a list.
pub(super) fn answer(world: &World, call: &Call) -> Result<Value, Refusal> {
    let plural = &*call.resource.plural;
    let measured = |object: &Value| match plural {
        "nodes" => Some(node(world, object)),
        _ => pod(object),
    };
    let core = world.registry.find("", "v1", plural).expect("pods and nodes are built in").clone();
    let objects = Call {
        resource: core,
        namespace: call.namespace.clone(),
        name: None,
        subresource: None,
        options: Options {
            label_selector: call.options.label_selector.clone(),
            field_selector: call.options.field_selector.clone(),
            ..Options::default()
        },
        format: Format::Json,
        user_agent: String::new(),
    };
    let found = select(world, &objects)?;
    let mut found = found.iter().map(|object| object.value());
    if let Some(name) = &call.name {
        let found = found.find(|object| object["metadata"]["name"] == **name);
        let measured = found.as_ref().and_then(measured);
        return measured.ok_or_else(|| Refusal::not_found(&call.resource, name));
    }
    let items: Vec<Value> = found.filter_map(|object| measured(&object)).collect();
    Ok(json!({
        "kind": &*call.resource.list_kind, "apiVersion": &*call.resource.api_version, "metadata": {}, "items": items,
    }))
}

/// Nothing is measured of a pod that does not run.
fn pod(object: &Value) -> Option<Value> {
    if object["status"]["phase"] != "Running" {
        return None;
    }
    let containers = object["spec"]["containers"].as_array().into_iter().flatten();
    let containers: Vec<Value> = containers
        .map(|container| json!({"name": container["name"], "usage": amounts(used(object, container))}))
        .collect();
    let mut measured = head("PodMetrics", object);
    measured["containers"] = Value::from(containers);
    Some(measured)
}

fn node(world: &World, object: &Value) -> Value {
    let name = &object["metadata"]["name"];
    let pods = world.storage.objects_of("pods.");
    let pods = pods
        .map(|pod| pod.value())
        .filter(|pod| pod["spec"]["nodeName"] == *name && pod["status"]["phase"] == "Running");
    let sum = pods.fold(NODE, |sum, pod| {
        let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        containers.fold(sum, |(cpu, memory), container| {
            let (more_cpu, more_memory) = used(&pod, container);
            (cpu + more_cpu, memory + more_memory)
        })
    });
    let mut measured = head("NodeMetrics", object);
    measured["usage"] = amounts(sum);
    measured
}

fn head(kind: &str, object: &Value) -> Value {
    let mut metadata = json!({"creationTimestamp": now()});
    for field in ["name", "namespace", "labels"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    json!({
        "kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata,
        "timestamp": now(), "window": "15s",
    })
}

/// 40 to 89 hundredths of what the container asks for.
fn used(pod: &Value, container: &Value) -> (i64, i64) {
    let letters = kubelet::letters(pod["metadata"]["name"].as_str().unwrap_or_default(), 4);
    let share = 40 + letters.bytes().map(i64::from).sum::<i64>() % 50;
    let asked =
        |name: &str| container["resources"]["requests"][name].as_str()?.parse::<Quantity>().ok();
    let of = |amount: Option<i64>, idle: i64| {
        amount.map_or(idle, |amount| {
            (amount / 100).saturating_mul(share) + amount % 100 * share / 100
        })
    };
    (
        of(asked("cpu").map(|cpu| cpu.milli_value()), IDLE.0),
        of(asked("memory").map(|memory| memory.value()), IDLE.1),
    )
}

fn amounts((cpu, memory): (i64, i64)) -> Value {
    json!({"cpu": format!("{cpu}m"), "memory": format!("{}Ki", memory >> 10)})
}
