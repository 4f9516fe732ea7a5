//! The score phase: which of the clusters that will do are better (`spec/placement.md` §3.7).

use super::filter::{Context, Prospect};
use super::plugins::SCORES;

/// One view of how good a cluster is for a binding.
pub(super) trait Score: Sync {
    /// Karmada's name of the plugin.
    fn name(&self) -> &'static str;

    /// From 0 to 100; more is better.
    fn score(&self, ctx: &Context<'_>, prospect: &Prospect<'_>) -> i64;
}

/// The sum of all plugins' scores, each times its weight in the profile.
pub(super) fn score(ctx: &Context<'_>, prospect: &Prospect<'_>) -> i64 {
    SCORES
        .iter()
        .map(|plugin| ctx.profile.weight(plugin.name()) * plugin.score(ctx, prospect))
        .sum()
}
