//! What a policy waits for and the source does not have: it acts on nothing new until it is there.

use std::collections::BTreeSet;

use crate::api::problem::Problem;
use crate::api::propagation_policy::PropagationSpec;
use crate::fleet::{Fleet, Sourced, did_you_mean, shown};
use crate::plan::priority_classes;

/// A warning for every override policy of `dependentOverrides` and every PriorityClass of
/// `schedulePriority` that is not there.
pub(super) fn references(fleet: &Fleet) -> Vec<Problem> {
    let classes = priority_classes(fleet).into_keys().collect();
    let mut missing = Missing { classes, problems: Vec::new() };
    for ((namespace, name), policy) in &fleet.propagation_policies {
        let label = format!("PropagationPolicy {namespace}/{name}");
        let of_namespace = fleet.override_policies.keys().filter(|(one, _)| one == namespace);
        let overrides = of_namespace.map(|(_, name)| &**name).collect();
        missing.look(&label, policy, &policy.spec, "OverridePolicy", &overrides);
    }
    let cluster_wide = fleet.cluster_override_policies.keys().map(|name| &**name).collect();
    for (name, policy) in &fleet.cluster_propagation_policies {
        let label = format!("ClusterPropagationPolicy {name}");
        missing.look(&label, policy, &policy.spec, "ClusterOverridePolicy", &cluster_wide);
    }
    missing.problems
}

struct Missing<'f> {
    classes: BTreeSet<&'f str>,
    problems: Vec<Problem>,
}

impl Missing<'_> {
    fn look<T>(
        &mut self,
        label: &str,
        policy: &Sourced<T>,
        spec: &PropagationSpec,
        kind: &str,
        overrides: &BTreeSet<&str>,
    ) {
        for (idx, name) in spec.dependent_overrides.iter().enumerate() {
            if !overrides.contains(name.as_str()) {
                let pointer = format!("/spec/dependentOverrides/{idx}");
                self.tell(label, policy, &pointer, kind, name, overrides);
            }
        }
        let class = spec.schedule_priority.as_ref().map(|one| one.priority_class_name.as_str());
        if let Some(name) = class.filter(|name| !self.classes.contains(name)) {
            let pointer = "/spec/schedulePriority/priorityClassName";
            let classes = self.classes.clone();
            self.tell(label, policy, pointer, "PriorityClass", name, &classes);
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
            did_you_mean(name, known.iter().copied(), &otherwise),
        ));
    }
}
