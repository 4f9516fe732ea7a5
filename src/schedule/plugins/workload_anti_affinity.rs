//! Rejects clusters that another workload of the anti-affinity group runs in.

use crate::api::cluster::Cluster;
use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Fact, Reason, Verdict};

/// Looks at where the other bindings of the group run. A cluster that runs the binding already keeps
/// it.
pub(super) struct WorkloadAntiAffinity;

impl Filter for WorkloadAntiAffinity {
    fn name(&self) -> &'static str {
        "WorkloadAntiAffinity"
    }

    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict {
        let others = ctx.companions.apart;
        if prospect.assigned.is_some()
            || others.is_none_or(|others| !others.is_partly_in(prospect.member.name))
        {
            Verdict::Accept
        } else {
            Verdict::Reject(Reason::AntiAffinityGroupHere)
        }
    }
    fn fact(&self, ctx: &Context<'_>, _: &Cluster) -> Option<Fact> {
        let group = &ctx.spec.workload_affinity_groups.as_ref()?.anti_affinity_group;
        Some(Fact { wanted: format!("the group is {group}"), ..Fact::default() })
    }
}
