//! Which policy a template gets: a function of the commit (`spec/placement.md` §1.2, §1.3).
//!
//! A PropagationPolicy of the template's namespace beats every ClusterPropagationPolicy. Within one
//! scope the greater explicit priority wins, then the more specific selector, then the name that
//! comes first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::api::propagation_policy::PropagationSpec;
use crate::api::selector::SelectorMatch;

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

impl Policy<'_> {
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
    pub fn selects(&self, template: &Manifest) -> Option<SelectorMatch> {
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

/// The propagation policies of a fleet, found by what they select.
#[derive(Clone, Debug, Default)]
pub struct PolicyIndex<'a> {
    /// By API version and kind, then in any order.
    by_kind: BTreeMap<(&'a str, &'a str), Vec<Policy<'a>>>,
}

impl<'a> PolicyIndex<'a> {
    /// An index over `policies`.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Policy<'a>>) -> Self {
        let mut by_kind: BTreeMap<(&str, &str), Vec<Policy<'a>>> = BTreeMap::new();
        for policy in policies {
            let mut kinds: Vec<(&str, &str)> = policy
                .spec
                .resource_selectors
                .iter()
                .map(|selector| (selector.api_version.as_str(), selector.kind.as_str()))
                .collect();
            kinds.sort_unstable();
            kinds.dedup();
            for kind in kinds {
                by_kind.entry(kind).or_default().push(policy);
            }
        }
        Self { by_kind }
    }

    /// The policy of `template`, if one selects it.
    #[must_use]
    pub fn select(&self, template: &Manifest) -> Option<Selection<'a>> {
        let candidates = self.by_kind.get(&(template.api_version(), template.kind()))?;
        let mut matching: Vec<(Rank<'a>, Policy<'a>)> = candidates
            .iter()
            .filter(|policy| policy.namespace.is_none() || policy.namespace == template.namespace())
            .filter_map(|policy| Some((Rank::of(policy, policy.selects(template)?), *policy)))
            .collect();
        matching.sort_by_key(|(rank, _)| *rank);
        let mut ranked = matching.into_iter();
        let (first, winner) = ranked.next()?;
        let beaten = ranked
            .map(|(rank, policy)| LostPolicy { policy: policy.label(), why: rank.loses_to(&first) })
            .collect();
        Some(Selection { winner, beaten })
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
