//! Where we mean to differ. Each is a rule about what was asked and answered, with its reason in
//! docs/karmada.md. It holds only if ours is the answer that the rule promises: often the one to the
//! same question without what the rule is about.

mod kinds;
mod odd;

use serde_json::{Value, json};

use super::our_answer;
use kinds::{
    is_broadcast_job, is_chart_generation, is_count_of_failures, is_less_than_none,
    is_unknown_hash, is_unknown_state, is_unreported_sidecar_set, is_volume_of_workflow,
    is_without_account, is_without_references,
};
use odd::{
    is_nameless_cluster, is_nameless_reference, is_odd_amount, is_odd_toleration, is_stumble,
};

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

/// The case with another object.
fn with_object(case: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut case = case.clone();
    change(&mut case["object"]);
    case
}

/// Whether ours is the answer to this question as well.
fn is_answer_to(case: &Value, ours: Option<&Value>) -> bool {
    our_answer(case).as_ref() == ours
}

fn is_default_count(case: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    let said = with_object(case, |object| {
        for field in ["replicas", "parallelism"] {
            object["spec"][field] = Value::from(1);
        }
    });
    asks(case, "InterpretReplica")
        && lacks_count(case)
        && ours.is_some_and(|ours| ours["replicas"] == 1)
        && is_answer_to(&said, ours)
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
        && ours.is_some_and(|ours| ours.get("observedGeneration") == seen_generation(case).as_ref())
}

/// The generation that a status says was seen: the cluster's own, or of the whole once all have caught
/// up. 0 is not written.
fn seen_generation(case: &Value) -> Option<Value> {
    let object = &case["object"];
    let number = |value: &Value, field: &str| value[field].as_i64().unwrap_or(0);
    let before = number(&object["status"], "observedGeneration");
    let wanted = number(&object["metadata"], "generation");
    let is_caught_up = |item: &Value| {
        let status = &item["status"];
        status.is_object()
            && number(status, "observedGeneration") >= number(status, "generation")
            && number(status, "resourceTemplateGeneration") >= wanted
    };
    let is_whole = asks(case, "AggregateStatus") && items(case).iter().all(is_caught_up);
    Some(if is_whole { wanted } else { before }).filter(|seen| *seen != 0).map(Value::from)
}

fn is_without_generation(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let annotation =
        &case["object"]["metadata"]["annotations"]["resourcetemplate.karmada.io/generation"];
    let generation = annotation.as_str().and_then(|text| text.parse::<i64>().ok());
    let annotated = with_object(case, |object| {
        let annotations = json!({"resourcetemplate.karmada.io/generation": "1"});
        object["metadata"]["annotations"] = annotations;
    });
    asks(case, "InterpretStatus")
        && is_of(case, &["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"])
        && fails(case)
        && generation.is_none()
        && ours.is_some_and(|ours| ours.get("resourceTemplateGeneration").is_none())
        && same_without(our_answer(&annotated).as_ref(), ours, &["resourceTemplateGeneration"])
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
        && ours.is_some_and(|ours| {
            let mut written = counters.iter().filter(|counter| ours[**counter].is_string());
            written.clone().count() > 0
                && written.all(|counter| ours[*counter] == case["object"]["status"][*counter])
        })
}

fn items(case: &Value) -> &[Value] {
    case["items"].as_array().map_or(&[], Vec::as_slice)
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
