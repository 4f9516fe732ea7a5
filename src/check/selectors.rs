//! Selectors of policies that match no template of the commit: most often a name that is misspelt.

use std::collections::BTreeMap;

use crate::api::manifest::Manifest;
use crate::api::problem::Problem;
use crate::api::selector::ResourceSelector;
use crate::fleet::{Fleet, Sourced, did_you_mean};

/// A warning for every selector that matches nothing. Without any template there is nothing to say:
/// policies may be looked at by themselves.
pub(super) fn selectors(fleet: &Fleet) -> Vec<Problem> {
    if fleet.templates.is_empty() {
        return Vec::new();
    }
    let mut templates = Templates::default();
    for template in fleet.templates.values() {
        let manifest = &*template.manifest;
        let names = templates.entry((manifest.api_version(), manifest.kind())).or_default();
        names.entry(manifest.name()).or_default().push(manifest);
    }
    let mut problems = Vec::new();
    for policy in fleet.propagation_policies.values() {
        look(policy, &policy.spec.resource_selectors, &templates, &mut problems);
    }
    for policy in fleet.cluster_propagation_policies.values() {
        look(policy, &policy.spec.resource_selectors, &templates, &mut problems);
    }
    for policy in fleet.override_policies.values() {
        look(policy, &policy.spec.resource_selectors, &templates, &mut problems);
    }
    for policy in fleet.cluster_override_policies.values() {
        look(policy, &policy.spec.resource_selectors, &templates, &mut problems);
    }
    problems
}

/// By API version and kind, then by name.
type Templates<'f> = BTreeMap<(&'f str, &'f str), BTreeMap<&'f str, Vec<&'f Manifest>>>;

fn look<T>(
    policy: &Sourced<T>,
    selectors: &[ResourceSelector],
    templates: &Templates<'_>,
    problems: &mut Vec<Problem>,
) {
    for (idx, selector) in selectors.iter().enumerate() {
        let of_kind = templates.get(&(selector.api_version.as_str(), selector.kind.as_str()));
        let matches = |one: &&Manifest| selector.matches(one).is_some();
        let is_matched = of_kind.is_some_and(|names| match selector.name.as_str() {
            "" => names.values().flatten().any(matches),
            name => names.get(name).into_iter().flatten().any(matches),
        });
        if is_matched {
            continue;
        }
        let field = if selector.name.is_empty() { "" } else { "/name" };
        // The name as it is written may be one of another namespace: that is not what was meant.
        let names = of_kind.into_iter().flat_map(BTreeMap::keys).copied();
        let names = names.filter(|name| field == "/name" && *name != selector.name);
        problems.push(Problem::warning(
            policy.place_of(&format!("/spec/resourceSelectors/{idx}{field}")),
            "SELECTOR_EMPTY",
            "the selector matches no template of this commit",
            did_you_mean(&selector.name, names, "add the template, or correct the selector"),
        ));
    }
}
