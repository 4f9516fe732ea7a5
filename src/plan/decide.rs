//! Decides on one template: policy, binding, clusters, works, status.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::binding::{Binding, PlannedBinding};
use super::choose::{WhenNoneFits, choose};
use super::dependents::{Attachment, is_attached};
use super::explain;
use super::finish::{finish, make_works, previous_works};
use super::namespaces;
use super::policies::Selection;
use super::previous::Remembered;
use super::reasons::LOST_POLICIES_MAX;
use super::reserved::why_reserved;
use super::survey::{Sight, Surveys};
use super::template_state::TemplateState;
use super::unplaced::Unplaced;
use super::work::PlannedWork;
use super::world::World;
use crate::api::binding::{
    BindingSchedulePriority, BindingSpec, BindingSuspension, TargetCluster, WorkloadAffinityGroups,
};
use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::marks;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::placement::{Placement, WorkloadAffinityTerm};
use crate::api::propagation_policy::ActivationPreference;
use crate::fleet::{Template, plain_id};
use crate::interpret::NoAnswer;
use crate::schedule;
use crate::schedule::divide::{Strategy, is_workload, strategy};
use crate::schedule::trigger::{Trigger, trigger};

/// What became of one template.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It has a binding, though maybe no cluster.
    Bound(Arc<PlannedBinding>),
    /// It has none.
    Unplaced(Arc<Unplaced>),
}

/// One template and what was decided on it before.
pub(super) struct Case<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) template: Manifest,
    /// Changes iff the template's content does.
    pub(super) id: ObjectId,
    /// Changes iff something besides its metadata and status does.
    desired: Option<ObjectId>,
    pub(super) previous: Option<&'a Remembered>,
    /// The decision of `previous`.
    pub(super) before: Option<Binding>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        key: &'a ObjectKey,
        template: &'a Template,
        previous: Option<&'a Remembered>,
    ) -> Self {
        let Template { manifest, id, desired, .. } = template;
        let (template, before) = (manifest.open(), previous.map(Remembered::binding));
        Self { key, template, id: *id, desired: *desired, previous, before }
    }
}

impl Case<'_> {
    /// The template, as if nothing had been decided on it.
    fn afresh(&self) -> Self {
        Self { template: self.template.clone(), previous: None, before: None, ..*self }
    }
}

/// How far a template has come: what follows needs its turn among the others.
pub(super) enum Drafted {
    /// It needs no clusters to be chosen.
    Done(Outcome),
    /// It has a policy; clusters are to be chosen.
    Open(Box<Binding>),
}

/// Place in the order of decisions; higher comes first.
pub(super) fn priority(binding: &Binding) -> i32 {
    binding.spec.schedule_priority.as_ref().map_or(0, |one| one.priority)
}

/// Finds the policy of one template and drafts its binding.
pub(super) fn draft(world: &World<'_>, case: &Case<'_>) -> Drafted {
    if let Some(reason) = why_reserved(&case.template) {
        return Drafted::Done(Outcome::Unplaced(Arc::new(Unplaced { reason })));
    }
    let Some(selection) = world.policies.select(&case.template) else {
        if namespaces::is_spread(case) {
            return Drafted::Done(namespaces::place_everywhere(world, case));
        }
        return Drafted::Done(hold(world, case, UNSELECTED));
    };
    let policy = selection.winner.label();
    if let Some(missing) = world.missing_override(&selection.winner) {
        let why = format!("{policy} waits for dependent overrides: there is no `{missing}`");
        return Drafted::Done(hold(world, case, &why));
    }
    let priority = match world.priority(&selection.winner) {
        Ok(priority) => priority,
        Err(missing) => {
            let why =
                format!("{policy} waits for its priority: there is no PriorityClass `{missing}`");
            return Drafted::Done(hold(world, case, &why));
        }
    };
    let mut binding = match binding(world, case, &selection) {
        Ok(binding) => binding,
        Err(no_answer) => {
            world.asked_in_vain(&no_answer);
            return Drafted::Done(hold(world, case, &no_answer.to_string()));
        }
    };
    // As in Karmada, what has no namespace has no priority.
    binding.spec.schedule_priority = priority
        .filter(|_| case.key.namespace.is_some())
        .map(|priority| BindingSchedulePriority { priority });
    if let Some(previous) = held_back_by_lazy(case, &selection, &binding) {
        binding = Binding { template: binding.template, ..previous.clone() };
        name_template(&mut binding, case);
        binding.reasons.is_at_odds = false;
        binding.reasons.pending =
            format!("{policy} is Lazy: it acts when the template changes; {STAYS}");
    }
    Drafted::Open(Box::new(binding))
}

/// Ends what is said of a policy, or of none, that does not act.
const STAYS: &str = "what was decided before stays in force";

const UNSELECTED: &str = "no policy selects it";

/// Leaves everything as it was decided before; a template that was not is placed nowhere, or goes
/// along with what needs it.
fn hold(world: &World<'_>, case: &Case<'_>, why: &str) -> Outcome {
    let Some(previous) = case.previous else {
        return hold_none(why);
    };
    let mut binding = previous.binding();
    if is_attached(&binding) {
        return go_along(world, case, &Attachment::of(&binding));
    }
    binding.reasons.is_at_odds = false;
    binding.reasons.held = format!("{why}; {STAYS}");
    explain::held(&mut binding, world.clusters);
    let works = previous_works(world, previous);
    Outcome::Bound(finish(world, case, &mut binding, works, previous.survey().cloned()))
}

/// A template that no policy selects goes where those run that need it.
fn go_along(world: &World<'_>, case: &Case<'_>, attachment: &Attachment) -> Outcome {
    let mut binding = Binding::new(case.key, &case.template);
    binding.spec.resource.resource_version = Some(case.id.to_string());
    carry_over(&mut binding, case);
    let spec = &mut binding.spec;
    spec.clusters.clear();
    spec.required_by.clone_from(&attachment.required_by);
    spec.conflict_resolution = attachment.conflict_resolution;
    spec.preserve_resources_on_deletion = attachment.preserve_resources_on_deletion;
    binding.reasons.policy = attachment.told();
    binding.reasons.notes.clone_from(&attachment.notes);
    let works = make_works(world, case, &mut binding);
    Outcome::Bound(finish(world, case, &mut binding, works, None))
}

/// Sends what was decided on where others need it as well, or calls it back from there.
pub(super) fn attach(
    world: &World<'_>,
    case: &Case<'_>,
    decided: Option<&PlannedBinding>,
    attachment: &Attachment,
) -> Outcome {
    let decided = decided.map(|decided| (decided, decided.binding()));
    let Some((decided, mut binding)) = decided.filter(|(_, binding)| !is_attached(binding)) else {
        if attachment.required_by.is_empty() {
            return match draft(world, &case.afresh()) {
                Drafted::Done(outcome) => outcome,
                Drafted::Open(_) => hold_none(UNSELECTED),
            };
        }
        return go_along(world, case, attachment);
    };
    binding.spec.required_by.clone_from(&attachment.required_by);
    if binding.reasons.held.is_empty() {
        let works = make_works(world, case, &mut binding);
        let planned = finish(world, case, &mut binding, works, decided.survey.clone());
        return Outcome::Bound(planned);
    }
    // What is held stays as it is where it is held.
    let works = decided.works.iter();
    let is_held = |name: &ClusterName| binding.spec.clusters.iter().any(|one| one.name == *name);
    let held = works.filter(|(name, _)| is_held(name));
    let mut works: BTreeMap<ClusterName, Arc<PlannedWork>> =
        held.map(|(name, work)| (name.clone(), Arc::clone(work))).collect();
    let mut wider = binding.clone();
    wider.spec.clusters.clear();
    for (name, work) in make_works(world, case, &mut wider) {
        works.entry(name).or_insert(work);
    }
    add_new(&mut binding.reasons.stale, wider.reasons.stale);
    add_new(&mut binding.reasons.overrides, wider.reasons.overrides);
    Outcome::Bound(finish(world, case, &mut binding, works, decided.survey.clone()))
}

fn add_new<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

fn hold_none(why: &str) -> Outcome {
    Outcome::Unplaced(Arc::new(Unplaced { reason: why.to_owned() }))
}

/// A binding with what the template and its policy say, and what was decided before.
fn binding(
    world: &World<'_>,
    case: &Case<'_>,
    selection: &Selection<'_>,
) -> Result<Binding, NoAnswer> {
    let mut binding = Binding::new(case.key, &case.template);
    let policy = &selection.winner;
    name_template(&mut binding, case);
    let spec = &mut binding.spec;
    spec.placement = Some(policy.spec.placement.clone().unwrap_or_default());
    spec.propagate_deps = policy.spec.propagate_deps;
    spec.scheduler_name.clone_from(&policy.spec.scheduler_name);
    spec.failover.clone_from(&policy.spec.failover);
    spec.conflict_resolution = policy.spec.conflict_resolution;
    spec.preserve_resources_on_deletion = policy.spec.preserve_resources_on_deletion;
    spec.suspension = policy
        .spec
        .suspension
        .clone()
        .map(|suspension| BindingSuspension { policy: suspension, scheduling: None });
    let is_one_cluster = spec.placement.as_ref().is_some_and(schedule::is_one_cluster);
    let parts = if is_one_cluster { world.interpreter.components(&case.template)? } else { None };
    if let Some(parts) = parts {
        // What consists of several parts goes to its one cluster as a whole.
        spec.components = parts;
    } else if let Some(replicas) = world.interpreter.replicas(&case.template)? {
        spec.replicas = replicas.count;
        spec.replica_requirements = replicas.requirements;
    }
    spec.workload_affinity_groups = affinity_groups(&case.template, spec.placement.as_ref());
    let annotations = &mut binding.metadata.annotations;
    let name = policy.name.to_owned();
    match policy.namespace {
        Some(namespace) => {
            annotations.insert(marks::POLICY_NAMESPACE.to_owned(), namespace.to_owned());
            annotations.insert(marks::POLICY_NAME.to_owned(), name);
        }
        None => {
            annotations.insert(marks::CLUSTER_POLICY_NAME.to_owned(), name);
        }
    }
    binding.reasons.policy = policy.label();
    binding.reasons.beats = selection.beaten.iter().take(LOST_POLICIES_MAX).cloned().collect();
    // As in Karmada, what has no namespace takes nothing along.
    if policy.spec.propagate_deps && case.key.namespace.is_some() {
        let found = world.interpreter.dependencies(&case.template)?;
        let text = serde_json::to_string(&found).expect("references have a JSON form");
        binding.metadata.annotations.insert(marks::DEPENDENCIES.to_owned(), text);
    }
    carry_over(&mut binding, case);
    Ok(binding)
}

/// Writes down which content of the template it is about.
fn name_template(binding: &mut Binding, case: &Case<'_>) {
    binding.spec.resource.resource_version = Some(case.id.to_string());
    let annotations = &mut binding.metadata.annotations;
    match plain_id(&case.template) {
        Some(id) => annotations.insert(marks::PLAIN_TEMPLATE.to_owned(), id.to_string()),
        None => annotations.remove(marks::PLAIN_TEMPLATE),
    };
}

/// The groups that a template of a namespace belongs to, by its labels.
fn affinity_groups(
    template: &Manifest,
    placement: Option<&Placement>,
) -> Option<WorkloadAffinityGroups> {
    let affinity =
        placement?.workload_affinity.as_ref().filter(|_| template.namespace().is_some())?;
    let group = |term: &Option<WorkloadAffinityTerm>| {
        let key = &term.as_ref()?.group_by_label_key;
        Some(format!("{key}={}", template.label(key)?))
    };
    let (together, apart) = (group(&affinity.affinity), group(&affinity.anti_affinity));
    (together.is_some() || apart.is_some()).then(|| WorkloadAffinityGroups {
        affinity_group: together.unwrap_or_default(),
        anti_affinity_group: apart.unwrap_or_default(),
    })
}

/// Takes over what a new draft does not decide: where it runs, moves under way, its status.
pub(super) fn carry_over(binding: &mut Binding, case: &Case<'_>) {
    let previous = case.before.as_ref();
    binding.template =
        TemplateState::next(&case.template, case.desired, previous.map(|it| &it.template));
    let Some(previous) = previous else { return };
    let (spec, before) = (&mut binding.spec, &previous.spec);
    spec.clusters.clone_from(&before.clusters);
    binding.reasons.standings.clone_from(&previous.reasons.standings);
    binding.reasons.choice = previous.reasons.choice;
    let groups = spec.placement.iter().flat_map(|placement| &placement.cluster_affinities);
    let is_group = |name: &String| groups.clone().any(|group| group.affinity_name == *name);
    let tried = previous.reasons.tried.iter().filter(|one| is_group(&one.group));
    binding.reasons.tried = tried.cloned().collect();
    binding.reasons.attempt.clone_from(&previous.reasons.attempt);
    binding.reasons.found = previous.reasons.found;
    spec.graceful_eviction_tasks.clone_from(&before.graceful_eviction_tasks);
    spec.required_by.clone_from(&before.required_by);
    spec.reschedule_triggered_at = before.reschedule_triggered_at;
    let scheduling = before.suspension.as_ref().and_then(|suspension| suspension.scheduling);
    if scheduling.is_some() {
        spec.suspension.get_or_insert_default().scheduling = scheduling;
    }
    if let Some(applied) = previous.applied_placement() {
        let annotations = &mut binding.metadata.annotations;
        annotations.insert(marks::APPLIED_PLACEMENT.to_owned(), applied.to_owned());
    }
    binding.status = previous.status.clone();
}

/// The decision of before, if a Lazy policy wants something new of a template that did not change, but
/// for labels and annotations that only say what to do with it. The clusters go on being chosen by the
/// placement in force.
fn held_back_by_lazy<'c>(
    case: &'c Case<'_>,
    selection: &Selection<'_>,
    binding: &Binding,
) -> Option<&'c Binding> {
    let is_lazy = selection.winner.spec.activation_preference == Some(ActivationPreference::Lazy);
    case.before.as_ref().filter(|previous| {
        is_lazy
            && !is_attached(previous)
            && previous.plain_template() == binding.plain_template()
            && previous.spec != binding.spec
    })
}

/// Chooses clusters if there is cause to, and makes the works.
pub(super) fn place(
    world: &World<'_>,
    case: &Case<'_>,
    binding: &mut Binding,
    sight: Sight<'_>,
    surveys: &mut Surveys,
) -> Arc<PlannedBinding> {
    let snapshot = sight.snapshot;
    let is_suspended =
        binding.spec.suspension.as_ref().is_some_and(|one| one.scheduling == Some(true));
    let cause = trigger(&binding.spec, &binding.status, binding.applied_placement(), snapshot)
        .filter(|cause| *cause != Trigger::Always || !stands(binding, sight, surveys));
    if !is_suspended {
        let before = case.before.as_ref();
        choose(binding, before, cause, sight, WhenNoneFits::Stay, world.now);
    }
    let survey = surveys.of(binding, sight);
    binding.reasons.choice = is_choice(binding).then_some(survey.choice);
    explain::clusters(binding, &survey, snapshot);
    let works = make_works(world, case, binding);
    finish(world, case, binding, works, survey.file.clone())
}

/// Whether the clusters are a choice that is made afresh at all times: of what is not divided, and
/// goes to some of the clusters that would do.
fn is_choice(binding: &Binding) -> bool {
    let placement = binding.spec.placement.as_ref();
    placement.is_some_and(|placement| {
        !placement.spread_constraints.is_empty()
            && (strategy(placement) == Strategy::Duplicated || !is_workload(&binding.spec))
    })
}

/// Whether a choice stands: it was made among the same clusters, of as many replicas. Room that
/// comes and goes moves nothing that runs.
fn stands(binding: &Binding, sight: Sight<'_>, surveys: &mut Surveys) -> bool {
    let spec = &binding.spec;
    is_choice(binding)
        && !binding.is_waiting()
        && !spec.clusters.is_empty()
        && spec.clusters.iter().all(|target| target.replicas == spec.replicas)
        && spec.clusters.iter().all(|target| is_whole(spec, target))
        && {
            let survey = surveys.of(binding, sight);
            binding.reasons.choice == Some(survey.choice)
                && spec.clusters.iter().all(|target| survey.lets_stay(binding, target, sight))
        }
}

/// Whether a cluster has all the parts of a workload that is placed as a set of them.
fn is_whole(spec: &BindingSpec, target: &TargetCluster) -> bool {
    target.components.is_empty()
        || target
            .components
            .iter()
            .map(|part| (&part.name, part.replicas))
            .eq(spec.components.iter().map(|part| (&part.name, part.replicas)))
}
