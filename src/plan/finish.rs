//! Ends a decision: the works of its clusters, what the members report of them, the template's own
//! status.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::binding::{Binding, PlannedBinding};
use super::by_cluster::ByCluster;
use super::decide::Case;
use super::explain;
use super::packed::PackedBinding;
use super::previous::Remembered;
use super::reasons::{Answer, OverrideGroup, group_clusters};
use super::rendered::RenderedFile;
use super::template_state::TemplateState;
use super::work::{PlannedWork, WorkError, WorkMaker, shares};
use super::world::World;
use crate::api::binding::{AggregatedStatusItem, TargetCluster};
use crate::api::cluster::Departure;
use crate::api::condition;
use crate::api::marks;
use crate::api::names::{ClusterName, ObjectId};
use crate::schedule::Refusal;
use crate::schedule::divide::is_workload;
use crate::status;

type Works = BTreeMap<ClusterName, Arc<PlannedWork>>;

/// The works of before, in clusters that are still in the fleet.
pub(super) fn previous_works(world: &World<'_>, previous: &Remembered) -> Works {
    previous
        .works()
        .filter(|(name, _)| world.clusters.contains_key(*name))
        .filter_map(|(name, _)| Some((name.clone(), previous.work(name)?)))
        .collect()
}

/// The work of each chosen cluster. A cluster whose work cannot be made, or may not be sent, keeps
/// the one that it has; if it has none, the clusters that would be left keep theirs, so that the
/// template goes on to run.
pub(super) fn make_works(world: &World<'_>, case: &Case<'_>, binding: &mut Binding) -> Works {
    let mut works = Works::new();
    let mut stale = Vec::new();
    let mut overridden: BTreeMap<Vec<String>, Vec<ClusterName>> = BTreeMap::new();
    let policies = world.overrides_for(case.template.namespace());
    let mut maker = WorkMaker::new(&case.template, binding, policies, world.interpreter);
    for (name, share) in shares(binding, &case.template) {
        let Some(state) = world.clusters.get(&name) else { continue };
        if state.cluster.departure() == Some(Departure::Remove) {
            stale.push((
                name,
                Answer::new("goes from here with the cluster, which leaves the fleet"),
            ));
            continue;
        }
        let made = match why_kept(binding, &name) {
            Some(why) => Err(Answer::new(why)),
            None => maker.make(&state.cluster, share).map_err(|error| {
                if let WorkError::NoAnswer(no_answer) = &error {
                    world.asked_in_vain(no_answer);
                }
                Answer::new(&error.to_string())
            }),
        };
        match made {
            Ok((work, changed_by)) => {
                if !changed_by.is_empty() {
                    overridden.entry(changed_by).or_default().push(name.clone());
                }
                let same = case.previous.and_then(|previous| previous.planned_work(&name, work.id));
                works.insert(name, same.unwrap_or(work));
            }
            Err(why) => {
                stale.push((name.clone(), why));
                let before = case.previous.and_then(|previous| previous.work(&name));
                works.extend(before.map(|work| (name, work)));
            }
        }
    }
    for (name, work, why) in leaving(world, case, binding, &works) {
        stale.push((name.clone(), Answer::new(&why)));
        works.insert(name, work);
    }
    let group = |(policies, clusters)| OverrideGroup { policies, clusters };
    binding.reasons.overrides = overridden.into_iter().map(group).collect();
    binding.reasons.stale = group_clusters(stale);
    works
}

/// Why a cluster that is to run the template keeps the work that it has, whatever a new one would say.
fn why_kept(binding: &Binding, name: &ClusterName) -> Option<&'static str> {
    if does_none_fit(binding) && binding.target(name).is_some() {
        return Some("runs on here, though no cluster fits any more");
    }
    is_suspended(binding, name).then_some("dispatching is suspended")
}

/// Whether nothing may be written in this cluster.
fn is_suspended(binding: &Binding, name: &ClusterName) -> bool {
    binding.spec.suspension.as_ref().is_some_and(|one| one.policy.holds(name.as_str()))
}

/// Whether it was refused because no cluster fits: then nothing new is sent anywhere.
fn does_none_fit(binding: &Binding) -> bool {
    condition::find(&binding.status.conditions, marks::CONDITION_SCHEDULED)
        .is_some_and(|scheduled| scheduled.reason == Refusal::NO_CLUSTER_FIT)
}

/// Works of clusters that are not chosen any more and keep them all the same, and why: nothing may be
/// written there, the work of a cluster that is chosen is missing, or a person takes the cluster out of the
/// fleet and has not yet said that what it has may go.
fn leaving(
    world: &World<'_>,
    case: &Case<'_>,
    binding: &Binding,
    works: &Works,
) -> Vec<(ClusterName, Arc<PlannedWork>, String)> {
    let Some(previous) = case.previous.filter(|_| binding.reasons.held.is_empty()) else {
        return Vec::new();
    };
    let chosen = binding.spec.replicas_by_cluster();
    let is_missing =
        |name: &&ClusterName| world.clusters.contains_key(*name) && !works.contains_key(*name);
    let missing = chosen.keys().find(is_missing);
    let why_left = |name: &ClusterName| {
        if is_suspended(binding, name) {
            return Some(
                "runs on here, though it is to leave: dispatching is suspended".to_owned(),
            );
        }
        if departure(world, name) == Some(Departure::Evict) {
            return Some("runs on here until the cluster has left the fleet".to_owned());
        }
        let missing = missing?;
        Some(format!("runs on here, though it is to leave, until {missing} has its work"))
    };
    let names = previous.works().map(|(name, _)| name);
    let names =
        names.filter(|name| !chosen.contains_key(*name) && world.clusters.contains_key(*name));
    names.filter_map(|name| Some((name.clone(), previous.work(name)?, why_left(name)?))).collect()
}

/// How far a cluster has come on its way out of the fleet.
fn departure(world: &World<'_>, name: &ClusterName) -> Option<Departure> {
    world.clusters.get(name)?.cluster.departure()
}

/// Folds in what the members report, and keeps the very value of before when nothing changed.
pub(super) fn finish(
    world: &World<'_>,
    case: &Case<'_>,
    binding: &mut Binding,
    mut works: Works,
    survey: Option<Arc<RenderedFile>>,
) -> Arc<PlannedBinding> {
    works.retain(|name, _| departure(world, name) != Some(Departure::Remove));
    let names = binding.spec.replicas_by_cluster().into_keys();
    let names = names.filter(|name| world.clusters.contains_key(name));
    let mut given: BTreeMap<ClusterName, Option<ObjectId>> =
        names.map(|name| (name, None)).collect();
    let unmade = given.keys().filter(|name| !works.contains_key(*name));
    binding.reasons.unmade = unmade.cloned().collect();
    let runs_on = works.keys().filter(|name| !given.contains_key(*name));
    let before = case.before.as_ref();
    binding.reasons.runs_on = runs_on.map(|name| left_over(before, name)).collect();
    given.extend(works.iter().map(|(name, work)| (name.clone(), Some(work.id))));
    let items = status::aggregate(case.key, &given, world.reports);
    condition::set(&mut binding.status.conditions, status::fully_applied(&items, world.now));
    binding.status.aggregated_status = items;
    fold(world, case, binding);
    explain::along(binding, world.clusters);
    let (packed, works) = (PackedBinding::from(&*binding), ByCluster::from(works));
    if let Some(Remembered::Planned(planned)) = case.previous
        && planned.packed == packed
        && planned.works == works
    {
        return Arc::clone(planned);
    }
    PlannedBinding::new(binding, packed, works, survey)
}

/// A cluster that runs it on without being chosen, with what it was given when it was.
fn left_over(before: Option<&Binding>, name: &ClusterName) -> TargetCluster {
    let left_over = before.and_then(|before| {
        let runs_on = &before.reasons.runs_on;
        before.target(name).or_else(|| runs_on.iter().find(|one| one.name == *name))
    });
    left_over.cloned().unwrap_or_else(|| TargetCluster::new(name.clone(), 0))
}

/// Folds what the members reported into the template's own status. It stays as it is while they report
/// the same of the same content: a script may write the time, or count.
fn fold(world: &World<'_>, case: &Case<'_>, binding: &mut Binding) {
    let items = &binding.status.aggregated_status;
    let says_something = |item: &AggregatedStatusItem| item.applied || item.status.is_some();
    if binding.template.status.is_none() && !items.iter().any(says_something) {
        binding.reasons.status.clear();
        return;
    }
    let by = Some(world.interpreter_basis);
    let by = by.filter(|_| world.interpreter.aggregates_by_rule(&case.template));
    let before = case.before.as_ref();
    let is_same = before.is_some_and(|before| {
        before.reasons.status.is_empty()
            && before.template.status.is_some()
            && before.status.aggregated_status == *items
            && before.spec.clusters == binding.spec.clusters
            && before.spec.resource == binding.spec.resource
            && before.template == TemplateState { by, ..binding.template.clone() }
    });
    binding.reasons.status.clear();
    if is_same {
        return;
    }
    let shown = binding.template.shown_on(&case.template);
    let spec = &binding.spec;
    let replicas = spec.clusters.iter().map(|target| i64::from(target.replicas));
    let assigned = is_workload(spec).then(|| replicas.sum());
    match world.interpreter.aggregate(&shown, items, assigned, world.now) {
        Ok(status) => {
            binding.template.status = status.or_else(|| binding.template.status.take());
            binding.template.by = by;
        }
        Err(no_answer) => {
            world.asked_in_vain(&no_answer);
            binding.reasons.status = no_answer.to_string();
        }
    }
}
