//! The filter phase: which clusters will do at all.

use super::companions::Companions;
use super::plugins::FILTERS;
use super::{Fact, Member, Profile, Reason, Snapshot, Verdict};
use crate::api::binding::BindingSpec;
use crate::api::cluster::Cluster;
use crate::api::placement::{ClusterAffinityTerm, Placement};

/// What a plugin may look at besides the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The binding.
    pub spec: &'a BindingSpec,
    /// Its placement.
    pub placement: &'a Placement,
    /// The affinity group that is tried, when the placement has groups.
    pub term: Option<&'a str>,
    /// Where the other workloads of its groups run.
    pub companions: Companions<'a>,
    /// The plugins that take part.
    pub profile: &'a Profile,
}

impl<'a> Context<'a> {
    /// The affinity group that is tried.
    #[must_use]
    pub fn group(&self) -> Option<&'a ClusterAffinityTerm> {
        let name = self.term?;
        self.placement.cluster_affinities.iter().find(|group| group.affinity_name == name)
    }
}

/// A cluster that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prospect<'a> {
    /// The cluster.
    pub(super) member: &'a Member<'a>,
    /// The replicas that it has already, if it was chosen before: some filters let such a cluster
    /// keep the binding.
    pub(super) assigned: Option<i32>,
}

/// One reason to leave a cluster out. A plugin decides on one cluster at a time and keeps nothing.
pub(super) trait Filter: Sync {
    /// Karmada's name of the plugin.
    fn name(&self) -> &'static str;

    /// Whether the cluster will do.
    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict;

    /// What it was about a cluster that it rejected, where the reason alone does not tell.
    fn fact(&self, _: &Context<'_>, _: &Cluster) -> Option<Fact> {
        None
    }
}

/// What is said about every member, in their order: the first filter that rejects one gives the
/// reason, in the order of `plugins/mod.rs` (Karmada's own order is random).
#[must_use]
pub fn filter(
    ctx: &Context<'_>,
    snapshot: &Snapshot<'_>,
    assigned: &[Option<i32>],
) -> Vec<Verdict> {
    let prospects = snapshot.members().iter().zip(assigned);
    prospects.map(|(member, assigned)| filter_one(ctx, member, *assigned)).collect()
}

/// What is said about one member, which has so many replicas already, if it was chosen before.
#[must_use]
pub fn filter_one(ctx: &Context<'_>, member: &Member<'_>, assigned: Option<i32>) -> Verdict {
    if member.cluster.is_leaving() {
        return Verdict::Reject(Reason::Deleting);
    }
    let prospect = Prospect { member, assigned };
    FILTERS
        .iter()
        .filter(|filter| ctx.profile.has(filter.name()))
        .map(|filter| filter.filter(ctx, &prospect))
        .find(|verdict| *verdict != Verdict::Accept)
        .unwrap_or(Verdict::Accept)
}

/// What it was about the cluster that a filter gave this reason for, where the reason alone does not
/// tell.
#[must_use]
pub fn fact(ctx: &Context<'_>, cluster: &Cluster, reason: &Reason) -> Option<Fact> {
    let plugin = reason.plugin()?;
    FILTERS.iter().find(|filter| filter.name() == plugin)?.fact(ctx, cluster)
}

/// The replicas that each member has already, in their order.
#[must_use]
pub fn assigned(spec: &BindingSpec, snapshot: &Snapshot<'_>) -> Vec<Option<i32>> {
    let mut assigned = vec![None; snapshot.members().len()];
    for target in &spec.clusters {
        if let Some(at) = snapshot.find(&target.name) {
            assigned[at] = Some(target.replicas);
        }
    }
    assigned
}
