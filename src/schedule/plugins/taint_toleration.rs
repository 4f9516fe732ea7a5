//! Rejects clusters that carry a taint which the placement does not tolerate.

use crate::api::toleration::TaintEffect;
use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Reason, Verdict};

/// Looks at taints that keep new work away, `NoSchedule` and `NoExecute`. A cluster that runs the
/// binding already keeps it: moving it away is a decision of its own.
pub(super) struct TaintToleration;

impl Filter for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict {
        if prospect.assigned.is_some() {
            return Verdict::Accept;
        }
        let blocking = prospect.member.cluster.spec.taints.iter().find(|taint| {
            matches!(taint.effect, TaintEffect::NoSchedule | TaintEffect::NoExecute)
                && !ctx.placement.tolerates(taint)
        });
        match blocking {
            Some(taint) => Verdict::Reject(Reason::Taint(taint.clone())),
            None => Verdict::Accept,
        }
    }
}
