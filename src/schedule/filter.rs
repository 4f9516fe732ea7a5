//! The filter phase: which clusters will do at all.

use std::collections::BTreeMap;

use super::plugins::FILTERS;
use super::{Member, Reason, Verdict};
use crate::api::binding::BindingSpec;
use crate::api::names::ClusterName;
use crate::api::placement::Placement;

/// What a plugin may look at besides the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The binding.
    pub spec: &'a BindingSpec,
    /// Its placement.
    pub placement: &'a Placement,
    /// The affinity group that is tried, when the placement has groups.
    pub term: Option<&'a str>,
}

impl Context<'_> {
    /// Whether the binding runs in the cluster already: some filters let such a cluster keep it.
    pub(super) fn is_placed_in(&self, name: &ClusterName) -> bool {
        self.spec.clusters.iter().any(|target| target.name == *name)
    }
}

/// One reason to leave a cluster out. A plugin decides on one cluster at a time and keeps nothing.
pub(super) trait Filter: Sync {
    /// Karmada's name of the plugin.
    fn name(&self) -> &'static str;

    /// Whether the cluster will do.
    fn filter(&self, ctx: &Context<'_>, member: &Member<'_>) -> Verdict;
}

/// What the filter phase leaves.
#[derive(Clone, Debug)]
pub struct Filtered<'a> {
    /// The clusters that will do, in the order given.
    pub feasible: Vec<Member<'a>>,
    /// What was said about every cluster.
    pub verdicts: BTreeMap<ClusterName, Verdict>,
}

/// Runs every filter on every cluster; the first that rejects a cluster gives the reason, in the
/// order of `plugins/mod.rs` (Karmada's own order is random).
#[must_use]
pub fn filter<'a>(ctx: &Context<'_>, members: &[Member<'a>]) -> Filtered<'a> {
    let mut filtered = Filtered { feasible: Vec::new(), verdicts: BTreeMap::new() };
    for member in members {
        let verdict = if member.cluster.metadata.deletion_timestamp.is_some() {
            Verdict::Reject(Reason::Deleting)
        } else {
            first_rejection(ctx, member)
        };
        if verdict == Verdict::Accept {
            filtered.feasible.push(*member);
        }
        filtered.verdicts.insert(member.name.clone(), verdict);
    }
    filtered
}

fn first_rejection(ctx: &Context<'_>, member: &Member<'_>) -> Verdict {
    FILTERS
        .iter()
        .map(|filter| filter.filter(ctx, member))
        .find(|verdict| *verdict != Verdict::Accept)
        .unwrap_or(Verdict::Accept)
}

/// The names of all filters that reject the cluster, in their order, with what each says.
#[must_use]
pub fn rejections(ctx: &Context<'_>, member: &Member<'_>) -> Vec<(&'static str, Reason)> {
    FILTERS
        .iter()
        .filter_map(|filter| match filter.filter(ctx, member) {
            Verdict::Accept => None,
            Verdict::Reject(reason) => Some((filter.name(), reason)),
        })
        .collect()
}
