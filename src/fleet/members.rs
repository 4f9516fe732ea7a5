//! What only shows between clusters and the policies that name them, and between customizations.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::api::names::ClusterName;
use crate::api::placement::{Placement, Suspension};
use crate::api::problem::{Place, Problem};
use crate::api::resource_interpreter_customization::{
    CustomizationSpec, Operation, ResourceInterpreterCustomization,
};
use crate::api::selector::ClusterAffinity;

use super::assemble::{Fleet, Places, Sourced};
use super::names::did_you_mean;
use super::report::shown;

/// Adds what is wrong between the clusters of a fleet, and between them and its policies.
pub(super) fn check(fleet: &Fleet, problems: &mut Vec<Problem>) {
    same_cluster_twice(fleet, problems);
    same_operation_twice(fleet, problems);
    let mut unknown = Unknown { fleet, problems };
    for policy in fleet.propagation_policies.values() {
        let places = policy.places();
        unknown.suspension(&places, policy.spec.suspension.as_ref());
        let Some(placement) = &policy.spec.placement else { continue };
        unknown.placement(&places, placement);
    }
    for policy in fleet.cluster_propagation_policies.values() {
        let places = policy.places();
        unknown.suspension(&places, policy.spec.suspension.as_ref());
        let Some(placement) = &policy.spec.placement else { continue };
        unknown.placement(&places, placement);
    }
    for policy in fleet.override_policies.values() {
        let targets = policy.spec.override_rules.iter().map(|rule| rule.target_cluster.as_ref());
        unknown.overrides(&policy.places(), policy.spec.target_cluster.as_ref(), targets);
    }
    for policy in fleet.cluster_override_policies.values() {
        let targets = policy.spec.override_rules.iter().map(|rule| rule.target_cluster.as_ref());
        unknown.overrides(&policy.places(), policy.spec.target_cluster.as_ref(), targets);
    }
    for policy in fleet.taint_policies.values() {
        if let Some(targets) = &policy.spec.target_clusters {
            unknown.affinity(&policy.places(), targets, "/spec/targetClusters");
        }
    }
    for quota in fleet.quotas.values() {
        let places = quota.places();
        for (idx, assignment) in quota.spec.static_assignments.iter().enumerate() {
            let pointer = || format!("/spec/staticAssignments/{idx}/clusterName");
            unknown.name(&places, assignment.cluster_name.as_str(), pointer);
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
    let mut scripts = BTreeMap::new();
    for customization in fleet.customizations.values() {
        let CustomizationSpec { target, customizations } = &customization.spec;
        let place_in = |one: &Sourced<ResourceInterpreterCustomization>, operation: Operation| {
            one.place_of(&format!("/spec/customizations/{}", operation.field()))
        };
        for operation in customizations.operations().filter(|operation| !operation.is_shared()) {
            match scripts.entry((target, operation)) {
                Entry::Vacant(slot) => {
                    slot.insert(customization);
                }
                Entry::Occupied(first) => {
                    let first = place_in(first.get(), operation);
                    problems.push(
                        Problem::error(
                            place_in(customization, operation),
                            "CUSTOMIZATION_CONFLICT",
                            format!(
                                "{operation} of {} {} has a script in {first} already",
                                shown(&target.api_version),
                                shown(&target.kind),
                            ),
                            "keep one of the two scripts",
                        )
                        .related_to(first),
                    );
                }
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
    fn placement(&mut self, places: &Places<'_>, placement: &Placement) {
        let root = "/spec/placement";
        if let Some(affinity) = &placement.cluster_affinity {
            self.affinity(places, affinity, &format!("{root}/clusterAffinity"));
        }
        for (idx, term) in placement.cluster_affinities.iter().enumerate() {
            let pointer = format!("{root}/clusterAffinities/{idx}");
            self.affinity(places, &term.affinity, &pointer);
            for (idx, tier) in term.overflow_affinities.iter().enumerate() {
                self.affinity(
                    places,
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
                places,
                &entry.target_cluster,
                &format!("{root}/{list}/{idx}/targetCluster"),
            );
        }
    }

    fn suspension(&mut self, places: &Places<'_>, suspension: Option<&Suspension>) {
        let clusters = suspension.and_then(|one| one.dispatching_on_clusters.as_ref());
        let names = clusters.into_iter().flat_map(|on| &on.cluster_names);
        for (idx, name) in names.enumerate() {
            let list = "/spec/suspension/dispatchingOnClusters/clusterNames";
            self.name(places, name, || format!("{list}/{idx}"));
        }
    }

    fn overrides<'t>(
        &mut self,
        places: &Places<'_>,
        target: Option<&ClusterAffinity>,
        rules: impl Iterator<Item = Option<&'t ClusterAffinity>>,
    ) {
        if let Some(target) = target {
            self.affinity(places, target, "/spec/targetCluster");
        }
        for (idx, target) in rules.enumerate() {
            if let Some(target) = target {
                self.affinity(places, target, &format!("/spec/overrideRules/{idx}/targetCluster"));
            }
        }
    }

    fn affinity(&mut self, places: &Places<'_>, affinity: &ClusterAffinity, pointer: &str) {
        for (field, names) in
            [("clusterNames", &affinity.cluster_names), ("exclude", &affinity.exclude)]
        {
            for (idx, name) in names.iter().enumerate() {
                self.name(places, name, || format!("{pointer}/{field}/{idx}"));
            }
        }
    }

    fn name(&mut self, places: &Places<'_>, name: &str, pointer: impl Fn() -> String) {
        let clusters = &self.fleet.clusters;
        if clusters.contains_key(name) {
            return;
        }
        let otherwise = "register the cluster, or remove its name here";
        let hint = did_you_mean(name, clusters.keys().map(ClusterName::as_str), otherwise);
        self.problems.push(Problem::warning(
            places.of(&pointer()),
            "CLUSTER_UNKNOWN",
            format!("the fleet has no cluster `{}`", shown(name)),
            hint,
        ));
    }
}
