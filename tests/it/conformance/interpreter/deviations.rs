//! Where we mean to differ. Each is a rule about what was asked and answered, with its reason in
//! docs/karmada.md.

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
    ("a template that refers to nothing has no dependencies", is_without_references),
    ("a SidecarSet that no cluster reports has counters of 0", is_unreported_sidecar_set),
    ("how one cluster's BroadcastJob ended says nothing about the next", is_broadcast_job),
    ("a HelmChart reports the generation that was seen", is_chart_generation),
    ("failures of a HelmRelease are counted afresh", is_count_of_failures),
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
        && is_native(case)
        && lacks_count(case)
        && ours.is_some_and(|ours| ours["replicas"] == 1)
        && same_without(ours, theirs, &["replicas"])
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

/// Whether an object has a reference, by the name of its field, that names nothing.
fn has_nameless_reference(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let is_reference = key.ends_with("Ref") && value.is_object();
            is_reference && value["name"].is_null() || has_nameless_reference(value)
        }),
        Value::Array(list) => list.iter().any(has_nameless_reference),
        _ => false,
    }
}

fn is_nameless_reference(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    asks(case, "InterpretDependency")
        && fails(case)
        && ours.is_some()
        && has_nameless_reference(&case["object"]["spec"])
}

fn is_without_references(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    asks(case, "InterpretDependency") && fails(case) && ours.is_some_and(Value::is_null)
}

fn is_unreported_sidecar_set(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    is_kind(case, "SidecarSet")
        && asks(case, "AggregateStatus")
        && fails(case)
        && case["items"].is_null()
        && ours.is_some_and(Value::is_null)
}

fn is_broadcast_job(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    is_kind(case, "BroadcastJob")
        && asks(case, "AggregateStatus")
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
