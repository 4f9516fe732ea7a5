//! What every decision of one plan looks at: the fleet's policies and clusters, indexed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::clusters::{ClusterState, members};
use super::policies::{Policy, PolicyIndex};
use super::rendered::blob_id;
use crate::api::cluster::Cluster;
use crate::api::names::{ClusterName, ObjectId};
use crate::fleet::Fleet;
use crate::overrides::{Override, OverridePolicies};
use crate::schedule::Member;
use crate::status::Reports;

/// The surroundings of one plan.
pub(super) struct World<'a> {
    /// Which policy a template gets.
    pub(super) policies: PolicyIndex<'a>,
    cluster_overrides: Vec<Override<'a>>,
    overrides: BTreeMap<&'a str, Vec<Override<'a>>>,
    override_names: BTreeSet<(Option<&'a str>, &'a str)>,
    /// The members for the scheduler, by name.
    pub(super) members: Vec<Member<'a>>,
    /// The same members with what they reported.
    pub(super) clusters: &'a BTreeMap<ClusterName, Arc<ClusterState>>,
    /// What they run.
    pub(super) reports: &'a Reports,
    /// The instant of the plan.
    pub(super) now: Timestamp,
    /// Changes iff a policy, or something about a cluster that decisions look at, changes.
    pub(super) basis: ObjectId,
}

impl<'a> World<'a> {
    pub(super) fn new(
        fleet: &'a Fleet,
        clusters: &'a BTreeMap<ClusterName, Arc<ClusterState>>,
        reports: &'a Reports,
        now: Timestamp,
    ) -> Self {
        let mut ids = Vec::new();
        let namespaced = fleet.propagation_policies.iter().map(|((namespace, name), policy)| {
            Policy { namespace: Some(namespace), name, spec: &policy.value.spec, id: policy.id }
        });
        let cluster_wide = fleet.cluster_propagation_policies.iter().map(|(name, policy)| Policy {
            namespace: None,
            name,
            spec: &policy.value.spec,
            id: policy.id,
        });
        let policies: Vec<Policy<'a>> = namespaced.chain(cluster_wide).collect();
        ids.extend(policies.iter().map(|policy| policy.id));

        let mut overrides: BTreeMap<&str, Vec<Override<'_>>> = BTreeMap::new();
        let mut override_names = BTreeSet::new();
        for ((namespace, name), policy) in &fleet.override_policies {
            ids.push(policy.id);
            override_names.insert((Some(&**namespace), &**name));
            overrides.entry(namespace).or_default().push(Override {
                name,
                label: format!("OverridePolicy {namespace}/{name}"),
                spec: &policy.value.spec,
            });
        }
        let mut cluster_overrides = Vec::new();
        for (name, policy) in &fleet.cluster_override_policies {
            ids.push(policy.id);
            override_names.insert((None, &**name));
            cluster_overrides.push(Override {
                name,
                label: format!("ClusterOverridePolicy {name}"),
                spec: &policy.value.spec,
            });
        }
        ids.extend(clusters.values().map(|state| state.basis));
        let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
        Self {
            policies: PolicyIndex::new(policies),
            cluster_overrides,
            overrides,
            override_names,
            members: members(clusters),
            clusters,
            reports,
            now,
            basis: blob_id(&bytes),
        }
    }

    /// The same surroundings, with `wider` in place of the clusters of those names.
    pub(super) fn with_clusters(mut self, wider: &'a BTreeMap<ClusterName, Cluster>) -> Self {
        for member in &mut self.members {
            if let Some(cluster) = wider.get(member.name) {
                member.cluster = cluster;
            }
        }
        self
    }

    /// The override policies for objects of `namespace`.
    pub(super) fn overrides_for(&self, namespace: Option<&str>) -> OverridePolicies<'_> {
        let namespaced = namespace.and_then(|namespace| self.overrides.get(namespace));
        OverridePolicies {
            cluster_wide: &self.cluster_overrides,
            namespaced: namespaced.map_or(&[], Vec::as_slice),
        }
    }

    /// The first override policy that `policy` wants to exist and that does not.
    pub(super) fn missing_override(&self, policy: &Policy<'a>) -> Option<&'a str> {
        policy
            .spec
            .dependent_overrides
            .iter()
            .map(String::as_str)
            .find(|name| !self.override_names.contains(&(policy.namespace, *name)))
    }
}
