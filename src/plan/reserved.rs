//! What no policy may send to members, whoever selects it (`spec/placement.md` §1.1).

use crate::api::manifest::Manifest;
use crate::api::marks;

/// API groups whose objects steer the fleet and run nowhere.
const GROUPS: &[&str] = &[
    "apps.karmada.io",
    "autoscaling.karmada.io",
    "cluster.karmada.io",
    "config.karmada.io",
    "events.k8s.io",
    "networking.karmada.io",
    "policy.karmada.io",
    "remedy.karmada.io",
    "work.karmada.io",
];

/// Whether a namespace belongs to a control plane: Kubernetes' own, or Karmada's.
pub(super) fn is_reserved_namespace(name: &str) -> bool {
    name == "karmada-system"
        || name == "karmada-cluster"
        || name.starts_with("karmada-es-")
        || name.starts_with("kube-")
}

/// Why the template may not be sent anywhere; `None` when it may.
pub(super) fn why_reserved(template: &Manifest) -> Option<String> {
    if let Some(namespace) = template.namespace()
        && is_reserved_namespace(namespace)
    {
        return Some(format!("namespace {namespace} belongs to each cluster's own control plane"));
    }
    let (version, kind) = (template.api_version(), template.kind());
    if GROUPS.contains(&template.group())
        || version == "coordination.k8s.io/v1"
        || (version, kind) == ("v1", "Event")
    {
        return Some(format!("{kind} of {version} is never sent to members"));
    }
    let owner = template.label(marks::CLAIMED_BY).filter(|owner| !owner.is_empty())?;
    Some(format!("{owner} has claimed it"))
}
