//! What kinds mean: replicas, components, retention, dependencies, status and health.

mod deviations;

use std::collections::BTreeMap;

use git_fleet::api::binding::AggregatedStatusItem;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::names::ClusterName;
use git_fleet::api::quantity::Quantity;
use git_fleet::api::report::Health;
use git_fleet::interpret;
use serde_json::{Value, json};

use super::{Tally, cases, say};

/// What was answered; `None` when the object could not be interpreted.
type Answer = Option<Value>;

/// Functions of Karmada that were called directly, and the kinds that they serve.
const HANDLERS: &[(&str, &str, &str)] = &[
    ("CronJob", "batch/v1", "CronJob"),
    ("DaemonSet", "apps/v1", "DaemonSet"),
    ("Deploy", "apps/v1", "Deployment"),
    ("deploy", "apps/v1", "Deployment"),
    ("retainWorkloadReplicas", "apps/v1", "Deployment"),
    ("HorizontalPodAutoscaler", "autoscaling/v2", "HorizontalPodAutoscaler"),
    ("Ingress", "networking.k8s.io/v1", "Ingress"),
    ("PersistentVolumeClaim", "v1", "PersistentVolumeClaim"),
    ("PersistentVolume", "v1", "PersistentVolume"),
    ("PodDisruptionBudget", "policy/v1", "PodDisruptionBudget"),
    ("ReplicaSet", "apps/v1", "ReplicaSet"),
    ("replicaSet", "apps/v1", "ReplicaSet"),
    ("ServiceImport", "multicluster.x-k8s.io/v1alpha1", "ServiceImport"),
    ("retainSecretServiceAccountToken", "v1", "Secret"),
    ("ServiceAccount", "v1", "ServiceAccount"),
    ("Service", "v1", "Service"),
    ("StatefulSet", "apps/v1", "StatefulSet"),
    ("statefulSet", "apps/v1", "StatefulSet"),
    ("Job", "batch/v1", "Job"),
    ("job", "batch/v1", "Job"),
    ("Pod", "v1", "Pod"),
    ("pod", "v1", "Pod"),
];

/// The object in a field of the case, with the kind that the called function takes it for.
fn object(case: &Value, name: &str) -> Manifest {
    let mut object: Manifest = serde_json::from_value(case[name].clone()).unwrap();
    let handler = case["handler"].as_str();
    let served = handler.and_then(|name| HANDLERS.iter().find(|(part, ..)| name.contains(part)));
    if let Some((_, api_version, kind)) = served {
        object.0.insert("apiVersion".to_owned(), Value::from(*api_version));
        object.0.insert("kind".to_owned(), Value::from(*kind));
    }
    object
}

/// The object as the case wrote it: without a kind if it had none.
fn written(mut object: Manifest, case: &Value) -> Value {
    for field in ["apiVersion", "kind"] {
        if case["object"].get(field).is_none() {
            object.0.remove(field);
        }
    }
    object.into_value()
}

/// What the clusters report. A name that no cluster may have becomes one that it may.
fn items(case: &Value) -> Vec<AggregatedStatusItem> {
    let items = case["items"].as_array().into_iter().flatten().map(|item| {
        let name = item["clusterName"].as_str().and_then(|name| ClusterName::new(name).ok());
        let name = name.unwrap_or_else(|| ClusterName::new("unnamed").unwrap());
        let item = json!({ "clusterName": name, "status": item["status"] });
        serde_json::from_value(item).unwrap()
    });
    items.collect()
}

/// An answer; one without fields is none.
fn answer(answer: Option<&Value>) -> Value {
    answer.filter(|answer| !is_empty(answer)).cloned().unwrap_or_default()
}

fn ours(case: &Value) -> Answer {
    let mut object = object(case, "object");
    match case["operation"].as_str().unwrap() {
        "InterpretReplica" => {
            let replicas = interpret::replicas(&object)?;
            Some(json!({ "replicas": replicas.count, "requirements": replicas.requirements }))
        }
        "InterpretComponent" => Some(json!(interpret::components(&object).ok()?)),
        "ReviseReplica" => {
            let count = i32::try_from(case["replica"].as_i64().unwrap()).unwrap();
            interpret::revise_replicas(&mut object, count);
            Some(written(object, case))
        }
        "Retain" => {
            interpret::retain(&mut object, &self::object(case, "observed")).ok()?;
            Some(written(object, case))
        }
        "AggregateStatus" => {
            let items = items(case);
            let now = "2026-01-01T00:00:00Z".parse().unwrap();
            let aggregated = interpret::aggregate(&object, &items, now).ok()?;
            if let Some(status) = &aggregated {
                let later = "2026-01-01T01:00:00Z".parse().unwrap();
                object.0.insert("status".to_owned(), status.clone());
                let again = interpret::aggregate(&object, &items, later);
                assert_eq!(
                    again,
                    Ok(None),
                    "case {}: the same reports change it again",
                    case["id"]
                );
            }
            Some(answer(aggregated.as_ref().or(case["object"].get("status"))))
        }
        "InterpretDependency" => Some(json!(interpret::dependencies(&object).ok()?)),
        "InterpretStatus" => Some(interpret::reflect(&object).unwrap_or_default()),
        "InterpretHealth" => match interpret::health(&object) {
            Health::Healthy => Some(Value::Bool(true)),
            Health::Unhealthy => Some(Value::Bool(false)),
            Health::Unknown => None,
        },
        other => unreachable!("{other} is no operation"),
    }
}

fn theirs(case: &Value) -> Answer {
    let output = &case["output"];
    if case.get("error").is_some() || case.get("panic").is_some() {
        return match case["operation"].as_str().unwrap() {
            // Who cannot read a status reports none, and leaves an object as it is.
            "InterpretStatus" => Some(Value::Null),
            "ReviseReplica" => Some(case["object"].clone()),
            _ => None,
        };
    }
    Some(match case["operation"].as_str().unwrap() {
        "InterpretReplica" => output.clone(),
        "InterpretComponent" => output["components"].clone(),
        "ReviseReplica" | "Retain" => output["object"].clone(),
        "AggregateStatus" => answer(output["object"].get("status")),
        "InterpretDependency" => {
            let mut references = output["dependencies"].as_array().cloned().unwrap_or_default();
            let by =
                |one: &Value| ["apiVersion", "kind", "namespace", "name"].map(|key| text(one, key));
            references.sort_by_key(by);
            references.dedup();
            Value::Array(references)
        }
        "InterpretStatus" => output["status"].clone(),
        "InterpretHealth" => output["healthy"].clone(),
        other => unreachable!("{other} is no operation"),
    })
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// What is left of a value when all that says nothing is taken out of it.
///
/// Go's types write out what nobody set, or leave out a zero that somebody did; Lua cannot tell an
/// empty list from an empty map, so Karmada drops both. Amounts are compared, not how they
/// are written.
fn bare(value: &Value, says_nothing: fn(&Value) -> bool) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match key.as_str() {
                "requests" | "limits" | "overhead" | "resourceRequest" => {
                    (key.clone(), amounts(value))
                }
                _ => (key.clone(), bare(value, says_nothing)),
            })
            .filter(|(_, value)| !says_nothing(value))
            .collect(),
        Value::Array(list) => list.iter().map(|value| bare(value, says_nothing)).collect(),
        _ => value.clone(),
    }
}

fn amounts(map: &Value) -> Value {
    let Some(map) = map.as_object() else { return map.clone() };
    let amount = |value: &Value| {
        let quantity: Option<Quantity> = serde_json::from_value(value.clone()).ok();
        quantity.map_or_else(|| value.clone(), |quantity| Value::from(quantity.nanos().to_string()))
    };
    map.iter().map(|(name, value)| (name.clone(), amount(value))).collect()
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => is_blank(value),
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str() == Some("") || is_empty(value)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => value.is_null(),
    }
}

/// A time of ours where Karmada wrote the moment of the recording.
fn without_now(ours: &mut Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in ours {
                without_now(value, theirs.get(key).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| without_now(ours, theirs));
        }
        (Value::String(ours), Value::String(theirs))
            if theirs == "{{NOW}}" && ours.parse::<jiff::Timestamp>().is_ok() =>
        {
            ours.clone_from(theirs);
        }
        _ => {}
    }
}

/// What is left out before answers are compared: of a status, texts that say nothing; of a Pod,
/// which Karmada writes out of Go's types, zeros as well.
fn left_out(case: &Value) -> fn(&Value) -> bool {
    let is_pod = case["gvk"] == "/v1, Kind=Pod"
        || case["handler"].as_str().is_some_and(|handler| handler.contains("PodStatus"))
        || case["handler"] == "retainPodFields";
    match case["operation"].as_str() {
        Some("AggregateStatus" | "Retain") if is_pod => is_zero,
        Some("AggregateStatus") => is_blank,
        _ => is_empty,
    }
}

/// Our answer, with what says nothing left out.
fn our_answer(case: &Value) -> Answer {
    ours(case).map(|value| answer(Some(&bare(&value, left_out(case)))))
}

fn compare(interpreter: &str) {
    let Some(cases) = cases("interpreter") else { return };
    let mut tally = Tally::new(&format!("interpreter {interpreter}"));
    let mut n_deviating: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases.iter().filter(|case| case["interpreter"] == interpreter) {
        let says_nothing = left_out(case);
        let read = |value| answer(Some(&bare(&value, says_nothing)));
        let (mut ours, theirs) = (ours(case).map(read), theirs(case).map(read));
        if let (Some(ours), Some(theirs)) = (&mut ours, &theirs) {
            without_now(ours, theirs);
        }
        if ours != theirs
            && let Some(name) = deviations::of(case, ours.as_ref(), theirs.as_ref())
        {
            tally.deviate();
            *n_deviating.entry(name).or_default() += 1;
        } else {
            tally.compare(case, &ours, &theirs);
        }
    }
    for (name, n_cases) in n_deviating {
        say(&format!("conformance interpreter {interpreter}: {n_cases} deviate: {name}"));
    }
    tally.end();
}

#[test]
fn kinds_of_kubernetes_mean_what_they_do_in_karmada() {
    compare("native");
}

#[test]
fn kinds_of_others_mean_what_they_do_in_karmada() {
    compare("thirdparty");
}
