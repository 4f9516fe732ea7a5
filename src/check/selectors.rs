//! Selectors of policies that match no template of the commit: most often a name that is misspelt.

use std::collections::BTreeMap;

use super::Guesses;
use crate::api::problem::Problem;
use crate::api::selector::{ResourceSelector, Selectable as _};
use crate::fleet::{Fleet, Sourced, Template};

/// A warning for every selector that matches nothing. Without any template there is nothing to say:
/// policies may be looked at by themselves.
pub(super) fn selectors(fleet: &Fleet) -> Vec<Problem> {
    if fleet.templates.is_empty() {
        return Vec::new();
    }
    let mut templates: BTreeMap<(&str, &str), OfKind<'_>> = BTreeMap::new();
    for template in fleet.templates.values() {
        let of_kind = templates.entry((template.api_version(), template.kind())).or_default();
        of_kind.add(template);
    }
    let mut empty = Empty { templates, guesses: Guesses::default(), problems: Vec::new() };
    for policy in fleet.propagation_policies.values() {
        empty.look(policy, &policy.spec.resource_selectors);
    }
    for policy in fleet.cluster_propagation_policies.values() {
        empty.look(policy, &policy.spec.resource_selectors);
    }
    for policy in fleet.override_policies.values() {
        empty.look(policy, &policy.spec.resource_selectors);
    }
    for policy in fleet.cluster_override_policies.values() {
        empty.look(policy, &policy.spec.resource_selectors);
    }
    empty.problems
}

/// The templates of one API version and kind. One without a namespace stands under the empty text.
#[derive(Default)]
struct OfKind<'f> {
    /// By name, then by namespace.
    by_name: BTreeMap<(&'f str, &'f str), &'f Template>,
    /// By namespace, then by name.
    by_namespace: BTreeMap<(&'f str, &'f str), &'f Template>,
}

impl<'f> OfKind<'f> {
    fn add(&mut self, template: &'f Template) {
        let (name, namespace) = (template.name(), template.namespace().unwrap_or_default());
        self.by_name.insert((name, namespace), template);
        self.by_namespace.insert((namespace, name), template);
    }

    /// Whether the selector matches one. Only those are looked at that its name and namespace leave.
    fn has_match(&self, selector: &ResourceSelector) -> bool {
        let (name, namespace) = (selector.name.as_str(), selector.namespace.as_str());
        let matches = |one: &Template| selector.matches(one).is_some();
        match (name, namespace) {
            ("", "") => self.by_name.values().any(|one| matches(one)),
            ("", _) => below(&self.by_namespace, namespace).any(matches),
            (_, "") => below(&self.by_name, name).any(matches),
            (_, _) => self.by_name.get(&(name, namespace)).is_some_and(|one| matches(one)),
        }
    }
}

/// The entries whose key begins with `first`.
fn below<'m, 'f: 'm>(
    map: &'m BTreeMap<(&'f str, &'f str), &'f Template>,
    first: &'m str,
) -> impl Iterator<Item = &'f Template> + 'm {
    let from = map.range((first, "")..);
    from.take_while(move |((one, _), _)| *one == first).map(|(_, manifest)| *manifest)
}

struct Empty<'f> {
    templates: BTreeMap<(&'f str, &'f str), OfKind<'f>>,
    guesses: Guesses,
    problems: Vec<Problem>,
}

impl Empty<'_> {
    fn look<T>(&mut self, policy: &Sourced<T>, selectors: &[ResourceSelector]) {
        let places = policy.places();
        for (idx, selector) in selectors.iter().enumerate() {
            let kind = (selector.api_version.as_str(), selector.kind.as_str());
            let of_kind = self.templates.get(&kind);
            if of_kind.is_some_and(|of_kind| of_kind.has_match(selector)) {
                continue;
            }
            let field = if selector.name.is_empty() { "" } else { "/name" };
            // The name as it is written may be one of another namespace: that is not what was meant.
            let named = of_kind.filter(|_| !selector.name.is_empty());
            let names = named.into_iter().flat_map(|of_kind| of_kind.by_name.keys());
            let names = names.map(|(name, _)| *name).filter(|name| *name != selector.name);
            let otherwise = "add the template, or correct the selector";
            self.problems.push(Problem::warning(
                places.of(&format!("/spec/resourceSelectors/{idx}{field}")),
                "SELECTOR_EMPTY",
                "the selector matches no template of this commit",
                self.guesses.hint(&selector.name, names, otherwise),
            ));
        }
    }
}
