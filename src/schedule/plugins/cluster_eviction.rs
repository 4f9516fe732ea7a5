//! Rejects clusters that the binding is being moved away from.

use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Reason, Verdict};

/// Looks at the eviction tasks of the binding: none may name the cluster.
pub(super) struct ClusterEviction;

impl Filter for ClusterEviction {
    fn name(&self) -> &'static str {
        "ClusterEviction"
    }

    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict {
        let tasks = &ctx.spec.graceful_eviction_tasks;
        if tasks.iter().any(|task| task.from_cluster == *prospect.member.name) {
            Verdict::Reject(Reason::BeingEvicted)
        } else {
            Verdict::Accept
        }
    }
}
