//! What there is to tell of a plan beside its difference, and the whole of it as one document.

use serde::Serialize;

use crate::api::names::{ClusterName, ObjectId};
use crate::api::problem::Problem;
use crate::daemon::ledger::{Approval, Hold, Preview};
use crate::plan::{Binding, Plan, PlanDiff};

/// A plan for programs. Without a plan, when the commit is not valid, it has its Problems only.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanDocument<'a> {
    commit: ObjectId,
    /// What is wrong with the commit: warnings, or why there is no plan.
    problems: &'a [Problem],
    #[serde(flatten)]
    planned: Option<Contents<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Contents<'a> {
    #[serde(flatten)]
    diff: &'a PlanDiff,
    not_placed: Vec<Told<'a>>,
    not_decided_anew: Vec<Told<'a>>,
    not_up_to_date: Vec<Stale<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Held<'a>>,
}

/// A template and why it is as it is.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    pub(super) template: String,
    pub(super) why: &'a str,
}

/// A template whose work in some clusters is not what the source says now.
#[derive(Serialize)]
pub(super) struct Stale<'a> {
    pub(super) template: String,
    pub(super) clusters: &'a [ClusterName],
    pub(super) why: &'a str,
}

/// Why the plan would wait, and the line in a commit's message that approves it.
#[derive(Serialize)]
struct Held<'a> {
    reason: &'a str,
    approval: String,
}

impl<'a> PlanDocument<'a> {
    /// A commit that does not validate.
    pub(super) fn invalid(commit: ObjectId, problems: &'a [Problem]) -> Self {
        Self { commit, problems, planned: None }
    }

    /// The plan for a commit that may have warnings.
    pub(super) fn of(commit: ObjectId, problems: &'a [Problem], preview: &'a Preview) -> Self {
        let Preview { plan, diff, hold } = preview;
        let held = |hold: &'a Hold| Held {
            reason: &hold.reason,
            approval: format!("{}: {}", Approval::TRAILER, hold.approval.0),
        };
        let planned = Contents {
            diff,
            not_placed: not_placed(plan).collect(),
            not_decided_anew: kept(plan).collect(),
            not_up_to_date: stale(plan).collect(),
            hold: hold.as_ref().map(held),
        };
        Self { commit, problems, planned: Some(planned) }
    }
}

/// Templates that run nowhere.
pub(super) fn not_placed(plan: &Plan) -> impl Iterator<Item = Told<'_>> {
    let told = |(key, why): (&_, _)| Told { template: ToString::to_string(key), why };
    let unplaced = plan.unplaced.iter().map(|(key, unplaced)| (key, &*unplaced.reason)).map(told);
    unplaced.chain(undecided(plan, |binding| binding.places().is_empty()))
}

/// Templates that run on as they were, whatever the source says of them now.
pub(super) fn kept(plan: &Plan) -> impl Iterator<Item = Told<'_>> {
    undecided(plan, |binding| !binding.places().is_empty())
}

fn undecided(plan: &Plan, picks: impl Fn(&Binding) -> bool) -> impl Iterator<Item = Told<'_>> {
    plan.bindings.iter().filter(move |(_, planned)| picks(&planned.binding)).filter_map(
        |(key, planned)| {
            let why = planned.binding.undecided()?;
            Some(Told { template: key.to_string(), why })
        },
    )
}

/// Templates whose work cannot be made or is on hold in clusters that are to run them.
pub(super) fn stale(plan: &Plan) -> impl Iterator<Item = Stale<'_>> {
    plan.bindings.iter().flat_map(|(key, planned)| {
        planned.binding.reasons.stale.iter().map(|group| Stale {
            template: key.to_string(),
            clusters: &group.clusters,
            why: &group.why,
        })
    })
}
