//! What only shows between clusters and the policies that name them, and between customizations.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::api::names::ClusterName;
use crate::api::placement::{Placement, Suspension};
use crate::api::problem::{Place, Problem};
use crate::api::resource_interpreter_customization::{
    CustomizationSpec, CustomizationTarget, Operation,
};
use crate::api::selector::ClusterAffinity;

use super::assemble::{Fleet, Sourced};
use super::names::did_you_mean;
use super::report::shown;

/// Adds what is wrong between the clusters of a fleet, and between them and its policies.
pub(super) fn check(fleet: &Fleet, problems: &mut Vec<Problem>) {
    same_cluster_twice(fleet, problems);
    same_operation_twice(fleet, problems);
    let mut unknown = Unknown { fleet, problems };
    for policy in fleet.propagation_policies.values() {
        unknown.suspension(policy, policy.spec.suspension.as_ref());
        let Some(placement) = &policy.spec.placement else { continue };
        unknown.placement(policy, placement);
    }
    for policy in fleet.cluster_propagation_policies.values() {
        unknown.suspension(policy, policy.spec.suspension.as_ref());
        let Some(placement) = &policy.spec.placement else { continue };
        unknown.placement(policy, placement);
    }
    for policy in fleet.override_policies.values() {
        let targets = policy.spec.override_rules.iter().map(|rule| rule.target_cluster.as_ref());
        unknown.overrides(policy, policy.spec.target_cluster.as_ref(), targets);
    }
    for policy in fleet.cluster_override_policies.values() {
        let targets = policy.spec.override_rules.iter().map(|rule| rule.target_cluster.as_ref());
        unknown.overrides(policy, policy.spec.target_cluster.as_ref(), targets);
    }
    for policy in fleet.taint_policies.values() {
        if let Some(targets) = &policy.spec.target_clusters {
            unknown.affinity(policy, targets, "/spec/targetClusters");
        }
    }
    for quota in fleet.quotas.values() {
        for (idx, assignment) in quota.spec.static_assignments.iter().enumerate() {
            let pointer = || format!("/spec/staticAssignments/{idx}/clusterName");
            unknown.name(quota, assignment.cluster_name.as_str(), pointer);
        }
    }
}

/// One cluster registered under two names would be told two different things.
fn same_cluster_twice(fleet: &Fleet, problems: &mut Vec<Problem>) {
    let mut by_endpoint: BTreeMap<&str, &Place> = BTreeMap::new();
    let mut by_id: BTreeMap<&str, &Place> = BTreeMap::new();
    for (name, cluster) in &fleet.clusters {
        let spec = &cluster.spec;
        let fields = [
            (&mut by_endpoint, spec.api_endpoint.trim_end_matches('/'), "apiEndpoint"),
            (&mut by_id, spec.id.as_str(), "id"),
        ];
        for (seen, text, field) in fields {
            if text.is_empty() {
                continue;
            }
            match seen.get(text) {
                None => {
                    seen.insert(text, &cluster.place);
                }
                Some(first) => problems.push(
                    Problem::error(
                        cluster.place_of(&format!("/spec/{field}")),
                        "CLUSTER_DUPLICATE",
                        format!(
                            "the cluster `{name}` has the same `spec.{field}` as the one in {first}"
                        ),
                        "keep one of the two registrations, or correct the field",
                    )
                    .related_to((*first).clone()),
                ),
            }
        }
    }
}

/// Two scripts for one question: which of them answers must not depend on their names.
fn same_operation_twice(fleet: &Fleet, problems: &mut Vec<Problem>) {
    let mut scripts: BTreeMap<(&CustomizationTarget, Operation), Place> = BTreeMap::new();
    for customization in fleet.customizations.values() {
        let CustomizationSpec { target, customizations } = &customization.spec;
        for operation in customizations.operations().filter(|operation| !operation.is_shared()) {
            let place =
                customization.place_of(&format!("/spec/customizations/{}", operation.field()));
            match scripts.entry((target, operation)) {
                Entry::Vacant(slot) => {
                    slot.insert(place);
                }
                Entry::Occupied(first) => problems.push(
                    Problem::error(
                        place,
                        "CUSTOMIZATION_CONFLICT",
                        format!(
                            "{operation} of {} {} has a script in {} already",
                            shown(&target.api_version),
                            shown(&target.kind),
                            first.get()
                        ),
                        "keep one of the two scripts",
                    )
                    .related_to(first.get().clone()),
                ),
            }
        }
    }
}

/// Looks for names of clusters that the fleet does not have.
struct Unknown<'a> {
    fleet: &'a Fleet,
    problems: &'a mut Vec<Problem>,
}

impl Unknown<'_> {
    fn placement<T>(&mut self, policy: &Sourced<T>, placement: &Placement) {
        let root = "/spec/placement";
        if let Some(affinity) = &placement.cluster_affinity {
            self.affinity(policy, affinity, &format!("{root}/clusterAffinity"));
        }
        for (idx, term) in placement.cluster_affinities.iter().enumerate() {
            let pointer = format!("{root}/clusterAffinities/{idx}");
            self.affinity(policy, &term.affinity, &pointer);
            for (idx, tier) in term.overflow_affinities.iter().enumerate() {
                self.affinity(
                    policy,
                    &tier.affinity,
                    &format!("{pointer}/overflowAffinities/{idx}"),
                );
            }
        }
        let weights = placement
            .replica_scheduling
            .as_ref()
            .and_then(|scheduling| scheduling.weight_preference.as_ref())
            .into_iter()
            .flat_map(|preference| &preference.static_weight_list);
        for (idx, entry) in weights.enumerate() {
            let list = "replicaScheduling/weightPreference/staticWeightList";
            self.affinity(
                policy,
                &entry.target_cluster,
                &format!("{root}/{list}/{idx}/targetCluster"),
            );
        }
    }

    fn suspension<T>(&mut self, policy: &Sourced<T>, suspension: Option<&Suspension>) {
        let clusters = suspension.and_then(|one| one.dispatching_on_clusters.as_ref());
        let names = clusters.into_iter().flat_map(|on| &on.cluster_names);
        for (idx, name) in names.enumerate() {
            let list = "/spec/suspension/dispatchingOnClusters/clusterNames";
            self.name(policy, name, || format!("{list}/{idx}"));
        }
    }

    fn overrides<'t, T>(
        &mut self,
        policy: &Sourced<T>,
        target: Option<&ClusterAffinity>,
        rules: impl Iterator<Item = Option<&'t ClusterAffinity>>,
    ) {
        if let Some(target) = target {
            self.affinity(policy, target, "/spec/targetCluster");
        }
        for (idx, target) in rules.enumerate() {
            if let Some(target) = target {
                self.affinity(policy, target, &format!("/spec/overrideRules/{idx}/targetCluster"));
            }
        }
    }

    fn affinity<T>(&mut self, policy: &Sourced<T>, affinity: &ClusterAffinity, pointer: &str) {
        for (field, names) in
            [("clusterNames", &affinity.cluster_names), ("exclude", &affinity.exclude)]
        {
            for (idx, name) in names.iter().enumerate() {
                self.name(policy, name, || format!("{pointer}/{field}/{idx}"));
            }
        }
    }

    fn name<T>(&mut self, source: &Sourced<T>, name: &str, pointer: impl Fn() -> String) {
        let clusters = &self.fleet.clusters;
        if clusters.contains_key(name) {
            return;
        }
        let otherwise = "register the cluster, or remove its name here";
        let hint = did_you_mean(name, clusters.keys().map(ClusterName::as_str), otherwise);
        self.problems.push(Problem::warning(
            source.place_of(&pointer()),
            "CLUSTER_UNKNOWN",
            format!("the fleet has no cluster `{}`", shown(name)),
            hint,
        ));
    }
}
