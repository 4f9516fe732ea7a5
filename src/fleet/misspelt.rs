//! Misspelt fields of built-in workloads. An API server drops a field that it does not know, so
//! `spec.replcias: 5` is one replica, without a word.
//!
//! Only what decides on replicas and room is looked at: workloads, their pods, their containers. A
//! newer Kubernetes may have fields that are not in these lists, so a field is named only where its
//! name is near one that is: then it is a slip.

use serde_json::Value;

use super::object::Checked;
use super::positions::escape;
use super::report::shown;
use crate::api::decode::closest;
use crate::api::manifest::Manifest;

/// An object in a template: its fields, and those among them that are looked into.
struct Fields {
    known: &'static [&'static str],
    inner: &'static [(&'static str, &'static Fields)],
}

const RESOURCES: Fields = Fields { known: &["claims", "limits", "requests"], inner: &[] };

const CONTAINER: Fields = Fields {
    known: &[
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "lifecycle",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resizePolicy",
        "resources",
        "restartPolicy",
        "restartPolicyRules",
        "securityContext",
        "startupProbe",
        "stdin",
        "stdinOnce",
        "targetContainerName",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "tty",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
    ],
    inner: &[("resources", &RESOURCES)],
};

const POD: Fields = Fields {
    known: &[
        "activeDeadlineSeconds",
        "affinity",
        "automountServiceAccountToken",
        "containers",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "ephemeralContainers",
        "hostAliases",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostUsers",
        "hostname",
        "hostnameOverride",
        "imagePullSecrets",
        "initContainers",
        "nodeName",
        "nodeSelector",
        "os",
        "overhead",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "readinessGates",
        "resourceClaims",
        "resources",
        "restartPolicy",
        "runtimeClassName",
        "schedulerName",
        "schedulingGates",
        "securityContext",
        "serviceAccount",
        "serviceAccountName",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "subdomain",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
        "workloadRef",
    ],
    inner: &[
        ("containers", &CONTAINER),
        ("ephemeralContainers", &CONTAINER),
        ("initContainers", &CONTAINER),
        ("resources", &RESOURCES),
    ],
};

const POD_TEMPLATE: Fields = Fields { known: &["metadata", "spec"], inner: &[("spec", &POD)] };

const IN_PODS: &[(&str, &Fields)] = &[("template", &POD_TEMPLATE)];

const DEPLOYMENT: Fields = Fields {
    known: &[
        "minReadySeconds",
        "paused",
        "progressDeadlineSeconds",
        "replicas",
        "revisionHistoryLimit",
        "selector",
        "strategy",
        "template",
    ],
    inner: IN_PODS,
};

const STATEFUL_SET: Fields = Fields {
    known: &[
        "minReadySeconds",
        "ordinals",
        "persistentVolumeClaimRetentionPolicy",
        "podManagementPolicy",
        "replicas",
        "revisionHistoryLimit",
        "selector",
        "serviceName",
        "template",
        "updateStrategy",
        "volumeClaimTemplates",
    ],
    inner: IN_PODS,
};

const DAEMON_SET: Fields = Fields {
    known: &["minReadySeconds", "revisionHistoryLimit", "selector", "template", "updateStrategy"],
    inner: IN_PODS,
};

const REPLICA_SET: Fields =
    Fields { known: &["minReadySeconds", "replicas", "selector", "template"], inner: IN_PODS };

const JOB: Fields = Fields {
    known: &[
        "activeDeadlineSeconds",
        "backoffLimit",
        "backoffLimitPerIndex",
        "completionMode",
        "completions",
        "managedBy",
        "manualSelector",
        "maxFailedIndexes",
        "parallelism",
        "podFailurePolicy",
        "podReplacementPolicy",
        "scheduling",
        "selector",
        "successPolicy",
        "suspend",
        "template",
        "ttlSecondsAfterFinished",
    ],
    inner: IN_PODS,
};

const JOB_TEMPLATE: Fields = Fields { known: &["metadata", "spec"], inner: &[("spec", &JOB)] };

const CRON_JOB: Fields = Fields {
    known: &[
        "concurrencyPolicy",
        "failedJobsHistoryLimit",
        "jobTemplate",
        "schedule",
        "startingDeadlineSeconds",
        "successfulJobsHistoryLimit",
        "suspend",
        "timeZone",
    ],
    inner: &[("jobTemplate", &JOB_TEMPLATE)],
};

/// The fields of the `spec` of a kind; `None` where they are not known here.
fn of_kind(group: &str, kind: &str) -> Option<&'static Fields> {
    Some(match (group, kind) {
        ("apps", "Deployment") => &DEPLOYMENT,
        ("apps", "StatefulSet") => &STATEFUL_SET,
        ("apps", "DaemonSet") => &DAEMON_SET,
        ("apps", "ReplicaSet") | ("", "ReplicationController") => &REPLICA_SET,
        ("batch", "Job") => &JOB,
        ("batch", "CronJob") => &CRON_JOB,
        ("", "Pod") => &POD,
        _ => return None,
    })
}

/// The fields of a built-in workload beside its metadata.
const OBJECT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];

/// Warns of fields of a workload whose names are slips of those that it has.
pub(super) fn misspelt_fields(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let Some(spec) = of_kind(manifest.group(), manifest.kind()) else { return };
    let mut slips = Vec::new();
    for name in manifest.0.keys() {
        note(&mut slips, name, OBJECT, "");
    }
    if let Some(value) = manifest.0.get("spec") {
        look(&mut slips, value, spec, "/spec");
    }
    for Slip { pointer, name, meant } in slips {
        checked.warning(
            &pointer,
            "FIELD_UNKNOWN",
            format!(
                "{} has no field `{}` here: API servers drop it",
                manifest.kind(),
                shown(&name)
            ),
            format!("did you mean `{meant}`?"),
        );
    }
}

struct Slip {
    pointer: String,
    name: String,
    meant: &'static str,
}

fn look(slips: &mut Vec<Slip>, value: &Value, fields: &Fields, pointer: &str) {
    match value {
        Value::Array(items) => {
            for (idx, item) in items.iter().enumerate() {
                look(slips, item, fields, &format!("{pointer}/{idx}"));
            }
        }
        Value::Object(map) => {
            for (name, value) in map {
                let inner = fields.inner.iter().find(|(inner, _)| inner == name);
                match inner {
                    Some((_, fields)) => look(slips, value, fields, &format!("{pointer}/{name}")),
                    None => note(slips, name, fields.known, pointer),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn note(slips: &mut Vec<Slip>, name: &str, known: &'static [&'static str], pointer: &str) {
    if known.contains(&name) {
        return;
    }
    if let Some(meant) = closest(name, known.iter().copied()) {
        let pointer = format!("{pointer}/{}", escape(name));
        slips.push(Slip { pointer, name: name.to_owned(), meant });
    }
}
