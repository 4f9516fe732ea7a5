//! `policy.karmada.io/v1alpha1` OverridePolicy and ClusterOverridePolicy: how a template differs
//! from cluster to cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cluster::Cluster;
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};
use super::selector::{ClusterAffinity, ResourceSelector};

/// Changes templates of its own namespace for some clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverridePolicy {
    /// Always `policy.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `OverridePolicy`.
    pub kind: Kind<Self>,
    /// Metadata; the policy sees templates of its namespace only.
    pub metadata: ObjectMeta,
    /// Which templates, for which clusters, and how they change.
    pub spec: OverrideSpec,
}

impl Resource for OverridePolicy {
    const API_VERSION: &'static str = "policy.karmada.io/v1alpha1";
    const KIND: &'static str = "OverridePolicy";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Changes templates of any namespace, or of none, for some clusters. OverridePolicies of the
/// template's own namespace come after it and so have the last word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOverridePolicy {
    /// Always `policy.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `ClusterOverridePolicy`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Which templates, for which clusters, and how they change.
    pub spec: OverrideSpec,
}

impl Resource for ClusterOverridePolicy {
    const API_VERSION: &'static str = "policy.karmada.io/v1alpha1";
    const KIND: &'static str = "ClusterOverridePolicy";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which templates change for which clusters, for both kinds of override policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideSpec {
    /// Templates that change: one selector is enough; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_selectors: Vec<ResourceSelector>,
    /// What changes where, in order; every rule that fits the cluster applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_rules: Vec<RuleWithCluster>,
    /// Old form of a single rule: its clusters. Not together with `overrideRules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_cluster: Option<ClusterAffinity>,
    /// Old form of a single rule: its changes. Not together with `overrideRules`, unless empty.
    #[serde(default, skip_serializing_if = "Overriders::is_empty")]
    pub overriders: Overriders,
}

impl OverrideSpec {
    /// The rules in their order, in whichever form they are written.
    pub fn rules(&self) -> impl Iterator<Item = OverrideRule<'_>> {
        let single = self.override_rules.is_empty().then_some(OverrideRule {
            idx: None,
            target: self.target_cluster.as_ref(),
            overriders: &self.overriders,
        });
        let rules = self.override_rules.iter().enumerate().map(|(idx, rule)| OverrideRule {
            idx: Some(idx),
            target: rule.target_cluster.as_ref(),
            overriders: &rule.overriders,
        });
        rules.chain(single)
    }
}

/// One rule of a policy, of either form.
#[derive(Clone, Copy, Debug)]
pub struct OverrideRule<'a> {
    /// Its place in the list; `None` for the single one.
    pub idx: Option<usize>,
    /// Its clusters; absent means all.
    pub target: Option<&'a ClusterAffinity>,
    /// Its changes.
    pub overriders: &'a Overriders,
}

impl OverrideRule<'_> {
    /// Whether it changes something for `cluster`.
    #[must_use]
    pub fn is_for(&self, cluster: &Cluster) -> bool {
        self.target.is_none_or(|target| target.matches(cluster))
    }

    /// Where its overriders stand in the policy, as a JSON pointer.
    #[must_use]
    pub fn at(&self) -> String {
        match self.idx {
            Some(idx) => format!("/spec/overrideRules/{idx}/overriders"),
            None => "/spec/overriders".to_owned(),
        }
    }

    /// Where its clusters stand in the policy, as a JSON pointer.
    #[must_use]
    pub fn target_at(&self) -> String {
        match self.idx {
            Some(idx) => format!("/spec/overrideRules/{idx}/targetCluster"),
            None => "/spec/targetCluster".to_owned(),
        }
    }
}

/// What changes for some clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleWithCluster {
    /// The clusters; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_cluster: Option<ClusterAffinity>,
    /// The changes.
    pub overriders: Overriders,
}

/// Changes, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overriders {
    /// First: parts of image references.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_overrider: Vec<ImageOverrider>,
    /// Second: commands of containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command_overrider: Vec<CommandArgsOverrider>,
    /// Third: arguments of containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args_overrider: Vec<CommandArgsOverrider>,
    /// Fourth: labels of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels_overrider: Vec<LabelAnnotationOverrider>,
    /// Fifth: annotations of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations_overrider: Vec<LabelAnnotationOverrider>,
    /// Sixth: JSON or YAML inside a text field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field_overrider: Vec<FieldOverrider>,
    /// Last: anything, by JSON pointer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plaintext: Vec<PlaintextOverrider>,
}

impl Overriders {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is done with a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OverriderOperator {
    /// It is added.
    #[default]
    Add,
    /// It is removed.
    Remove,
    /// It takes the place of what is there. Not for commands and arguments.
    Replace,
}

/// Changes a part of image references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageOverrider {
    /// The image to change; absent means those of all containers of a workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<ImagePredicate>,
    /// Which part of `registry/repository:tag` or `…@digest`.
    pub component: ImageComponent,
    /// `add` appends to the part, `replace` sets it, `remove` empties it.
    pub operator: OverriderOperator,
    /// The text for `add` and `replace`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// Names one image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImagePredicate {
    /// JSON pointer of the text that holds it.
    pub path: String,
}

/// A part of an image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImageComponent {
    /// The host before the first `/`.
    Registry,
    /// The path.
    Repository,
    /// The tag after `:` or the digest after `@`.
    Tag,
}

/// Changes the command or the arguments of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandArgsOverrider {
    /// Name of the container.
    pub container_name: String,
    /// `add` appends the values, `remove` takes every equal one away.
    pub operator: OverriderOperator,
    /// The values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub value: Vec<String>,
}

/// Changes labels or annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelAnnotationOverrider {
    /// `add` sets, `replace` and `remove` act on keys that are there.
    pub operator: OverriderOperator,
    /// Keys and values.
    pub value: BTreeMap<String, String>,
}

/// Changes JSON or YAML inside a text field; exactly one of `json` and `yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldOverrider {
    /// JSON pointer of the text field.
    pub field_path: String,
    /// Changes if the text is JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<FieldPatch>,
    /// Changes if the text is YAML.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub yaml: Vec<FieldPatch>,
}

/// One change inside a text field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldPatch {
    /// JSON pointer inside the field's document.
    pub sub_path: String,
    /// What is done.
    pub operator: OverriderOperator,
    /// The value for `add` and `replace`: any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// One change by JSON pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaintextOverrider {
    /// JSON pointer.
    pub path: String,
    /// What is done.
    pub operator: OverriderOperator,
    /// The value for `add` and `replace`: any JSON; absent means null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// Fills in what Karmada's admission would: selectors get the policy's own namespace.
pub fn default_override_policy(policy: &mut OverridePolicy) {
    let namespace = policy.metadata.namespace.as_deref().unwrap_or_default();
    for selector in &mut policy.spec.resource_selectors {
        if selector.namespace.is_empty() {
            namespace.clone_into(&mut selector.namespace);
        }
    }
}
