//! Rejects clusters that do not serve the template's API.

use crate::api::cluster::Cluster;
use crate::schedule::filter::{Context, Filter, Prospect};
use crate::schedule::{Fact, Reason, Verdict};

/// Looks for the exact group, version and kind in what the cluster reported.
///
/// A cluster that runs the binding already keeps it: its list of APIs may be incomplete for a
/// moment. A cluster that never reported is given the benefit of the doubt, and its reason says so.
pub(super) struct ApiEnablement;

impl Filter for ApiEnablement {
    fn name(&self) -> &'static str {
        "APIEnablement"
    }

    fn filter(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> Verdict {
        if prospect.assigned.is_some() || !prospect.member.is_reported {
            return Verdict::Accept;
        }
        let resource = &ctx.spec.resource;
        if prospect.member.cluster.status.serves(&resource.api_version, &resource.kind) {
            Verdict::Accept
        } else {
            Verdict::Reject(Reason::ApiNotEnabled)
        }
    }
    fn fact(&self, ctx: &Context<'_>, _: &Cluster) -> Option<Fact> {
        let resource = &ctx.spec.resource;
        let wanted = format!("{} of {} is wanted", resource.kind, resource.api_version);
        Some(Fact { wanted, ..Fact::default() })
    }
}
