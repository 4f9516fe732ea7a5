//! How far the members are with the newest template of a workload that has replicas.

use serde_json::{Map, Value};

use super::complete::Reported;
use super::fields::Fields as _;
use super::items::{all_caught_up, put, statuses, sum};
use crate::api::manifest::Manifest;
use crate::api::report::Health;

/// Pods of a StatefulSet that keep the template before: those with a number below this one.
pub(super) fn partition(template: &Manifest) -> i64 {
    template.count("spec.updateStrategy.rollingUpdate.partition").max(0)
}

/// Whether every cluster runs the newest template, all of it, and nothing else.
///
/// A member says by its health whether it has all pods that it is to have. Where it does not, they
/// are to be as many as were assigned. Where nothing runs at all, nothing is done, whoever scaled it.
pub(super) fn is_done(reported: &Reported<'_>) -> bool {
    let items = reported.items;
    let kept = partition(reported.template);
    let is_settled = |status: &Value| {
        let n_pods = status.count("replicas");
        status.count("updatedReplicas") >= n_pods.saturating_sub(kept).max(0)
            && status.count("availableReplicas") >= n_pods
    };
    let is_known = kept == 0 && items.iter().all(|item| item.health != Health::Unknown);
    let has_all = if is_known {
        items.iter().all(|item| item.health == Health::Healthy)
    } else {
        sum(items, "replicas") >= reported.assigned.unwrap_or_else(|| reported.wanted())
    };
    all_caught_up(reported.template, items)
        && (sum(items, "replicas") > 0 || reported.wanted() == 0)
        && statuses(items).all(|(_, status)| is_settled(status))
        && has_all
}

/// Writes the counters. Of what is done they are what the template asks for, however its clusters
/// came to other numbers; what is not done never reads as if it were.
pub(super) fn put_counters(
    reported: &Reported<'_>,
    status: &mut Map<String, Value>,
    counters: &[&str],
    is_done: bool,
) {
    let wanted = reported.wanted();
    for counter in counters {
        let count = match *counter {
            "unavailableReplicas" if is_done => 0,
            _ if is_done => wanted,
            _ => reported.scaled(counter),
        };
        put(status, counter, Some(Value::from(count)));
    }
    let reads_done = ["availableReplicas", "readyReplicas", "updatedReplicas"]
        .iter()
        .all(|counter| status.count(counter) >= wanted);
    if !is_done && reads_done && wanted > 0 {
        put(status, "availableReplicas", Some(Value::from(wanted - 1)));
        put(status, "readyReplicas", Some(Value::from(wanted - 1)));
    }
}
