//! Kinds as people type them: in any case, in the plural, by kubectl's short names, with a group or
//! without.

use crate::api::manifest::GroupKind;

/// The short names of Kubernetes' own kinds.
const SHORT: &[(&str, &str)] = &[
    ("cj", "cronjob"),
    ("cm", "configmap"),
    ("crd", "customresourcedefinition"),
    ("crds", "customresourcedefinition"),
    ("csr", "certificatesigningrequest"),
    ("deploy", "deployment"),
    ("ds", "daemonset"),
    ("ep", "endpoints"),
    ("hpa", "horizontalpodautoscaler"),
    ("ing", "ingress"),
    ("limits", "limitrange"),
    ("netpol", "networkpolicy"),
    ("no", "node"),
    ("ns", "namespace"),
    ("pc", "priorityclass"),
    ("pdb", "poddisruptionbudget"),
    ("po", "pod"),
    ("pv", "persistentvolume"),
    ("pvc", "persistentvolumeclaim"),
    ("quota", "resourcequota"),
    ("rc", "replicationcontroller"),
    ("rs", "replicaset"),
    ("sa", "serviceaccount"),
    ("sc", "storageclass"),
    ("sts", "statefulset"),
    ("svc", "service"),
];

/// A kind that was typed, in lower case.
#[derive(Clone, Debug)]
pub(super) struct KindName {
    kind: String,
    group: Option<String>,
}

impl KindName {
    /// Takes `deployment`, `Deployments.apps` or `deploy`.
    pub(super) fn new(typed: &str) -> Self {
        let typed = typed.to_lowercase();
        let (kind, group) = match typed.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (typed.as_str(), None),
        };
        let long = SHORT.iter().find(|(short, _)| *short == kind).map(|(_, long)| *long);
        Self { kind: long.unwrap_or(kind).to_owned(), group }
    }

    /// Whether it means this kind.
    pub(super) fn is(&self, group_kind: &GroupKind) -> bool {
        let kind = group_kind.kind.to_lowercase();
        let stem = kind.strip_suffix('y').map(|stem| format!("{stem}ies"));
        let is_kind = self.kind == kind
            || self.kind == format!("{kind}s")
            || self.kind == format!("{kind}es")
            || stem.is_some_and(|plural| self.kind == plural);
        is_kind && self.group.as_ref().is_none_or(|group| *group == *group_kind.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_taken_as_people_type_them() {
        let is = |typed: &str, group: &str, kind: &str| {
            KindName::new(typed).is(&GroupKind { group: group.into(), kind: kind.into() })
        };
        for typed in ["deploy", "Deployment", "deployments", "deployments.apps", "deploy.apps"] {
            assert!(is(typed, "apps", "Deployment"), "{typed}");
        }
        assert!(is("ingresses", "networking.k8s.io", "Ingress"));
        assert!(is("netpol", "networking.k8s.io", "NetworkPolicy"));
        assert!(is("networkpolicies", "networking.k8s.io", "NetworkPolicy"));
        assert!(is("gateway.networking.istio.io", "networking.istio.io", "Gateway"));
        assert!(!is("gateway.networking.istio.io", "gateway.networking.k8s.io", "Gateway"));
        assert!(!is("deploy", "apps", "DaemonSet"));
    }
}
