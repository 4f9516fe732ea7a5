//! Rejects clusters that carry a taint which the placement does not tolerate.

use crate::api::toleration::TaintEffect;
use crate::schedule::filter::{Context, Filter};
use crate::schedule::{Member, Reason, Verdict};

/// Looks at taints that keep new work away, `NoSchedule` and `NoExecute`. A cluster that runs the
/// binding already keeps it: moving it away is a decision of its own.
pub(super) struct TaintToleration;

impl Filter for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, ctx: &Context<'_>, member: &Member<'_>) -> Verdict {
        if ctx.is_placed_in(member.name) {
            return Verdict::Accept;
        }
        let blocking = member.cluster.spec.taints.iter().find(|taint| {
            matches!(taint.effect, TaintEffect::NoSchedule | TaintEffect::NoExecute)
                && !ctx.placement.tolerates(taint)
        });
        match blocking {
            Some(taint) => Verdict::Reject(Reason::Taint(taint.clone())),
            None => Verdict::Accept,
        }
    }
}
