//! What only shows between policies and the templates that they select.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::manifest::Manifest;
use crate::api::problem::Problem;
use crate::api::propagation_policy::PropagationSpec;
use crate::api::selector::SelectorMatch;

use super::assemble::{Fleet, Sourced};

/// A policy of one scope: its name, what it asks for, and how to point at it.
struct Policy<'a> {
    name: &'a str,
    label: String,
    spec: &'a PropagationSpec,
    /// The Problem's places: the policy's own line.
    place: crate::api::problem::Place,
}

impl<'a> Policy<'a> {
    fn new<T>(label: String, name: &'a str, spec: &'a PropagationSpec, of: &Sourced<T>) -> Self {
        Self { name, label, spec, place: of.place_of("/metadata/name") }
    }

    /// What it is chosen by; its name decides between equals.
    fn rank(&self, template: &Manifest) -> Option<(i32, SelectorMatch)> {
        Some((self.spec.priority, self.spec.selects(template)?))
    }
}

/// Adds a warning for every two policies between which only their names decide.
pub(super) fn check(fleet: &Fleet, problems: &mut Vec<Problem>) {
    let mut scopes: BTreeMap<Option<&str>, Vec<Policy<'_>>> = BTreeMap::new();
    for ((namespace, name), policy) in &fleet.propagation_policies {
        let label = format!("PropagationPolicy {namespace}/{name}");
        let policy = Policy::new(label, name, &policy.value.spec, policy);
        scopes.entry(Some(namespace)).or_default().push(policy);
    }
    for (name, policy) in &fleet.cluster_propagation_policies {
        let label = format!("ClusterPropagationPolicy {name}");
        let policy = Policy::new(label, name, &policy.value.spec, policy);
        scopes.entry(None).or_default().push(policy);
    }
    let contested: BTreeMap<Option<&str>, BTreeSet<(&str, &str, &str)>> =
        scopes.iter().map(|(scope, policies)| (*scope, contested(policies))).collect();
    if contested.values().all(BTreeSet::is_empty) {
        return;
    }
    let mut told = BTreeSet::new();
    for (key, template) in &fleet.templates {
        let template = &template.manifest;
        let (version, kind) = (template.api_version(), template.kind());
        for scope in [template.namespace().map(Some), Some(None)].into_iter().flatten() {
            let Some(policies) = scopes.get(&scope) else { continue };
            let is_contested = |name: &str| contested[&scope].contains(&(version, kind, name));
            let ranked = || policies.iter().filter_map(|one| Some((one.rank(template)?, one)));
            let Some(best) = ranked().map(|(rank, _)| rank).max() else { continue };
            if is_contested("") || is_contested(template.name()) {
                let mut equals: Vec<&Policy<'_>> =
                    ranked().filter(|(rank, _)| *rank == best).map(|(_, policy)| policy).collect();
                equals.sort_by_key(|policy| policy.name);
                let (winner, others) = equals.split_first().expect("one of them is the best");
                for other in others {
                    if told.insert((scope, winner.name, other.name)) {
                        problems.push(ambiguous(winner, other, &key.to_string()));
                    }
                }
            }
            // A policy of the namespace comes before every cluster-wide one.
            break;
        }
    }
}

/// What two policies of one scope select with the same priority: a name of a kind, or names at large,
/// which is the empty name. Between the one and the other the name decides, so fleets with a policy
/// for each template have nothing to compare.
fn contested<'a>(policies: &[Policy<'a>]) -> BTreeSet<(&'a str, &'a str, &'a str)> {
    let mut seen: BTreeMap<(&str, &str, &str, i32), &str> = BTreeMap::new();
    let mut contested = BTreeSet::new();
    for policy in policies {
        for selector in &policy.spec.resource_selectors {
            let (version, kind) = (selector.api_version.as_str(), selector.kind.as_str());
            let name = selector.name.as_str();
            let key = (version, kind, name, policy.spec.priority);
            if *seen.entry(key).or_insert(policy.name) != policy.name {
                contested.insert((version, kind, name));
            }
        }
    }
    contested
}

fn ambiguous(winner: &Policy<'_>, other: &Policy<'_>, template: &str) -> Problem {
    Problem::warning(
        other.place.clone(),
        "POLICY_AMBIGUOUS",
        format!(
            "{} and {} both select {template} with the same priority and as specifically; {} has it because its name comes first",
            other.label, winner.label, winner.name
        ),
        "give one of them a higher `spec.priority`, or narrow what it selects",
    )
    .related_to(winner.place.clone())
}
