//! (fleet, previous results, reports, now) become new results with their reasons.
//!
//! For each template: which policy, which clusters, which works, and why. The answer is a value; the
//! daemon commits it, executors carry it out. An object leaves a member only when its template left
//! the source or its placement moved on: a template whose policy is gone, that is refused, or whose
//! override fails keeps what it had.

mod binding;
mod clusters;
mod decide;
mod definitions;
mod diff;
mod explain;
mod memo;
mod policies;
mod previous;
mod readme;
mod reasons;
mod rendered;
mod reserved;
mod tree;
mod work;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::fleet::{Fleet, Template};
use crate::status::Reports;

pub use binding::{Binding, PlannedBinding};
pub use clusters::{ClusterState, members};
pub use decide::Unplaced;
pub use diff::{PlanDiff, Removals, TemplateChange, WorkChanges, subject};
pub use memo::Memo;
pub use policies::{Policy, PolicyIndex, Selection};
pub use previous::{Previous, ReadBinding, ReadError, Remembered};
pub use reasons::{ClusterGroup, LostPolicy, OverrideGroup, Reasons};
pub use rendered::{RenderedFile, blob_id, stable_uid};
pub use work::PlannedWork;

use decide::{Case, Outcome, decide};
use definitions::{Definitions, is_definition};
use world::World;

/// Everything that a plan depends on. Nothing else may influence it.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What the source says; it must be free of errors.
    pub fleet: &'a Fleet,
    /// What members report. One that is absent never reported: it is taken to be ready and to serve
    /// every API, and the reasons say so.
    pub reports: &'a Reports,
    /// What was decided before.
    pub previous: &'a Previous,
    /// The instant of the plan: what it writes down as "since when".
    pub now: Timestamp,
}

/// What was decided, for the whole fleet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The source commit that it was computed from.
    pub source: ObjectId,
    /// The decision for each template that has one.
    pub bindings: BTreeMap<ObjectKey, Arc<PlannedBinding>>,
    /// What each cluster runs. Every cluster of the fleet has an entry.
    pub works: BTreeMap<ClusterName, BTreeMap<ObjectKey, Arc<PlannedWork>>>,
    /// The state of each cluster.
    pub clusters: BTreeMap<ClusterName, Arc<ClusterState>>,
    /// Templates that run nowhere because nothing places them, and why.
    pub unplaced: BTreeMap<ObjectKey, Arc<Unplaced>>,
    /// When the answer would differ though nothing else changes; `None` when never.
    pub next_wake: Option<Timestamp>,
}

/// Plans the whole fleet. Planning again with the own results as previous gives equal results.
///
/// `memo` is a cache and nothing else: with an empty one the answer is the same. A template whose
/// inputs are those of the last call keeps the very same values (`Arc::ptr_eq`).
#[must_use]
pub fn make(inputs: &Inputs<'_>, memo: &mut Memo) -> Plan {
    let clusters = memo.clusters(inputs.fleet, inputs.reports);
    let world = World::new(inputs.fleet, &clusters, inputs.reports, inputs.now);
    memo.begin(world.basis, inputs.reports);
    // Definitions first: what they define counts as served where they are placed.
    let mut definitions = Definitions::default();
    for (key, template) in definitions_of(inputs.fleet) {
        if let Outcome::Bound(planned) = settle(&world, inputs, memo, key, template) {
            definitions.place(&template.manifest, &planned);
        }
    }
    let reported = clusters.iter().map(|(name, state)| (name, &state.cluster));
    let wider = definitions.widen(reported);
    let basis = definitions.basis(world.basis);
    let world = world.with_clusters(&wider);
    memo.widen(basis);
    let mut bindings = BTreeMap::new();
    let mut unplaced = BTreeMap::new();
    let mut works: BTreeMap<ClusterName, BTreeMap<ObjectKey, Arc<PlannedWork>>> =
        clusters.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
    for (key, template) in &inputs.fleet.templates {
        let outcome = match memo.settled(key) {
            Some(outcome) => outcome,
            None => settle(&world, inputs, memo, key, template),
        };
        match outcome {
            Outcome::Bound(planned) => {
                for (name, work) in &planned.works {
                    if let Some(works) = works.get_mut(name) {
                        works.insert(key.clone(), Arc::clone(work));
                    }
                }
                bindings.insert(key.clone(), planned);
            }
            Outcome::Unplaced(reason) => {
                unplaced.insert(key.clone(), reason);
            }
        }
    }
    memo.end();
    let source = inputs.fleet.commit;
    Plan { source, bindings, works, clusters, unplaced, next_wake: None }
}

fn definitions_of(fleet: &Fleet) -> impl Iterator<Item = (&ObjectKey, &Template)> {
    fleet.templates.iter().filter(|(key, _)| is_definition(&key.group_kind))
}

/// Decides on one template, or remembers the decision.
fn settle(
    world: &World<'_>,
    inputs: &Inputs<'_>,
    memo: &mut Memo,
    key: &ObjectKey,
    template: &Template,
) -> Outcome {
    let previous = inputs.previous.bindings.get(key);
    let outcome = memo.recall(key, template.id, previous).unwrap_or_else(|| {
        let case = Case { key, template: &template.manifest, id: template.id, previous };
        decide(world, &case)
    });
    memo.keep(key, template.id, &outcome);
    outcome
}
