//! Rules for taints, and for ClusterTaintPolicy.

use std::collections::BTreeSet;

use crate::api::cluster_taint_policy::ClusterTaintPolicySpec;
use crate::api::toleration::TaintEffect;

use super::super::names::{bad_label_key, bad_label_value};
use super::super::object::Checked;
use super::super::report::shown;
use super::selector::cluster_affinity;

/// All rules for a ClusterTaintPolicy.
pub(in super::super) fn taint_policy(checked: &mut Checked<'_, '_>, spec: &ClusterTaintPolicySpec) {
    if let Some(targets) = &spec.target_clusters {
        cluster_affinity(checked, targets, "/spec/targetClusters");
    }
    if spec.taints.is_empty() {
        checked.error_at_key(
            "/spec/taints",
            "OBJ_MISSING_FIELD",
            "the policy has no taints",
            "add a taint with `key` and `effect`",
        );
    }
    let taints =
        || spec.taints.iter().map(|taint| (taint.key.as_str(), taint.value.as_str(), taint.effect));
    well_formed(checked, taints());
    for (idx, (_, _, effect)) in taints().enumerate() {
        if effect == TaintEffect::NoExecute {
            checked.error(
                &format!("/spec/taints/{idx}/effect"),
                "FIELD_INVALID",
                "a policy may not move running work away by itself",
                "write NoSchedule, or put a NoExecute taint on the cluster by hand",
            );
        }
    }
}

/// Rules for taints in `/spec/taints`, given as key, value and effect.
pub(super) fn well_formed<'t>(
    checked: &mut Checked<'_, '_>,
    taints: impl Iterator<Item = (&'t str, &'t str, TaintEffect)>,
) {
    let mut seen = BTreeSet::new();
    for (idx, (key, value, effect)) in taints.enumerate() {
        let pointer = format!("/spec/taints/{idx}");
        if let Some(rule) = bad_label_key(key) {
            checked.error(
                &format!("{pointer}/key"),
                "LABEL_INVALID",
                format!("the key `{}` of the taint {rule}", shown(key)),
                "choose a key by these rules",
            );
        }
        if let Some(rule) = bad_label_value(value) {
            checked.error(
                &format!("{pointer}/value"),
                "LABEL_INVALID",
                format!("the value `{}` of the taint {rule}", shown(value)),
                "choose a value by these rules",
            );
        }
        if effect == TaintEffect::PreferNoSchedule {
            checked.error(
                &format!("{pointer}/effect"),
                "FIELD_INVALID",
                "clusters know no `PreferNoSchedule`",
                "write NoSchedule or NoExecute",
            );
        }
        if !seen.insert((key, effect)) {
            checked.error_at_key(
                &pointer,
                "FIELD_CONFLICT",
                format!("the taint `{}` with this effect is there already", shown(key)),
                "keep one of the two",
            );
        }
    }
}
