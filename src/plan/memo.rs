//! Remembers what was decided and on what, so that cost follows the change and not the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::ClusterWorks;
use super::binding::PlannedBinding;
use super::clusters::ClusterState;
use super::cursor::{Cursor, join};
use super::decide::Outcome;
use super::definitions::is_definition;
use super::previous::Remembered;
use super::unplaced::Unplaced;
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::ClusterReport;
use crate::fleet::{Fleet, Template};
use crate::status::Reports;

/// A cache of decisions. Forgetting it costs time and changes nothing.
#[derive(Debug, Default)]
pub struct Memo {
    /// What the decisions of `entries` looked at besides their template.
    world: Option<ObjectId>,
    /// The same, without what definitions of the fleet add to it.
    base: Option<ObjectId>,
    reports: Reports,
    clusters: BTreeMap<ClusterName, KeptCluster>,
    entries: BTreeMap<ObjectKey, Entry>,
    /// What `entries` come to.
    sum: Sum,
    /// Templates of which a report says something new.
    changed: BTreeSet<ObjectKey>,
    /// Whether something has changed since it was last looked who goes along with whom.
    is_along_in_doubt: bool,
    /// Whether some go along by their labels.
    does_along_select: bool,
}

#[derive(Debug)]
struct Entry {
    template: ObjectId,
    outcome: Outcome,
    /// Whether the decision looked at more than its own inputs.
    is_unsettled: bool,
    is_waiting: bool,
}

/// The decisions, as a plan has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) bindings: BTreeMap<ObjectKey, Arc<PlannedBinding>>,
    pub(super) works: BTreeMap<ClusterName, Arc<ClusterWorks>>,
    pub(super) unplaced: BTreeMap<ObjectKey, Arc<Unplaced>>,
    /// Templates that take others along, or go along.
    along: BTreeSet<ObjectKey>,
}

impl Sum {
    fn put(&mut self, key: &ObjectKey, outcome: &Outcome) {
        match outcome {
            Outcome::Bound(planned) => {
                for (name, work) in planned.works.iter() {
                    if let Some(works) = self.works.get_mut(name) {
                        Arc::make_mut(works).insert(key.clone(), Arc::clone(work));
                    }
                }
                if planned.goes_or_takes_along() {
                    self.along.insert(key.clone());
                }
                self.bindings.insert(key.clone(), Arc::clone(planned));
            }
            Outcome::Unplaced(reason) => {
                self.unplaced.insert(key.clone(), Arc::clone(reason));
            }
        }
    }

    fn take(&mut self, key: &ObjectKey, outcome: &Outcome) {
        match outcome {
            Outcome::Bound(planned) => {
                for name in planned.works.keys() {
                    if let Some(works) = self.works.get_mut(name) {
                        Arc::make_mut(works).remove(key);
                    }
                }
                self.bindings.remove(key);
                self.along.remove(key);
            }
            Outcome::Unplaced(_) => {
                self.unplaced.remove(key);
            }
        }
    }
}

#[derive(Debug)]
struct KeptCluster {
    source: ObjectId,
    report: Option<Arc<ClusterReport>>,
    state: Arc<ClusterState>,
}

impl Memo {
    /// The state of each cluster of the fleet; one that did not change is not rendered again.
    pub(super) fn clusters(
        &mut self,
        fleet: &Fleet,
        reports: &Reports,
    ) -> BTreeMap<ClusterName, Arc<ClusterState>> {
        let mut kept = BTreeMap::new();
        for (name, source) in &fleet.clusters {
            let report = reports.get(name).cloned();
            let cluster = match self.clusters.remove(name) {
                Some(old)
                    if old.source == source.id && is_same(old.report.as_ref(), report.as_ref()) =>
                {
                    old
                }
                Some(_) | None => {
                    let state = ClusterState::new(&source.value, report.as_deref());
                    KeptCluster { source: source.id, report, state }
                }
            };
            kept.insert(name.clone(), cluster);
        }
        self.clusters = kept;
        let state =
            |(name, kept): (&ClusterName, &KeptCluster)| (name.clone(), Arc::clone(&kept.state));
        self.clusters.iter().map(state).collect()
    }

    /// Begins a plan in these surroundings: decides on definitions.
    pub(super) fn begin(&mut self, base: ObjectId, reports: &Reports) {
        if self.base != Some(base) {
            self.forget();
        }
        self.base = Some(base);
        self.changed = changed_objects(&self.reports, reports);
        self.reports = reports.clone();
    }

    /// Goes on to everything else, in surroundings that the definitions have widened.
    pub(super) fn widen(&mut self, world: ObjectId) {
        if self.world != Some(world) {
            let entries = std::mem::take(&mut self.entries).into_iter();
            let definitions = entries.filter(|(key, _)| is_definition(&key.group_kind));
            self.entries = definitions.collect();
            self.sum = Sum::default();
            self.name_clusters();
            for (key, entry) in &self.entries {
                self.sum.put(key, &entry.outcome);
            }
        }
        self.world = Some(world);
    }

    /// What is remembered, to be asked for template after template in their order.
    pub(super) fn recall(&self) -> Recall<'_> {
        Recall { entries: Cursor::new(&self.entries), changed: &self.changed }
    }

    /// Every cluster has works, be they none.
    fn name_clusters(&mut self) {
        if self.sum.works.is_empty() {
            let none = |name: &ClusterName| (name.clone(), Arc::default());
            self.sum.works = self.clusters.keys().map(none).collect();
        }
    }

    fn forget(&mut self) {
        self.entries.clear();
        self.sum = Sum::default();
    }

    /// Keeps a decision of this plan.
    pub(super) fn keep(&mut self, key: &ObjectKey, template: ObjectId, outcome: Outcome) {
        self.name_clusters();
        let (is_waiting, is_unsettled) = match &outcome {
            Outcome::Unplaced(_) => (false, false),
            Outcome::Bound(planned) => (planned.packed.is_waiting, planned.packed.is_unsettled),
        };
        let old = self.entries.get(key);
        let is_along = |outcome: &Outcome| match outcome {
            Outcome::Bound(planned) => planned.goes_or_takes_along(),
            Outcome::Unplaced(_) => false,
        };
        // A template that is new may be what another refers to; one that changed, what another selects.
        self.is_along_in_doubt |= is_along(&outcome)
            || old.is_none_or(|old| {
                is_along(&old.outcome) || (self.does_along_select && old.template != template)
            });
        if let Some(old) = old {
            self.sum.take(key, &old.outcome);
        }
        self.sum.put(key, &outcome);
        self.entries.insert(key.clone(), Entry { template, outcome, is_unsettled, is_waiting });
    }

    /// The binding that was decided on so far, if it is one.
    pub(super) fn decided(&self, key: &ObjectKey) -> Option<&Arc<PlannedBinding>> {
        self.sum.bindings.get(key)
    }

    /// The bindings that were decided on so far.
    pub(super) fn bindings(&self) -> impl Iterator<Item = (&ObjectKey, &Arc<PlannedBinding>)> {
        self.sum.bindings.iter()
    }

    /// The decisions so far that take others along, or go along; those of templates that are gone are
    /// among them.
    pub(super) fn along(&self) -> impl Iterator<Item = (&ObjectKey, &Arc<PlannedBinding>)> {
        self.sum.along.iter().filter_map(|key| self.sum.bindings.get_key_value(key))
    }

    /// Whether who goes along with whom may have changed since [`along_is_settled`](Self::along_is_settled).
    pub(super) fn is_along_in_doubt(&self, templates: &BTreeMap<ObjectKey, Template>) -> bool {
        !self.sum.along.is_empty()
            && (self.is_along_in_doubt || self.entries.len() > templates.len())
    }

    /// It was looked who goes along with whom; `does_select` if some go by their labels.
    pub(super) fn along_is_settled(&mut self, does_select: bool) {
        self.is_along_in_doubt = false;
        self.does_along_select = does_select;
    }

    /// Marks decisions to be made again by the next plan, whatever it finds.
    pub(super) fn doubt(&mut self, keys: &BTreeSet<ObjectKey>) {
        for key in keys {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.is_unsettled = true;
            }
        }
    }

    /// Ends the plan for these templates: what it was not about is forgotten. What was decided, and
    /// when what waits is decided on though nothing happens: when the first of the room that others
    /// were given and never used is free again.
    pub(super) fn end(
        &mut self,
        templates: &BTreeMap<ObjectKey, Template>,
        now: Timestamp,
    ) -> (Sum, Option<Timestamp>) {
        if self.entries.len() > templates.len() {
            let sum = &mut self.sum;
            self.entries.retain(|key, entry| {
                let is_there = templates.contains_key(key);
                if !is_there {
                    sum.take(key, &entry.outcome);
                }
                is_there
            });
        }
        self.name_clusters();
        self.changed.clear();
        let is_waiting = self.entries.values().any(|entry| entry.is_waiting);
        let packed = self.sum.bindings.values().map(|planned| &planned.packed);
        let awaited = packed.filter(|packed| is_waiting && packed.is_awaited);
        let until = awaited.filter_map(|packed| packed.awaited_until);
        (self.sum.clone(), until.filter(|until| *until > now).min())
    }
}

/// The decisions of the plan before.
pub(super) struct Recall<'m> {
    entries: Cursor<'m, Entry>,
    changed: &'m BTreeSet<ObjectKey>,
}

impl Recall<'_> {
    /// What was decided on the template, if nothing that the decision looked at has changed.
    pub(super) fn outcome(
        &mut self,
        key: &ObjectKey,
        template: ObjectId,
        previous: Option<&Remembered>,
    ) -> Option<&Outcome> {
        let entry = self.entries.seek(key).filter(|entry| entry.template == template)?;
        let is_current = match (&entry.outcome, previous) {
            _ if entry.is_unsettled => false,
            (Outcome::Bound(planned), Some(previous)) => previous.is(planned),
            (Outcome::Unplaced(_), None) => true,
            (Outcome::Bound(_), None) | (Outcome::Unplaced(_), Some(_)) => false,
        };
        let is_changed = !self.changed.is_empty() && self.changed.contains(key);
        (is_current && !is_changed).then_some(&entry.outcome)
    }
}

fn is_same<T>(left: Option<&Arc<T>>, right: Option<&Arc<T>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The objects that some member reports differently now.
fn changed_objects(before: &Reports, after: &Reports) -> BTreeSet<ObjectKey> {
    let mut changed = BTreeSet::new();
    let names: BTreeSet<&ClusterName> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if is_same(old, new) {
            continue;
        }
        let nothing = BTreeMap::new();
        let old = old.map_or(&nothing, |report| &report.objects);
        let new = new.map_or(&nothing, |report| &report.objects);
        let differ = join(old, new).filter(|(_, old, new)| !is_same(*old, *new) && old != new);
        changed.extend(differ.map(|(key, ..)| key.clone()));
    }
    changed
}
