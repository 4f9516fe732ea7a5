//! Rules for PropagationPolicy and ClusterPropagationPolicy.

use crate::api::placement::{FailoverBehavior, PurgeMode, StatePreservation};
use crate::api::propagation_policy::{Preemption, PropagationSpec};

use super::super::names::bad_label_key;
use super::super::object::Checked;
use super::super::report::shown;
use super::placement::placement;
use super::selector::resource_selectors;

/// All rules for what both kinds of policy say.
pub(in super::super) fn propagation(checked: &mut Checked<'_, '_>, spec: &PropagationSpec) {
    selects_something(checked, spec);
    resource_selectors(checked, &spec.resource_selectors);
    preemption_names_its_prey(checked, spec);
    if let Some(place) = &spec.placement {
        placement(checked, place);
    }
    if let Some(failover) = &spec.failover {
        failover_moves_dependencies(checked, spec, failover);
        application_failover(checked, failover);
        cluster_failover(checked, failover);
    }
    one_kind_of_suspension(checked, spec);
}

fn selects_something(checked: &mut Checked<'_, '_>, spec: &PropagationSpec) {
    if spec.resource_selectors.is_empty() {
        checked.error_at_key(
            "/spec/resourceSelectors",
            "SELECTOR_EMPTY",
            "the policy selects no templates",
            "add a selector with `apiVersion` and `kind`",
        );
    }
}

fn preemption_names_its_prey(checked: &mut Checked<'_, '_>, spec: &PropagationSpec) {
    if spec.preemption != Preemption::Always {
        return;
    }
    for (idx, selector) in spec.resource_selectors.iter().enumerate() {
        if selector.name.is_empty() {
            checked.error_at_key(
                &format!("/spec/resourceSelectors/{idx}"),
                "FIELD_CONFLICT",
                "a policy with `preemption: Always` takes templates over, so it must name each of them",
                "add `name`, or remove `preemption`",
            );
        }
    }
}

fn failover_moves_dependencies(
    checked: &mut Checked<'_, '_>,
    spec: &PropagationSpec,
    failover: &FailoverBehavior,
) {
    if failover.application.is_some() && !spec.propagate_deps {
        checked.error_at_key(
            "/spec/failover/application",
            "FIELD_CONFLICT",
            "an application can only move together with what it depends on",
            "set `propagateDeps: true`",
        );
    }
}

fn application_failover(checked: &mut Checked<'_, '_>, failover: &FailoverBehavior) {
    let Some(application) = &failover.application else { return };
    let pointer = "/spec/failover/application";
    let seconds = application.decision_conditions.toleration_seconds;
    if seconds < 0 {
        checked.error(
            &format!("{pointer}/decisionConditions/tolerationSeconds"),
            "INT_RANGE",
            format!("`tolerationSeconds` is {seconds}; the least is 0"),
            "write a number from 0",
        );
    }
    match application.grace_period_seconds {
        Some(_) if application.purge_mode != PurgeMode::Gracefully => checked.error_at_key(
            &format!("{pointer}/gracePeriodSeconds"),
            "FIELD_CONFLICT",
            "a grace period only counts when the old copy is purged gracefully",
            "remove it, or set `purgeMode: Gracefully`",
        ),
        Some(seconds) if seconds <= 0 => checked.error(
            &format!("{pointer}/gracePeriodSeconds"),
            "INT_RANGE",
            format!("`gracePeriodSeconds` is {seconds}; the least is 1"),
            "write a number from 1",
        ),
        Some(_) | None => {}
    }
    if let Some(state) = &application.state_preservation {
        state_preservation(checked, state, pointer);
    }
}

fn cluster_failover(checked: &mut Checked<'_, '_>, failover: &FailoverBehavior) {
    let Some(cluster) = &failover.cluster else { return };
    if cluster.purge_mode == PurgeMode::Never {
        checked.error(
            "/spec/failover/cluster/purgeMode",
            "FIELD_INVALID",
            "work of a failed cluster cannot stay for ever",
            "write Directly or Gracefully",
        );
    }
    if let Some(state) = &cluster.state_preservation {
        state_preservation(checked, state, "/spec/failover/cluster");
    }
}

fn state_preservation(checked: &mut Checked<'_, '_>, state: &StatePreservation, pointer: &str) {
    for (idx, rule) in state.rules.iter().enumerate() {
        if let Some(broken) = bad_label_key(&rule.alias_label_name) {
            checked.error(
                &format!("{pointer}/statePreservation/rules/{idx}/aliasLabelName"),
                "LABEL_INVALID",
                format!("the label key `{}` {broken}", shown(&rule.alias_label_name)),
                "choose a key by these rules",
            );
        }
    }
}

fn one_kind_of_suspension(checked: &mut Checked<'_, '_>, spec: &PropagationSpec) {
    let Some(suspension) = &spec.suspension else { return };
    let names_some =
        suspension.dispatching_on_clusters.as_ref().is_some_and(|on| !on.cluster_names.is_empty());
    if suspension.dispatching == Some(true) && names_some {
        checked.error_at_key(
            "/spec/suspension/dispatchingOnClusters",
            "FIELD_CONFLICT",
            "everything is on hold already with `dispatching: true`",
            "remove one of the two",
        );
    }
}
