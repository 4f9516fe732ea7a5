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
mod work;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::fleet::{Fleet, Template};
use crate::schedule::Snapshot;
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

use cursor::Cursor;
use decide::{Case, Drafted, Outcome, draft, place, priority};
use definitions::{Definitions, is_definition};
use memo::Sum;
use rivals::Rivals;
use survey::{Sight, Surveys};
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

/// The decisions of one plan, as they are made.
struct Round<'r, 'w> {
    world: &'r World<'w>,
    inputs: &'r Inputs<'r>,
    memo: &'r mut Memo,
    /// When room that is held for replicas is free again though they never came.
    wake: Option<Timestamp>,
}

/// How often decisions that depend on each other are made again, at most, to agree.
const PASSES_MAX: usize = 8;

impl<'r> Round<'r, '_> {
    /// Decides on these templates, or remembers the decisions. `told` gets every decision.
    ///
    /// What needs clusters to be chosen takes turns: by priority, then by the keys. What depends on
    /// what others were given is then decided on again, until all agree: as the next plan would.
    fn settle(
        &mut self,
        templates: impl Iterator<Item = (&'r ObjectKey, &'r Template)>,
        base: &Snapshot<'_>,
        mut told: impl FnMut(&ObjectKey, &Outcome),
    ) {
        let mut settled = Vec::new();
        let mut open = Vec::new();
        let mut before = Cursor::new(&self.inputs.previous.bindings);
        let mut recall = self.memo.recall();
        for (key, template) in templates {
            let previous = before.seek(key);
            if let Some(outcome) = recall.outcome(key, template.id, previous) {
                told(key, outcome);
                continue;
            }
            let case = Case { key, template: &template.manifest, id: template.id, previous };
            match draft(self.world, &case) {
                Drafted::Done(outcome) => settled.push((key, template.id, outcome)),
                Drafted::Open(binding) => open.push((case, binding)),
            }
        }
        open.sort_by_key(|(_, binding)| std::cmp::Reverse(priority(binding)));
        let mut decided: BTreeMap<&ObjectKey, Remembered> = BTreeMap::new();
        let mut turns: Vec<(&ObjectKey, &Template)> = Vec::new();
        self.pass(open, &mut decided, base, |key| {
            turns.push((key, &self.inputs.fleet.templates[key]));
        });
        for _ in 1..PASSES_MAX {
            let unsettled = turns.iter().filter(|(key, _)| {
                let (new, old) = (decided[key].binding(), self.inputs.previous.bindings.get(key));
                new.is_unsettled() || old.is_some_and(|old| new.leaves(old.binding()))
            });
            let standing: Vec<(&ObjectKey, &Template, Remembered)> =
                unsettled.map(|(key, template)| (*key, *template, decided[key].clone())).collect();
            let mut open = Vec::new();
            for (key, template, previous) in &standing {
                let previous = Some(previous);
                let case = Case { key, template: &template.manifest, id: template.id, previous };
                if let Drafted::Open(binding) = draft(self.world, &case) {
                    open.push((case, binding));
                }
            }
            self.pass(open, &mut decided, base, |_| {});
            if standing.iter().all(|(key, _, previous)| decided[key].is_same(previous)) {
                break;
            }
        }
        for (key, remembered) in decided {
            let Remembered::Planned(planned) = remembered else { continue };
            settled.push((key, self.inputs.fleet.templates[key].id, Outcome::Bound(planned)));
        }
        for (key, id, outcome) in settled {
            told(key, &outcome);
            self.memo.keep(key, id, outcome);
        }
    }

    /// Decides on what is open, each in its turn, in sight of all that stands.
    fn pass<'c>(
        &mut self,
        open: Vec<(Case<'c>, Box<Binding>)>,
        decided: &mut BTreeMap<&'r ObjectKey, Remembered>,
        base: &Snapshot<'_>,
        mut told: impl FnMut(&'r ObjectKey),
    ) where
        'r: 'c,
    {
        if open.is_empty() {
            return;
        }
        let mut snapshot = base.clone();
        let templates = &self.inputs.fleet.templates;
        let previous = self.inputs.previous.bindings.iter();
        let stands = previous.filter(|(key, remembered)| {
            !decided.contains_key(key) && remembered.is_of_interest() && templates.contains_key(key)
        });
        let new = decided.iter().map(|(key, remembered)| (*key, remembered));
        let Inputs { reports, now, .. } = *self.inputs;
        let mut rivals = Rivals::new(stands.chain(new), &mut snapshot, reports, now);
        let mut surveys = Surveys::default();
        for (case, binding) in open {
            let companions = rivals.companions(case.key, &binding);
            let profile = &self.world.profile;
            let sight = Sight { snapshot: &snapshot, companions: &companions, profile };
            let outcome = place(self.world, &case, *binding, sight, &mut surveys);
            let Outcome::Bound(planned) = outcome else { continue };
            rivals.decided(case.key, &planned.binding, case.previous, &mut snapshot);
            let (key, _) = templates.get_key_value(case.key).expect("its case is of the fleet");
            decided.insert(key, Remembered::Planned(planned));
            told(key);
        }
        self.wake = rivals.until;
    }
}
