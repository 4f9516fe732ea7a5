//! Rejects clusters that lack the property which the placement spreads by.

use crate::api::placement::SpreadField;
use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Reason, Verdict};

/// Looks at every spread constraint in order; spreading by cluster or by label asks for nothing.
pub(super) struct SpreadConstraint;

impl Filter for SpreadConstraint {
    fn name(&self) -> &'static str {
        "SpreadConstraint"
    }

    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict {
        let spec = &prospect.member.cluster.spec;
        for constraint in &ctx.placement.spread_constraints {
            let missing = match constraint.spread_by_field {
                Some(SpreadField::Provider) if spec.provider.is_none() => Reason::NoProvider,
                Some(SpreadField::Region) if spec.region.is_none() => Reason::NoRegion,
                Some(SpreadField::Zone) if spec.zones.is_empty() => Reason::NoZones,
                Some(_) | None => continue,
            };
            return Verdict::Reject(missing);
        }
        Verdict::Accept
    }
}
