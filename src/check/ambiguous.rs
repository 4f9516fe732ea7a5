//! Two policies that select a template alike: only their names decide which of them it gets.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::problem::{Place, Problem};
use crate::fleet::Fleet;
use crate::plan::{Policy, PolicyIndex};

/// A warning for every two policies between which only their names decide.
pub(super) fn ambiguous(fleet: &Fleet) -> Vec<Problem> {
    let index = PolicyIndex::new(Policy::all(fleet));
    let templates = fleet.templates.values();
    let mut told = BTreeSet::new();
    let mut problems = Vec::new();
    for (template, equals) in index.ties(templates) {
        let (winner, others) = equals.split_first().expect("a tie is between two at least");
        for other in others {
            if told.insert((winner.label(), other.label())) {
                problems.push(problem(fleet, winner, other, &template.key.to_string()));
            }
        }
    }
    problems
}

fn problem(fleet: &Fleet, winner: &Policy<'_>, other: &Policy<'_>, template: &str) -> Problem {
    Problem::warning(
        place(fleet, other),
        "POLICY_AMBIGUOUS",
        format!(
            "{} and {} both select {template} with the same priority and as specifically; {} has it because its name comes first",
            other.label(),
            winner.label(),
            winner.name
        ),
        "give one of them a higher `spec.priority`, or narrow what it selects",
    )
    .related_to(place(fleet, winner))
}

/// Where a policy of the fleet says its name.
fn place(fleet: &Fleet, policy: &Policy<'_>) -> Place {
    let pointer = "/metadata/name";
    match policy.namespace {
        Some(namespace) => {
            let key = (Arc::from(namespace), Arc::from(policy.name));
            fleet.propagation_policies[&key].place_of(pointer)
        }
        None => fleet.cluster_propagation_policies[policy.name].place_of(pointer),
    }
}
