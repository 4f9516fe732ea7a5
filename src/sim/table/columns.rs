//! The columns of the built-in kinds.

use super::row::Row;
use serde_json::{Value, json};

/// A column after the name.
pub(super) struct Column {
    name: &'static str,
    value_type: &'static str,
    priority: u8,
    pub(super) cell: fn(&Row<'_>) -> Value,
}

impl Column {
    pub(super) fn definition(&self) -> Value {
        json!({"name": self.name, "type": self.value_type, "format": "",
            "priority": self.priority, "description": ""})
    }
}

const fn text(name: &'static str, cell: fn(&Row<'_>) -> Value) -> Column {
    Column { name, value_type: "string", priority: 0, cell }
}

const fn number(name: &'static str, cell: fn(&Row<'_>) -> Value) -> Column {
    Column { name, value_type: "integer", priority: 0, cell }
}

const fn wide(name: &'static str, cell: fn(&Row<'_>) -> Value) -> Column {
    Column { name, value_type: "string", priority: 1, cell }
}

const AGE: Column = text("Age", |row| row.since("/metadata/creationTimestamp"));
const CREATED_AT: Column = Column {
    value_type: "date",
    ..text("Created At", |row| row.at("/metadata/creationTimestamp").clone())
};
const CONTAINERS: Column = wide("Containers", |row| row.containers("name"));
const IMAGES: Column = wide("Images", |row| row.containers("image"));
const SELECTOR: Column = wide("Selector", |row| row.selector("/spec/selector").into());

/// The columns of a kind after its name.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the lifetime of a row is early-bound in its methods"
)]
pub(super) fn columns(group: &str, kind: &str) -> &'static [Column] {
    match (group, kind) {
        ("", "Pod") => {
            const {
                &[
                    text("Ready", |row| row.pod_ready()),
                    text("Status", |row| row.pod_status()),
                    text("Restarts", |row| row.pod_restarts()),
                    AGE,
                    wide("IP", |row| row.or_none("/status/podIP")),
                    wide("Node", |row| row.or_none("/spec/nodeName")),
                    wide("Nominated Node", |row| row.or_none("/status/nominatedNodeName")),
                    wide("Readiness Gates", |_| json!("<none>")),
                ]
            }
        }
        ("apps", "Deployment") => {
            const {
                &[
                    text("Ready", |row| row.ratio("/status/readyReplicas", "/spec/replicas")),
                    text("Up-to-date", |row| row.count("/status/updatedReplicas").into()),
                    text("Available", |row| row.count("/status/availableReplicas").into()),
                    AGE,
                    CONTAINERS,
                    IMAGES,
                    SELECTOR,
                ]
            }
        }
        ("apps", "StatefulSet") => {
            const {
                &[
                    text("Ready", |row| row.ratio("/status/readyReplicas", "/spec/replicas")),
                    AGE,
                    CONTAINERS,
                    IMAGES,
                ]
            }
        }
        ("apps", "ReplicaSet") | ("", "ReplicationController") => {
            const {
                &[
                    number("Desired", |row| row.count("/spec/replicas").into()),
                    number("Current", |row| row.count("/status/replicas").into()),
                    number("Ready", |row| row.count("/status/readyReplicas").into()),
                    AGE,
                    CONTAINERS,
                    IMAGES,
                    SELECTOR,
                ]
            }
        }
        ("apps", "DaemonSet") => {
            const {
                &[
                    number("Desired", |row| row.count("/status/desiredNumberScheduled").into()),
                    number("Current", |row| row.count("/status/currentNumberScheduled").into()),
                    number("Ready", |row| row.count("/status/numberReady").into()),
                    number("Up-to-date", |row| row.count("/status/updatedNumberScheduled").into()),
                    number("Available", |row| row.count("/status/numberAvailable").into()),
                    text("Node Selector", |row| {
                        row.labels("/spec/template/spec/nodeSelector").into()
                    }),
                    AGE,
                    CONTAINERS,
                    IMAGES,
                    SELECTOR,
                ]
            }
        }
        ("batch", "Job") => {
            const {
                &[
                    text("Status", |row| row.job_status()),
                    text("Completions", |row| row.job_completions()),
                    text("Duration", |row| row.job_duration()),
                    AGE,
                    CONTAINERS,
                    IMAGES,
                    SELECTOR,
                ]
            }
        }
        ("batch", "CronJob") => {
            const {
                &[
                    text("Schedule", |row| row.text("/spec/schedule").into()),
                    text("Timezone", |row| row.or_none("/spec/timeZone")),
                    Column {
                        value_type: "boolean",
                        ..text("Suspend", |row| (*row.at("/spec/suspend") == true).into())
                    },
                    number("Active", |row| row.items("/status/active").len().into()),
                    text("Last Schedule", |row| match row.at("/status/lastScheduleTime") {
                        Value::Null => json!("<none>"),
                        _ => row.since("/status/lastScheduleTime"),
                    }),
                    AGE,
                    CONTAINERS,
                    IMAGES,
                ]
            }
        }
        ("", "Service") => {
            const {
                &[
                    text("Type", |row| row.text("/spec/type").into()),
                    text("Cluster-IP", |row| row.or_none("/spec/clusterIP")),
                    text("External-IP", |row| row.external_ip()),
                    text("Port(s)", |row| row.service_ports()),
                    AGE,
                    wide("Selector", |row| row.labels("/spec/selector").into()),
                ]
            }
        }
        ("networking.k8s.io", "Ingress") => {
            const {
                &[
                    text("Class", |row| row.or_none("/spec/ingressClassName")),
                    text("Hosts", |row| row.hosts()),
                    text("Address", |row| row.addresses().into()),
                    text("Ports", |row| {
                        if row.at("/spec/tls").is_null() { json!("80") } else { json!("80, 443") }
                    }),
                    AGE,
                ]
            }
        }
        ("networking.k8s.io", "NetworkPolicy") => {
            const { &[text("Pod-Selector", |row| row.selector("/spec/podSelector").into()), AGE] }
        }
        ("", "Node") => {
            const {
                &[
                    text("Status", |row| row.node_status()),
                    text("Roles", |row| row.node_roles()),
                    AGE,
                    text("Version", |row| row.text("/status/nodeInfo/kubeletVersion").into()),
                    wide("Internal-IP", |row| row.node_address("InternalIP")),
                    wide("External-IP", |row| row.node_address("ExternalIP")),
                    wide("OS-Image", |row| row.or_unknown("/status/nodeInfo/osImage")),
                    wide("Kernel-Version", |row| row.or_unknown("/status/nodeInfo/kernelVersion")),
                    wide("Container-Runtime", |row| {
                        row.or_unknown("/status/nodeInfo/containerRuntimeVersion")
                    }),
                ]
            }
        }
        ("", "Namespace") => {
            const { &[text("Status", |row| row.text("/status/phase").into()), AGE] }
        }
        ("", "ConfigMap") => {
            const { &[text("Data", |row| (row.size("/data") + row.size("/binaryData")).into()), AGE] }
        }
        ("", "Secret") => {
            const {
                &[
                    text("Type", |row| row.text("/type").into()),
                    text("Data", |row| row.size("/data").into()),
                    AGE,
                ]
            }
        }
        ("", "PersistentVolumeClaim") => {
            const {
                &[
                    text("Status", |row| row.text("/status/phase").into()),
                    text("Volume", |row| row.text("/spec/volumeName").into()),
                    text("Capacity", |row| row.text("/status/capacity/storage").into()),
                    text("Access Modes", |row| row.access_modes("/status/accessModes")),
                    text("StorageClass", |row| row.text("/spec/storageClassName").into()),
                    text("VolumeAttributesClass", |_| json!("<unset>")),
                    AGE,
                    wide("VolumeMode", |row| row.text("/spec/volumeMode").into()),
                ]
            }
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            const {
                &[
                    text("Reference", |row| {
                        let target = "/spec/scaleTargetRef";
                        let part = |field: &str| row.text(&format!("{target}/{field}")).to_owned();
                        format!("{}/{}", part("kind"), part("name")).into()
                    }),
                    text("MinPods", |row| row.count("/spec/minReplicas").to_string().into()),
                    text("MaxPods", |row| row.count("/spec/maxReplicas").into()),
                    text("Replicas", |row| row.count("/status/currentReplicas").into()),
                    AGE,
                ]
            }
        }
        ("policy", "PodDisruptionBudget") => {
            const {
                &[
                    text("Min Available", |row| row.or_not_available("/spec/minAvailable")),
                    text("Max Unavailable", |row| row.or_not_available("/spec/maxUnavailable")),
                    number("Allowed Disruptions", |row| {
                        row.count("/status/disruptionsAllowed").into()
                    }),
                    AGE,
                ]
            }
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            const {
                &[
                    text("Role", |row| {
                        format!("{}/{}", row.text("/roleRef/kind"), row.text("/roleRef/name"))
                            .into()
                    }),
                    AGE,
                ]
            }
        }
        ("storage.k8s.io", "StorageClass") => {
            const {
                &[
                    text("Provisioner", |row| row.text("/provisioner").into()),
                    text("ReclaimPolicy", |row| row.text("/reclaimPolicy").into()),
                    text("VolumeBindingMode", |row| row.text("/volumeBindingMode").into()),
                    text("AllowVolumeExpansion", |row| {
                        (*row.at("/allowVolumeExpansion") == true).to_string().into()
                    }),
                    AGE,
                ]
            }
        }
        ("coordination.k8s.io", "Lease") => {
            const { &[text("Holder", |row| row.text("/spec/holderIdentity").into()), AGE] }
        }
        ("" | "events.k8s.io", "Event") => {
            const {
                &[
                    text("Last Seen", |row| row.since("/lastTimestamp")),
                    text("Type", |row| row.text("/type").into()),
                    text("Reason", |row| row.text("/reason").into()),
                    text("Object", |row| {
                        let kind = row.text("/involvedObject/kind").to_lowercase();
                        format!("{kind}/{}", row.text("/involvedObject/name")).into()
                    }),
                    text("Message", |row| row.text("/message").trim().into()),
                ]
            }
        }
        _ => const { &[CREATED_AT] },
    }
}

/// Whether a kind is shown by its name and the instant of its creation only.
pub(super) fn has_none(group: &str, kind: &str) -> bool {
    columns(group, kind).iter().any(|column| column.name == CREATED_AT.name)
}

/// The column of a custom kind that declares none.
pub(super) const AGE_OF_CUSTOM: &[Column] = &[Column { value_type: "date", ..AGE }];
