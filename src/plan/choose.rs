//! A round of the scheduler for one binding, and what it leaves there.

use jiff::Timestamp;

use super::binding::Binding;
use super::explain;
use super::survey::Sight;
use crate::api::condition::{self, Condition, ConditionStatus};
use crate::api::marks;
use crate::schedule::trigger::{Trigger, is_requested};
use crate::schedule::{self, Attempt, Refusal, Request};

/// What becomes of what runs when no cluster fits any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenNoneFits {
    /// It stays: an affinity with a slip in it is no reason to stop it. The placement in force is still
    /// that by which it was decided, so it is decided on again until a cluster fits, or the placement
    /// is that one again.
    Stay,
    /// It goes, from everywhere, as in Karmada.
    Leave,
}

/// Chooses clusters if there is a cause to, and writes down what came of it: clusters, affinity
/// group, condition. `previous` is the binding as it was decided on last.
pub fn choose(
    binding: &mut Binding,
    previous: Option<&Binding>,
    cause: Option<Trigger>,
    sight: Sight<'_>,
    when_none_fits: WhenNoneFits,
    now: Timestamp,
) {
    if cause.is_none() {
        if binding.is_waiting() && !binding.spec.clusters.is_empty() {
            // It was refused, and then asked for what it has.
            explain::forget_attempt(binding);
            explain::forget_refusal(binding);
            record_success(binding, previous, now);
        }
        return;
    }
    let Sight { snapshot, companions, profile } = sight;
    let (spec, status) = (&binding.spec, &binding.status);
    let request = Request { spec, status, companions, profile };
    let Attempt { decision, refused, candidates } = schedule::attempt(&request, snapshot);
    // How clusters stood, and which groups were tried, is of the time at which they were chosen, by this
    // placement: coming to the same again is no other decision.
    let is_same = decision.as_ref().is_ok_and(|decision| {
        decision.clusters == binding.spec.clusters
            && decision.affinity.as_deref().unwrap_or_default()
                == binding.status.scheduler_observed_affinity_name
            && binding.applied_placement() == placement_text(binding).as_deref()
    });
    if is_same {
        explain::forget_refusal(binding);
    } else {
        explain::tried(binding, refused);
    }
    explain::forget_attempt(binding);
    match decision {
        Ok(decision) => {
            if !is_same || binding.reasons.standings.is_empty() {
                explain::standings(binding, &decision, snapshot);
            }
            binding.spec.clusters = decision.clusters;
            binding.status.scheduler_observed_affinity_name = decision.affinity.unwrap_or_default();
            record_success(binding, previous, now);
        }
        Err(refusal) => {
            record_refusal(binding, &refusal, when_none_fits, now);
            explain::attempt(binding, &candidates, snapshot);
        }
    }
}

/// Writes down that clusters were chosen; when that was only changes with the choice.
pub(super) fn record_success(binding: &mut Binding, previous: Option<&Binding>, now: Timestamp) {
    apply_placement(binding);
    let is_same = previous.is_some_and(|previous| {
        previous.spec.clusters == binding.spec.clusters
            && previous.applied_placement() == binding.applied_placement()
            && previous.status.last_scheduled_time.is_some()
    });
    if !is_same || is_requested(&binding.spec, &binding.status) {
        binding.status.last_scheduled_time = Some(now);
    }
    let message = "Binding has been scheduled successfully.";
    set_scheduled(binding, ConditionStatus::True, "Success", message, now);
}

/// Writes down that no clusters were chosen. Those of before stay when it cannot be decided, and when
/// none fits as `when_none_fits` says.
fn record_refusal(
    binding: &mut Binding,
    refusal: &Refusal,
    when_none_fits: WhenNoneFits,
    now: Timestamp,
) {
    let runs_on = when_none_fits == WhenNoneFits::Stay && !binding.spec.clusters.is_empty();
    if matches!(refusal, Refusal::NoClusterFits { .. }) && !runs_on {
        binding.spec.clusters.clear();
        apply_placement(binding);
    }
    let (reason, message) = (refusal.condition_reason(), refusal.to_string());
    set_scheduled(binding, ConditionStatus::False, reason, &message, now);
}

/// Records the placement that the clusters were decided by.
fn apply_placement(binding: &mut Binding) {
    if let Some(text) = placement_text(binding) {
        binding.metadata.annotations.insert(marks::APPLIED_PLACEMENT.to_owned(), text);
    }
}

fn placement_text(binding: &Binding) -> Option<String> {
    let placement = binding.spec.placement.as_ref()?;
    Some(serde_json::to_string(placement).expect("a placement has a JSON form"))
}

fn set_scheduled(
    binding: &mut Binding,
    status: ConditionStatus,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let scheduled = Condition {
        type_: marks::CONDITION_SCHEDULED.to_owned(),
        status,
        observed_generation: None,
        last_transition_time: now,
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    condition::set(&mut binding.status.conditions, scheduled);
}
