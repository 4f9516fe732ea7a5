//! `policy.karmada.io/v1alpha1 ClusterTaintPolicy`: taints that follow a cluster's conditions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::condition::{self, Condition, ConditionStatus};
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};
use super::selector::ClusterAffinity;
use super::toleration::TaintEffect;

/// Puts taints on clusters, and takes them off, as conditions of the clusters change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTaintPolicy {
    /// Always `policy.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `ClusterTaintPolicy`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Which taints, on which clusters, when.
    pub spec: ClusterTaintPolicySpec,
}

impl Resource for ClusterTaintPolicy {
    const API_VERSION: &'static str = "policy.karmada.io/v1alpha1";
    const KIND: &'static str = "ClusterTaintPolicy";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which taints, on which clusters, when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTaintPolicySpec {
    /// The clusters that it watches; absent means all. One that leaves keeps its taints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_clusters: Option<ClusterAffinity>,
    /// When all hold, the taints are put on; none means never.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_on_conditions: Vec<MatchCondition>,
    /// When all hold, the taints are taken off; none means never. Looked at after adding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_on_conditions: Vec<MatchCondition>,
    /// The taints. At least one; (key, effect) is unique.
    pub taints: Vec<PolicyTaint>,
}

/// Looks at one condition of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatchCondition {
    /// Type of the condition. A cluster without it never matches.
    pub condition_type: String,
    /// How to compare.
    pub operator: MatchConditionOperator,
    /// What to compare with.
    pub status_values: Vec<ConditionStatus>,
}

impl MatchCondition {
    /// Whether a cluster with these conditions matches.
    #[must_use]
    pub fn matches(&self, conditions: &[Condition]) -> bool {
        condition::find(conditions, &self.condition_type).is_some_and(|condition| {
            let listed = self.status_values.contains(&condition.status);
            match self.operator {
                MatchConditionOperator::In => listed,
                MatchConditionOperator::NotIn => !listed,
            }
        })
    }
}

/// How a condition's status is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MatchConditionOperator {
    /// It is one of the values.
    #[default]
    In,
    /// It is none of the values.
    NotIn,
}

/// A taint that a policy manages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyTaint {
    /// Key of the taint.
    pub key: String,
    /// What it does. `NoExecute` moves running work away and must be allowed by the operator.
    pub effect: TaintEffect,
    /// Value of the taint.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}

impl ClusterTaintPolicySpec {
    /// Whether the policy watches this cluster.
    #[must_use]
    pub fn watches(&self, cluster: &Cluster) -> bool {
        self.target_clusters.as_ref().is_none_or(|targets| targets.matches(cluster))
    }
}
