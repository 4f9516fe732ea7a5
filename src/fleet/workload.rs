//! What is wrong inside of built-in workloads, where it decides on replicas and room: misspelt fields,
//! and amounts that are none.
//!
//! An API server drops a field that it does not know, so `spec.replcias: 5` is one replica, without
//! a word. A newer Kubernetes may have fields that are not in these lists, so a field is named only
//! where its name is near one that is: then it is a slip.

use serde_json::Value;

use super::object::Checked;
use super::positions::escape;
use super::report::shown;
use crate::api::decode::closest;
use crate::api::manifest::Manifest;
use crate::api::quantity::Quantity;

/// An object in a template: its fields, and those among them that are looked into.
struct Fields {
    known: &'static [&'static str],
    inner: &'static [(&'static str, &'static Fields)],
    /// Those that hold amounts of resources by name.
    amounts: &'static [&'static str],
}

const RESOURCES: Fields = Fields {
    known: &["claims", "limits", "requests"],
    inner: &[],
    amounts: &["limits", "requests"],
};

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
    amounts: &[],
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
    amounts: &["overhead"],
};

const POD_TEMPLATE: Fields =
    Fields { known: &["metadata", "spec"], inner: &[("spec", &POD)], amounts: &[] };

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
    amounts: &[],
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
    amounts: &[],
};

const DAEMON_SET: Fields = Fields {
    known: &["minReadySeconds", "revisionHistoryLimit", "selector", "template", "updateStrategy"],
    inner: IN_PODS,
    amounts: &[],
};

const REPLICA_SET: Fields = Fields {
    known: &["minReadySeconds", "replicas", "selector", "template"],
    inner: IN_PODS,
    amounts: &[],
};

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
    amounts: &[],
};

const JOB_TEMPLATE: Fields =
    Fields { known: &["metadata", "spec"], inner: &[("spec", &JOB)], amounts: &[] };

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
    amounts: &[],
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

/// Warns of fields of a workload whose names are slips of those that it has, and refuses amounts that
/// an API server does not take.
pub(super) fn workload(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let Some(spec) = of_kind(manifest.group(), manifest.kind()) else { return };
    let mut look = Look { checked, kind: manifest.kind() };
    for name in manifest.0.keys() {
        look.slip(name, OBJECT, "");
    }
    if let Some(value) = manifest.0.get("spec") {
        look.inside(value, spec, "/spec");
    }
}

struct Look<'l, 'c, 'r> {
    checked: &'l mut Checked<'c, 'r>,
    kind: &'l str,
}

impl Look<'_, '_, '_> {
    fn inside(&mut self, value: &Value, fields: &Fields, pointer: &str) {
        match value {
            Value::Array(items) => {
                for (idx, item) in items.iter().enumerate() {
                    self.inside(item, fields, &format!("{pointer}/{idx}"));
                }
            }
            Value::Object(map) => {
                for (name, value) in map {
                    if let Some((_, fields)) = fields.inner.iter().find(|(inner, _)| inner == name)
                    {
                        self.inside(value, fields, &format!("{pointer}/{name}"));
                    } else if fields.amounts.contains(&name.as_str()) {
                        self.amounts(value, &format!("{pointer}/{name}"));
                    } else {
                        self.slip(name, fields.known, pointer);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn slip(&mut self, name: &str, known: &[&str], pointer: &str) {
        if known.contains(&name) {
            return;
        }
        let Some(meant) = closest(name, known.iter().copied()) else { return };
        self.checked.warning(
            &format!("{pointer}/{}", escape(name)),
            "FIELD_UNKNOWN",
            format!("{} has no field `{}` here: API servers drop it", self.kind, shown(name)),
            format!("did you mean `{meant}`?"),
        );
    }

    fn amounts(&mut self, value: &Value, pointer: &str) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                // An API server takes it for 0.
                Value::Null => continue,
                other => other.to_string(),
            };
            let why = match text.parse::<Quantity>() {
                Err(_) => "is no quantity",
                Ok(amount) if amount < Quantity::zero() => "is negative",
                Ok(_) => continue,
            };
            self.checked.error(
                &format!("{pointer}/{}", escape(name)),
                "FIELD_INVALID",
                format!("the amount of {} {why}: `{}`", shown(name), shown(&text)),
                "write it as Kubernetes does: 500m, 2, 1.5Gi",
            );
        }
    }
}
