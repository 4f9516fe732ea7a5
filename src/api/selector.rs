//! Selectors: which labels, which templates, which clusters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::manifest::Manifest;
use super::mismatch::Mismatch;

/// How a term of a selector compares a key with its values.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum SelectorOperator {
    /// The key's value is one of the values.
    #[default]
    In,
    /// The key is absent, or its value is none of the values.
    NotIn,
    /// The key is there.
    Exists,
    /// The key is absent.
    DoesNotExist,
}

/// One term of a set-based selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectorTerm {
    /// Label key, or field (`provider`, `region`, `zone`).
    pub key: String,
    /// How to compare.
    pub operator: SelectorOperator,
    /// What to compare with: at least one for `In` and `NotIn`, none for the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl SelectorTerm {
    /// Whether the number of values suits the operator. A term that is not well formed matches
    /// nothing, as in Kubernetes.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        match self.operator {
            SelectorOperator::In | SelectorOperator::NotIn => !self.values.is_empty(),
            SelectorOperator::Exists | SelectorOperator::DoesNotExist => self.values.is_empty(),
        }
    }

    fn matches_value(&self, value: Option<&str>) -> bool {
        let listed = |value| self.values.iter().any(|one| one == value);
        self.is_well_formed()
            && match self.operator {
                SelectorOperator::In => value.is_some_and(listed),
                SelectorOperator::NotIn => !value.is_some_and(listed),
                SelectorOperator::Exists => value.is_some(),
                SelectorOperator::DoesNotExist => value.is_none(),
            }
    }

    fn matches_values(&self, values: &[String]) -> bool {
        let overlap = || values.iter().any(|value| self.values.contains(value));
        self.is_well_formed()
            && match self.operator {
                SelectorOperator::In => overlap(),
                SelectorOperator::NotIn => !overlap(),
                SelectorOperator::Exists => !values.is_empty(),
                SelectorOperator::DoesNotExist => values.is_empty(),
            }
    }
}

/// Standard Kubernetes label selector: every pair and every term must hold; an empty one matches
/// everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must be there with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Terms that must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<SelectorTerm>,
}

impl LabelSelector {
    /// Whether these labels are selected.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_with(|key| labels.get(key).map(String::as_str))
    }

    /// Whether the labels that `label` looks up are selected.
    pub fn matches_with<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.mismatch(label).is_none()
    }

    /// The first pair or term that does not hold of the labels that `label` looks up.
    pub(super) fn mismatch<'l>(
        &self,
        label: impl Fn(&str) -> Option<&'l str>,
    ) -> Option<Mismatch<'_>> {
        let mut pairs = self.match_labels.iter();
        let pair = pairs.find(|(key, value)| label(key) != Some(value.as_str()));
        pair.map(|(key, value)| Mismatch::Label { key, value }).or_else(|| {
            let mut terms = self.match_expressions.iter();
            terms.find(|term| !term.matches_value(label(&term.key))).map(Mismatch::LabelTerm)
        })
    }
}

/// Selects clusters by fields of their spec: every term must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldSelector {
    /// Terms over `provider`, `region` and `zone`; operators are `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<SelectorTerm>,
}

impl FieldSelector {
    /// Whether the cluster's fields are selected: `zone` compares with the list `spec.zones`, an
    /// unset `provider` or `region` counts as absent, any other field as absent too.
    #[must_use]
    pub fn matches(&self, cluster: &Cluster) -> bool {
        self.mismatch(cluster).is_none()
    }

    /// The first term that does not hold of the cluster.
    fn mismatch(&self, cluster: &Cluster) -> Option<Mismatch<'_>> {
        let holds = |term: &SelectorTerm| match term.key.as_str() {
            "zone" => term.matches_values(&cluster.spec.zones),
            "provider" => term.matches_value(cluster.spec.provider.as_deref()),
            "region" => term.matches_value(cluster.spec.region.as_deref()),
            _ => term.matches_value(None),
        };
        self.match_expressions.iter().find(|term| !holds(term)).map(Mismatch::FieldTerm)
    }
}

/// A set of clusters: `exclude` is looked at first, then everything that is set must hold; an
/// empty one is every cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterAffinity {
    /// Labels of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
    /// Provider, region and zones of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_selector: Option<FieldSelector>,
    /// Names of clusters; empty means any name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_names: Vec<String>,
    /// Names of clusters that are left out whatever else is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl ClusterAffinity {
    /// Whether the cluster belongs to the set.
    #[must_use]
    pub fn matches(&self, cluster: &Cluster) -> bool {
        self.mismatch(cluster).is_none()
    }

    /// What keeps the cluster out of the set, if anything does: of several things the first, in the
    /// order `exclude`, labels, fields, names.
    #[must_use]
    pub fn mismatch(&self, cluster: &Cluster) -> Option<Mismatch<'_>> {
        let name = &cluster.metadata.name;
        if self.exclude.contains(name) {
            return Some(Mismatch::Excluded);
        }
        let labels = &cluster.metadata.labels;
        let label = |key: &str| labels.get(key).map(String::as_str);
        let by_label = self.label_selector.as_ref().and_then(|selector| selector.mismatch(label));
        let by_field = || self.field_selector.as_ref().and_then(|one| one.mismatch(cluster));
        by_label.or_else(by_field).or_else(|| {
            let is_named = self.cluster_names.is_empty() || self.cluster_names.contains(name);
            (!is_named).then_some(Mismatch::NotNamed)
        })
    }

    /// Whether nothing is set, so that every cluster belongs to it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How specifically a selector picks a template; the greater beats the less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SelectorMatch {
    /// By kind alone.
    All,
    /// By labels.
    Labels,
    /// By name.
    Name,
}

impl std::fmt::Display for SelectorMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::All => "by kind",
            Self::Labels => "by labels",
            Self::Name => "by name",
        })
    }
}

/// Picks templates: by name if one is set, else by labels, else all of the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSelector {
    /// Group and version of the templates, compared as text; `v1` for the core group.
    pub api_version: String,
    /// Kind of the templates.
    pub kind: String,
    /// Namespace of the templates. A policy in a namespace may only name its own, and does so
    /// when this is absent; in a cluster-wide policy absent means any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name of the template; absent means all of the kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Labels of the templates; ignored when `name` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
}

/// What a [`ResourceSelector`] looks at.
pub trait Selectable {
    /// `apiVersion`.
    fn api_version(&self) -> &str;
    /// `kind`.
    fn kind(&self) -> &str;
    /// `metadata.namespace`, if it has one.
    fn namespace(&self) -> Option<&str>;
    /// `metadata.name`.
    fn name(&self) -> &str;
    /// Whether `selector` selects its labels.
    fn is_labelled(&self, selector: &LabelSelector) -> bool;
}

impl Selectable for Manifest {
    fn api_version(&self) -> &str {
        self.api_version()
    }

    fn kind(&self) -> &str {
        self.kind()
    }

    fn namespace(&self) -> Option<&str> {
        self.namespace()
    }

    fn name(&self) -> &str {
        self.name()
    }

    fn is_labelled(&self, selector: &LabelSelector) -> bool {
        selector.matches_with(|key| self.label(key))
    }
}

impl ResourceSelector {
    /// How specifically the template is picked, or `None` if it is not.
    #[must_use]
    pub fn matches(&self, template: &impl Selectable) -> Option<SelectorMatch> {
        let is_of_kind = self.api_version == template.api_version()
            && self.kind == template.kind()
            && (self.namespace.is_empty() || Some(self.namespace.as_str()) == template.namespace());
        if !is_of_kind {
            None
        } else if !self.name.is_empty() {
            (self.name == template.name()).then_some(SelectorMatch::Name)
        } else if let Some(selector) = &self.label_selector {
            template.is_labelled(selector).then_some(SelectorMatch::Labels)
        } else {
            Some(SelectorMatch::All)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
        serde_saphyr::from_str(yaml).unwrap()
    }

    fn cluster(name: &str, spec: &str) -> Cluster {
        let mut cluster = Cluster { spec: read(spec), ..Cluster::default() };
        cluster.metadata.name = name.to_owned();
        cluster.metadata.labels = read("{tier: edge, site: a}");
        cluster
    }

    fn affinity(yaml: &str) -> ClusterAffinity {
        read(yaml)
    }

    #[test]
    fn an_empty_affinity_is_every_cluster() {
        assert!(affinity("{}").matches(&cluster("a", "{syncMode: Push}")));
        assert!(affinity("{labelSelector: {}}").matches(&cluster("a", "{syncMode: Push}")));
    }

    #[test]
    fn exclude_beats_everything() {
        let cluster = cluster("a", "{syncMode: Push}");
        assert!(affinity("{clusterNames: [a]}").matches(&cluster));
        assert!(!affinity("{clusterNames: [a], exclude: [a]}").matches(&cluster));
        assert!(!affinity("{clusterNames: [b]}").matches(&cluster));
    }

    #[test]
    fn everything_that_is_set_must_hold() {
        let cluster = cluster("a", "{syncMode: Push, region: eu}");
        let region =
            "fieldSelector: {matchExpressions: [{key: region, operator: In, values: [eu]}]}";
        for (rest, matches) in [
            ("clusterNames: [a], labelSelector: {matchLabels: {tier: edge}}", true),
            ("clusterNames: [b], labelSelector: {matchLabels: {tier: edge}}", false),
            ("clusterNames: [a], labelSelector: {matchLabels: {tier: core}}", false),
        ] {
            assert_eq!(
                affinity(&format!("{{{region}, {rest}}}")).matches(&cluster),
                matches,
                "{rest}"
            );
        }
    }

    #[test]
    fn zones_compare_as_a_list_and_unset_fields_are_absent() {
        let with = cluster("a", "{syncMode: Push, provider: x, zones: [z1, z2]}");
        let without = cluster("a", "{syncMode: Push, provider: ''}");
        for (term, with_matches, without_matches) in [
            ("{key: zone, operator: In, values: [z2, z3]}", true, false),
            ("{key: zone, operator: In, values: [z3]}", false, false),
            ("{key: zone, operator: NotIn, values: [z2]}", false, true),
            ("{key: zone, operator: NotIn, values: [z3]}", true, true),
            ("{key: zone, operator: Exists}", true, false),
            ("{key: zone, operator: DoesNotExist}", false, true),
            ("{key: provider, operator: In, values: [x]}", true, false),
            ("{key: provider, operator: NotIn, values: [x]}", false, true),
            ("{key: provider, operator: Exists}", true, false),
            // Terms that are not well formed match nothing.
            ("{key: zone, operator: NotIn}", false, false),
            ("{key: provider, operator: In}", false, false),
            ("{key: provider, operator: Exists, values: [x]}", false, false),
        ] {
            let affinity = affinity(&format!("{{fieldSelector: {{matchExpressions: [{term}]}}}}"));
            assert_eq!(affinity.matches(&with), with_matches, "{term}");
            assert_eq!(affinity.matches(&without), without_matches, "{term}");
        }
    }

    #[test]
    fn label_terms_follow_kubernetes() {
        let labels: BTreeMap<String, String> = read("{tier: edge, empty: ''}");
        for (selector, matches) in [
            ("{}", true),
            ("{matchLabels: {tier: edge}}", true),
            ("{matchLabels: {tier: edge, gone: x}}", false),
            ("{matchLabels: {empty: ''}}", true),
            ("{matchLabels: {gone: ''}}", false),
            ("{matchExpressions: [{key: tier, operator: In, values: [a, edge]}]}", true),
            ("{matchExpressions: [{key: gone, operator: NotIn, values: [a]}]}", true),
            ("{matchExpressions: [{key: tier, operator: NotIn, values: [edge]}]}", false),
            ("{matchExpressions: [{key: empty, operator: Exists}]}", true),
            ("{matchExpressions: [{key: gone, operator: DoesNotExist}]}", true),
            ("{matchExpressions: [{key: tier, operator: In}]}", false),
        ] {
            assert_eq!(read::<LabelSelector>(selector).matches(&labels), matches, "{selector}");
        }
    }

    #[test]
    fn a_template_is_picked_by_name_before_labels_before_kind() {
        let template: Manifest = read(
            "{apiVersion: apps/v1, kind: Deployment,
              metadata: {name: shop, namespace: web, labels: {app: shop}}}",
        );
        for (selector, level) in [
            ("{apiVersion: apps/v1, kind: Deployment}", Some(SelectorMatch::All)),
            ("{apiVersion: apps/v1beta1, kind: Deployment}", None),
            ("{apiVersion: apps/v1, kind: Deployment, namespace: web}", Some(SelectorMatch::All)),
            ("{apiVersion: apps/v1, kind: Deployment, namespace: other}", None),
            (
                "{apiVersion: apps/v1, kind: Deployment, labelSelector: {}}",
                Some(SelectorMatch::Labels),
            ),
            (
                "{apiVersion: apps/v1, kind: Deployment, labelSelector: {matchLabels: {app: x}}}",
                None,
            ),
            (
                "{apiVersion: apps/v1, kind: Deployment, name: shop,
                  labelSelector: {matchLabels: {app: x}}}",
                Some(SelectorMatch::Name),
            ),
            ("{apiVersion: apps/v1, kind: Deployment, name: other}", None),
        ] {
            assert_eq!(read::<ResourceSelector>(selector).matches(&template), level, "{selector}");
        }
        assert!(SelectorMatch::Name > SelectorMatch::Labels);
        assert!(SelectorMatch::Labels > SelectorMatch::All);
    }
}
