//! What is read of a node and of a pod.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::census::{Amounts, Named, Node, Pod, add};
use crate::member::wire::{RequestError, json};

/// What counts of a node, and its resource version.
pub(super) fn node(raw: &RawValue) -> Result<(Named<Node>, String), RequestError> {
    let NodeObject { metadata, status } = json(raw.get().as_bytes())?;
    let is_ready = status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True");
    let node = Node { name: metadata.name, is_ready, allocatable: status.allocatable };
    Ok(((metadata.uid, node), metadata.resource_version))
}

/// What counts of a pod, and its resource version.
pub(super) fn pod(raw: &RawValue) -> Result<(Named<Pod>, String), RequestError> {
    let PodObject { metadata, mut spec, status } = json(raw.get().as_bytes())?;
    let node = std::mem::take(&mut spec.node_name);
    let is_finished = matches!(&*status.phase, "Succeeded" | "Failed");
    let requests = (!is_finished).then(|| Arc::new(spec.requests()));
    Ok(((metadata.uid, Pod { node, requests }), metadata.resource_version))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    uid: Box<str>,
    name: Box<str>,
    resource_version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeObject {
    metadata: Metadata,
    status: NodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    allocatable: Amounts,
    conditions: Vec<NodeCondition>,
}

#[derive(Deserialize)]
struct NodeCondition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodObject {
    metadata: Metadata,
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    node_name: Box<str>,
    containers: Vec<Container>,
    init_containers: Vec<Container>,
    overhead: Amounts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    resources: Resources,
    restart_policy: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: Amounts,
}

impl PodSpec {
    /// What the pod asks for at its greediest moment: while an init container runs, with the
    /// sidecars that were started before it, or when all its containers and sidecars run.
    fn requests(self) -> Amounts {
        let mut sidecars = Amounts::new();
        let mut peak = Amounts::new();
        for container in self.init_containers {
            if container.restart_policy == "Always" {
                add(&mut sidecars, &container.resources.requests);
            } else {
                let mut moment = sidecars.clone();
                add(&mut moment, &container.resources.requests);
                raise(&mut peak, moment);
            }
        }
        let mut running = sidecars;
        for container in self.containers {
            add(&mut running, &container.resources.requests);
        }
        raise(&mut peak, running);
        add(&mut peak, &self.overhead);
        peak
    }
}

fn raise(to: &mut Amounts, amounts: Amounts) {
    for (name, amount) in amounts {
        if to.get(&name).is_none_or(|before| *before < amount) {
            to.insert(name, amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_asks_for_its_greediest_moment() {
        let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        let mut sidecar = container("100m");
        sidecar["restartPolicy"] = json!("Always");
        let spec: PodSpec = serde_json::from_value(json!({
            "initContainers": [container("1"), sidecar, container("950m")],
            "containers": [container("500m"), container("200m")],
            "overhead": {"cpu": "10m"}}))
        .unwrap();
        // 950m + the sidecar's 100m beats 1 (no sidecar yet) and 500m + 200m + 100m.
        assert_eq!(spec.requests()["cpu"], "1060m".parse().unwrap());
    }
}
