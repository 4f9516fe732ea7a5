//! Remembers what was decided and on what, so that cost follows the change and not the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::clusters::ClusterState;
use super::cursor::Cursor;
use super::decide::Outcome;
use super::previous::Remembered;
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::{ClusterReport, ObjectReport};
use crate::fleet::Fleet;
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
    /// Decisions of the plan that is being made.
    fresh: Vec<(ObjectKey, Entry)>,
    /// Templates of which a report says something new.
    changed: BTreeSet<ObjectKey>,
}

#[derive(Debug)]
struct Entry {
    template: ObjectId,
    outcome: Outcome,
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
            self.entries.clear();
        }
        self.base = Some(base);
        self.changed = changed_objects(&self.reports, reports);
        self.reports = reports.clone();
    }

    /// Goes on to everything else, in surroundings that the definitions have widened.
    pub(super) fn widen(&mut self, world: ObjectId) {
        if self.world != Some(world) {
            self.entries.clear();
        }
        self.world = Some(world);
    }

    /// What is remembered, to be asked for template after template in their order.
    pub(super) fn recall(&self) -> Recall<'_> {
        Recall { entries: Cursor::new(&self.entries), changed: &self.changed }
    }

    /// Keeps a decision of this plan.
    pub(super) fn keep(&mut self, key: &ObjectKey, template: ObjectId, outcome: &Outcome) {
        self.fresh.push((key.clone(), Entry { template, outcome: outcome.clone() }));
    }

    /// What this very plan decided, by template.
    pub(super) fn outcomes(&mut self) -> impl Iterator<Item = (&ObjectKey, &Outcome)> {
        self.fresh.sort_by(|left, right| left.0.cmp(&right.0));
        self.fresh.iter().map(|(key, entry)| (key, &entry.outcome))
    }

    /// Ends the plan: what it did not decide on is forgotten.
    pub(super) fn end(&mut self) {
        self.entries = std::mem::take(&mut self.fresh).into_iter().collect();
        self.changed.clear();
    }
}

/// The decisions of the plan before.
pub(super) struct Recall<'m> {
    entries: Cursor<'m, ObjectKey, Entry>,
    changed: &'m BTreeSet<ObjectKey>,
}

impl Recall<'_> {
    /// What was decided on the template, if nothing that the decision looked at has changed.
    pub(super) fn outcome(
        &mut self,
        key: &ObjectKey,
        template: ObjectId,
        previous: Option<&Remembered>,
    ) -> Option<Outcome> {
        let entry = self.entries.seek(key).filter(|entry| entry.template == template)?;
        let is_current = match (&entry.outcome, previous) {
            // What waits for room, or goes by where others run, looks at more than its own inputs.
            (Outcome::Bound(planned), Some(previous)) => {
                previous.is(planned)
                    && !planned.binding.is_waiting()
                    && planned.binding.spec.workload_affinity_groups.is_none()
            }
            (Outcome::Unplaced(_), None) => true,
            (Outcome::Bound(_), None) | (Outcome::Unplaced(_), Some(_)) => false,
        };
        let is_changed = !self.changed.is_empty() && self.changed.contains(key);
        (is_current && !is_changed).then(|| entry.outcome.clone())
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
        let keys = [old, new].into_iter().flatten().flat_map(|report| report.objects.keys());
        for key in keys {
            if object(old, key) != object(new, key) {
                changed.insert(key.clone());
            }
        }
    }
    changed
}

fn object<'r>(report: Option<&'r Arc<ClusterReport>>, key: &ObjectKey) -> Option<&'r ObjectReport> {
    report?.objects.get(key)
}
