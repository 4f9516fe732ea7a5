//! Rejects clusters that another workload of the anti-affinity group runs in.

use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Reason, Verdict};

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
}
