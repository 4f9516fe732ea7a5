//! Says of each cluster why it is in or out, as a function of how things are now: the same whether
//! the decision is fresh or stands since long. How the clusters stood when it was made is kept with
//! the decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use super::binding::Binding;
use super::clusters::ClusterState;
use super::reasons::{
    Answer, ClusterGroup, Found, Rest, Standing, TriedGroup, Weight, group_clusters,
};
use super::survey::Survey;
use crate::api::binding::BindingSpec;
use crate::api::condition::{self, ConditionStatus};
use crate::api::marks;
use crate::api::names::ClusterName;
use crate::schedule::divide::{self, Strategy, has_replicas_to_assign, strategy};
use crate::schedule::{Candidate, Decision, Member, Refusal, Snapshot};

/// Most clusters that would have done and were not chosen of which it is kept how they stood.
const RUNNERS_UP_MAX: usize = 5;

/// Most clusters of which it is kept how they stood when nothing could be decided, besides those that
/// run the template.
const CANDIDATES_MAX: usize = 10;

/// From so many on, clusters that would have done are not listed: they are all the rest.
const REST_MIN: usize = 20;

static FITS: LazyLock<Answer> = LazyLock::new(|| Answer::new("fits the placement"));
static FITS_UNHEARD: LazyLock<Answer> = LazyLock::new(|| {
    Answer::new("fits the placement; not heard of yet, so taken to be ready and to serve every API")
});
/// Why a cluster that a decision names runs it no more.
static LEFT: LazyLock<Answer> =
    LazyLock::new(|| Answer::new("has left the fleet; what it ran stays there as it was"));
static CAME_BACK: LazyLock<Answer> = LazyLock::new(|| {
    Answer::new("had left the fleet; nothing is sent there until this is decided anew")
});

/// Fills in the `in` and `out` of a binding's reasons.
pub(super) fn clusters(binding: &mut Binding, survey: &Survey, snapshot: &Snapshot<'_>) {
    let placed = binding.spec.clusters.iter().filter_map(|target| snapshot.find(&target.name));
    let placed: BTreeSet<usize> = placed.collect();
    let member = |at: &usize| &snapshot.members()[*at];
    let name = |at: &usize| member(at).name.clone();
    let (stays, fits): (Vec<usize>, Vec<usize>) =
        placed.iter().partition(|at| survey.answers[**at].is_some());
    let fits = fits.iter().map(|at| {
        let answer = if member(at).is_reported { &FITS } else { &FITS_UNHEARD };
        (name(at), (*answer).clone())
    });
    let stays = stays.iter().filter_map(|at| Some((name(at), survey.answers[*at].clone()?)));
    let reasons = &mut binding.reasons;
    reasons.chosen = group_clusters(fits);
    reasons.chosen.extend(group_clusters(stays).into_iter().map(|group| ClusterGroup {
        why: format!("stays because it was there before: {}", group.why).into(),
        ..group
    }));
    let spare: Vec<&usize> = survey.feasible.iter().filter(|at| !placed.contains(at)).collect();
    let scheduled = condition::find(&binding.status.conditions, marks::CONDITION_SCHEDULED);
    let refusal = scheduled.filter(|scheduled| scheduled.status != ConditionStatus::True);
    let why_spare = match refusal {
        Some(refusal) => format!("would fit; {}", refusal.message.trim_end_matches('.')),
        None if spare.len() >= REST_MIN && is_by_given_weight(&binding.spec) => {
            "would fit; has no weight, or one that makes no replica, or came later".to_owned()
        }
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
    } else {
        // When no cluster has a weight all weigh the same: then it is none that the others lack.
        let weights = binding.spec.placement.as_ref().map_or(&[][..], divide::weights);
        let has_weight = |at: &usize| divide::weight(weights, member(at).cluster).is_some();
        let is_weighed = !spare.is_empty() && placed.iter().any(has_weight);
        let why = |at: &usize| {
            let special = why_no_share(&binding.spec, member(at), &reasons.standings, is_weighed);
            special.filter(|_| refusal.is_none()).unwrap_or(&why_spare)
        };
        let spare = spare.into_iter().map(|at| (name(at), Answer::new(why(at))));
        let groups = group_clusters(spare.collect::<Vec<_>>());
        reasons.rejected.extend(groups);
    }
    let targets = binding.spec.clusters.iter().map(|target| &target.name);
    let gone: Vec<ClusterName> =
        targets.filter(|name| snapshot.find(name).is_none()).cloned().collect();
    if !gone.is_empty() {
        reasons.rejected.push(ClusterGroup::new(LEFT.clone(), gone));
    }
}

/// Why a cluster that would do has no share, where more can be said than that it was not chosen.
/// `is_weighed` says whether those that have one have it by a weight that they are given.
fn why_no_share(
    spec: &BindingSpec,
    member: &Member<'_>,
    standings: &[Standing],
    is_weighed: bool,
) -> Option<&'static str> {
    let placement = spec.placement.as_ref()?;
    let is_by_room = matches!(strategy(placement), Strategy::DynamicWeight | Strategy::Aggregated);
    let standing = || standings.iter().find(|one| one.cluster == *member.name);
    if spec.clusters.is_empty() && spec.replicas == 0 && spec.components.is_empty() {
        return Some("would fit; it asks for 0 replicas, so there are none to share out");
    }
    if is_by_room && !member.is_reported {
        return Some("would fit; not heard of yet, so it has no room that is known");
    }
    if is_by_weight(spec) {
        if standing().is_some_and(|standing| standing.weight.is_some()) {
            return Some("would fit; its weight makes no replica");
        }
        let has_weight = divide::weight(divide::weights(placement), member.cluster).is_some();
        return is_weighed.then_some(if has_weight {
            "would fit; its weight counts once replicas are dealt out again"
        } else {
            "would fit; no weight is given to it"
        });
    }
    let standing = standing()?;
    (is_by_room && standing.selected && standing.room == Some(0))
        .then_some("would fit; was selected, and has no room")
}

/// Whether fixed weights decide how many replicas each cluster has.
fn is_by_weight(spec: &BindingSpec) -> bool {
    let placement = spec.placement.as_ref();
    let is_static = placement.is_some_and(|one| strategy(one) == Strategy::StaticWeight);
    is_static && spec.replicas > 0 && has_replicas_to_assign(spec)
}

/// Whether there is a list of such weights.
fn is_by_given_weight(spec: &BindingSpec) -> bool {
    let placement = spec.placement.as_ref();
    is_by_weight(spec) && placement.is_some_and(|one| !divide::weights(one).is_empty())
}

/// Adds the clusters that it runs in only because others need it there; why its own placement leaves
/// them out stays told.
pub(super) fn along(binding: &mut Binding, fleet: &BTreeMap<ClusterName, Arc<ClusterState>>) {
    let Binding { spec, reasons, .. } = binding;
    let own: BTreeSet<&ClusterName> = spec.clusters.iter().map(|target| &target.name).collect();
    for group in &mut reasons.chosen {
        group.clusters.retain(|name| own.contains(name));
    }
    reasons.chosen.retain(|group| !group.clusters.is_empty());
    let mut along: BTreeMap<&ClusterName, Vec<&str>> = BTreeMap::new();
    for snapshot in &spec.required_by {
        let names = snapshot.clusters.iter().map(|target| &target.name);
        for name in names.filter(|name| !own.contains(name) && fleet.contains_key(*name)) {
            along.entry(name).or_default().push(&snapshot.name);
        }
    }
    let why = |(name, needed_by): (&ClusterName, Vec<&str>)| {
        (name.clone(), Answer::new(&format!("goes along with {}", needed_by.join(", "))))
    };
    reasons.chosen.extend(group_clusters(along.into_iter().map(why)));
}

/// Fills them in for what goes to clusters without a policy.
pub(super) fn without_policy(binding: &mut Binding, why: &str) {
    let names = binding.spec.clusters.iter().map(|target| target.name.clone());
    let why = Answer::new(why);
    binding.reasons.chosen = group_clusters(names.map(|name| (name, why.clone())));
}

/// Brings what is said of a decision that is held in line with the fleet: clusters may have left it,
/// and come back, though without what they ran.
pub(super) fn held(binding: &mut Binding, fleet: &BTreeMap<ClusterName, Arc<ClusterState>>) {
    let is_in_fleet = |name: &ClusterName| fleet.contains_key(name);
    let targets = binding.spec.clusters.iter().map(|target| &target.name);
    let gone: Vec<ClusterName> = targets.filter(|name| !is_in_fleet(name)).cloned().collect();
    let mut back: Vec<ClusterName> = Vec::new();
    let reasons = &mut binding.reasons;
    for groups in [&mut reasons.chosen, &mut reasons.rejected] {
        groups.retain_mut(|group| {
            group.clusters.retain(is_in_fleet);
            if group.why == LEFT.why || group.why == CAME_BACK.why {
                back.append(&mut group.clusters);
            }
            !group.clusters.is_empty()
        });
    }
    back.sort();
    for (answer, clusters) in [(&LEFT, gone), (&CAME_BACK, back)] {
        if !clusters.is_empty() {
            reasons.rejected.push(ClusterGroup::new((*answer).clone(), clusters));
        }
    }
}

/// Keeps how the clusters stood, where that decided: for a division, or a choice of some clusters among
/// more.
pub(super) fn standings(binding: &mut Binding, decision: &Decision, snapshot: &Snapshot<'_>) {
    let Binding { spec, reasons, .. } = binding;
    let Some(placement) = &spec.placement else { return };
    let is_by_room = matches!(strategy(placement), Strategy::DynamicWeight | Strategy::Aggregated);
    let is_by_weight = is_by_weight(spec);
    let is_divided = is_by_weight || (is_by_room && spec.replicas > 0);
    let is_choice = decision.selected.len() < decision.candidates.len();
    reasons.standings.clear();
    if !(is_divided || is_choice) {
        return;
    }
    let mut weights = Vec::new();
    if is_by_weight {
        weights = divide::weigh(&decision.selected, placement, snapshot);
        weights.sort_unstable();
    }
    let total = weights.iter().fold(0_i64, |sum, (_, weight)| sum.saturating_add(*weight));
    let weight = |candidate: &Candidate| {
        let at = weights.binary_search_by_key(&candidate.at, |(at, _)| *at).ok()?;
        Some(Weight { own: weights[at].1, total, replicas: spec.replicas })
    };
    let is_chosen = |candidate: &Candidate| {
        let name = snapshot.members()[candidate.at].name;
        decision.clusters.binary_search_by(|target| target.name.cmp(name)).is_ok()
    };
    let (chosen, others): (Vec<&Candidate>, Vec<&Candidate>) =
        decision.candidates.iter().partition(|candidate| is_chosen(candidate));
    let mut selected: Vec<usize> = decision.selected.iter().map(|one| one.at).collect();
    selected.sort_unstable();
    // Those whose weight made no replica, which all are named; without a weight nothing else matters.
    let is_of_interest = |one: &&Candidate| is_choice || !is_by_weight || weight(one).is_some();
    let n_others = if is_by_weight { REST_MIN } else { RUNNERS_UP_MAX };
    let others = others.into_iter().filter(is_of_interest).take(n_others);
    let stood = |one: &Candidate| {
        let selected = selected.binary_search(&one.at).is_ok();
        let stood = standing(spec, one, selected, snapshot);
        // What a cluster that is not heard of has room for is not known, and does not matter here.
        let room = stood.room.filter(|_| !is_by_weight || snapshot.members()[one.at].is_reported);
        Standing { room, weight: weight(one), ..stood }
    };
    reasons.standings = chosen.into_iter().chain(others).map(stood).collect();
}

/// Keeps which affinity groups a decision, or an attempt in vain, found not to fit.
pub(super) fn tried(binding: &mut Binding, refused: Vec<(String, Refusal)>) {
    let tried = |(group, why): (String, Refusal)| TriedGroup { group, why: why.to_string() };
    binding.reasons.tried = refused.into_iter().map(tried).collect();
}

/// Forgets what was tried in vain, once a decision is in force again.
pub(super) fn forget_attempt(binding: &mut Binding) {
    binding.reasons.attempt.clear();
    binding.reasons.found = None;
}

/// Of the groups that were tried keeps those before the one in use: the others were refused later, when
/// more was asked for than is now.
pub(super) fn forget_refusal(binding: &mut Binding) {
    let in_use = &binding.status.scheduler_observed_affinity_name;
    let terms = binding.spec.placement.iter().flat_map(|placement| &placement.cluster_affinities);
    let names = terms.map(|term| &term.affinity_name);
    let before: Vec<&String> = names.take_while(|name| *name != in_use).collect();
    binding.reasons.tried.retain(|one| before.contains(&&one.group));
}

/// Keeps how the clusters that would do stood when nothing could be decided: those that run it, and
/// the best of the others. How those stood that were chosen before stays told as long as one runs it.
pub(super) fn attempt(binding: &mut Binding, candidates: &[Candidate], snapshot: &Snapshot<'_>) {
    if candidates.is_empty() {
        if binding.spec.clusters.is_empty() {
            binding.reasons.standings.clear();
        }
        return;
    }
    let spec = &binding.spec;
    let (runs, others): (Vec<&Candidate>, Vec<&Candidate>) =
        candidates.iter().partition(|one| one.assigned.is_some());
    let kept = runs.into_iter().chain(others.into_iter().take(CANDIDATES_MAX));
    binding.reasons.attempt = kept.map(|one| standing(spec, one, true, snapshot)).collect();
    let room = candidates.iter().map(|one| one.available).fold(0, i64::saturating_add);
    let room = counts_room(spec).then_some(room);
    binding.reasons.found = Some(Found { n_clusters: candidates.len(), room });
}

fn standing(
    spec: &BindingSpec,
    candidate: &Candidate,
    selected: bool,
    snapshot: &Snapshot<'_>,
) -> Standing {
    let member = &snapshot.members()[candidate.at];
    Standing {
        cluster: member.name.clone(),
        region: member.cluster.spec.region.clone().unwrap_or_default(),
        tier: candidate.tier,
        score: candidate.score,
        room: counts_room(spec).then_some(candidate.allocatable),
        had: candidate.assigned,
        selected,
        weight: None,
    }
}

fn counts_room(spec: &BindingSpec) -> bool {
    spec.replicas > 0 || !spec.components.is_empty()
}
