//! Says of each cluster why it is in or out, as a function of how things are now: the same whether
//! the decision is fresh or stands since long. How the clusters stood when it was made is kept with
//! the decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::binding::Binding;
use super::clusters::ClusterState;
use super::reasons::{ClusterGroup, Rest, Standing, TriedGroup, group_clusters};
use super::survey::Survey;
use super::work::PlannedWork;
use crate::api::binding::BindingSpec;
use crate::api::condition::{self, ConditionStatus};
use crate::api::marks;
use crate::api::names::ClusterName;
use crate::schedule::divide::{Strategy, strategy};
use crate::schedule::{Candidate, Decision, Member, Refusal, Snapshot, Verdict};

/// Most clusters that would have done and were not chosen of which it is kept how they stood.
const RUNNERS_UP_MAX: usize = 5;

/// Most clusters of which it is kept how they stood when nothing could be decided.
const CANDIDATES_MAX: usize = 10;

/// From so many on, clusters that would have done are not listed: they are all the rest.
const REST_MIN: usize = 20;

/// Why a cluster that a held decision names runs it no more.
const LEFT: &str = "has left the fleet; what it ran stays there as it was";

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
                reasons.rejected.push(ClusterGroup { clusters, ..group.clone() });
            }
        }
    }
    if spare.len() >= REST_MIN {
        reasons.rest = Some(Rest { why: why_spare, n_clusters: spare.len() });
    } else if !spare.is_empty() {
        let clusters = spare.into_iter().map(name).collect();
        let plugin = String::new();
        reasons.rejected.push(ClusterGroup { plugin, why: why_spare, clusters });
    }
}

/// Adds the clusters that it runs in only because others need it there; why its own placement leaves
/// them out stays told.
pub(super) fn along(binding: &mut Binding, works: &BTreeMap<ClusterName, Arc<PlannedWork>>) {
    let Binding { spec, reasons, .. } = binding;
    let own: BTreeSet<&ClusterName> = spec.clusters.iter().map(|target| &target.name).collect();
    for group in &mut reasons.chosen {
        group.clusters.retain(|name| own.contains(name));
    }
    reasons.chosen.retain(|group| !group.clusters.is_empty());
    let mut along: BTreeMap<&ClusterName, Vec<&str>> = BTreeMap::new();
    for snapshot in &spec.required_by {
        let names = snapshot.clusters.iter().map(|target| &target.name);
        for name in names.filter(|name| !own.contains(name) && works.contains_key(*name)) {
            along.entry(name).or_default().push(&snapshot.name);
        }
    }
    let why = |(name, needed_by): (&ClusterName, Vec<&str>)| {
        (name.clone(), format!("goes along with {}", needed_by.join(", ")))
    };
    reasons.chosen.extend(group_clusters(along.into_iter().map(why)));
}

/// Fills them in for what goes to every cluster without a policy.
pub(super) fn everywhere(binding: &mut Binding) {
    let names = binding.spec.clusters.iter().map(|target| target.name.clone());
    let why = "it goes to every member";
    binding.reasons.chosen =
        group_clusters(names.map(|name| (name, why.to_owned())).collect::<Vec<_>>());
}

/// Brings what is said of a decision that is held in line with the fleet: clusters may have left it,
/// and come back.
pub(super) fn held(binding: &mut Binding, fleet: &BTreeMap<ClusterName, Arc<ClusterState>>) {
    let Binding { spec, reasons, .. } = binding;
    let is_in_fleet = |name: &ClusterName| fleet.contains_key(name);
    reasons.rejected.retain(|group| group.why != LEFT);
    for groups in [&mut reasons.chosen, &mut reasons.rejected] {
        for group in groups.iter_mut() {
            group.clusters.retain(is_in_fleet);
        }
        groups.retain(|group| !group.clusters.is_empty());
    }
    let told: BTreeSet<&ClusterName> =
        reasons.chosen.iter().flat_map(|group| &group.clusters).collect();
    let names = spec.clusters.iter().map(|target| &target.name);
    let (here, gone): (Vec<_>, Vec<_>) =
        names.filter(|name| !told.contains(name)).cloned().partition(is_in_fleet);
    let group = |names: Vec<ClusterName>, why: &str| {
        group_clusters(names.into_iter().map(|name| (name, why.to_owned())))
    };
    reasons.chosen.extend(group(here, "it ran there before"));
    reasons.rejected.extend(group(gone, LEFT));
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
    let stood = |one: &Candidate| {
        standing(&binding.spec, one, selected.binary_search(&one.at).is_ok(), snapshot)
    };
    binding.reasons.standings = kept.map(stood).collect();
}

/// Keeps which affinity groups do not fit. Those before the one in use were tried earlier: what was said
/// of them stays.
pub(super) fn tried(
    binding: &mut Binding,
    refused: Vec<(String, Refusal)>,
    decision: Option<&Decision>,
) {
    let Binding { spec, reasons, .. } = binding;
    let terms = spec.placement.iter().flat_map(|placement| &placement.cluster_affinities);
    let begun = refused.first().map(|(group, _)| group);
    let begun = begun.or(decision.and_then(|decision| decision.affinity.as_ref()));
    let earlier: Vec<&str> = terms
        .map(|term| term.affinity_name.as_str())
        .take_while(|name| begun.is_some_and(|begun| begun != name))
        .collect();
    reasons.tried.retain(|one| earlier.contains(&one.group.as_str()));
    let tried = |(group, why): (String, Refusal)| TriedGroup { group, why: why.to_string() };
    reasons.tried.extend(refused.into_iter().map(tried));
}

/// Keeps how the best of the clusters that would do stood when nothing could be decided.
pub(super) fn attempt(binding: &mut Binding, candidates: &[Candidate], snapshot: &Snapshot<'_>) {
    let best = candidates.iter().take(CANDIDATES_MAX);
    let stood = |one: &Candidate| standing(&binding.spec, one, true, snapshot);
    binding.reasons.attempt = best.map(stood).collect();
}

fn standing(
    spec: &BindingSpec,
    candidate: &Candidate,
    selected: bool,
    snapshot: &Snapshot<'_>,
) -> Standing {
    let member = &snapshot.members()[candidate.at];
    let counts_room = spec.replicas > 0 || !spec.components.is_empty();
    Standing {
        cluster: member.name.clone(),
        region: member.cluster.spec.region.clone().unwrap_or_default(),
        tier: candidate.tier,
        score: candidate.score,
        room: counts_room.then_some(candidate.allocatable),
        had: candidate.assigned,
        selected,
    }
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
