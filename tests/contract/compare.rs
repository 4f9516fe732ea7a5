//! Finds where two answers differ.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// One place where the simulated member answered something else.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Scenario and title of the step.
    pub(crate) step: String,
    /// Where: keys joined by `/`; items of a list by the name that tells them apart, or by position.
    pub(crate) path: String,
    /// What the real server says there, if anything.
    pub(crate) real: Option<Value>,
    /// What the simulated member says there, if anything.
    pub(crate) simulated: Option<Value>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show =
            |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        writeln!(f, "{} at {}", self.step, self.path)?;
        writeln!(f, "    real       {}", show(&self.real))?;
        write!(f, "    simulated  {}", show(&self.simulated))
    }
}

/// Keys that tell the items of a list apart; the first that every item of both lists has, with no value twice in one list.
const ITEM_KEYS: &[&str] =
    &["name", "type", "resource", "subresource", "groupVersion", "manager", "uid"];

/// All differences, the outermost of each: what one side lacks whole is one difference.
pub(crate) fn differences(step: &str, real: &Value, simulated: &Value) -> Vec<Difference> {
    if outcome(real) != outcome(simulated) {
        // A refusal here and an object there differ in every line: the outcome says it all.
        let (real, simulated) = (outcome(real), outcome(simulated));
        return vec![Difference { step: step.into(), path: "/outcome".into(), real, simulated }];
    }
    let mut found = Vec::new();
    compare(step, "", Some(real), Some(simulated), &mut found);
    found
}

/// Status code and, of a refusal, its reason and message.
fn outcome(answer: &Value) -> Option<Value> {
    let code = answer.get("code")?;
    let said = ["reason", "message"]
        .map(|key| answer.pointer(&format!("/body/{key}")).or_else(|| answer.get(key)));
    let said = said.into_iter().flatten().filter_map(Value::as_str);
    let refused = code.as_u64().is_some_and(|code| code >= 400);
    Some(if refused { json!([code, said.collect::<Vec<_>>()]) } else { code.clone() })
}

fn compare(
    step: &str,
    path: &str,
    real: Option<&Value>,
    simulated: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (real, simulated) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                compare(step, &format!("{path}/{key}"), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => match names(a, b) {
            Some((a_names, b_names)) => {
                // Owners are sorted by their times, and a second may end between two steps on one side only.
                let ordered = !path.ends_with("/managedFields");
                if ordered
                    && a_names != b_names
                    && a_names.iter().collect::<BTreeSet<_>>() == b_names.iter().collect()
                {
                    let order = |names: Vec<String>| Some(Value::from(names));
                    let (real, simulated) = (order(a_names.clone()), order(b_names.clone()));
                    found.push(Difference {
                        step: step.into(),
                        path: format!("{path}/(order)"),
                        real,
                        simulated,
                    });
                }
                let all: BTreeSet<&String> = a_names.iter().chain(&b_names).collect();
                for name in all {
                    let get = |items: &'_ [Value], names: &[String]| {
                        names.iter().position(|known| known == name).map(|at| items[at].clone())
                    };
                    let (a, b) = (get(a, &a_names), get(b, &b_names));
                    compare(step, &format!("{path}/{name}"), a.as_ref(), b.as_ref(), found);
                }
            }
            None => {
                for at in 0..a.len().max(b.len()) {
                    compare(step, &format!("{path}/{at}"), a.get(at), b.get(at), found);
                }
            }
        },
        (a, b) if a == b => {}
        (a, b) => found.push(Difference {
            step: step.into(),
            path: path.into(),
            real: a.cloned(),
            simulated: b.cloned(),
        }),
    }
}

/// The names by which items of two lists are matched, if they have any.
fn names(a: &[Value], b: &[Value]) -> Option<(Vec<String>, Vec<String>)> {
    let named = |items: &[Value], key: &str| -> Option<Vec<String>> {
        let names: Option<Vec<String>> = items
            .iter()
            .map(|item| {
                if key == "manager" {
                    return owner(item);
                }
                let name = item.get(key).or_else(|| item.get("metadata")?.get(key));
                name.and_then(Value::as_str).map(str::to_owned)
            })
            .collect();
        names.filter(|names| names.iter().collect::<BTreeSet<_>>().len() == names.len())
    };
    ITEM_KEYS.iter().find_map(|key| Some((named(a, key)?, named(b, key)?)))
}

/// One entry of `managedFields`: a manager has one for each way it writes.
fn owner(item: &Value) -> Option<String> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    Some(
        format!(
            "{} {} {}",
            text("manager")?,
            text("operation")?,
            text("subresource").unwrap_or_default()
        )
        .trim()
        .to_owned(),
    )
}
