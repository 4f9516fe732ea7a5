//! (fleet, previous results, reports, now) become new results with their reasons.
//!
//! For each template: which policy, which clusters, which works, and why. The answer is a value; the
//! daemon commits it, executors carry it out. An object leaves a member only when its template left
//! the source or its placement moved on: a template whose policy is gone, that is refused, or whose
//! override fails keeps what it had.

mod binding;
mod clusters;
mod cursor;
mod decide;
mod definitions;
mod diff;
mod explain;
mod explanation;
mod memo;
mod policies;
mod previous;
mod readme;
mod reasons;
mod rendered;
mod reserved;
mod rivals;
mod survey;
mod tree;
mod turns;
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
pub use clusters::{ClusterState, snapshot};
pub use decide::Unplaced;
pub use diff::{PlanDiff, Removals, TemplateChange, WorkChanges, subject};
pub use explanation::{ClusterExplanation, Explanation};
pub use memo::Memo;
pub use policies::{Policy, PolicyIndex, Selection};
pub use previous::{Previous, ReadBinding, ReadError, Remembered};
pub use reasons::{ClusterGroup, LostPolicy, OverrideGroup, Reasons, Rest, Standing};
pub use rendered::{RenderedFile, blob_id, stable_uid};
pub use survey::SurveyFile;
pub use work::PlannedWork;

use decide::Outcome;
use definitions::{Definitions, is_definition};
use memo::Sum;
use turns::Round;
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

/// What one cluster runs, by template.
pub type ClusterWorks = BTreeMap<ObjectKey, Arc<PlannedWork>>;

/// What was decided, for the whole fleet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The source commit that it was computed from.
    pub source: ObjectId,
    /// The decision for each template that has one.
    pub bindings: BTreeMap<ObjectKey, Arc<PlannedBinding>>,
    /// What each cluster runs. Every cluster of the fleet has an entry.
    pub works: BTreeMap<ClusterName, Arc<ClusterWorks>>,
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
    let snapshot = world.snapshot();
    // Definitions first: what they define counts as served where they are placed.
    let mut definitions = Definitions::default();
    let mut round = Round { world: &world, inputs, memo, wake: None };
    round.settle(definitions_of(inputs.fleet), &snapshot, |key, outcome| {
        if let Outcome::Bound(planned) = outcome {
            definitions.place(&inputs.fleet.templates[key].manifest, planned);
        }
    });
    let reported = clusters.iter().map(|(name, state)| (name, &state.cluster));
    let wider = definitions.widen(reported);
    let snapshot = snapshot.with_clusters(&wider);
    round.memo.widen(definitions.basis(world.basis));
    let others = inputs.fleet.templates.iter().filter(|(key, _)| !is_definition(&key.group_kind));
    round.settle(others, &snapshot, |_, _| {});
    let wake = round.wake;
    let (Sum { bindings, works, unplaced }, is_waiting) = memo.end(&inputs.fleet.templates);
    let source = inputs.fleet.commit;
    // Room that others were given and never used is free again by then.
    let next_wake = wake.filter(|_| is_waiting);
    Plan { source, bindings, works, clusters, unplaced, next_wake }
}

fn definitions_of(fleet: &Fleet) -> impl Iterator<Item = (&ObjectKey, &Template)> {
    fleet.templates.iter().filter(|(key, _)| is_definition(&key.group_kind))
}
