//! Says of each cluster why it is in or out, as a function of how things are now: the same whether
//! the decision is fresh or stands since long. How the clusters stood when it was made is kept with
//! the decision.

use std::collections::BTreeSet;

use super::binding::Binding;
use super::reasons::{ClusterGroup, Rest, Standing, group_clusters};
use super::survey::Survey;
use crate::api::condition::{self, ConditionStatus};
use crate::api::marks;
use crate::api::names::ClusterName;
use crate::schedule::divide::{Strategy, strategy};
use crate::schedule::{Candidate, Decision, Member, Snapshot, Verdict};

/// Most clusters that would have done and were not chosen of which it is kept how they stood.
const RUNNERS_UP_MAX: usize = 5;

/// From so many on, clusters that would have done are not listed: they are all the rest.
const REST_MIN: usize = 20;

/// Fills in the `in` and `out` of a binding's reasons.
pub(super) fn clusters(binding: &mut Binding, survey: &Survey, snapshot: &Snapshot<'_>) {
    let placed = binding.spec.clusters.iter().filter_map(|target| snapshot.find(&target.name));
    let placed: BTreeSet<usize> = placed.collect();
    let member = |at: &usize| &snapshot.members()[*at];
    let name = |at: &usize| member(at).name.clone();
    let why_in = |at: &usize| (name(at), why_in(member(at), &survey.verdicts[*at]));
    let reasons = &mut binding.reasons;
    reasons.chosen = group_clusters(placed.iter().map(why_in));
    let spare: Vec<&usize> = survey.feasible.iter().filter(|at| !placed.contains(at)).collect();
    let scheduled = condition::find(&binding.status.conditions, marks::CONDITION_SCHEDULED);
    let refusal = scheduled.filter(|scheduled| scheduled.status != ConditionStatus::True);
    let why_spare = match refusal {
        Some(refusal) => format!("would fit; {}", refusal.message.trim_end_matches('.')),
        None => "would fit; was not chosen".to_owned(),
    };
    (reasons.rejected, reasons.survey, reasons.rest) = (Vec::new(), None, None);
    if let Some(file) = &survey.file {
        reasons.survey = Some(file.id);
    } else {
        let is_elsewhere =
            |name: &ClusterName| snapshot.find(name).is_none_or(|at| !placed.contains(&at));
        for group in &survey.out {
            let clusters: Vec<ClusterName> =
                group.clusters.iter().filter(|name| is_elsewhere(name)).cloned().collect();
            if !clusters.is_empty() {
                reasons.rejected.push(ClusterGroup { why: group.why.clone(), clusters });
            }
        }
    }
    if spare.len() >= REST_MIN {
        reasons.rest = Some(Rest { why: why_spare, n_clusters: spare.len() });
    } else if !spare.is_empty() {
        let clusters = spare.into_iter().map(name).collect();
        reasons.rejected.push(ClusterGroup { why: why_spare, clusters });
    }
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
