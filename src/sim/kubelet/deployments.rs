//! Deployments: a ReplicaSet for each template, the newest one scaled up, the others down.

use super::{
    CONTROLLERS, World, controlled_by, count, find_condition, name, status_of, template_hash, text,
};
use serde_json::{Value, json};

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH: &str = "pod-template-hash";

pub(super) fn look_at(world: &mut World<'_>, deployment: &Value) {
    let sets = world.owned(deployment, "ReplicaSet");
    let hash = template_hash(deployment);
    let newest_name = format!("{}-{hash}", name(deployment));
    let wanted = count(&deployment["spec"]["replicas"]);
    let (newest, older): (Vec<&Value>, Vec<&Value>) =
        sets.iter().partition(|set| name(set) == newest_name);
    let newest = newest.first().copied();
    let n_older_pods: i64 = older.iter().map(|set| count(&set["status"]["replicas"])).sum();
    let recreates = deployment["spec"]["strategy"]["type"] == "Recreate";
    let is_paused = deployment["spec"]["paused"] == true;

    let revision = match newest {
        Some(newest) if revision(newest) >= highest_revision(&older) => revision(newest),
        _ => highest_revision(&older) + 1,
    };
    match newest {
        None if is_paused => {}
        None => {
            let replicas = if recreates && n_older_pods > 0 { 0 } else { wanted };
            world.create(replica_set(deployment, &newest_name, &hash, replicas, revision));
        }
        Some(newest) => {
            let waits = recreates && n_older_pods > 0;
            let replicas =
                if waits { count(&newest["spec"]["replicas"]).min(wanted) } else { wanted };
            world.update(CONTROLLERS, newest, scaled(newest, replicas, wanted, revision));
        }
    }
    let is_up = newest.is_some_and(|newest| count(&newest["status"]["readyReplicas"]) >= wanted);
    if !is_paused && (recreates || is_up) {
        for set in &older {
            world.update(CONTROLLERS, set, scaled(set, 0, wanted, self::revision(set)));
        }
    }

    if newest.is_some() {
        let mut annotated = deployment.clone();
        annotated["metadata"]["annotations"][REVISION] = json!(revision.to_string());
        world.update(CONTROLLERS, deployment, annotated);
    }
    let status = status(world, deployment, &sets, newest, &newest_name);
    world.update_status(CONTROLLERS, deployment, status);
}

fn revision(set: &Value) -> u64 {
    text(&set["metadata"]["annotations"][REVISION]).parse().unwrap_or_default()
}

fn highest_revision(sets: &[&Value]) -> u64 {
    sets.iter().map(|set| revision(set)).max().unwrap_or_default()
}

fn replica_set(
    deployment: &Value,
    set_name: &str,
    hash: &str,
    replicas: i64,
    revision: u64,
) -> Value {
    let spec = &deployment["spec"];
    let mut template = spec["template"].clone();
    template["metadata"]["labels"][HASH] = json!(hash);
    let mut selector = spec["selector"].clone();
    selector["matchLabels"][HASH] = json!(hash);
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": set_name, "namespace": deployment["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": controlled_by(deployment),
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    });
    scaled(&set, replicas, count(&spec["replicas"]), revision)
}

fn scaled(set: &Value, replicas: i64, wanted: i64, revision: u64) -> Value {
    let mut set = set.clone();
    set["spec"]["replicas"] = json!(replicas);
    let annotations = &mut set["metadata"]["annotations"];
    annotations[REVISION] = json!(revision.to_string());
    annotations["deployment.kubernetes.io/desired-replicas"] = json!(wanted.to_string());
    set
}

fn status(
    world: &World<'_>,
    deployment: &Value,
    sets: &[Value],
    newest: Option<&Value>,
    newest_name: &str,
) -> Value {
    let sum = |field: &str| -> i64 { sets.iter().map(|set| count(&set["status"][field])).sum() };
    let wanted = count(&deployment["spec"]["replicas"]);
    let (n_all, n_ready, n_available) =
        (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"));
    let of_newest = |field: &str| newest.map_or(0, |set| count(&set["status"][field]));
    let n_updated = of_newest("replicas");

    let enough = n_available >= wanted - max_unavailable(deployment);
    let available = if enough {
        let message = "Deployment has minimum availability.";
        world.condition(deployment, "Available", true, "MinimumReplicasAvailable", message)
    } else {
        let message = "Deployment does not have minimum availability.";
        world.condition(deployment, "Available", false, "MinimumReplicasUnavailable", message)
    };
    let is_done = newest.is_some()
        && n_updated == wanted
        && n_all == n_updated
        && of_newest("availableReplicas") >= wanted;
    let (reason, message) = match newest {
        None => ("NewReplicaSetCreated", format!("Created new replica set \"{newest_name}\"")),
        Some(_) if is_done => (
            "NewReplicaSetAvailable",
            format!("ReplicaSet \"{newest_name}\" has successfully progressed."),
        ),
        Some(_) => ("ReplicaSetUpdated", format!("ReplicaSet \"{newest_name}\" is progressing.")),
    };
    let progressing = world.condition(deployment, "Progressing", true, reason, &message);
    let conditions =
        [available, progressing].map(|condition| updated(world, deployment, condition));
    status_of(json!({
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": n_all,
        "updatedReplicas": n_updated,
        "readyReplicas": n_ready,
        "availableReplicas": n_available,
        "unavailableReplicas": (wanted.max(n_all) - n_available).max(0),
        "conditions": conditions,
    }))
}

/// A Deployment's conditions also say when they were last written.
fn updated(world: &World<'_>, deployment: &Value, mut condition: Value) -> Value {
    let before = find_condition(deployment, text(&condition["type"]));
    let is_same = before.is_some_and(|before| {
        ["status", "reason", "message"].iter().all(|field| before[*field] == condition[*field])
    });
    condition["lastUpdateTime"] = match before {
        Some(before) if is_same => before["lastUpdateTime"].clone(),
        _ => json!(world.now),
    };
    condition
}

/// How many pods may be missing; percentages are rounded down.
fn max_unavailable(deployment: &Value) -> i64 {
    let limit = &deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"];
    match limit {
        Value::String(percent) => {
            let percent: i64 = percent.trim_end_matches('%').parse().unwrap_or_default();
            count(&deployment["spec"]["replicas"]) * percent / 100
        }
        limit => count(limit),
    }
}
