//! Selectors: which labels, which templates, which clusters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::manifest::Manifest;

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
        self.match_labels.iter().all(|(key, value)| label(key) == Some(value.as_str()))
            && self.match_expressions.iter().all(|term| term.matches_value(label(&term.key)))
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
        self.match_expressions.iter().all(|term| match term.key.as_str() {
            "zone" => term.matches_values(&cluster.spec.zones),
            "provider" => term.matches_value(cluster.spec.provider.as_deref()),
            "region" => term.matches_value(cluster.spec.region.as_deref()),
            _ => term.matches_value(None),
        })
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
    /// Whether the cluster belongs to the set (`spec/placement.md` §3.6.1 of Karmada's rules).
    #[must_use]
    pub fn matches(&self, cluster: &Cluster) -> bool {
        let name = &cluster.metadata.name;
        if self.exclude.contains(name) {
            return false;
        }
        self.label_selector
            .as_ref()
            .is_none_or(|selector| selector.matches(&cluster.metadata.labels))
            && self.field_selector.as_ref().is_none_or(|selector| selector.matches(cluster))
            && (self.cluster_names.is_empty() || self.cluster_names.contains(name))
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

impl ResourceSelector {
    /// How specifically the template is picked, or `None` if it is not
    /// (`spec/placement.md` §1.2 of Karmada's rules).
    #[must_use]
    pub fn matches(&self, template: &Manifest) -> Option<SelectorMatch> {
        let is_of_kind = self.api_version == template.api_version()
            && self.kind == template.kind()
            && (self.namespace.is_empty() || Some(self.namespace.as_str()) == template.namespace());
        if !is_of_kind {
            None
        } else if !self.name.is_empty() {
            (self.name == template.name()).then_some(SelectorMatch::Name)
        } else if let Some(selector) = &self.label_selector {
            selector.matches_with(|key| template.label(key)).then_some(SelectorMatch::Labels)
        } else {
            Some(SelectorMatch::All)
        }
    }
}
