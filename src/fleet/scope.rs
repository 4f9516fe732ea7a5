//! Which built-in kinds live in a namespace, and which kinds are never propagated.

/// Where the objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// Outside of namespaces.
    Cluster,
}

/// Built-in kinds without a namespace: (group, kind), sorted.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("internal.apiserver.k8s.io", "StorageVersion"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "DeviceTaintRule"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
    ("storage.k8s.io", "VolumeAttributesClass"),
    ("storagemigration.k8s.io", "StorageVersionMigration"),
];

/// Built-in kinds with a namespace: (group, kind), sorted.
const NAMESPACED: &[(&str, &str)] = &[
    ("", "ConfigMap"),
    ("", "Endpoints"),
    ("", "Event"),
    ("", "LimitRange"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "PodTemplate"),
    ("", "ReplicationController"),
    ("", "ResourceQuota"),
    ("", "Secret"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "ControllerRevision"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("autoscaling.karmada.io", "CronFederatedHPA"),
    ("autoscaling.karmada.io", "FederatedHPA"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("coordination.k8s.io", "Lease"),
    ("coordination.k8s.io", "LeaseCandidate"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("events.k8s.io", "Event"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("networking.karmada.io", "MultiClusterIngress"),
    ("networking.karmada.io", "MultiClusterService"),
    ("policy", "PodDisruptionBudget"),
    ("policy.karmada.io", "FederatedResourceQuota"),
    ("policy.karmada.io", "OverridePolicy"),
    ("policy.karmada.io", "PropagationPolicy"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("resource.k8s.io", "ResourceClaim"),
    ("resource.k8s.io", "ResourceClaimTemplate"),
    ("scheduling.k8s.io", "Workload"),
    ("storage.k8s.io", "CSIStorageCapacity"),
];

/// Karmada's own kinds without a namespace; they are no templates, but their scope is checked too.
const KARMADA_CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("apps.karmada.io", "WorkloadRebalancer"),
    ("cluster.karmada.io", "Cluster"),
    ("config.karmada.io", "ResourceInterpreterCustomization"),
    ("config.karmada.io", "ResourceInterpreterWebhookConfiguration"),
    ("policy.karmada.io", "ClusterOverridePolicy"),
    ("policy.karmada.io", "ClusterPropagationPolicy"),
    ("policy.karmada.io", "ClusterTaintPolicy"),
    ("remedy.karmada.io", "Remedy"),
    ("search.karmada.io", "ResourceRegistry"),
];

/// Scope of a kind that every cluster knows; `None` for the kinds of CRDs.
pub fn built_in(group: &str, kind: &str) -> Option<Scope> {
    let wanted = (group, kind);
    if NAMESPACED.binary_search(&wanted).is_ok() {
        Some(Scope::Namespaced)
    } else if CLUSTER_SCOPED.binary_search(&wanted).is_ok()
        || KARMADA_CLUSTER_SCOPED.binary_search(&wanted).is_ok()
    {
        Some(Scope::Cluster)
    } else {
        None
    }
}

/// Why an object never runs in a member.
pub(super) struct Unpropagated {
    /// The end of a sentence that starts with the object.
    pub(super) why: &'static str,
    /// What to do.
    pub(super) hint: &'static str,
}

/// Why objects like this one never run in a member, if so (`spec/placement.md` §1.1 of Karmada's
/// rules).
pub(super) fn never_propagated(
    group: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> Option<Unpropagated> {
    if group.ends_with(".karmada.io") {
        let why = "belongs to Karmada's own machinery; it is never propagated";
        return Some(Unpropagated {
            why,
            hint: "remove it: git-fleet stands in for that machinery",
        });
    }
    let hint = "remove it if you meant it for the members";
    belongs_to_one_cluster(group, kind, namespace, name).map(|why| Unpropagated { why, hint })
}

fn belongs_to_one_cluster(
    group: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> Option<&'static str> {
    match (group, kind) {
        ("", "Event") | ("events.k8s.io", _) => {
            return Some("reports what happened in one cluster; it is never propagated");
        }
        ("coordination.k8s.io", _) => {
            return Some("is a lock inside one cluster; it is never propagated");
        }
        ("", "ConfigMap")
            if namespace == Some("kube-system") && name == "extension-apiserver-authentication" =>
        {
            return Some("belongs to one cluster's API server; it is never propagated");
        }
        _ => {}
    }
    match namespace {
        Some("karmada-system" | "karmada-cluster") => {
            Some("is in a namespace that belongs to the control plane; it is never propagated")
        }
        Some(namespace) if namespace.starts_with("karmada-es-") => {
            Some("is in a namespace that belongs to the control plane; it is never propagated")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for table in [CLUSTER_SCOPED, NAMESPACED, KARMADA_CLUSTER_SCOPED] {
            assert!(table.is_sorted());
        }
        assert_eq!(built_in("apps", "Deployment"), Some(Scope::Namespaced));
        assert_eq!(built_in("", "Namespace"), Some(Scope::Cluster));
        assert_eq!(built_in("monitoring.coreos.com", "Prometheus"), None);
    }
}
