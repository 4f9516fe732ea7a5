//! The fleet as the scheduler sees it, prepared once for many bindings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::capacity::Capacity;
use crate::api::cluster::Cluster;
use crate::api::names::ClusterName;
use crate::api::quantity::Quantity;

/// A cluster as the scheduler sees it: spec with the taints in force, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a ClusterName,
    /// Spec and status.
    pub cluster: &'a Cluster,
    /// Whether it ever reported. One that did not is taken to serve every API.
    pub is_reported: bool,
}

/// The members by name, with their free capacity and their place among the regions. Members are
/// known by their index in it.
#[derive(Clone, Debug, Default)]
pub struct Snapshot<'a> {
    members: Vec<Member<'a>>,
    capacities: Vec<Cow<'a, Capacity>>,
    regions: OnceLock<Vec<Option<u32>>>,
}

impl<'a> Snapshot<'a> {
    /// A snapshot of `members`, in any order, with distinct names. Costs n log n, and reads what
    /// each of them reported.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Member<'a>>) -> Self {
        let mut members: Vec<Member<'a>> = members.into_iter().collect();
        members.sort_by(|left, right| left.name.cmp(right.name));
        let capacities = members.iter().map(|member| Cow::Owned(Capacity::of(member.cluster)));
        Self { capacities: capacities.collect(), members, regions: OnceLock::new() }
    }

    /// The same for members whose capacity was read before, in the order of their names.
    #[must_use]
    pub fn prepared(members: impl IntoIterator<Item = (Member<'a>, &'a Capacity)>) -> Self {
        let pairs = members.into_iter().map(|(member, capacity)| (member, Cow::Borrowed(capacity)));
        let (members, capacities): (Vec<Member<'a>>, Vec<Cow<'a, Capacity>>) = pairs.unzip();
        debug_assert!(members.is_sorted_by(|left, right| left.name < right.name));
        Self { members, capacities, regions: OnceLock::new() }
    }

    /// The members, by name.
    #[must_use]
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// Index of the member of this name.
    #[must_use]
    pub fn find(&self, name: &ClusterName) -> Option<usize> {
        self.members.binary_search_by(|member| member.name.cmp(name)).ok()
    }

    /// What is free in the member at this index.
    #[must_use]
    pub fn capacity(&self, at: usize) -> &Capacity {
        &self.capacities[at]
    }

    /// Rank of the member's region among all regions, by their names; none for one without a region.
    pub(super) fn region(&self, at: usize) -> Option<u32> {
        let regions = self.regions.get_or_init(|| {
            let region = |member: &Member<'a>| member.cluster.spec.region.as_deref();
            let mut names: Vec<&str> = self.members.iter().filter_map(region).collect();
            names.sort_unstable();
            names.dedup();
            let rank = |name| names.binary_search(&name).ok().map(|rank| rank as u32);
            self.members.iter().map(|member| rank(region(member)?)).collect()
        });
        regions[at]
    }

    /// Takes off what replicas need that were decided on and that the member does not report yet:
    /// these amounts, each of them.
    pub fn assume(
        &mut self,
        name: &ClusterName,
        requests: &BTreeMap<String, Quantity>,
        replicas: i64,
    ) {
        if let Some(at) = self.find(name) {
            self.capacities[at].to_mut().take(requests, replicas);
        }
    }

    /// The same members, with `wider` in place of the clusters of those names; what is free stays.
    #[must_use]
    pub fn with_clusters(mut self, wider: &'a BTreeMap<ClusterName, Cluster>) -> Self {
        for member in &mut self.members {
            if let Some(cluster) = wider.get(member.name) {
                member.cluster = cluster;
            }
        }
        self
    }
}
