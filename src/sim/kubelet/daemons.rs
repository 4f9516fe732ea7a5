//! DaemonSets: a pod on each node that their template fits.

use super::pods::fits;
use super::replicas::is_active;
use super::{CONTROLLERS, World, free_names, is_ready, name, pod_of, status_of, template_hash};
use serde_json::{Value, json};

const REVISION: &str = "controller-revision-hash";

pub(super) fn look_at(world: &mut World<'_>, set: &Value) {
    let pods = world.owned(set, "Pod");
    let hash = template_hash(set);
    let nodes = world.objects.nodes();
    let wanted: Vec<&Value> =
        nodes.iter().filter(|node| fits(&set["spec"]["template"]["spec"], node, true)).collect();
    let active: Vec<&Value> = pods.iter().filter(|pod| is_active(pod)).collect();
    let on = |node: &Value| {
        let node = &node["metadata"]["name"];
        active.iter().copied().find(|pod| pod["spec"]["nodeName"] == *node)
    };

    let without: Vec<&Value> = wanted.iter().copied().filter(|node| on(node).is_none()).collect();
    for (pod_name, node) in free_names(set, &pods, without.len()).iter().zip(without) {
        let mut pod = pod_of(set, pod_name, &[(REVISION, &hash)]);
        pod["spec"]["nodeName"] = json!(name(node));
        world.create(pod);
    }
    let is_wanted = |pod: &Value| wanted.iter().any(|node| pod["spec"]["nodeName"] == name(node));
    for pod in active.iter().filter(|pod| !is_wanted(pod)) {
        world.delete(pod);
    }
    let is_of = |pod: &Value| pod["metadata"]["labels"][REVISION] == *hash;
    if set["spec"]["updateStrategy"]["type"] != "OnDelete"
        && active.iter().all(|pod| is_ready(pod))
        && let Some(outdated) = active.iter().find(|pod| is_wanted(pod) && !is_of(pod))
    {
        world.delete(outdated);
    }

    let n_ready = active.iter().filter(|pod| is_ready(pod)).count();
    let mut status = status_of(json!({
        "observedGeneration": set["metadata"]["generation"],
        "updatedNumberScheduled": active.iter().filter(|pod| is_of(pod)).count(),
        "numberAvailable": n_ready,
        "numberUnavailable": wanted.len().saturating_sub(n_ready),
    }));
    status["desiredNumberScheduled"] = json!(wanted.len());
    status["currentNumberScheduled"] = json!(active.iter().filter(|pod| is_wanted(pod)).count());
    status["numberReady"] = json!(n_ready);
    status["numberMisscheduled"] = json!(0);
    world.update_status(CONTROLLERS, set, status);
}
