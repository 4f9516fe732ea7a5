//! Rules for CronFederatedHPA (`spec/placement.md` §9.7 of Karmada's rules).

use std::collections::BTreeSet;

use crate::api::cron::{BadSchedule, Schedule};
use crate::api::cron_federated_hpa::{CronFederatedHPARule, CronFederatedHPASpec};
use crate::api::federated_hpa::FederatedHPA;
use crate::api::meta::Resource as _;
use crate::api::time_zone::{self, UnknownTimeZone};

use super::super::object::Checked;
use super::super::report::shown;
use super::fields::{at_least_one, between, reference};

/// Longest name of a rule, in characters.
const NAME_MAX: usize = 32;
/// Most executions of a rule that are kept.
const HISTORY_MAX: i32 = 32;

/// What a rule sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sets {
    /// The limits of a FederatedHPA.
    Limits,
    /// The replicas of anything else.
    Replicas,
}

/// All rules for a CronFederatedHPA.
pub(in super::super) fn cron_federated_hpa(
    checked: &mut Checked<'_, '_>,
    spec: &CronFederatedHPASpec,
) {
    let target = &spec.scale_target_ref;
    let sets = if target.api_version == FederatedHPA::API_VERSION {
        if target.kind != FederatedHPA::KIND {
            checked.error(
                "/spec/scaleTargetRef/kind",
                "FIELD_INVALID",
                format!(
                    "`{}` of {} cannot be scaled",
                    shown(&target.kind),
                    FederatedHPA::API_VERSION
                ),
                format!("write {}, or the apiVersion of what is meant", FederatedHPA::KIND),
            );
            return;
        }
        Sets::Limits
    } else {
        Sets::Replicas
    };
    reference(checked, target, "/spec/scaleTargetRef");
    let mut names = BTreeSet::new();
    for (idx, rule) in spec.rules.iter().enumerate() {
        let pointer = format!("/spec/rules/{idx}");
        name(checked, &rule.name, &pointer);
        if !names.insert(rule.name.as_str()) {
            checked.error(
                &format!("{pointer}/name"),
                "FIELD_CONFLICT",
                format!("another rule of the object is named {} already", shown(&rule.name)),
                "give each its own name",
            );
        }
        schedule(checked, &rule.schedule, &format!("{pointer}/schedule"));
        if let Some(Err(unknown)) = rule.time_zone.as_deref().map(time_zone::check) {
            let hint = zone_hint(&unknown);
            checked.error(
                &format!("{pointer}/timeZone"),
                "FIELD_INVALID",
                unknown.to_string(),
                hint,
            );
        }
        match sets {
            Sets::Limits => limits(checked, rule, &pointer),
            Sets::Replicas => replicas(checked, rule, &pointer, &target.kind),
        }
        let kept = rule.successful_history_limit;
        between(checked, kept, 1, HISTORY_MAX, &format!("{pointer}/successfulHistoryLimit"));
        let kept = rule.failed_history_limit;
        between(checked, kept, 0, HISTORY_MAX, &format!("{pointer}/failedHistoryLimit"));
    }
}

fn name(checked: &mut Checked<'_, '_>, name: &str, pointer: &str) {
    let broken = match name.chars().count() {
        0 => "is empty",
        1..=NAME_MAX => return,
        _ => "is longer than 32 characters",
    };
    checked.error(
        &format!("{pointer}/name"),
        "OBJ_BAD_NAME",
        format!("the rule's name {broken}"),
        "choose another one",
    );
}

fn schedule(checked: &mut Checked<'_, '_>, text: &str, pointer: &str) {
    let Err(why) = text.parse::<Schedule>() else { return };
    let hint = match &why {
        BadSchedule::Zone(unknown) => zone_hint(unknown),
        _ => {
            "write minute, hour, day of the month, month and day of the week, e.g. `0 8 * * 1-5`, \
              or @daily and the like"
                .to_owned()
        }
    };
    checked.error(
        pointer,
        "FIELD_INVALID",
        format!("`{}` is no schedule: {why}", shown(text)),
        hint,
    );
}

fn zone_hint(unknown: &UnknownTimeZone) -> String {
    match unknown.meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "write a name such as Europe/Berlin, America/New_York or UTC".to_owned(),
    }
}

fn limits(checked: &mut Checked<'_, '_>, rule: &CronFederatedHPARule, pointer: &str) {
    let (least, most) = (rule.target_min_replicas, rule.target_max_replicas);
    at_least_one(checked, least, &format!("{pointer}/targetMinReplicas"));
    at_least_one(checked, most, &format!("{pointer}/targetMaxReplicas"));
    match (least, most) {
        (None, None) => checked.error_at_key(
            pointer,
            "OBJ_MISSING_FIELD",
            "the rule has no `targetMinReplicas` and no `targetMaxReplicas`",
            "add at least one: those are what is set in a FederatedHPA",
        ),
        (Some(least), Some(most)) if most < least => checked.error(
            &format!("{pointer}/targetMaxReplicas"),
            "CONSTRAINT_UNSATISFIABLE",
            format!("`targetMaxReplicas` is {most} and `targetMinReplicas` is {least}"),
            "let `targetMaxReplicas` be no less than `targetMinReplicas`",
        ),
        _ => {}
    }
}

fn replicas(checked: &mut Checked<'_, '_>, rule: &CronFederatedHPARule, pointer: &str, kind: &str) {
    match rule.target_replicas {
        None => checked.error_at_key(
            pointer,
            "OBJ_MISSING_FIELD",
            format!("the rule has no `targetReplicas`, which a {} needs", shown(kind)),
            "add it; 0 is allowed",
        ),
        Some(number) if number < 0 => checked.error(
            &format!("{pointer}/targetReplicas"),
            "INT_RANGE",
            format!("`targetReplicas` is {number}; the least is 0"),
            "write a greater number",
        ),
        Some(_) => {}
    }
}
