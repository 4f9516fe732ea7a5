//! Where we mean to differ. Each is a rule about what was asked and answered, with its reason in
//! docs/karmada.md.

use git_fleet::api::quantity::Quantity;
use git_fleet::api::toleration::Toleration;
use serde_json::Value;

/// A rule: what was asked, our answer, Karmada's.
type Rule = fn(&Value, Option<&Value>, Option<&Value>) -> bool;

const RULES: &[(&str, Rule)] = &[
    ("an absent number of pods is the one that an API server fills in", is_default_count),
    ("a cluster's share is written where the template gives no number", is_share_of_default),
    ("a StatefulSet reports and follows generations like a Deployment", is_stateful_generation),
    ("an object without the template's generation is reflected", is_without_generation),
    ("JSON has one kind of whole number, Go's memory has several", is_whole_number_in_go),
    ("a counter that is no number is copied", is_odd_counter),
    ("a reference without a name refers to nothing", is_nameless_reference),
    ("the secret volumes of a Workflow are named by `secretName`", is_volume_of_workflow),
    ("a template that refers to nothing has no dependencies", is_without_references),
    ("a SidecarSet that no cluster reports has counters of 0", is_unreported_sidecar_set),
    ("a hash that no cluster tells is absent, not 0", is_unknown_hash),
    ("how one cluster's BroadcastJob ended says nothing about the next", is_broadcast_job),
    ("a HelmChart reports the generation that was seen", is_chart_generation),
    ("failures of a HelmRelease are counted afresh", is_count_of_failures),
    ("a state of a SparkApplication that nobody knows ranks lowest", is_unknown_state),
    ("no group of a RayService's workers gets less than none", is_less_than_none),
    ("no cluster is without a name", is_nameless_cluster),
    ("an OCIRepository need not name a service account", is_without_account),
    ("an amount that is no quantity is left out", is_odd_amount),
    ("a toleration with an operator that does not exist is left out", is_odd_toleration),
    ("what a script of Karmada's stumbles over because it is absent is empty", is_stumble),
];

/// The name of the first rule by which the answers differ.
pub(super) fn of(
    case: &Value,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> Option<&'static str> {
    RULES.iter().find(|(_, rule)| rule(case, ours, theirs)).map(|(name, _)| *name)
}

fn asks(case: &Value, operation: &str) -> bool {
    case["operation"] == operation
}

fn fails(case: &Value) -> bool {
    case.get("error").is_some()
}

fn is_native(case: &Value) -> bool {
    case["interpreter"] == "native"
}

/// Whether the case is about this kind, of a group that is not Kubernetes' own.
fn is_kind(case: &Value, kind: &str) -> bool {
    let gvk = case["gvk"].as_str().unwrap_or_default();
    case["interpreter"] == "thirdparty" && gvk.ends_with(&format!("Kind={kind}"))
}

/// Whether the case is about one of these kinds of `apps/v1`.
fn is_of(case: &Value, kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| match case["handler"].as_str() {
        Some(handler) => handler.contains(kind),
        None => case["gvk"] == format!("apps/v1, Kind={kind}"),
    })
}

/// Whether the answers are the same but for these fields at their top.
fn same_without(ours: Option<&Value>, theirs: Option<&Value>, fields: &[&str]) -> bool {
    let without = |answer: Option<&Value>| {
        let mut map = answer.and_then(Value::as_object).cloned().unwrap_or_default();
        map.retain(|name, _| !fields.contains(&name.as_str()));
        map
    };
    without(ours) == without(theirs)
}

fn lacks_count(case: &Value) -> bool {
    let spec = &case["object"]["spec"];
    spec["replicas"].is_null() && spec["parallelism"].is_null()
}

fn is_default_count(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    asks(case, "InterpretReplica")
        && lacks_count(case)
        && ours.is_some_and(|ours| ours["replicas"] == 1)
        && (fails(case) || same_without(ours, theirs, &["replicas"]))
}

fn is_share_of_default(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return false };
    asks(case, "ReviseReplica")
        && is_native(case)
        && lacks_count(case)
        && ["replicas", "parallelism"].iter().any(|field| ours["spec"][field] == case["replica"])
        && same_without(Some(&ours["spec"]), Some(&theirs["spec"]), &["replicas", "parallelism"])
}

fn is_stateful_generation(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    is_of(case, &["StatefulSet"])
        && (asks(case, "InterpretStatus") || asks(case, "AggregateStatus"))
        && !fails(case)
        && same_without(ours, theirs, &["observedGeneration"])
}

fn is_without_generation(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let annotation =
        &case["object"]["metadata"]["annotations"]["resourcetemplate.karmada.io/generation"];
    let generation = annotation.as_str().and_then(|text| text.parse::<i64>().ok());
    asks(case, "InterpretStatus")
        && is_of(case, &["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"])
        && fails(case)
        && generation.is_none()
        && ours.is_some_and(|ours| ours.get("resourceTemplateGeneration").is_none())
}

fn is_whole_number_in_go(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let count = |object: &Value, field: &str| object["spec"][field].as_i64();
    asks(case, "ReviseReplica")
        && case["source"] == "go-test-table"
        && fails(case)
        && ["replicas", "parallelism"].iter().any(|field| {
            count(&case["object"], field).is_some()
                && ours.and_then(|ours| count(ours, field)) == case["replica"].as_i64()
        })
}

fn is_odd_counter(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let counters = ["active", "failed", "succeeded"];
    asks(case, "InterpretStatus")
        && fails(case)
        && ours.is_some_and(|ours| counters.iter().any(|counter| ours[counter].is_string()))
}

const REFERENCES: &[&str] = &[
    "certSecretRef",
    "configMapKeyRef",
    "configMapRef",
    "secretKeyRef",
    "secretRef",
    "tls",
    "valuesFrom",
];

fn is_nameless(reference: &Value) -> bool {
    let names = |one: &Value| {
        ["name", "secretName"]
            .iter()
            .any(|key| one[key].as_str().is_some_and(|name| !name.is_empty()))
    };
    match reference {
        Value::Array(list) => !list.iter().all(names),
        Value::Object(_) => !names(reference),
        _ => false,
    }
}

fn is_nameless_reference(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    asks(case, "InterpretDependency")
        && fails(case)
        && ours.is_some()
        && any(&case["object"]["spec"], REFERENCES, is_nameless)
}

fn is_volume_of_workflow(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    let without_secrets = |answer: Option<&Value>| {
        let references = answer.and_then(Value::as_array).cloned().unwrap_or_default();
        references.into_iter().filter(|one| one["kind"] != "Secret").collect::<Vec<_>>()
    };
    is_kind(case, "Workflow")
        && asks(case, "InterpretDependency")
        && any(&case["object"]["spec"]["volumes"], &["secret"], Value::is_object)
        && without_secrets(ours) == without_secrets(theirs)
}

fn is_without_references(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let gvk = case["gvk"].as_str().unwrap_or_default();
    asks(case, "InterpretDependency")
        && gvk.starts_with("apps.kruise.io/")
        && fails(case)
        && ours.is_some_and(Value::is_null)
}

fn is_unreported_sidecar_set(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let counters = ours.and_then(Value::as_object);
    is_kind(case, "SidecarSet")
        && asks(case, "AggregateStatus")
        && fails(case)
        && case["items"].is_null()
        && counters.is_some_and(|counters| counters.values().all(|counter| *counter == 0))
}

fn is_unknown_hash(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    is_kind(case, "DaemonSet")
        && asks(case, "AggregateStatus")
        && theirs.is_some_and(|theirs| theirs["daemonSetHash"] == 0)
        && same_without(ours, theirs, &["daemonSetHash"])
}

fn items(case: &Value) -> &[Value] {
    case["items"].as_array().map_or(&[], Vec::as_slice)
}

fn is_broadcast_job(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    let has_ended = |item: &Value| {
        let conditions = item["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ends = ["Complete", "Failed"];
        conditions
            .iter()
            .any(|one| one["status"] == "True" && ends.iter().any(|end| one["type"] == *end))
    };
    let mut ends = items(case).iter().map(has_ended);
    let is_carried_over = ends.by_ref().any(|ended| ended) && ends.any(|ended| !ended);
    let is_complete = ours.is_some_and(|ours| {
        let conditions = ours["conditions"].as_array();
        conditions.is_some_and(|list| list.iter().any(|one| one["type"] == "Complete"))
    });
    is_kind(case, "BroadcastJob")
        && asks(case, "AggregateStatus")
        && (is_carried_over || is_complete)
        && same_without(ours, theirs, &["conditions", "completionTime"])
}

fn is_chart_generation(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    is_kind(case, "HelmChart")
        && asks(case, "InterpretStatus")
        && theirs.is_none_or(|theirs| theirs.get("observedGeneration").is_none())
        && same_without(ours, theirs, &["observedGeneration"])
}

fn is_count_of_failures(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    is_kind(case, "HelmRelease")
        && asks(case, "AggregateStatus")
        && same_without(ours, theirs, &["failures", "installFailures", "upgradeFailures"])
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

fn is_unknown_state(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let is_unknown = |item: &Value| {
        let state = &item["status"]["applicationState"];
        !state.is_null() && !SPARK_STATES.iter().any(|known| state["state"] == *known)
    };
    is_kind(case, "SparkApplication")
        && asks(case, "AggregateStatus")
        && fails(case)
        && ours.is_some()
        && items(case).iter().any(is_unknown)
}

fn is_less_than_none(case: &Value, _ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    let groups = theirs.map(|theirs| &theirs["spec"]["rayClusterConfig"]["workerGroupSpecs"]);
    let is_negative = |group: &Value| group["replicas"].as_i64().is_some_and(|count| count < 0);
    is_kind(case, "RayService")
        && asks(case, "ReviseReplica")
        && groups.and_then(Value::as_array).is_some_and(|groups| groups.iter().any(is_negative))
}

fn is_nameless_cluster(case: &Value, _ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let has_no_name = |item: &Value| item["clusterName"].as_str().is_none_or(str::is_empty);
    asks(case, "AggregateStatus") && items(case).iter().any(has_no_name)
}

fn is_without_account(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let spec = &case["object"]["spec"];
    is_kind(case, "OCIRepository")
        && asks(case, "InterpretDependency")
        && fails(case)
        && ours.is_some()
        && spec.is_object()
        && spec["serviceAccountName"].is_null()
}

fn is_stumble(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let error = case["error"].as_str().unwrap_or_default();
    case["interpreter"] == "thirdparty" && error.contains("nil") && ours.is_some()
}

/// Whether some field `of` in a value has something that `holds`.
fn any(value: &Value, of: &[&str], holds: fn(&Value) -> bool) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            of.contains(&key.as_str()) && holds(value) || any(value, of, holds)
        }),
        Value::Array(list) => list.iter().any(|value| any(value, of, holds)),
        _ => false,
    }
}

fn has_odd_amount(amounts: &Value) -> bool {
    let is_odd = |amount: &Value| serde_json::from_value::<Quantity>(amount.clone()).is_err();
    amounts.as_object().is_some_and(|amounts| amounts.values().any(is_odd))
}

fn is_odd_amount(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    (asks(case, "InterpretReplica") || asks(case, "InterpretComponent"))
        && fails(case)
        && ours.is_some()
        && any(&case["object"]["spec"], &["requests", "limits", "overhead"], has_odd_amount)
}

fn has_odd_operator(tolerations: &Value) -> bool {
    let is_odd = |one: &Value| serde_json::from_value::<Toleration>(one.clone()).is_err();
    tolerations.as_array().is_some_and(|list| list.iter().any(is_odd))
}

/// The value without any tolerations, and without what is empty then.
fn without_tolerations(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != "tolerations")
            .map(|(key, value)| (key.clone(), without_tolerations(value)))
            .filter(|(_, value)| value.as_object().is_none_or(|map| !map.is_empty()))
            .collect(),
        Value::Array(list) => list.iter().map(without_tolerations).collect(),
        _ => value.clone(),
    }
}

fn is_odd_toleration(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    (asks(case, "InterpretReplica") || asks(case, "InterpretComponent"))
        && any(&case["object"]["spec"], &["tolerations"], has_odd_operator)
        && ours.map(without_tolerations) == theirs.map(without_tolerations)
}
