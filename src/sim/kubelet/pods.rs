//! Pods and nodes: scheduling, running, ending.

use super::services::address;
use super::{
    Action, Id, KUBELET, SCHEDULER, Step, World, controller, find_condition, is_leaving, is_ready,
    letters, name, text,
};
use serde_json::{Map, Value, json};

/// A node that is ready, with its capacity: quantities such as `("8", "32Gi", "110")` for cpu,
/// memory and pods. `time` is the instant of its birth.
pub fn node(
    node_name: &str,
    capacity: (&str, &str, &str),
    labels: &Map<String, Value>,
    time: &str,
) -> Value {
    let (cpu, memory, pods) = capacity;
    let resources = json!({
        "cpu": cpu, "memory": memory, "pods": pods, "ephemeral-storage": "100Gi",
    });
    let mut all_labels = json!({
        "kubernetes.io/hostname": node_name, "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    });
    for (label, value) in labels {
        all_labels[label] = value.clone();
    }
    let condition = |condition_type: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": condition_type, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": time, "lastTransitionTime": time,
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": node_name, "labels": all_labels},
        "spec": {},
        "status": {
            "capacity": resources, "allocatable": resources,
            "addresses": [
                {"type": "InternalIP", "address": address([10, 0], node_name)},
                {"type": "Hostname", "address": node_name},
            ],
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
                    "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure",
                    "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID",
                    "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.36.3",
                "kubeProxyVersion": "", "osImage": "simulated", "kernelVersion": "6.12.0",
                "containerRuntimeVersion": "simulated://1.0", "machineID": "", "systemUUID": "",
                "bootID": "",
            },
        },
    })
}

/// Whether a pod may run on a node: its selector, required node affinity by labels left aside, and
/// taints that it does not tolerate. Daemons ignore that a node takes no more pods.
pub(super) fn fits(spec: &Value, node: &Value, is_daemon: bool) -> bool {
    let labels = &node["metadata"]["labels"];
    let selected = match &spec["nodeSelector"] {
        Value::Object(wanted) => wanted.iter().all(|(label, value)| labels[label] == *value),
        _ => true,
    };
    let taints = node["spec"]["taints"].as_array();
    let tolerated = taints.into_iter().flatten().all(|taint| {
        taint["effect"] == "PreferNoSchedule"
            || (is_daemon && text(&taint["key"]).starts_with("node.kubernetes.io/"))
            || spec["tolerations"]
                .as_array()
                .is_some_and(|all| all.iter().any(|toleration| tolerates(toleration, taint)))
    });
    let open = is_daemon || node["spec"]["unschedulable"] != true;
    selected && tolerated && open && (is_daemon || is_ready(node))
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let effect = text(&toleration["effect"]);
    let key = text(&toleration["key"]);
    let exists = toleration["operator"] == "Exists";
    (effect.is_empty() || taint["effect"] == effect)
        && (key.is_empty() && exists || taint["key"] == key)
        && (exists || text(&toleration["value"]) == text(&taint["value"]))
}

pub(super) fn look_at(world: &mut World<'_>, pod: &Value) {
    if is_leaving(pod) {
        let action = Action::Delete(Id::of(pod));
        world.steps.push(Step { manager: KUBELET, subresource: None, action });
        return;
    }
    if text(&pod["spec"]["nodeName"]).is_empty() {
        schedule(world, pod);
        return;
    }
    let of_job = controller(pod, "").is_some_and(|owner| owner.kind == "Job");
    match text(&pod["status"]["phase"]) {
        "" | "Pending" => start(world, pod),
        "Running" if of_job => end(world, pod),
        _ => {}
    }
}

fn schedule(world: &mut World<'_>, pod: &Value) {
    if pod["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty()) {
        return;
    }
    let nodes = world.objects.nodes();
    let fitting: Vec<&Value> =
        nodes.iter().filter(|node| fits(&pod["spec"], node, false)).collect();
    if fitting.is_empty() {
        let message = format!("0/{} nodes are available: no node fits the pod.", nodes.len());
        let condition = world.condition(pod, "PodScheduled", false, "Unschedulable", &message);
        let mut status = pod["status"].clone();
        status["phase"] = json!("Pending");
        status["conditions"] = json!([condition]);
        world.update_status(SCHEDULER, pod, status);
        return;
    }
    // Any of them, and always the same one.
    let letters = letters(name(pod), 4);
    let sum: usize = letters.bytes().map(usize::from).sum();
    let mut placed = pod.clone();
    placed["spec"]["nodeName"] = json!(name(fitting[sum % fitting.len()]));
    world.update(SCHEDULER, pod, placed);
}

fn start(world: &mut World<'_>, pod: &Value) {
    let seed = text(&pod["metadata"]["uid"]);
    let pod_address = address([10, 244], seed);
    let host_address = address([10, 0], text(&pod["spec"]["nodeName"]));
    let now = &world.now;
    let running = |container: &Value| {
        let mut status = container_status(container, seed);
        status["ready"] = json!(true);
        status["started"] = json!(true);
        status["state"] = json!({"running": {"startedAt": now}});
        status
    };
    let ended = |container: &Value| {
        let mut status = container_status(container, seed);
        status["ready"] = json!(true);
        status["started"] = json!(false);
        status["state"] = json!({"terminated": terminated(now, now)});
        status
    };
    let conditions: Vec<Value> =
        ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
            .iter()
            .map(|condition_type| world.condition(pod, condition_type, true, "", ""))
            .collect();
    let mut status = json!({
        "phase": "Running", "qosClass": qos_class(pod),
        "hostIP": host_address, "hostIPs": [{"ip": host_address}],
        "podIP": pod_address, "podIPs": [{"ip": pod_address}],
        "startTime": now,
        "conditions": conditions,
        "containerStatuses": each_container(pod, "containers", running),
    });
    if pod["spec"]["initContainers"].is_array() {
        status["initContainerStatuses"] = each_container(pod, "initContainers", ended);
    }
    world.update_status(KUBELET, pod, status);
}

fn end(world: &mut World<'_>, pod: &Value) {
    let now = &world.now;
    let mut status = pod["status"].clone();
    let started = status["startTime"].clone();
    status["phase"] = json!("Succeeded");
    if let Value::Array(containers) = &mut status["containerStatuses"] {
        for container in containers {
            container["ready"] = json!(false);
            container["started"] = json!(false);
            container["state"] = json!({"terminated": terminated(text(&started), now)});
        }
    }
    let conditions: Vec<Value> = ["Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .iter()
        .filter(|condition_type| find_condition(pod, condition_type).is_some())
        .map(|condition_type| {
            let holds = matches!(*condition_type, "Initialized" | "PodScheduled");
            world.condition(pod, condition_type, holds, "PodCompleted", "")
        })
        .collect();
    status["conditions"] = json!(conditions);
    world.update_status(KUBELET, pod, status);
}

fn terminated(started: &str, finished: &str) -> Value {
    json!({"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": finished})
}

fn container_status(container: &Value, seed: &str) -> Value {
    let container_name = text(&container["name"]);
    let id = letters(&format!("{seed}/{container_name}"), 20);
    json!({
        "name": container_name, "image": container["image"], "imageID": container["image"],
        "containerID": format!("simulated://{id}"), "restartCount": 0, "lastState": {},
    })
}

fn each_container(pod: &Value, list: &str, status: impl Fn(&Value) -> Value) -> Value {
    let containers = pod["spec"][list].as_array();
    containers.into_iter().flatten().map(status).collect()
}

/// Guaranteed if every container is limited to what it asks for, BestEffort if none asks.
fn qos_class(pod: &Value) -> &'static str {
    let containers = || pod["spec"]["containers"].as_array().into_iter().flatten();
    let amounts = |container: &Value, field: &str| container["resources"][field].clone();
    let asks = containers().any(|container| {
        ["requests", "limits"].iter().any(|field| !amounts(container, field).is_null())
    });
    let limited = containers().all(|container| {
        let limits = amounts(container, "limits");
        !limits["cpu"].is_null()
            && !limits["memory"].is_null()
            && (amounts(container, "requests") == limits)
    });
    match (asks, limited) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
