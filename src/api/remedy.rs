//! `remedy.karmada.io/v1alpha1 Remedy`: what to do about clusters whose conditions are bad.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::ConditionStatus;
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};

/// Says what is done about clusters while their conditions match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// Always `remedy.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `Remedy`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Which clusters, when, and what.
    pub spec: RemedySpec,
}

impl Resource for Remedy {
    const API_VERSION: &'static str = "remedy.karmada.io/v1alpha1";
    const KIND: &'static str = "Remedy";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which clusters, when, and what is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemedySpec {
    /// The clusters that it watches; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_affinity: Option<RemedyClusters>,
    /// When it acts: any of them; absent means always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decision_matches: Vec<DecisionMatch>,
    /// What is done. Karmada knows `TrafficControl`: no traffic goes to the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

/// Clusters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemedyClusters {
    /// Their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_names: Vec<String>,
}

/// Looks at a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionMatch {
    /// Looks at one of its conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_condition_match: Option<ClusterConditionRequirement>,
}

/// Looks at one condition of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConditionRequirement {
    /// Type of the condition.
    pub condition_type: String,
    /// How to compare.
    pub operator: ClusterConditionOperator,
    /// What to compare with.
    pub condition_status: ConditionStatus,
}

/// How a condition's status is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClusterConditionOperator {
    /// It is this one.
    #[default]
    Equal,
    /// It is another one.
    NotEqual,
}
