//! Which policy a template gets: a function of the commit (`spec/placement.md` §1.2, §1.3).
//!
//! A PropagationPolicy of the template's namespace beats every ClusterPropagationPolicy. Within one
//! scope the greater explicit priority wins, then the more specific selector, then the name that
//! comes first.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::api::names::ObjectId;
use crate::api::propagation_policy::PropagationSpec;
use crate::api::selector::{Selectable, SelectorMatch};
use crate::fleet::Fleet;

use super::reasons::LostPolicy;

/// A propagation policy of either scope.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Namespace; `None` for a ClusterPropagationPolicy.
    pub namespace: Option<&'a str>,
    /// Name.
    pub name: &'a str,
    /// What it asks for.
    pub spec: &'a PropagationSpec,
    /// Content id: changes iff the policy changes.
    pub id: ObjectId,
}

impl<'a> Policy<'a> {
    /// Every propagation policy of the fleet: those of namespaces, then the others, by their names.
    pub fn all(fleet: &'a Fleet) -> impl Iterator<Item = Self> {
        let namespaced = fleet.propagation_policies.iter().map(|((namespace, name), policy)| {
            Self { namespace: Some(namespace), name, spec: &policy.value.spec, id: policy.id }
        });
        let cluster_wide = fleet.cluster_propagation_policies.iter().map(|(name, policy)| Self {
            namespace: None,
            name,
            spec: &policy.value.spec,
            id: policy.id,
        });
        namespaced.chain(cluster_wide)
    }

    /// The policy as people call it: `PropagationPolicy web/shop`, `ClusterPropagationPolicy all`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.namespace {
            Some(namespace) => format!("PropagationPolicy {namespace}/{}", self.name),
            None => format!("ClusterPropagationPolicy {}", self.name),
        }
    }

    /// How specifically it selects the template: the best of its selectors.
    #[must_use]
    pub fn selects(&self, template: &impl Selectable) -> Option<SelectorMatch> {
        self.spec.selects(template)
    }
}

/// The policy of a template, and those that it beats in the order in which they would have won.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    /// The winner.
    pub winner: Policy<'a>,
    /// The others that select the template.
    pub beaten: Vec<LostPolicy>,
}

/// What a selector picks: API version and kind, the scope of its policy, and the name of a template;
/// the empty name stands for any.
type Target<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

/// The targets that pick `template`, those of its namespace first.
fn targets(template: &impl Selectable) -> impl Iterator<Item = Target<'_>> {
    let (version, kind) = (template.api_version(), template.kind());
    let scopes = [template.namespace().map(Some), Some(None)].into_iter().flatten();
    scopes.flat_map(move |scope| {
        [(version, kind, scope, template.name()), (version, kind, scope, "")]
    })
}

/// The propagation policies of a fleet, found by what they select.
#[derive(Clone, Debug, Default)]
pub struct PolicyIndex<'a> {
    /// By target; those of one target in the order in which they were given.
    by_target: Vec<(Target<'a>, Policy<'a>)>,
}

impl<'a> PolicyIndex<'a> {
    /// An index over `policies`.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Policy<'a>>) -> Self {
        let mut by_target = Vec::new();
        for policy in policies {
            let of_policy: BTreeSet<Target<'a>> = policy
                .spec
                .resource_selectors
                .iter()
                .map(|one| (&*one.api_version, &*one.kind, policy.namespace, &*one.name))
                .collect();
            by_target.extend(of_policy.into_iter().map(|target| (target, policy)));
        }
        by_target.sort_by_key(|(target, _)| *target);
        Self { by_target }
    }

    /// The policies with this very target.
    fn of_target(&self, target: Target<'_>) -> impl Iterator<Item = &Policy<'a>> {
        let start = self.by_target.partition_point(|(other, _)| *other < target);
        let rest = self.by_target[start..].iter();
        rest.take_while(move |(other, _)| *other == target).map(|(_, policy)| policy)
    }

    /// The policy of `template`, if one selects it.
    #[must_use]
    pub fn select(&self, template: &impl Selectable) -> Option<Selection<'a>> {
        let mut ranked = self.ranked(template).into_iter();
        let (first, winner) = ranked.next()?;
        let beaten = ranked
            .map(|(rank, policy)| LostPolicy { policy: policy.label(), why: rank.loses_to(&first) })
            .collect();
        Some(Selection { winner, beaten })
    }

    /// Those of `templates` whose policy is chosen by its name alone, each with the policies that
    /// select it alike, the winner first.
    pub fn ties<'t, T: Selectable>(
        &self,
        templates: impl Iterator<Item = &'t T>,
    ) -> Vec<(&'t T, Vec<Policy<'a>>)> {
        // Equals have a target and a priority in common. Fleets with a policy for each template have
        // no such two, and then nothing to compare.
        let contested: BTreeSet<&Target<'a>> = self
            .by_target
            .chunk_by(|(left, _), (right, _)| left == right)
            .filter(|policies| {
                let mut seen = BTreeSet::new();
                !policies.iter().all(|(_, policy)| seen.insert(policy.spec.priority))
            })
            .map(|policies| &policies[0].0)
            .collect();
        if contested.is_empty() {
            return Vec::new();
        }
        let tied = |template: &'t T| {
            targets(template).find(|target| contested.contains(target))?;
            let ranked = self.ranked(template);
            let (first, _) = ranked.first()?;
            let equals: Vec<Policy<'a>> = ranked
                .iter()
                .filter(|(rank, _)| rank.is_equal_but_for_name(first))
                .map(|(_, policy)| *policy)
                .collect();
            (equals.len() > 1).then_some((template, equals))
        };
        templates.filter_map(tied).collect()
    }

    /// The policies that select `template`, the winner first.
    fn ranked(&self, template: &impl Selectable) -> Vec<(Rank<'a>, Policy<'a>)> {
        let mut ranked: Vec<(Rank<'a>, Policy<'a>)> = targets(template)
            .flat_map(|target| self.of_target(target))
            .filter_map(|policy| Some((Rank::of(policy, policy.selects(template)?), *policy)))
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        // A policy may pick the template by its name and by its kind.
        ranked.dedup_by_key(|(rank, _)| *rank);
        ranked
    }
}

/// Where a policy stands among those that select one template; the least wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    is_cluster_wide: bool,
    priority: Reverse<i32>,
    specificity: Reverse<SelectorMatch>,
    name: &'a str,
}

impl<'a> Rank<'a> {
    fn of(policy: &Policy<'a>, specificity: SelectorMatch) -> Self {
        Self {
            is_cluster_wide: policy.namespace.is_none(),
            priority: Reverse(policy.spec.priority),
            specificity: Reverse(specificity),
            name: policy.name,
        }
    }

    fn is_equal_but_for_name(&self, other: &Self) -> bool {
        Self { name: "", ..*self } == Self { name: "", ..*other }
    }

    /// The first rule by which `winner` stands before `self`.
    fn loses_to(&self, winner: &Self) -> String {
        if self.is_cluster_wide != winner.is_cluster_wide {
            return "a PropagationPolicy beats every ClusterPropagationPolicy".to_owned();
        }
        if self.priority != winner.priority {
            return format!("priority {} is below {}", self.priority.0, winner.priority.0);
        }
        if self.specificity != winner.specificity {
            return format!("selects {}, the winner {}", self.specificity.0, winner.specificity.0);
        }
        "its name comes later".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::manifest::Manifest;

    /// Specs of policies by scope and name: `namespace/name` or `name`.
    fn specs(policies: &[(&'static str, &str)]) -> Vec<(&'static str, PropagationSpec)> {
        let spec = |text: &str| {
            let text = format!("{{resourceSelectors: [{text}]}}");
            serde_saphyr::from_str(&text).unwrap()
        };
        policies.iter().map(|(label, text)| (*label, spec(text))).collect()
    }

    fn index<'a>(specs: &'a [(&'static str, PropagationSpec)]) -> PolicyIndex<'a> {
        PolicyIndex::new(specs.iter().map(|(label, spec)| {
            let (namespace, name) = match label.split_once('/') {
                Some((namespace, name)) => (Some(namespace), name),
                None => (None, *label),
            };
            Policy { namespace, name, spec, id: ObjectId::from_bytes([0; 20]) }
        }))
    }

    fn template(name: &str) -> Manifest {
        let text =
            format!("{{apiVersion: v1, kind: Secret, metadata: {{name: {name}, namespace: web}}}}");
        serde_saphyr::from_str(&text).unwrap()
    }

    const ALL: &str = "{apiVersion: v1, kind: Secret}";
    const SHOP: &str = "{apiVersion: v1, kind: Secret, name: shop}";

    #[test]
    fn names_and_kinds_are_found_and_a_policy_counts_once() {
        let both = format!("{SHOP}, {ALL}");
        let specs =
            specs(&[("web/both", &both), ("web/other", ALL), ("elsewhere/b", SHOP), ("all", ALL)]);
        let index = index(&specs);
        let shop = index.select(&template("shop")).unwrap();
        assert_eq!(shop.winner.label(), "PropagationPolicy web/both");
        let beaten: Vec<&str> = shop.beaten.iter().map(|one| one.policy.as_str()).collect();
        assert_eq!(beaten, ["PropagationPolicy web/other", "ClusterPropagationPolicy all"]);
        assert_eq!(index.select(&template("till")).unwrap().winner.name, "both");
    }

    #[test]
    fn a_tie_is_between_those_that_select_a_template_alike() {
        let specs =
            specs(&[("web/b", ALL), ("web/a", ALL), ("web/c", SHOP), ("x", ALL), ("y", ALL)]);
        let index = index(&specs);
        let (shop, till) = (template("shop"), template("till"));
        let ties = index.ties([&shop, &till].into_iter());
        let told: Vec<(&str, Vec<&str>)> = ties
            .iter()
            .map(|(template, equals)| {
                (template.name(), equals.iter().map(|one| one.name).collect())
            })
            .collect();
        // `shop` is named by one of them, and those of all namespaces come after.
        assert_eq!(told, [("till", vec!["a", "b"])]);
    }
}
