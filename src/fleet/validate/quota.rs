//! Rules for FederatedResourceQuota.

use std::collections::BTreeMap;

use crate::api::federated_resource_quota::FederatedResourceQuota;
use crate::api::quantity::Quantity;

use super::super::names::bad_label_key;
use super::super::object::Checked;
use super::super::positions::escape;
use super::super::report::shown;

/// Longest name: Karmada keeps it in a label.
const NAME_MAX: usize = 63;

/// Resources without a prefix that a quota can limit, besides huge pages.
const STANDARD: &[&str] = &[
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// Objects that a quota counts: no fractions.
const COUNTED: &[&str] = &[
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// All rules for a quota.
pub(in super::super) fn quota(checked: &mut Checked<'_, '_>, quota: &FederatedResourceQuota) {
    if quota.metadata.name.len() > NAME_MAX {
        checked.error(
            "/metadata/name",
            "OBJ_BAD_NAME",
            "the name of a quota has at most 63 characters",
            "choose a shorter name",
        );
    }
    limits(checked, &quota.spec.overall, "/spec/overall");
    for (idx, assignment) in quota.spec.static_assignments.iter().enumerate() {
        let pointer = format!("/spec/staticAssignments/{idx}/hard");
        limits(checked, &assignment.hard, &pointer);
        for resource in assignment.hard.keys() {
            if !quota.spec.overall.contains_key(resource) {
                checked.error_at_key(
                    &format!("{pointer}/{}", escape(resource)),
                    "FIELD_CONFLICT",
                    format!("`{}` is assigned here and has no limit in `overall`", shown(resource)),
                    "add it to `overall`",
                );
            }
        }
    }
    assignments_fit(checked, quota);
}

fn limits(checked: &mut Checked<'_, '_>, limits: &BTreeMap<String, Quantity>, pointer: &str) {
    for (resource, amount) in limits {
        let at = format!("{pointer}/{}", escape(resource));
        if bad_label_key(resource).is_some() || (!resource.contains('/') && !is_standard(resource))
        {
            checked.error_at_key(
                &at,
                "FIELD_INVALID",
                format!("`{}` is no resource that a quota can limit", shown(resource)),
                "write cpu, memory, pods, requests.storage or the like, or a name with a prefix",
            );
        }
        if *amount < Quantity::zero() {
            checked.error(
                &at,
                "INT_RANGE",
                format!("the limit of `{}` is below 0", shown(resource)),
                "write an amount from 0",
            );
        }
        if is_counted(resource) && *amount != Quantity::from(amount.value()) {
            checked.error(
                &at,
                "TYPE_MISMATCH",
                format!(
                    "`{}` is counted, and {} is no whole number",
                    shown(resource),
                    amount.as_written()
                ),
                "write a whole number",
            );
        }
    }
}

fn is_standard(resource: &str) -> bool {
    STANDARD.contains(&resource)
        || ["hugepages-", "requests.hugepages-"].iter().any(|family| resource.starts_with(family))
}

/// Objects are counted, and so are devices: what has a prefix that is not Kubernetes' own.
fn is_counted(resource: &str) -> bool {
    let is_device = resource.contains('/')
        && !resource.contains("kubernetes.io/")
        && !resource.starts_with("requests.");
    COUNTED.contains(&resource) || is_device
}

fn assignments_fit(checked: &mut Checked<'_, '_>, quota: &FederatedResourceQuota) {
    for (resource, overall) in &quota.spec.overall {
        let assigned = quota
            .spec
            .static_assignments
            .iter()
            .filter_map(|assignment| assignment.hard.get(resource))
            .fold(Quantity::zero(), |sum, amount| sum.plus(amount));
        if assigned > *overall {
            checked.error(
                &format!("/spec/overall/{}", escape(resource)),
                "CONSTRAINT_UNSATISFIABLE",
                format!(
                    "the clusters are assigned {} of `{}` together, more than {} overall",
                    assigned.canonical(),
                    shown(resource),
                    overall.as_written()
                ),
                "raise `overall` or lower the assignments",
            );
        }
    }
}
