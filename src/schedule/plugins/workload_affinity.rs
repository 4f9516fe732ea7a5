//! Rejects clusters that some other workload of the affinity group does not run in.

use crate::api::cluster::Cluster;
use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Fact, Reason, Verdict};

/// Looks at where the other bindings of the group run. The first of a group is free, and a cluster
/// that runs the binding already keeps it.
pub(super) struct WorkloadAffinity;

impl Filter for WorkloadAffinity {
    fn name(&self) -> &'static str {
        "WorkloadAffinity"
    }

    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict {
        let others = ctx.companions.together;
        if prospect.assigned.is_some()
            || others.is_none_or(|others| others.is_whole_in(prospect.member.name))
        {
            Verdict::Accept
        } else {
            Verdict::Reject(Reason::AffinityGroupElsewhere)
        }
    }
    fn fact(&self, ctx: &Context<'_>, _: &Cluster) -> Option<Fact> {
        let group = &ctx.spec.workload_affinity_groups.as_ref()?.affinity_group;
        Some(Fact { wanted: format!("the group is {group}"), ..Fact::default() })
    }
}
