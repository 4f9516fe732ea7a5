//! Rules about what is odd in a question: what has no name, is no amount, or is not there.

use git_fleet::api::quantity::Quantity;
use git_fleet::api::toleration::Toleration;
use serde_json::{Value, json};

use super::{any, asks, fails, is_answer_to, items, with_object};

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

/// Takes out, at any depth, what the entries `of` maps hold and `is_odd`.
fn take_out(value: &mut Value, of: &[&str], is_odd: fn(&Value) -> bool) {
    match value {
        Value::Object(map) => {
            for key in of {
                match map.get_mut(*key) {
                    Some(Value::Array(list)) => list.retain(|one| !is_odd(one)),
                    Some(one) if is_odd(one) => {
                        map.remove(*key);
                    }
                    Some(_) | None => {}
                }
            }
            map.iter_mut().for_each(|(_, value)| take_out(value, of, is_odd));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| take_out(value, of, is_odd)),
        _ => {}
    }
}

pub(super) fn is_nameless_reference(
    case: &Value,
    ours: Option<&Value>,
    _theirs: Option<&Value>,
) -> bool {
    let named = with_object(case, |object| take_out(object, REFERENCES, is_nameless));
    asks(case, "InterpretDependency")
        && fails(case)
        && ours.is_some()
        && any(&case["object"]["spec"], REFERENCES, is_nameless)
        && is_answer_to(&named, ours)
}

pub(super) fn is_nameless_cluster(
    case: &Value,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> bool {
    let has_no_name = |item: &Value| item["clusterName"].as_str().is_none_or(str::is_empty);
    asks(case, "AggregateStatus")
        && items(case).iter().any(has_no_name)
        && ours.map(without_texts) == theirs.or(ours).map(without_texts)
}

/// The value with every text in it empty.
fn without_texts(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), without_texts(value))).collect()
        }
        Value::Array(list) => list.iter().map(without_texts).collect(),
        Value::String(_) => Value::from(""),
        _ => value.clone(),
    }
}

/// How a script of Karmada's says that it met what is not there.
const STUMBLES: &[&str] = &[
    "attempt to index a non-table object(nil)",
    "attempt to compare nil with number",
    "attempt to compare number with nil",
    "cannot perform add operation between number and nil",
    "cannot perform concat operation between string and nil",
    "expect the returned requires type is table but got nil",
    "table expected, got nil",
    "table index is nil",
];

pub(super) fn is_stumble(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    let error = case["error"].as_str().unwrap_or_default();
    let mut filled = case.clone();
    for name in ["object", "observed"].into_iter().filter(|name| case[*name].is_object()) {
        for part in ["metadata", "spec", "status"] {
            if filled[name][part].is_null() {
                filled[name][part] = json!({});
            }
        }
    }
    case["interpreter"] == "thirdparty"
        && STUMBLES.iter().any(|stumble| error.contains(stumble))
        && ours.is_some()
        && is_answer_to(&filled, ours)
}

/// Fields that hold amounts by the names of resources.
const AMOUNTS: &[&str] = &["requests", "limits", "overhead"];

fn is_odd_quantity(amount: &Value) -> bool {
    serde_json::from_value::<Quantity>(amount.clone()).is_err()
}

fn has_odd_amount(amounts: &Value) -> bool {
    amounts.as_object().is_some_and(|amounts| amounts.values().any(is_odd_quantity))
}

fn without_odd_amounts(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_object_mut() {
                    Some(amounts) if AMOUNTS.contains(&key.as_str()) => {
                        amounts.retain(|_, amount| !is_odd_quantity(amount));
                    }
                    _ => without_odd_amounts(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(without_odd_amounts),
        _ => {}
    }
}

pub(super) fn is_odd_amount(case: &Value, ours: Option<&Value>, _theirs: Option<&Value>) -> bool {
    (asks(case, "InterpretReplica") || asks(case, "InterpretComponent"))
        && fails(case)
        && ours.is_some()
        && any(&case["object"]["spec"], AMOUNTS, has_odd_amount)
        && is_answer_to(&with_object(case, without_odd_amounts), ours)
}

fn is_odd_one(toleration: &Value) -> bool {
    serde_json::from_value::<Toleration>(toleration.clone()).is_err()
}

fn has_odd_operator(tolerations: &Value) -> bool {
    tolerations.as_array().is_some_and(|list| list.iter().any(is_odd_one))
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

pub(super) fn is_odd_toleration(
    case: &Value,
    ours: Option<&Value>,
    theirs: Option<&Value>,
) -> bool {
    (asks(case, "InterpretReplica") || asks(case, "InterpretComponent"))
        && any(&case["object"]["spec"], &["tolerations"], has_odd_operator)
        && ours.map(without_tolerations) == theirs.map(without_tolerations)
        && is_answer_to(
            &with_object(case, |object| take_out(object, &["tolerations"], is_odd_one)),
            ours,
        )
}
