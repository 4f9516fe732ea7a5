//! What a policy waits for and the source does not have: it acts on nothing new until it is there.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use super::Guesses;
use crate::api::problem::Problem;
use crate::api::propagation_policy::PropagationSpec;
use crate::fleet::{Fleet, Sourced, shown};
use crate::plan::priority_classes;

/// A warning for every override policy of `dependentOverrides` and every PriorityClass of
/// `schedulePriority` that is not there.
pub(super) fn references(fleet: &Fleet) -> Vec<Problem> {
    // Most fleets have no policy that asks.
    let classes = LazyCell::new(|| priority_classes(fleet).into_keys().collect());
    let namespaced = LazyCell::new(|| {
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (namespace, name) in fleet.override_policies.keys() {
            names.entry(namespace).or_default().insert(name);
        }
        names
    });
    let cluster_wide =
        LazyCell::new(|| fleet.cluster_override_policies.keys().map(|name| &**name).collect());
    let none = BTreeSet::new();
    let mut missing = Missing { guesses: Guesses::default(), problems: Vec::new() };
    for ((namespace, name), policy) in &fleet.propagation_policies {
        let label = || format!("PropagationPolicy {namespace}/{name}");
        let overrides = || namespaced.get(&**namespace).unwrap_or(&none);
        missing.look(&label, policy, &policy.spec, "OverridePolicy", &overrides, &|| &*classes);
    }
    for (name, policy) in &fleet.cluster_propagation_policies {
        let label = || format!("ClusterPropagationPolicy {name}");
        let overrides = || &*cluster_wide;
        let kind = "ClusterOverridePolicy";
        missing.look(&label, policy, &policy.spec, kind, &overrides, &|| &*classes);
    }
    missing.problems
}

struct Missing {
    guesses: Guesses,
    problems: Vec<Problem>,
}

type Names<'n, 'f> = dyn Fn() -> &'n BTreeSet<&'f str> + 'n;

impl Missing {
    fn look<'n, 'f: 'n, T>(
        &mut self,
        label: &dyn Fn() -> String,
        policy: &Sourced<T>,
        spec: &PropagationSpec,
        kind: &str,
        overrides: &Names<'n, 'f>,
        classes: &Names<'n, 'f>,
    ) {
        for (idx, name) in spec.dependent_overrides.iter().enumerate() {
            if !overrides().contains(name.as_str()) {
                let pointer = format!("/spec/dependentOverrides/{idx}");
                self.tell(&label(), policy, &pointer, kind, name, overrides());
            }
        }
        let class = spec.schedule_priority.as_ref().map(|one| one.priority_class_name.as_str());
        if let Some(name) = class.filter(|name| !classes().contains(name)) {
            let pointer = "/spec/schedulePriority/priorityClassName";
            self.tell(&label(), policy, pointer, "PriorityClass", name, classes());
        }
    }

    fn tell<T>(
        &mut self,
        label: &str,
        policy: &Sourced<T>,
        pointer: &str,
        kind: &str,
        name: &str,
        known: &BTreeSet<&str>,
    ) {
        let otherwise = format!(
            "add the {kind}, or remove its name here; until then the policy places nothing new"
        );
        self.problems.push(Problem::warning(
            policy.place_of(pointer),
            "REFERENCE_UNKNOWN",
            format!("{label} waits for the {kind} `{}`, which is not there", shown(name)),
            self.guesses.hint(name, known.iter().copied(), &otherwise),
        ));
    }
}
