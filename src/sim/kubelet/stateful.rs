//! StatefulSets: pods with a number, one after the other.

use super::replicas::is_active;
use super::{
    CONTROLLERS, Id, World, count, is_ready, name, pod_of, status_of, template_hash, text,
};
use serde_json::{Value, json};

const REVISION: &str = "controller-revision-hash";

pub(super) fn look_at(world: &mut World<'_>, set: &Value) {
    let pods = world.owned(set, "Pod");
    let wanted = usize::try_from(count(&set["spec"]["replicas"])).unwrap_or_default();
    let revision = format!("{}-{}", name(set), template_hash(set));
    let at_once = set["spec"]["podManagementPolicy"] == "Parallel";
    let pod_name = |ordinal: usize| format!("{}-{ordinal}", name(set));
    let find = |ordinal: usize| pods.iter().find(|pod| name(pod) == pod_name(ordinal));

    let mut all_ready = true;
    for ordinal in 0..wanted {
        let pod = find(ordinal);
        if pod.is_none() && (at_once || all_ready) {
            create(world, set, &pod_name(ordinal), ordinal, &revision);
        }
        all_ready &= pod.is_some_and(is_ready);
    }
    let surplus = pods.iter().filter(|pod| ordinal_of(set, pod).is_none_or(|at| at >= wanted));
    for pod in surplus {
        world.delete(pod);
    }
    if all_ready && set["spec"]["updateStrategy"]["type"] != "OnDelete" {
        // The highest number first, the next one when it is back.
        let from = &set["spec"]["updateStrategy"]["rollingUpdate"]["partition"];
        let from = usize::try_from(count(from)).unwrap_or_default();
        let outdated = (from..wanted).rev().filter_map(find).find(|pod| !is_of(pod, &revision));
        if let Some(pod) = outdated {
            world.delete(pod);
        }
    }

    let active: Vec<&Value> = pods.iter().filter(|pod| is_active(pod)).collect();
    let n_ready = active.iter().filter(|pod| is_ready(pod)).count();
    let n_updated = active.iter().filter(|pod| is_of(pod, &revision)).count();
    let before = text(&set["status"]["currentRevision"]);
    let is_done = n_updated == active.len() && n_updated == wanted;
    let current = if before.is_empty() || is_done { &revision } else { before };
    let n_current = active.iter().filter(|pod| is_of(pod, current)).count();
    let mut status = status_of(json!({
        "observedGeneration": set["metadata"]["generation"],
        "readyReplicas": n_ready,
        "currentReplicas": n_current,
        "updatedReplicas": n_updated,
        "currentRevision": current,
        "updateRevision": revision,
    }));
    status["replicas"] = json!(active.len());
    status["availableReplicas"] = json!(n_ready);
    status["collisionCount"] = json!(0);
    world.update_status(CONTROLLERS, set, status);
}

fn is_of(pod: &Value, revision: &str) -> bool {
    pod["metadata"]["labels"][REVISION] == revision
}

fn ordinal_of(set: &Value, pod: &Value) -> Option<usize> {
    name(pod).strip_prefix(name(set))?.strip_prefix('-')?.parse().ok()
}

fn create(world: &mut World<'_>, set: &Value, pod_name: &str, ordinal: usize, revision: &str) {
    let ordinal = ordinal.to_string();
    let mut pod = pod_of(
        set,
        pod_name,
        &[
            (REVISION, revision),
            ("statefulset.kubernetes.io/pod-name", pod_name),
            ("apps.kubernetes.io/pod-index", &ordinal),
        ],
    );
    pod["spec"]["hostname"] = json!(pod_name);
    if !set["spec"]["serviceName"].is_null() {
        pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    }
    let templates = set["spec"]["volumeClaimTemplates"].as_array();
    for template in templates.into_iter().flatten() {
        let volume = name(template);
        let claim_name = format!("{volume}-{pod_name}");
        let source = json!({"name": volume, "persistentVolumeClaim": {"claimName": claim_name}});
        match &mut pod["spec"]["volumes"] {
            Value::Array(volumes) => volumes.push(source),
            volumes => *volumes = json!([source]),
        }
        let mut claim = template.clone();
        claim["apiVersion"] = json!("v1");
        claim["kind"] = json!("PersistentVolumeClaim");
        claim["metadata"]["name"] = json!(claim_name);
        claim["metadata"]["namespace"] = set["metadata"]["namespace"].clone();
        if let Value::Object(labels) = &set["spec"]["selector"]["matchLabels"] {
            for (label, value) in labels {
                claim["metadata"]["labels"][label] = value.clone();
            }
        }
        if let Value::Object(claim) = &mut claim {
            claim.remove("status");
        }
        // Claims outlive their pods.
        if world.objects.get(&Id::of(&claim)).is_none() {
            world.create(claim);
        }
    }
    world.create(pod);
}
