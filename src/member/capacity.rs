//! How much a cluster's nodes have, and how much of it is asked for.
//!
//! Allocatable: what all nodes offer. Allocated: requests of pods that have a node and are not
//! finished. Allocating: requests of pods that have no node yet. Each of the latter two counts
//! its pods as the resource `pods`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::api::cluster::{NodeSummary, ResourceSummary};
use crate::api::quantity::Quantity;

use super::wire::{Api, RequestError, json};

/// Objects in one page. Nodes are large (images, addresses), but only a few fields are kept.
const PAGE_LEN: usize = 250;

type Amounts = BTreeMap<String, Quantity>;

/// Lists nodes and pods.
pub(super) async fn measure(api: &Api) -> Result<(NodeSummary, ResourceSummary), RequestError> {
    let mut nodes = NodeSummary::default();
    let mut summary = ResourceSummary::default();
    each(api, "/api/v1/nodes", |node: Node| {
        nodes.total_num += 1;
        let is_ready = |c: &NodeCondition| c.type_ == "Ready" && c.status == "True";
        nodes.ready_num += i32::from(node.status.conditions.iter().any(is_ready));
        add(&mut summary.allocatable, node.status.allocatable);
    })
    .await?;
    let (mut n_allocated, mut n_allocating) = (0, 0);
    each(api, "/api/v1/pods", |pod: Pod| {
        if pod.spec.node_name.is_empty() {
            n_allocating += 1;
            add(&mut summary.allocating, pod.requests());
        } else if !matches!(&*pod.status.phase, "Succeeded" | "Failed") {
            n_allocated += 1;
            add(&mut summary.allocated, pod.requests());
        }
    })
    .await?;
    for (amounts, n_pods) in
        [(&mut summary.allocated, n_allocated), (&mut summary.allocating, n_allocating)]
    {
        if n_pods > 0 {
            amounts.insert("pods".to_owned(), Quantity::from(n_pods));
        }
    }
    // One spelling for an amount, whatever the order of the additions was.
    for amounts in [&mut summary.allocatable, &mut summary.allocated, &mut summary.allocating] {
        for amount in amounts.values_mut() {
            if let Ok(canonical) = amount.canonical().parse() {
                *amount = canonical;
            }
        }
    }
    Ok((nodes, summary))
}

async fn each<T: DeserializeOwned>(
    api: &Api,
    collection: &str,
    mut take: impl FnMut(T),
) -> Result<(), RequestError> {
    let mut token = String::new();
    loop {
        let mut path = format!("{collection}?limit={PAGE_LEN}");
        if !token.is_empty() {
            path.push_str("&continue=");
            path.extend(url::form_urlencoded::byte_serialize(token.as_bytes()));
        }
        let bytes = api.get_raw(&path, "application/json").await?;
        let page: Page<T> = json(&bytes)?;
        page.items.unwrap_or_default().into_iter().for_each(&mut take);
        token = page.metadata.r#continue;
        if token.is_empty() {
            return Ok(());
        }
    }
}

fn add(to: &mut Amounts, amounts: Amounts) {
    for (name, amount) in amounts {
        let sum = to.get(&name).map(|before| before.plus(&amount)).unwrap_or(amount);
        to.insert(name, sum);
    }
}

fn raise(to: &mut Amounts, amounts: Amounts) {
    for (name, amount) in amounts {
        if to.get(&name).is_none_or(|before| *before < amount) {
            to.insert(name, amount);
        }
    }
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PageMetadata {
    r#continue: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
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
struct Pod {
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    node_name: String,
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

impl Pod {
    /// What the pod asks for at its greediest moment: while an init container runs, with the
    /// sidecars that were started before it, or when all its containers and sidecars run.
    fn requests(self) -> Amounts {
        let mut sidecars = Amounts::new();
        let mut peak = Amounts::new();
        for container in self.spec.init_containers {
            if container.restart_policy == "Always" {
                add(&mut sidecars, container.resources.requests);
            } else {
                let mut moment = sidecars.clone();
                add(&mut moment, container.resources.requests);
                raise(&mut peak, moment);
            }
        }
        let mut running = sidecars;
        for container in self.spec.containers {
            add(&mut running, container.resources.requests);
        }
        raise(&mut peak, running);
        add(&mut peak, self.spec.overhead);
        peak
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
        let pod: Pod = serde_json::from_value(json!({"spec": {
            "initContainers": [container("1"), sidecar, container("950m")],
            "containers": [container("500m"), container("200m")],
            "overhead": {"cpu": "10m"}}}))
        .unwrap();
        // 950m + the sidecar's 100m beats 1 (no sidecar yet) and 500m + 200m + 100m.
        assert_eq!(pod.requests()["cpu"], "1060m".parse().unwrap());
    }
}
