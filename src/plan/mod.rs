//! (fleet, previous results, reports, now) become new results with their reasons.
//!
//! For each template: which policy, which clusters, which works, and why. The answer is a value; the
//! daemon commits it, executors carry it out. An object leaves a member only when its template left
//! the source or its placement moved on: a template whose policy is gone, that is refused, or whose
//! override fails keeps what it had.

mod binding;
mod by_cluster;
mod choose;
mod clusters;
mod cursor;
mod decide;
mod definitions;
mod dependents;
mod diff;
mod explain;
mod explanation;
mod finish;
mod member_rules;
mod memo;
mod method;
mod namespaces;
mod owner;
mod packed;
mod policies;
mod previous;
mod readme;
mod reasons;
mod rendered;
mod reserved;
mod rivals;
mod survey;
mod template_state;
mod told;
mod tree;
mod turns;
mod unplaced;
mod work;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::fleet::{Fleet, Template};
use crate::interpret::Interpreter;
use crate::status::Reports;

pub use binding::{Binding, PlannedBinding};
pub use by_cluster::ByCluster;
pub use choose::{WhenNoneFits, choose};
pub use clusters::{ClusterState, snapshot};
pub use diff::{Lost, PlanDiff, Removals, Takeover, TemplateChange, WorkChanges, subject};
pub use explanation::{ClusterExplanation, Explanation};
pub use member_rules::{RULES_DIR, is_path_of_rule, is_path_of_webhooks, script_of_path};
pub use memo::Memo;
pub use owner::{OWNER_PATH, Owner};
pub use policies::{Policy, PolicyIndex, Selection};
pub use previous::{Previous, ReadBinding, ReadError, Remembered};
pub use reasons::{
    ClusterGroup, Found, LostPolicy, OverrideGroup, Reasons, Rest, Standing, TriedGroup, Weight,
};
pub use rendered::{RenderedFile, blob_id, stable_uid};
pub use survey::{Sight, SurveyFile};
pub use template_state::TemplateState;
pub use told::{Stale, Told, not_decided_anew, not_placed, not_up_to_date, remarks};
pub use tree::{DecisionFile, MODELS_PATH};
pub use unplaced::{Unplaced, UnplacedFile, UnplacedGroup};
pub use work::{MadeWork, PlannedWork, WorkError, as_overriders_see, works};
pub use world::priority_classes;

use decide::Outcome;
use definitions::{Definitions, is_definition};
use member_rules::MemberRule;
use memo::Sum;
use turns::Round;
use world::World;

/// How soon a question that had no answer is asked again, if nothing else happens.
const RETRY: SignedDuration = SignedDuration::from_mins(1);

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
    /// Who says what a template means.
    pub interpreter: &'a dyn Interpreter,
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
    /// Users' rules that judge live objects; each goes to the members that run its kind.
    member_rules: Vec<MemberRule>,
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
    let world = World::new(inputs, &clusters);
    memo.begin(world.basis, inputs.reports);
    let snapshot = world.snapshot();
    // Definitions first: what they define counts as served where they are placed.
    let mut definitions = Definitions::default();
    let mut round = Round { world: &world, inputs, memo, in_vain: BTreeSet::new() };
    round.settle(definitions_of(inputs.fleet), &snapshot, |key, outcome| {
        if let Outcome::Bound(planned) = outcome {
            definitions.place(&inputs.fleet.templates[key].manifest.open(), planned);
        }
    });
    let reported = clusters.iter().map(|(name, state)| (name, &state.cluster));
    let wider = definitions.widen(reported);
    let snapshot = snapshot.with_clusters(&wider);
    round.memo.widen(definitions.basis(world.basis));
    let others = inputs.fleet.templates.iter().filter(|(key, _)| !is_definition(&key.group_kind));
    round.settle(others, &snapshot, |_, _| {});
    round.send_along();
    round.narrow_namespaces();
    let Round { in_vain, .. } = round;
    memo.doubt(&in_vain);
    let (Sum { bindings, works, unplaced, .. }, next_wake) =
        memo.end(&inputs.fleet.templates, inputs.now);
    let source = inputs.fleet.commit;
    // Who gave no answer is asked again.
    let retry =
        (!in_vain.is_empty()).then(|| inputs.now.saturating_add(RETRY)).and_then(Result::ok);
    let next_wake = next_wake.into_iter().chain(retry).min();
    let member_rules = member_rules::of(inputs.fleet);
    Plan { source, bindings, works, clusters, unplaced, member_rules, next_wake }
}

fn definitions_of(fleet: &Fleet) -> impl Iterator<Item = (&ObjectKey, &Template)> {
    fleet.templates.iter().filter(|(key, _)| is_definition(&key.group_kind))
}
