//! Which objects are refused, and what is filled in where nothing is said.

mod calls;
mod deviations;
mod put_right;

use std::collections::BTreeMap;
use std::sync::Arc;

use git_fleet::api::federated_hpa::default_federated_hpa;
use git_fleet::api::multi_cluster_service::MultiClusterService;
use git_fleet::api::names::ObjectId;
use git_fleet::api::override_policy::default_override_policy;
use git_fleet::api::problem::{Problem, Severity};
use git_fleet::api::propagation_policy::{
    default_cluster_propagation_policy, default_propagation_policy,
};
use git_fleet::customize::Limits;
use git_fleet::fleet::{Fleet, parse_file};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Tally, cases, say};

/// What the loader says to a repository that holds this one object.
fn problems(object: &Value) -> Vec<Problem> {
    let text = serde_json::to_string_pretty(object).unwrap();
    let id = ObjectId::from_bytes([0; 20]);
    let file = parse_file("object.json", id, text.as_bytes());
    let (fleet, mut problems) = Fleet::assemble(id, &[Arc::new(file)]);
    if !fleet.customizations.is_empty() {
        let interpreter = crate::customize::interpreter(Limits::default());
        problems.extend(git_fleet::customize::check(&fleet, &interpreter));
    }
    problems
}

fn is_allowed(problems: &[Problem]) -> bool {
    problems.iter().all(|problem| problem.severity != Severity::Error)
}

/// Whether an object passes, and what was said, for a reader of a difference.
struct Answer(bool, String);

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", if self.0 { "passes" } else { "is refused" }, self.1)
    }
}

fn ours(problems: &[Problem], object: &Value) -> Answer {
    let told: Vec<String> = problems.iter().map(|problem| format!("{problem}\n")).collect();
    Answer(is_allowed(problems), format!("{}{object}", told.concat()))
}

/// A recorded function says what is wrong, a recorded webhook whether it lets the object pass.
fn theirs(case: &Value) -> Answer {
    match case["errors"].as_array() {
        Some(errors) => Answer(errors.is_empty(), case["errors"].to_string()),
        None => Answer(case["allowed"] == true, case["message"].to_string()),
    }
}

#[test]
fn objects_are_refused_as_in_karmada() {
    let Some(cases) = cases("validation") else { return };
    let mut tally = Tally::new("validation");
    let mut n_deviating: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_left_out = 0;
    for case in &cases {
        let object = match case["function"].as_str() {
            None => Some(case["object"].clone()),
            Some(function) => calls::object(function, &case["args"]),
        };
        let Some(object) = object else {
            n_left_out += 1;
            continue;
        };
        let problems = problems(&object);
        let (ours, theirs) = (ours(&problems, &object), theirs(case));
        let none = deviations::no_question(case, &problems).map(str::to_owned);
        let deviation = none.or_else(|| match ours {
            _ if ours == theirs => None,
            Answer(true, _) => deviations::refused_by_karmada_alone(case, &object),
            Answer(false, _) => deviations::refused_here_alone(case, &object),
        });
        match deviation {
            Some(name) => {
                tally.deviate();
                *n_deviating.entry(name).or_default() += 1;
            }
            None => tally.compare(case, &ours, &theirs),
        }
    }
    for (name, n_cases) in n_deviating {
        say(&format!("conformance validation: {n_cases} deviate: {name}"));
    }
    say(&format!("conformance validation: {n_left_out} calls about what is not read left out"));
    tally.end();
}

/// The spec that `object` has once it is completed; `None` if our types do not read it.
fn spec<T: Serialize + DeserializeOwned>(object: &Value, complete: fn(&mut T)) -> Option<Value> {
    let mut object: T = serde_json::from_value(object.clone()).ok()?;
    complete(&mut object);
    Some(serde_json::to_value(object).unwrap()["spec"].take())
}

/// Our spec, and the one that Karmada's mutating webhook made, read by the same type.
fn specs<T: Serialize + DeserializeOwned>(
    case: &Value,
    complete: fn(&mut T),
) -> Option<(Value, Value)> {
    Some((spec::<T>(&case["object"], complete)?, spec::<T>(&case["mutated"], |_| {})?))
}

#[test]
fn fields_are_filled_in_as_in_karmada() {
    let Some(cases) = cases("validation") else { return };
    let mut tally = Tally::new("validation, defaults");
    for case in cases.iter().filter(|case| case["mutated"].is_object()) {
        let specs = match case["kind"].as_str().unwrap() {
            "PropagationPolicy" => specs(case, default_propagation_policy),
            "ClusterPropagationPolicy" => specs(case, default_cluster_propagation_policy),
            "OverridePolicy" => specs(case, default_override_policy),
            "FederatedHPA" => specs(case, default_federated_hpa),
            "MultiClusterService" => specs::<MultiClusterService>(case, |_| {}),
            _ => None,
        };
        let Some((ours, theirs)) = specs else { continue };
        let deviates = deviations::is_completed_otherwise(&case["object"], &ours, &theirs);
        tally.compare_unless(deviates, case, &ours, &theirs);
    }
    tally.end();
}
