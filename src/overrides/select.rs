//! Which override policies an object gets, in which order, and which of their rules a cluster gets.

use std::collections::BTreeMap;

use crate::api::manifest::Manifest;
use crate::api::override_policy::OverrideSpec;
use crate::api::selector::SelectorMatch;
use crate::fleet::Fleet;

/// One override policy of either scope.
#[derive(Clone, Debug)]
pub struct Override<'a> {
    /// Name, which breaks ties between equally specific policies.
    pub name: &'a str,
    /// The policy as people call it: kind, then `namespace/name` or `name`.
    pub label: String,
    /// What it asks for.
    pub spec: &'a OverrideSpec,
}

/// Every override policy of a fleet.
#[derive(Clone, Debug, Default)]
pub struct OverrideIndex<'a> {
    cluster_wide: Vec<Override<'a>>,
    namespaced: BTreeMap<&'a str, Vec<Override<'a>>>,
}

impl<'a> OverrideIndex<'a> {
    /// Those of `fleet`, by name in each namespace.
    #[must_use]
    pub fn new(fleet: &'a Fleet) -> Self {
        let mut index = Self::default();
        for ((namespace, name), policy) in &fleet.override_policies {
            let label = format!("OverridePolicy {namespace}/{name}");
            let policy = Override { name, label, spec: &policy.value.spec };
            index.namespaced.entry(namespace).or_default().push(policy);
        }
        for (name, policy) in &fleet.cluster_override_policies {
            let label = format!("ClusterOverridePolicy {name}");
            index.cluster_wide.push(Override { name, label, spec: &policy.value.spec });
        }
        index
    }

    /// Those for objects of `namespace`.
    #[must_use]
    pub fn of(&self, namespace: Option<&str>) -> OverridePolicies<'_> {
        let namespaced = namespace.and_then(|namespace| self.namespaced.get(namespace));
        OverridePolicies {
            cluster_wide: &self.cluster_wide,
            namespaced: namespaced.map_or(&[], Vec::as_slice),
        }
    }
}

/// The policies that can touch objects of one namespace.
#[derive(Clone, Copy, Debug, Default)]
pub struct OverridePolicies<'a> {
    /// Every ClusterOverridePolicy of the fleet.
    pub cluster_wide: &'a [Override<'a>],
    /// Every OverridePolicy of the object's namespace; none for a cluster-scoped object.
    pub namespaced: &'a [Override<'a>],
}

impl OverridePolicies<'_> {
    /// Whether one of them could touch an object of this kind: a quick look that spares the rest.
    #[must_use]
    pub fn can_touch(&self, manifest: &Manifest) -> bool {
        let (api_version, kind) = (manifest.api_version(), manifest.kind());
        self.cluster_wide.iter().chain(self.namespaced).any(|policy| {
            let selectors = &policy.spec.resource_selectors;
            selectors.is_empty()
                || selectors.iter().any(|one| one.api_version == api_version && one.kind == kind)
        })
    }
}

/// The policies of one stage that select `manifest`, least specific first, then by name.
pub(super) fn matching<'s, 'a>(
    stage: &'s [Override<'a>],
    manifest: &Manifest,
) -> Vec<&'s Override<'a>> {
    let mut matching: Vec<(SelectorMatch, &Override<'a>)> = stage
        .iter()
        .filter_map(|policy| Some((specificity(policy.spec, manifest)?, policy)))
        .collect();
    matching.sort_by(|(left_match, left), (right_match, right)| {
        left_match.cmp(right_match).then_with(|| left.name.cmp(right.name))
    });
    matching.into_iter().map(|(_, policy)| policy).collect()
}

/// How specifically a policy selects `manifest`; one without selectors selects everything.
fn specificity(spec: &OverrideSpec, manifest: &Manifest) -> Option<SelectorMatch> {
    if spec.resource_selectors.is_empty() {
        return Some(SelectorMatch::All);
    }
    spec.resource_selectors.iter().filter_map(|selector| selector.matches(manifest)).max()
}
