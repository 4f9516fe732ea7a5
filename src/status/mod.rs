//! Folds what the members report of one template into the status of its binding
//! (`spec/placement.md` §5.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::binding::AggregatedStatusItem;
use crate::api::condition::{Condition, ConditionStatus};
use crate::api::manifest::ObjectKey;
use crate::api::marks;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::{ClusterReport, Health};

/// The reports of all members; one that never reported is absent.
pub type Reports = BTreeMap<ClusterName, Arc<ClusterReport>>;

/// One item for each cluster that is to run the template, by cluster name.
///
/// `works` names the work that each cluster was given. A cluster that still runs an older one, or
/// said nothing about the object yet, has not applied it.
#[must_use]
pub fn aggregate(
    key: &ObjectKey,
    works: &BTreeMap<ClusterName, Option<ObjectId>>,
    reports: &Reports,
) -> Vec<AggregatedStatusItem> {
    works
        .iter()
        .map(|(name, work)| {
            let report = reports.get(name).and_then(|report| report.objects.get(key));
            let in_force = report.filter(|report| report.applied && report.work == *work);
            AggregatedStatusItem {
                cluster_name: name.clone(),
                status: report.and_then(|report| Some(report.status.as_ref()?.value())),
                applied: in_force.is_some(),
                applied_message: report.map_or_else(String::new, |report| report.message.clone()),
                health: in_force.map_or(Health::Unknown, |report| report.health),
            }
        })
        .collect()
}

/// The condition `FullyApplied`: whether every cluster runs what it was given.
#[must_use]
pub fn fully_applied(items: &[AggregatedStatusItem], now: Timestamp) -> Condition {
    let is_full = !items.is_empty() && items.iter().all(|item| item.applied);
    let (reason, message) = if is_full {
        ("FullyAppliedSuccess", "All works have been successfully applied")
    } else {
        ("FullyAppliedFailed", "Failed to apply all works, see status.aggregatedStatus for details")
    };
    Condition {
        type_: marks::CONDITION_FULLY_APPLIED.to_owned(),
        status: ConditionStatus::from(is_full),
        observed_generation: None,
        last_transition_time: now,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}
