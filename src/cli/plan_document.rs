//! The whole of a plan as one document.

use serde::Serialize;

use crate::api::names::ObjectId;
use crate::api::problem::Problem;
use crate::daemon::ledger::{Approval, Hold, Preview};
use crate::plan::{PlanDiff, Stale, Told, not_decided_anew, not_placed, not_up_to_date, remarks};

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
    not_placed: Vec<Told>,
    not_decided_anew: Vec<Told>,
    not_up_to_date: Vec<Stale>,
    remarks: Vec<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Held<'a>>,
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
            not_decided_anew: not_decided_anew(plan).collect(),
            not_up_to_date: not_up_to_date(plan).collect(),
            remarks: remarks(plan).collect(),
            hold: hold.as_ref().map(held),
        };
        Self { commit, problems, planned: Some(planned) }
    }
}
