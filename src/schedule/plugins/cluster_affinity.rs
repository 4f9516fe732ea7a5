//! Rejects clusters outside the placement's cluster affinity.

use crate::schedule::divide::is_workload;
use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Reason, Verdict};

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
                    || (is_workload(ctx.spec)
                        && term
                            .overflow_affinities
                            .iter()
                            .any(|tier| tier.affinity.matches(cluster)))
            })
        };
        if matches { Verdict::Accept } else { Verdict::Reject(Reason::ClusterAffinity) }
    }
}
