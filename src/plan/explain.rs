//! Says of each cluster why it is in or out, as a function of how things are now: the same whether
//! the decision is fresh or stands since long.

use super::binding::Binding;
use super::reasons::group_clusters;
use super::world::World;
use crate::api::placement::Placement;
use crate::schedule::{Context, Member, Refusal, Verdict, filter};

/// Fills in the `in` and `out` of a binding's reasons.
pub(super) fn clusters(binding: &mut Binding, world: &World<'_>, refusal: Option<&Refusal>) {
    let mut chosen = Vec::new();
    let mut rejected = Vec::new();
    // Without its clusters, so that no filter lets one pass because it was chosen before.
    let mut afresh = binding.spec.clone();
    afresh.clusters.clear();
    let everywhere = Placement::default();
    let placement = binding.spec.placement.as_ref().unwrap_or(&everywhere);
    let group = binding.status.scheduler_observed_affinity_name.as_str();
    let term = Some(group).filter(|group| !group.is_empty());
    let ctx = Context { spec: &afresh, placement, term };
    let mut filtered = filter(&ctx, &world.members);
    for member in &world.members {
        let Some(verdict) = filtered.verdicts.remove(member.name) else { continue };
        let is_chosen = binding.spec.clusters.iter().any(|target| target.name == *member.name);
        let name = member.name.clone();
        if is_chosen {
            chosen.push((name, why_in(member, &verdict, binding.spec.placement.is_none())));
        } else {
            rejected.push((name, why_out(&verdict, refusal)));
        }
    }
    binding.reasons.chosen = group_clusters(chosen);
    binding.reasons.rejected = group_clusters(rejected);
}

fn why_in(member: &Member<'_>, verdict: &Verdict, goes_everywhere: bool) -> String {
    match verdict {
        _ if goes_everywhere => "it goes to every member".to_owned(),
        Verdict::Accept if member.is_reported => "fits the placement".to_owned(),
        Verdict::Accept => {
            "fits the placement; not heard of yet, so taken to be ready and to serve every API"
                .to_owned()
        }
        Verdict::Reject(reason) => format!("stays because it was there before: {reason}"),
    }
}

fn why_out(verdict: &Verdict, refusal: Option<&Refusal>) -> String {
    match (verdict, refusal) {
        (Verdict::Reject(reason), _) => reason.to_string(),
        (Verdict::Accept, Some(Refusal::NotYet(missing))) => missing.to_string(),
        (Verdict::Accept, _) => "would fit; got no share when this was decided".to_owned(),
    }
}
