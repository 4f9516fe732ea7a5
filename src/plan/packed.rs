//! Decisions in the form in which they are kept: a fleet has as many as templates, and a plan looks at few.

use std::fmt;

use jiff::Timestamp;

use super::binding::Binding;
use super::rendered::blob_id;
use super::rivals::{awaited_until, is_awaited};
use crate::api::condition::{self, ConditionStatus};
use crate::api::marks;
use crate::api::names::ObjectId;
use crate::api::packed::{Packable, Packed};

impl Packable for Binding {
    const COMMON: &'static [u8] = include_bytes!("common_bindings.jsonl");
}

/// A binding, packed to a tenth of the memory that [`Binding`] takes, with what is asked of all bindings.
/// Equal if and only if the bindings are.
#[derive(Clone, PartialEq)]
pub(super) struct PackedBinding {
    json: Packed<Binding>,
    /// Names where it runs with how many replicas, and the policy that decided: all that a difference of plans
    /// tells of decisions.
    pub(super) decision: ObjectId,
    /// Whether some of its replicas are not reported yet.
    pub(super) is_awaited: bool,
    /// Until when those count as taken.
    pub(super) awaited_until: Option<Timestamp>,
    /// Whether it waits for clusters or for room, and so is decided on at every plan.
    pub(super) is_waiting: bool,
    /// Whether what others are given can change it although it stands.
    pub(super) is_unsettled: bool,
    /// Whether the members run all that it says.
    pub(super) is_in_force: bool,
    /// Whether it is not as it should be.
    pub(super) is_in_trouble: bool,
    /// Whether there is more that a person should know of.
    pub(super) is_notable: bool,
    /// Whether it belongs to a group of workloads that stay together or apart.
    pub(super) has_groups: bool,
    /// Whether others need it where they run.
    pub(super) is_required: bool,
    /// Whether it has a place of its own in the order of decisions.
    pub(super) has_priority: bool,
}

impl PackedBinding {
    /// The binding.
    pub(super) fn open(&self) -> Binding {
        self.json.open()
    }
}

impl From<&Binding> for PackedBinding {
    fn from(binding: &Binding) -> Self {
        let (spec, reasons) = (&binding.spec, &binding.reasons);
        let is_in_force =
            condition::find(&binding.status.conditions, marks::CONDITION_FULLY_APPLIED)
                .is_some_and(|applied| applied.status == ConditionStatus::True);
        Self {
            json: Packed::new(binding),
            decision: decision(binding),
            is_awaited: is_awaited(binding),
            awaited_until: awaited_until(binding),
            is_waiting: binding.is_waiting(),
            is_unsettled: binding.is_unsettled(),
            is_in_force,
            is_in_trouble: binding.trouble().is_some(),
            is_notable: binding.undecided().is_some()
                || !reasons.stale.is_empty()
                || !reasons.notes.is_empty(),
            has_groups: spec.workload_affinity_groups.is_some(),
            is_required: !spec.required_by.is_empty(),
            has_priority: spec.schedule_priority.is_some(),
        }
    }
}

fn decision(binding: &Binding) -> ObjectId {
    let policy = binding.deciding_policy();
    let text = serde_json::to_vec(&(binding.places(), policy)).expect("names and numbers are JSON");
    blob_id(&text)
}

impl fmt::Debug for PackedBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no decision can be written as is common to none.
    #[test]
    fn what_is_common_is_as_it_is_written() {
        for line in str::from_utf8(Binding::COMMON).unwrap().lines() {
            let binding: Binding = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&binding).unwrap(), line);
        }
    }
}
