//! What tools that judge one cluster's objects look for in a status, told of all clusters together.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fields::{Fields, written};
use super::items::{all_caught_up, put_count, statuses, sum};
use crate::api::binding::AggregatedStatusItem;
use crate::api::condition::ConditionStatus;
use crate::api::manifest::Manifest;

/// A template, and what is known of it in its clusters.
#[derive(Clone, Copy)]
pub(super) struct Reported<'a> {
    pub(super) template: &'a Manifest,
    pub(super) items: &'a [AggregatedStatusItem],
    /// Replicas that the clusters are to run together.
    pub(super) assigned: Option<i64>,
    pub(super) now: Timestamp,
}

/// One observation, true or not, as [`Reported::put_condition`] writes it.
pub(super) struct Observation<'a> {
    pub(super) of_type: &'a str,
    pub(super) status: ConditionStatus,
    pub(super) reason: &'a str,
    pub(super) message: String,
}

impl Reported<'_> {
    /// Replicas that the template asks for. An API server makes 1 of an absent number.
    pub(super) fn wanted(&self) -> i64 {
        self.template.number("spec.replicas").unwrap_or(1).max(0)
    }

    /// Whether every cluster reports a status, and there is a cluster.
    pub(super) fn is_complete(&self) -> bool {
        !self.items.is_empty() && statuses(self.items).count() == self.items.len()
    }

    /// The number of one counter in all clusters together, brought to the scale of the template's
    /// `spec.replicas`: a template that is duplicated reads as one copy of it. What is not whole is
    /// rounded away from what the template asks for, so that an unfinished copy never reads as done.
    pub(super) fn scaled(&self, counter: &str) -> i64 {
        let (sum, wanted) = (sum(self.items, counter), self.wanted());
        let Some(assigned) = self.assigned.filter(|n| *n > 0 && *n != wanted) else { return sum };
        let (product, assigned_wide) = (i128::from(sum) * i128::from(wanted), i128::from(assigned));
        let round_up = if sum > assigned { assigned_wide - 1 } else { 0 };
        i64::try_from((product + round_up) / assigned_wide).unwrap_or(i64::MAX)
    }

    /// Writes that the newest generation was observed, or takes back that it was: it is once every
    /// cluster `has_observed` it.
    pub(super) fn put_observed(&self, status: &mut Map<String, Value>, has_observed: bool) {
        let Some(newest) = self.template.number("metadata.generation") else { return };
        let seen = status.count("observedGeneration").min(newest.saturating_sub(1)).max(0);
        put_count(status, "observedGeneration", if has_observed { newest } else { seen });
    }

    /// Like [`put_observed`](Self::put_observed), for a kind whose members tell generations.
    pub(super) fn put_caught_up(&self, status: &mut Map<String, Value>) {
        self.put_observed(status, all_caught_up(self.template, self.items));
    }

    /// Writes a condition in place of the one of its type, or behind the others. It holds since the
    /// time at which the template's old one of the same status began to.
    pub(super) fn put_condition(&self, status: &mut Map<String, Value>, seen: Observation<'_>) {
        let word = seen.status.as_str();
        let old = self.template.list("status.conditions").iter();
        let old = old.filter(|old| old["type"] == seen.of_type && old["status"] == word);
        let since = old.filter_map(|old| old.field("lastTransitionTime")).next_back().cloned();
        let condition = json!({
            "type": seen.of_type,
            "status": word,
            "reason": seen.reason,
            "message": Value::String(seen.message),
            "lastTransitionTime": since.unwrap_or_else(|| written(self.now)),
        });
        let slot = status.entry("conditions").or_insert_with(|| Value::Array(Vec::new()));
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        let conditions = slot.as_array_mut().expect("made a list just above");
        match conditions.iter_mut().find(|one| one["type"] == seen.of_type) {
            Some(one) => *one = condition,
            None => conditions.push(condition),
        }
    }

    /// The clusters whose condition of this type `is_so`, with the first such condition.
    pub(super) fn clusters_with(
        &self,
        of_type: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Option<(Vec<&str>, &Value)> {
        let found = statuses(self.items).filter_map(|(cluster, status)| {
            let of_cluster = status.list("conditions").iter();
            let mut of_cluster = of_cluster.filter(|one| one["type"] == of_type && is_so(one));
            Some((cluster, of_cluster.next()?))
        });
        let (clusters, conditions): (Vec<_>, Vec<_>) = found.unzip();
        Some((clusters, *conditions.first()?))
    }
}

/// The conditions of a live object that tell of a failure, without their times: what a healthy
/// object reports does not grow by it, and a failure that lasts is reported once.
pub(super) fn failures(
    status: &Value,
    is_failure: impl Fn(&Value) -> bool,
) -> Option<(String, Value)> {
    let told = status.list("conditions").iter().filter(|condition| is_failure(condition));
    let told: Vec<Value> = told
        .map(|condition| {
            let fields = ["type", "status", "reason", "message"].iter();
            fields
                .filter_map(|name| Some(((*name).to_owned(), condition.field(name)?.clone())))
                .collect::<Map<_, _>>()
                .into()
        })
        .collect();
    (!told.is_empty()).then(|| ("conditions".to_owned(), Value::Array(told)))
}
