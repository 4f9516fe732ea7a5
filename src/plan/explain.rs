//! Says of each cluster why it is in or out, as a function of how things are now: the same whether
//! the decision is fresh or stands since long. How the clusters stood when it was made is kept with
//! the decision.

use super::binding::Binding;
use super::reasons::{Rest, Standing, group_clusters};
use crate::api::placement::Placement;
use crate::schedule::divide::{Strategy, strategy};
use crate::schedule::{
    Candidate, Companions, Context, Decision, Member, Profile, Refusal, Snapshot, Verdict,
    assigned, filter,
};

/// Most clusters that would have done and were not chosen of which it is kept how they stood.
const RUNNERS_UP_MAX: usize = 20;

/// From so many on, the largest group of clusters that are out is not listed: it is all the rest.
const REST_MIN: usize = 20;

/// What the scheduler looked at.
pub(super) struct Seen<'a> {
    pub(super) snapshot: &'a Snapshot<'a>,
    pub(super) companions: &'a Companions,
    pub(super) profile: &'a Profile,
}

/// Fills in the `in` and `out` of a binding's reasons.
pub(super) fn clusters(binding: &mut Binding, seen: &Seen<'_>, refusal: Option<&Refusal>) {
    let mut chosen = Vec::new();
    let mut rejected = Vec::new();
    // Without its clusters, so that no filter lets one pass because it was chosen before.
    let mut afresh = binding.spec.clone();
    afresh.clusters.clear();
    let everywhere = Placement::default();
    let placement = binding.spec.placement.as_ref().unwrap_or(&everywhere);
    let group = binding.status.scheduler_observed_affinity_name.as_str();
    let term = Some(group).filter(|group| !group.is_empty());
    let Seen { snapshot, companions, profile } = *seen;
    let ctx = Context { spec: &afresh, placement, term, companions, profile };
    let placed = assigned(&binding.spec, snapshot);
    let verdicts = filter(&ctx, snapshot, &assigned(&afresh, snapshot));
    for ((member, verdict), placed) in snapshot.members().iter().zip(verdicts).zip(placed) {
        let name = member.name.clone();
        if placed.is_some() {
            chosen.push((name, why_in(member, &verdict)));
        } else {
            rejected.push((name, why_out(&verdict, refusal)));
        }
    }
    binding.reasons.chosen = group_clusters(chosen);
    let mut groups = group_clusters(rejected);
    let largest = (0..groups.len()).max_by_key(|at| groups[*at].clusters.len());
    if let Some(at) = largest.filter(|at| groups[*at].clusters.len() >= REST_MIN) {
        let group = groups.remove(at);
        binding.reasons.rest = Some(Rest { why: group.why, n_clusters: group.clusters.len() });
    }
    binding.reasons.rejected = groups;
}

/// Fills them in for what goes to every cluster without a policy.
pub(super) fn everywhere(binding: &mut Binding) {
    let names = binding.spec.clusters.iter().map(|target| target.name.clone());
    let why = "it goes to every member";
    binding.reasons.chosen =
        group_clusters(names.map(|name| (name, why.to_owned())).collect::<Vec<_>>());
}

/// Keeps how the clusters stood, where that decided: for a division by room, or a choice of some
/// clusters among more.
pub(super) fn standings(binding: &mut Binding, decision: &Decision, snapshot: &Snapshot<'_>) {
    let Some(placement) = &binding.spec.placement else { return };
    let is_by_room = matches!(strategy(placement), Strategy::DynamicWeight | Strategy::Aggregated);
    let is_choice = decision.selected.len() < decision.candidates.len();
    binding.reasons.standings.clear();
    let is_divided = is_by_room && binding.spec.replicas > 0;
    if !(is_divided || is_choice) {
        return;
    }
    let is_chosen = |candidate: &Candidate| {
        let name = snapshot.members()[candidate.at].name;
        decision.clusters.binary_search_by(|target| target.name.cmp(name)).is_ok()
    };
    let (chosen, others): (Vec<&Candidate>, Vec<&Candidate>) =
        decision.candidates.iter().partition(|candidate| is_chosen(candidate));
    let mut selected: Vec<usize> = decision.selected.iter().map(|one| one.at).collect();
    selected.sort_unstable();
    let kept = chosen.into_iter().chain(others.into_iter().take(RUNNERS_UP_MAX));
    let counts_room = binding.spec.replicas > 0 || !binding.spec.components.is_empty();
    let standing = |candidate: &Candidate| {
        let member = &snapshot.members()[candidate.at];
        Standing {
            cluster: member.name.clone(),
            region: member.cluster.spec.region.clone().unwrap_or_default(),
            tier: candidate.tier,
            score: candidate.score,
            room: counts_room.then_some(candidate.allocatable),
            had: candidate.assigned,
            selected: selected.binary_search(&candidate.at).is_ok(),
        }
    };
    binding.reasons.standings = kept.map(standing).collect();
}

fn why_in(member: &Member<'_>, verdict: &Verdict) -> String {
    match verdict {
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
        (Verdict::Accept, Some(refusal)) => format!("would fit; {refusal}"),
        (Verdict::Accept, None) => "would fit; got no share when this was decided".to_owned(),
    }
}
