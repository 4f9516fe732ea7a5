//! Takes out of a template what belongs to the control plane it came from (`spec/interpreter.md` §7).

use serde_json::{Map, Value};

use crate::api::manifest::Manifest;

/// What an API server writes into `metadata`, never a person.
const SERVER_METADATA: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

const JOB_SELECTOR_LABELS: &[&str] = &["batch.kubernetes.io/controller-uid", "controller-uid"];
const JOB_TEMPLATE_LABELS: &[&str] = &[
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
];

/// Removes server-written metadata, the status, and what each kind gets written by its cluster.
///
/// Kinds are matched by name alone, in any group, as Karmada does.
pub fn prune(manifest: &mut Manifest) {
    manifest.0.remove("status");
    if let Some(metadata) = object_mut(&mut manifest.0, &["metadata"]) {
        for field in SERVER_METADATA {
            metadata.remove(*field);
        }
    }
    match manifest.kind() {
        "Deployment" => {
            remove_annotation(manifest, "deployment.kubernetes.io/revision");
            remove_annotation(manifest, "deployment.kubernetes.io/revision-history");
        }
        "Job" => prune_job(manifest),
        "PersistentVolumeClaim" => {
            remove_annotation(manifest, "volume.kubernetes.io/selected-node");
        }
        "Secret" => prune_secret(manifest),
        "Service" => prune_service(manifest),
        "ServiceAccount" => prune_service_account(manifest),
        _ => {}
    }
}

fn object_mut<'v>(
    map: &'v mut Map<String, Value>,
    path: &[&str],
) -> Option<&'v mut Map<String, Value>> {
    path.iter().try_fold(map, |map, key| map.get_mut(*key)?.as_object_mut())
}

fn remove_annotation(manifest: &mut Manifest, key: &str) {
    if let Some(annotations) = object_mut(&mut manifest.0, &["metadata", "annotations"]) {
        annotations.remove(key);
    }
}

/// A Job's own controller writes its selector; a finished one must not vanish in the member, where
/// it would be made again and again.
fn prune_job(manifest: &mut Manifest) {
    let Some(spec) = object_mut(&mut manifest.0, &["spec"]) else { return };
    spec.remove("ttlSecondsAfterFinished");
    if spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    let prunings: [(&[&str], &[&str]); 2] = [
        (&["selector", "matchLabels"], JOB_SELECTOR_LABELS),
        (&["template", "metadata", "labels"], JOB_TEMPLATE_LABELS),
    ];
    for (path, keys) in prunings {
        if let Some(labels) = object_mut(spec, path) {
            for key in keys {
                labels.remove(*key);
            }
        }
    }
}

fn prune_secret(manifest: &mut Manifest) {
    if manifest.0.get("type").and_then(Value::as_str) == Some("kubernetes.io/service-account-token")
    {
        remove_annotation(manifest, "kubernetes.io/service-account.uid");
        manifest.0.remove("data");
    }
}

fn prune_service(manifest: &mut Manifest) {
    let Some(spec) = object_mut(&mut manifest.0, &["spec"]) else { return };
    if spec.get("clusterIP").and_then(Value::as_str) != Some("None") {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
}

fn prune_service_account(manifest: &mut Manifest) {
    let token_prefix = format!("{}-token-", manifest.name());
    if let Some(secrets) = manifest.0.get_mut("secrets").and_then(Value::as_array_mut) {
        secrets.retain(|secret| {
            !secret["name"].as_str().is_some_and(|name| name.starts_with(&token_prefix))
        });
    }
}
