//! Prefers the clusters that the binding is in already.

use crate::schedule::filter::{Context, Prospect};
use crate::schedule::score::Score;

/// 100 for a cluster that was chosen before, be it without replicas; 0 for others.
pub(super) struct ClusterLocality;

impl Score for ClusterLocality {
    fn name(&self) -> &'static str {
        "ClusterLocality"
    }

    fn score(&self, _: &Context<'_>, prospect: &Prospect<'_>) -> i64 {
        if prospect.assigned.is_some() { 100 } else { 0 }
    }
}
