//! Placements that cannot come true with the clusters of the commit, and settings in them that
//! nothing reads.

use std::collections::BTreeSet;

use crate::api::cluster::Cluster;
use crate::api::names::ClusterName;
use crate::api::placement::{
    ClusterAffinityTerm, Placement, ReplicaDivisionPreference, ReplicaSchedulingType,
    SpreadConstraint, SpreadField,
};
use crate::api::problem::Problem;
use crate::api::propagation_policy::{PropagationSpec, SCHEDULER_NAME_DEFAULT};
use crate::api::selector::ClusterAffinity;
use crate::fleet::{Fleet, Sourced, shown};
use crate::schedule::select::{ignores_constraints, in_force};

/// A warning for every affinity that no cluster matches, every constraint that the clusters cannot
/// meet, and every setting without effect.
pub(super) fn placements(fleet: &Fleet) -> Vec<Problem> {
    let mut problems = Vec::new();
    for policy in fleet.propagation_policies.values() {
        look(fleet, policy, &policy.spec, &mut problems);
    }
    for policy in fleet.cluster_propagation_policies.values() {
        look(fleet, policy, &policy.spec, &mut problems);
    }
    problems
}

fn look<T>(
    fleet: &Fleet,
    policy: &Sourced<T>,
    spec: &PropagationSpec,
    problems: &mut Vec<Problem>,
) {
    problems.extend(other_scheduler(policy, spec));
    let Some(placement) = &spec.placement else { return };
    let mut unmet = Vec::new();
    let mut ignored = Vec::from_iter(unread_weights(placement));
    let selecting: Vec<&SpreadConstraint> = in_force(placement).collect();
    // Policies may be looked at without any cluster.
    if !fleet.clusters.is_empty() {
        let affinities = affinities(placement);
        unmet.extend(affinities.iter().filter_map(|(at, one)| unmatched(fleet, at, one)));
        unmet.extend(too_few(fleet, placement, &selecting));
    }
    unmet.extend(fewer_clusters_than_regions(placement, &selecting));
    let is_selected = !selecting.is_empty() || ignores_constraints(placement);
    let by_label = if is_selected { &mut ignored } else { &mut unmet };
    for (idx, constraint) in placement.spread_constraints.iter().enumerate() {
        by_label.extend(label(constraint, idx, is_selected));
    }
    for (code, findings) in [("CONSTRAINT_UNSATISFIABLE", unmet), ("FIELD_IGNORED", ignored)] {
        for (pointer, message, hint) in findings {
            let place = policy.place_of(&format!("/spec/placement{pointer}"));
            problems.push(Problem::warning(place, code, message, hint));
        }
    }
}

/// A pointer, a message and a hint.
pub(super) type Finding = (String, String, String);

/// The sets of clusters that templates are to run in, each with its pointer.
fn affinities(placement: &Placement) -> Vec<(String, &ClusterAffinity)> {
    let mut affinities = Vec::new();
    if let Some(affinity) = &placement.cluster_affinity {
        affinities.push(("/clusterAffinity".to_owned(), affinity));
    }
    for (idx, group) in placement.cluster_affinities.iter().enumerate() {
        let pointer = format!("/clusterAffinities/{idx}");
        for (idx, tier) in group.overflow_affinities.iter().enumerate() {
            affinities.push((format!("{pointer}/overflowAffinities/{idx}"), &tier.affinity));
        }
        affinities.push((pointer, &group.affinity));
    }
    affinities
}

/// Why no cluster of the commit is in `affinity`, if none is, and every name in it is known.
pub(super) fn unmatched(
    fleet: &Fleet,
    pointer: &str,
    affinity: &ClusterAffinity,
) -> Option<Finding> {
    if fleet.clusters.values().any(|cluster| affinity.matches(cluster)) {
        return None;
    }
    let names = &affinity.cluster_names;
    let is_known = |name: &String| fleet.clusters.contains_key(name.as_str());
    if !names.is_empty() && names.iter().all(|name| affinity.exclude.contains(name)) {
        return Some((
            format!("{pointer}/exclude"),
            "every cluster that `clusterNames` names is excluded here, so none is left".to_owned(),
            "remove the names from one of the two lists".to_owned(),
        ));
    }
    // Names that the fleet does not have are told one by one.
    if !names.is_empty() && !names.iter().any(is_known) {
        return None;
    }
    Some((
        pointer.to_owned(),
        "no cluster of this commit is in this affinity".to_owned(),
        "correct its names, labels or fields, or give them to a cluster".to_owned(),
    ))
}

/// There is one scheduler. In Karmada's control plane the default one leaves the policy's templates to
/// the scheduler that is named.
fn other_scheduler<T>(policy: &Sourced<T>, spec: &PropagationSpec) -> Option<Problem> {
    let name = spec.scheduler_name.as_str();
    if name.is_empty() || name == SCHEDULER_NAME_DEFAULT {
        return None;
    }
    let message = format!(
        "there is no other scheduler to leave it to: `{}` is ignored, and the policy places its \
         templates as any other does",
        shown(name)
    );
    let hint = "remove `schedulerName`; what is not to be placed by this policy it must not select";
    Some(Problem::warning(policy.place_of("/spec/schedulerName"), "FIELD_IGNORED", message, hint))
}

/// A choice of some regions has at least one cluster of each.
fn fewer_clusters_than_regions(
    placement: &Placement,
    selecting: &[&SpreadConstraint],
) -> Option<Finding> {
    let of = |field| {
        let mut constraints = placement.spread_constraints.iter().enumerate();
        constraints.find(|(_, one)| one.spread_by_field == Some(field) && is_among(selecting, one))
    };
    let (_, regions) = of(SpreadField::Region)?;
    let (idx, clusters) = of(SpreadField::Cluster)?;
    let (max, min) = (clusters.max_groups, regions.min_groups);
    (0 < max && max < min).then(|| {
        (
            format!("/spreadConstraints/{idx}/maxGroups"),
            format!("at most {max} clusters cannot be in at least {min} regions"),
            "let maxGroups of the clusters be minGroups of the regions or more".to_owned(),
        )
    })
}

/// Whether it is this constraint itself, and not one that reads the same.
fn is_among(selecting: &[&SpreadConstraint], constraint: &SpreadConstraint) -> bool {
    selecting.iter().any(|one| std::ptr::eq(*one, constraint))
}

/// Constraints that ask for more clusters or regions than the affinity leaves, or for what no cluster
/// names. Those that are `selecting` are in force.
fn too_few(fleet: &Fleet, placement: &Placement, selecting: &[&SpreadConstraint]) -> Vec<Finding> {
    if placement.spread_constraints.is_empty() {
        return Vec::new();
    }
    let clusters = || fleet.clusters.iter().map(|(name, cluster)| (name, &*cluster.value));
    let choices: Vec<Vec<(&ClusterName, &Cluster)>> = if placement.cluster_affinities.is_empty() {
        let affinity = placement.cluster_affinity.as_ref();
        let is_in = |cluster| affinity.is_none_or(|affinity| affinity.matches(cluster));
        vec![clusters().filter(|(_, cluster)| is_in(cluster)).collect()]
    } else {
        let of = |group| clusters().filter(|(_, cluster)| is_in_group(group, cluster)).collect();
        placement.cluster_affinities.iter().map(of).collect()
    };
    let mut findings = Vec::new();
    let is_any = choices.iter().any(|choice| !choice.is_empty());
    for (idx, constraint) in placement.spread_constraints.iter().enumerate() {
        // Clusters without what is spread by are out, also where the constraint selects nothing.
        if let Some(field) = constraint.spread_by_field
            && is_any
            && !choices.iter().flatten().any(|(_, cluster)| has_property(cluster, field))
        {
            let noun = field.noun();
            findings.push((
                format!("/spreadConstraints/{idx}/spreadByField"),
                format!("no cluster of this commit to choose from names a {noun}, so none will do"),
                format!("give the clusters a {noun}, or remove the constraint"),
            ));
            continue;
        }
        if !is_among(selecting, constraint) {
            continue;
        }
        let (noun, n_most) = if constraint.spread_by_field == Some(SpreadField::Region) {
            let regions = choices.iter().map(|choice| {
                let regions = choice.iter().filter_map(|(_, one)| one.spec.region.as_deref());
                regions.collect::<BTreeSet<_>>().len()
            });
            ("regions", regions.max())
        } else {
            ("clusters", choices.iter().map(Vec::len).max())
        };
        let n_most = n_most.unwrap_or(0);
        if is_any && usize::try_from(constraint.min_groups).is_ok_and(|min| min > n_most) {
            findings.push((
                format!("/spreadConstraints/{idx}/minGroups"),
                format!(
                    "at least {} {noun} are wanted, and this commit has {n_most} to choose from",
                    constraint.min_groups
                ),
                format!("lower `minGroups`, or let the policy choose from more {noun}"),
            ));
        }
    }
    findings
}

/// Whether a cluster can be spread by this.
fn has_property(cluster: &Cluster, field: SpreadField) -> bool {
    match field {
        SpreadField::Cluster => true,
        SpreadField::Region => cluster.spec.region.is_some(),
        SpreadField::Provider => cluster.spec.provider.is_some(),
        SpreadField::Zone => !cluster.spec.zones.is_empty(),
    }
}

fn is_in_group(group: &ClusterAffinityTerm, cluster: &Cluster) -> bool {
    let mut tiers = group.overflow_affinities.iter().map(|tier| &tier.affinity);
    group.affinity.matches(cluster) || tiers.any(|tier| tier.matches(cluster))
}

/// Karmada takes labels to spread by and never reads them; alone they are constraints all the same.
fn label(constraint: &SpreadConstraint, idx: usize, is_selected: bool) -> Option<Finding> {
    let label = shown(&constraint.spread_by_label);
    if label.is_empty() {
        return None;
    }
    let message = if is_selected {
        format!("nothing spreads by a label: the constraint on `{label}` is ignored")
    } else {
        format!("nothing spreads by a label: with `{label}` alone no cluster can be selected")
    };
    Some((
        format!("/spreadConstraints/{idx}/spreadByLabel"),
        message,
        "spread by `cluster` or `region`, or remove the constraint".to_owned(),
    ))
}

/// Weights that nothing is divided by.
fn unread_weights(placement: &Placement) -> Option<Finding> {
    let scheduling = placement.replica_scheduling.as_ref()?;
    let weights = scheduling.weight_preference.as_ref()?;
    let pointer = "/replicaScheduling/weightPreference";
    if scheduling.replica_scheduling_type == ReplicaSchedulingType::Duplicated {
        return Some((
            pointer.to_owned(),
            "the weights have no effect: with `Duplicated` each cluster gets all replicas".into(),
            "remove them, or set `replicaSchedulingType: Divided`".to_owned(),
        ));
    }
    if scheduling.replica_division_preference == Some(ReplicaDivisionPreference::Aggregated) {
        return Some((
            pointer.to_owned(),
            "the weights have no effect: `Aggregated` fills as few clusters as have room".into(),
            "remove them, or set `replicaDivisionPreference: Weighted`".to_owned(),
        ));
    }
    let has_both = weights.dynamic_weight.is_some() && !weights.static_weight_list.is_empty();
    has_both.then(|| {
        (
            format!("{pointer}/staticWeightList"),
            "the fixed weights have no effect: `dynamicWeight` is set beside them".to_owned(),
            "keep one of the two".to_owned(),
        )
    })
}
