//! Rules for where a policy wants its templates to run.

use std::collections::BTreeSet;

use crate::api::manifest::Manifest;
use crate::api::placement::{
    ClusterAffinityTerm, Placement, ReplicaDivisionPreference, ReplicaScheduling,
    ReplicaSchedulingType, SpreadConstraint, SpreadField, WorkloadAffinity,
};
use crate::api::toleration::TolerationOperator;

use super::super::names::bad_label_key;
use super::super::object::Checked;
use super::super::report::shown;
use super::selector::cluster_affinity;

/// Longest name of a group of clusters.
const AFFINITY_NAME_MAX: usize = 32;

/// All rules for a placement.
pub(super) fn placement(checked: &mut Checked<'_, '_>, placement: &Placement) {
    if let Some(affinity) = &placement.cluster_affinity {
        cluster_affinity(checked, affinity, "/spec/placement/clusterAffinity");
    }
    unique_groups(checked, &placement.cluster_affinities);
    for (idx, term) in placement.cluster_affinities.iter().enumerate() {
        group(checked, term, &format!("/spec/placement/clusterAffinities/{idx}"));
    }
    overflow_needs_free_division(checked, placement);
    tolerations(checked, placement);
    spread(checked, &placement.spread_constraints);
    if let Some(scheduling) = &placement.replica_scheduling {
        weights(checked, scheduling);
    }
    if let Some(affinity) = &placement.workload_affinity {
        workload_affinity(checked, affinity);
    }
}

/// Like Karmada, takes a list of groups that is written and empty for a list of groups.
pub(in super::super) fn one_kind_of_affinity(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let placement = manifest.0.get("spec").and_then(|spec| spec.get("placement"));
    let is_written = |field| {
        let value = placement.and_then(|placement| placement.get(field));
        value.is_some_and(|value| !value.is_null())
    };
    if is_written("clusterAffinity") && is_written("clusterAffinities") {
        checked.error_at_key(
            "/spec/placement/clusterAffinities",
            "FIELD_CONFLICT",
            "`clusterAffinity` and `clusterAffinities` are both set",
            "keep one: move the single affinity to the front of the list",
        );
    }
}

fn unique_groups(checked: &mut Checked<'_, '_>, terms: &[ClusterAffinityTerm]) {
    let mut seen = BTreeSet::new();
    for (idx, term) in terms.iter().enumerate() {
        if !seen.insert(&term.affinity_name) {
            checked.error(
                &format!("/spec/placement/clusterAffinities/{idx}/affinityName"),
                "FIELD_CONFLICT",
                format!("two groups of clusters are named `{}`", shown(&term.affinity_name)),
                "give each group a name of its own",
            );
        }
    }
}

fn group(checked: &mut Checked<'_, '_>, term: &ClusterAffinityTerm, pointer: &str) {
    affinity_name(checked, &term.affinity_name, pointer);
    cluster_affinity(checked, &term.affinity, pointer);
    if !term.overflow_affinities.is_empty() && term.affinity.is_empty() {
        checked.error_at_key(
            &format!("{pointer}/overflowAffinities"),
            "FIELD_CONFLICT",
            "the group is every cluster, so nothing is left to overflow into",
            "say which clusters the group itself has",
        );
    }
    let mut seen = BTreeSet::from([term.affinity_name.as_str()]);
    for (idx, tier) in term.overflow_affinities.iter().enumerate() {
        let pointer = format!("{pointer}/overflowAffinities/{idx}");
        affinity_name(checked, &tier.affinity_name, &pointer);
        cluster_affinity(checked, &tier.affinity, &pointer);
        if !seen.insert(tier.affinity_name.as_str()) {
            checked.error(
                &format!("{pointer}/affinityName"),
                "FIELD_CONFLICT",
                format!("the name `{}` is taken in this group", shown(&tier.affinity_name)),
                "give each tier a name of its own, other than the group's",
            );
        }
    }
}

fn affinity_name(checked: &mut Checked<'_, '_>, name: &str, pointer: &str) {
    let rule = if name.is_empty() || name.len() > AFFINITY_NAME_MAX {
        Some("must have 1 to 32 characters")
    } else {
        bad_label_key(name)
    };
    if let Some(rule) = rule {
        checked.error(
            &format!("{pointer}/affinityName"),
            "OBJ_BAD_NAME",
            format!("the name `{}` {rule}", shown(name)),
            "choose a name by these rules",
        );
    }
}

fn overflow_needs_free_division(checked: &mut Checked<'_, '_>, placement: &Placement) {
    let is_free = placement.replica_scheduling.as_ref().is_some_and(|scheduling| {
        let is_divided = scheduling.replica_scheduling_type == ReplicaSchedulingType::Divided;
        let is_dynamic = scheduling
            .weight_preference
            .as_ref()
            .is_some_and(|weights| weights.dynamic_weight.is_some());
        let is_aggregated =
            scheduling.replica_division_preference == Some(ReplicaDivisionPreference::Aggregated);
        is_divided && (is_aggregated || is_dynamic)
    });
    let with_overflow =
        placement.cluster_affinities.iter().position(|term| !term.overflow_affinities.is_empty());
    if let (Some(idx), false) = (with_overflow, is_free) {
        checked.error_at_key(
            &format!("/spec/placement/clusterAffinities/{idx}/overflowAffinities"),
            "FIELD_CONFLICT",
            "tiers to overflow into work with dynamic weights and aggregated division only",
            "set replicaScheduling to Divided with Aggregated, or with Weighted and dynamicWeight",
        );
    }
}

fn tolerations(checked: &mut Checked<'_, '_>, placement: &Placement) {
    for (idx, toleration) in placement.cluster_tolerations.iter().enumerate() {
        if let Some(TolerationOperator::Lt | TolerationOperator::Gt) = toleration.operator {
            checked.error(
                &format!("/spec/placement/clusterTolerations/{idx}/operator"),
                "FIELD_INVALID",
                "taints of clusters are compared by Equal and Exists only",
                "write Equal or Exists",
            );
        }
    }
}

fn spread(checked: &mut Checked<'_, '_>, constraints: &[SpreadConstraint]) {
    let mut seen = Vec::new();
    for (idx, constraint) in constraints.iter().enumerate() {
        let pointer = format!("/spec/placement/spreadConstraints/{idx}");
        one_kind_of_group(checked, constraint, &pointer);
        group_limits(checked, constraint, &pointer);
        label_to_spread_by(checked, constraint, &pointer);
        let Some(field) = constraint.spread_by_field else { continue };
        if seen.contains(&field) {
            checked.error(
                &format!("{pointer}/spreadByField"),
                "FIELD_CONFLICT",
                "two constraints spread by the same field",
                "keep one of the two",
            );
        }
        seen.push(field);
    }
    if !seen.is_empty() && !seen.contains(&SpreadField::Cluster) {
        checked.error_at_key(
            "/spec/placement/spreadConstraints",
            "CONSTRAINT_UNSATISFIABLE",
            "the constraints spread by a field and do not say how many clusters to use",
            "add a constraint with `spreadByField: cluster`",
        );
    }
}

fn one_kind_of_group(checked: &mut Checked<'_, '_>, constraint: &SpreadConstraint, pointer: &str) {
    if constraint.spread_by_field.is_some() && !constraint.spread_by_label.is_empty() {
        checked.error_at_key(
            &format!("{pointer}/spreadByLabel"),
            "FIELD_CONFLICT",
            "`spreadByField` and `spreadByLabel` are both set",
            "keep one, and write the other as a constraint of its own",
        );
    }
}

fn label_to_spread_by(checked: &mut Checked<'_, '_>, constraint: &SpreadConstraint, pointer: &str) {
    let label = constraint.spread_by_label.as_str();
    if let Some(rule) = bad_label_key(label).filter(|_| !label.is_empty()) {
        checked.error(
            &format!("{pointer}/spreadByLabel"),
            "LABEL_INVALID",
            format!("the label key `{}` {rule}", shown(label)),
            "write the key of a label of the clusters",
        );
    }
}

fn group_limits(checked: &mut Checked<'_, '_>, constraint: &SpreadConstraint, pointer: &str) {
    let (min, max) = (constraint.min_groups, constraint.max_groups);
    for (field, number) in [("minGroups", min), ("maxGroups", max)] {
        if number < 0 {
            checked.error(
                &format!("{pointer}/{field}"),
                "INT_RANGE",
                format!("`{field}` is {number}; the least is 0"),
                "write a number from 0",
            );
        }
    }
    if 0 < max && max < min {
        checked.error(
            &format!("{pointer}/maxGroups"),
            "CONSTRAINT_UNSATISFIABLE",
            format!("at most {max} groups cannot be at least {min}"),
            "let maxGroups be minGroups or more",
        );
    }
}

fn weights(checked: &mut Checked<'_, '_>, scheduling: &ReplicaScheduling) {
    let Some(preference) = &scheduling.weight_preference else { return };
    let pointer = "/spec/placement/replicaScheduling/weightPreference/staticWeightList";
    let mut sum = Some(0_i64);
    for (idx, entry) in preference.static_weight_list.iter().enumerate() {
        cluster_affinity(checked, &entry.target_cluster, &format!("{pointer}/{idx}/targetCluster"));
        if entry.weight < 1 {
            checked.error(
                &format!("{pointer}/{idx}/weight"),
                "WEIGHT_INVALID",
                format!("the weight is {}; the least is 1", entry.weight),
                "write a number from 1; to give a cluster nothing, leave it out",
            );
        }
        sum = sum.and_then(|sum| sum.checked_add(entry.weight));
    }
    if sum.is_none() {
        checked.error_at_key(
            pointer,
            "WEIGHT_INVALID",
            "the weights add up to more than 9223372036854775807",
            "write smaller weights: only their ratio counts",
        );
    }
}

fn workload_affinity(checked: &mut Checked<'_, '_>, affinity: &WorkloadAffinity) {
    let pointer = "/spec/placement/workloadAffinity";
    let terms = [("affinity", &affinity.affinity), ("antiAffinity", &affinity.anti_affinity)];
    for (field, term) in terms {
        let Some(term) = term else { continue };
        if let Some(rule) = bad_label_key(&term.group_by_label_key) {
            checked.error(
                &format!("{pointer}/{field}/groupByLabelKey"),
                "LABEL_INVALID",
                format!("the label key `{}` {rule}", shown(&term.group_by_label_key)),
                "write the key of a label of the templates",
            );
        }
    }
    if let (Some(together), Some(apart)) = (&affinity.affinity, &affinity.anti_affinity)
        && together.group_by_label_key == apart.group_by_label_key
    {
        checked.error(
            &format!("{pointer}/antiAffinity/groupByLabelKey"),
            "FIELD_CONFLICT",
            "the same label keeps workloads together and apart",
            "use two labels, or remove one of the two",
        );
    }
}
