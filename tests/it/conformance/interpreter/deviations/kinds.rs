//! Rules about single kinds of others.

use serde_json::Value;

use super::{any, asks, fails, is_kind, items, same_without, with_object};
use crate::conformance::interpreter::our_answer;

pub(super) fn is_volume_of_workflow(
    case: &Value,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> bool {
    let without_secrets = |answer: Option<&Value>| {
        let references = answer.and_then(Value::as_array).cloned().unwrap_or_default();
        references.into_iter().filter(|one| one["kind"] != "Secret").collect::<Vec<_>>()
    };
    is_kind(case, "Workflow")
        && asks(case, "InterpretDependency")
        && any(&case["object"]["spec"]["volumes"], &["secret"], Value::is_object)
        && without_secrets(ours) == without_secrets(theirs)
        && ours.and_then(Value::as_array).into_iter().flatten().all(|one| {
            one["kind"] != "Secret"
                || theirs.and_then(Value::as_array).is_some_and(|all| all.contains(one))
                || holds(&case["object"]["spec"]["volumes"], "secretName", &one["name"])
        })
}

/// Whether `value` stands below `key` somewhere in it.
fn holds(whole: &Value, key: &str, value: &Value) -> bool {
    match whole {
        Value::Object(map) => {
            map.get(key) == Some(value) || map.values().any(|one| holds(one, key, value))
        }
        Value::Array(list) => list.iter().any(|one| holds(one, key, value)),
        _ => false,
    }
}

pub(super) fn is_without_references(
    case: &Value,
    ours: Option<&Value>,
    _theirs: Option<&Value>,
) -> bool {
    let gvk = case["gvk"].as_str().unwrap_or_default();
    asks(case, "InterpretDependency")
        && gvk.starts_with("apps.kruise.io/")
        && case["error"] == "expect the returned requires type is table but got nil"
        && ours.is_some_and(Value::is_null)
}

pub(super) fn is_unreported_sidecar_set(
    case: &Value,
    ours: Option<&Value>,
    _theirs: Option<&Value>,
) -> bool {
    let counters = ours.and_then(Value::as_object);
    is_kind(case, "SidecarSet")
        && asks(case, "AggregateStatus")
        && fails(case)
        && case["items"].is_null()
        && counters.is_some_and(|counters| counters.values().all(|counter| *counter == 0))
}

pub(super) fn is_unknown_hash(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    is_kind(case, "DaemonSet")
        && asks(case, "AggregateStatus")
        && theirs.is_some_and(|theirs| theirs["daemonSetHash"] == 0)
        && ours.is_some_and(|ours| ours.get("daemonSetHash").is_none())
        && same_without(ours, theirs, &["daemonSetHash"])
}

pub(super) fn is_broadcast_job(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    let is_true = |list: &Value, of_type: &str| {
        let mut conditions = list.as_array().into_iter().flatten();
        conditions.any(|one| one["type"] == of_type && one["status"] == "True")
    };
    let of_items = |of_type: &'static str| {
        items(case).iter().map(move |item| is_true(&item["status"]["conditions"], of_type))
    };
    let is_complete = !items(case).is_empty() && of_items("Complete").all(|ended| ended);
    let has_failed = of_items("Failed").any(|failed| failed);
    is_kind(case, "BroadcastJob")
        && asks(case, "AggregateStatus")
        && same_without(ours, theirs, &["conditions", "completionTime"])
        && ours.is_some_and(|ours| {
            is_true(&ours["conditions"], "Complete") == is_complete
                && is_true(&ours["conditions"], "Failed") == has_failed
        })
}

pub(super) fn is_chart_generation(
    case: &Value,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> bool {
    is_kind(case, "HelmChart")
        && asks(case, "InterpretStatus")
        && theirs.is_none_or(|theirs| theirs.get("observedGeneration").is_none())
        && ours.is_some_and(|ours| {
            ours.get("observedGeneration") == case["object"]["status"].get("observedGeneration")
        })
        && same_without(ours, theirs, &["observedGeneration"])
}

pub(super) fn is_count_of_failures(
    case: &Value,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> bool {
    let fields = ["failures", "installFailures", "upgradeFailures"];
    let of = |status: &Value, field: &str| status[field].as_i64().unwrap_or(0);
    is_kind(case, "HelmRelease")
        && asks(case, "AggregateStatus")
        && same_without(ours, theirs, &fields)
        && ours.is_some_and(|ours| {
            fields.iter().all(|field| {
                let sum: i64 = items(case).iter().map(|item| of(&item["status"], field)).sum();
                of(ours, field) == sum
            })
        })
}

const SPARK_STATES: &[&str] = &[
    "",
    "COMPLETED",
    "FAILED",
    "FAILING",
    "INVALIDATING",
    "PENDING_RERUN",
    "RESUMING",
    "RUNNING",
    "SUBMISSION_FAILED",
    "SUBMITTED",
    "SUCCEEDING",
    "SUSPENDED",
    "SUSPENDING",
    "UNKNOWN",
];

pub(super) fn is_unknown_state(
    case: &Value,
    ours: Option<&Value>,
    _theirs: Option<&Value>,
) -> bool {
    let is_known = |state: &Value| SPARK_STATES.iter().any(|known| state["state"] == *known);
    let states = || items(case).iter().map(|item| &item["status"]["applicationState"]);
    is_kind(case, "SparkApplication")
        && asks(case, "AggregateStatus")
        && fails(case)
        && states().any(|state| !state.is_null() && !is_known(state))
        && ours.is_some_and(|ours| {
            let ranks = |state: &Value| {
                is_known(state) && !["", "UNKNOWN"].iter().any(|one| state["state"] == **one)
            };
            is_known(&ours["applicationState"]) || !states().any(ranks)
        })
}

pub(super) fn is_less_than_none(
    case: &Value,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> bool {
    let counts = |answer: Option<&Value>| -> Vec<i64> {
        let groups = answer.map(|one| &one["spec"]["rayClusterConfig"]["workerGroupSpecs"]);
        let groups = groups.and_then(Value::as_array).into_iter().flatten();
        groups.map(|group| group["replicas"].as_i64().unwrap_or(0)).collect()
    };
    let (ours, theirs) = (counts(ours), counts(theirs));
    is_kind(case, "RayService")
        && asks(case, "ReviseReplica")
        && theirs.iter().any(|count| *count < 0)
        && ours.iter().all(|count| *count >= 0)
        && ours.iter().sum::<i64>() == theirs.iter().sum::<i64>()
}

pub(super) fn is_without_account(
    case: &Value,
    ours: Option<&Value>,
    _theirs: Option<&Value>,
) -> bool {
    let spec = &case["object"]["spec"];
    let named =
        with_object(case, |object| object["spec"]["serviceAccountName"] = Value::from("robot"));
    let without_account = our_answer(&named).map(|answer| {
        let others = answer.as_array().into_iter().flatten();
        others.filter(|one| one["kind"] != "ServiceAccount").cloned().collect::<Value>()
    });
    is_kind(case, "OCIRepository")
        && asks(case, "InterpretDependency")
        && fails(case)
        && spec.is_object()
        && ours == without_account.as_ref()
        && spec["serviceAccountName"].is_null()
}
