//! Rejects clusters outside the placement's cluster affinity.

use crate::api::cluster::Cluster;
use crate::api::placement::{ClusterAffinityTerm, OverflowAffinity};
use crate::api::selector::ClusterAffinity as Affinity;
use crate::schedule::divide::is_workload;
use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Fact, Reason, Verdict};

/// Looks at the one affinity of the placement, or at the affinity group that is tried: its own
/// clusters and, for a workload, those of its overflow tiers. Without any, every cluster will do.
pub(super) struct ClusterAffinity;

impl Filter for ClusterAffinity {
    fn name(&self) -> &'static str {
        "ClusterAffinity"
    }

    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict {
        let cluster = prospect.member.cluster;
        let matches = if let Some(affinity) = &ctx.placement.cluster_affinity {
            affinity.matches(cluster)
        } else {
            ctx.group().is_none_or(|term| {
                term.affinity.matches(cluster)
                    || tiers(ctx, term).iter().any(|tier| tier.affinity.matches(cluster))
            })
        };
        if matches { Verdict::Accept } else { Verdict::Reject(Reason::ClusterAffinity) }
    }

    /// The first thing that did not match, of the group itself and of each of its tiers.
    fn fact(&self, ctx: &Context<'_>, cluster: &Cluster) -> Option<Fact> {
        if let Some(affinity) = &ctx.placement.cluster_affinity {
            return fact(affinity, cluster);
        }
        let term = ctx.group()?;
        let mut told = fact(&term.affinity, cluster)?;
        told.wanted = format!("group {}: {}", term.affinity_name, told.wanted);
        for tier in tiers(ctx, term) {
            let Fact { wanted, found } = fact(&tier.affinity, cluster)?;
            told.wanted = format!("{}; tier {}: {wanted}", told.wanted, tier.affinity_name);
            if told.found.is_empty() {
                told.found = found;
            }
        }
        Some(told)
    }
}

fn tiers<'a>(ctx: &Context<'_>, term: &'a ClusterAffinityTerm) -> &'a [OverflowAffinity] {
    if is_workload(ctx.spec) { &term.overflow_affinities } else { &[] }
}

fn fact(affinity: &Affinity, cluster: &Cluster) -> Option<Fact> {
    let mismatch = affinity.mismatch(cluster)?;
    let found = mismatch.found(cluster).unwrap_or_default();
    Some(Fact { wanted: mismatch.to_string(), found })
}
