//! Folds what the members report of one template into the status of its binding
//! (`spec/placement.md` §5.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::binding::AggregatedStatusItem;
use crate::api::condition::{Condition, ConditionStatus};
use crate::api::manifest::ObjectKey;
use crate::api::marks;
use crate::api::names::ClusterName;
use crate::api::report::{ClusterReport, Health};

/// The reports of all members; one that never reported is absent.
pub type Reports = BTreeMap<ClusterName, Arc<ClusterReport>>;

/// One item for each cluster that has work of the template, by cluster name.
///
/// A cluster that said nothing about the object yet has not applied it, as far as anyone knows.
#[must_use]
pub fn aggregate<'c>(
    key: &ObjectKey,
    clusters: impl IntoIterator<Item = &'c ClusterName>,
    reports: &Reports,
) -> Vec<AggregatedStatusItem> {
    clusters
        .into_iter()
        .map(|name| {
            let report = reports.get(name).and_then(|report| report.objects.get(key));
            let Some(report) = report else {
                return AggregatedStatusItem {
                    cluster_name: name.clone(),
                    status: None,
                    applied: false,
                    applied_message: String::new(),
                    health: Health::Unknown,
                };
            };
            let is_known = report.applied;
            AggregatedStatusItem {
                cluster_name: name.clone(),
                status: report.status.clone().filter(|_| is_known),
                applied: report.applied,
                applied_message: report.message.clone(),
                health: if is_known { report.health } else { Health::Unknown },
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
