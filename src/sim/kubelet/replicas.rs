//! ReplicaSets: as many pods as they say.

use super::{CONTROLLERS, World, count, free_names, is_leaving, is_ready, pod_of, status_of};
use serde_json::{Value, json};

pub(super) fn look_at(world: &mut World<'_>, set: &Value) {
    let pods = world.owned(set, "Pod");
    let active: Vec<&Value> = pods.iter().filter(|pod| is_active(pod)).collect();
    let wanted = usize::try_from(count(&set["spec"]["replicas"])).unwrap_or_default();

    for pod_name in free_names(set, &pods, wanted.saturating_sub(active.len())) {
        world.create(pod_of(set, &pod_name, &[]));
    }
    // Those that are not ready go first.
    let mut by_use: Vec<&Value> = active.clone();
    by_use.sort_by_key(|pod| is_ready(pod));
    for pod in by_use.iter().take(active.len().saturating_sub(wanted)) {
        world.delete(pod);
    }

    let n_ready = active.iter().filter(|pod| is_ready(pod)).count();
    let mut status = status_of(json!({
        "observedGeneration": set["metadata"]["generation"],
        "fullyLabeledReplicas": active.len(),
        "readyReplicas": n_ready,
        "availableReplicas": n_ready,
    }));
    status["replicas"] = json!(active.len());
    world.update_status(CONTROLLERS, set, status);
}

/// Whether a pod counts: it has neither ended nor is it being deleted.
pub(super) fn is_active(pod: &Value) -> bool {
    let ended = pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed";
    !ended && !is_leaving(pod)
}
