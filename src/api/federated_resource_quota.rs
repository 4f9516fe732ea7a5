//! `policy.karmada.io/v1alpha1 FederatedResourceQuota`: how much a namespace may use in the whole
//! fleet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};
use super::names::ClusterName;
use super::quantity::Quantity;

/// Limits what a namespace uses, summed over all clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FederatedResourceQuota {
    /// Always `policy.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `FederatedResourceQuota`.
    pub kind: Kind<Self>,
    /// Metadata; the namespace is the one that is limited.
    pub metadata: ObjectMeta,
    /// The limits.
    pub spec: FederatedResourceQuotaSpec,
    /// What is used; never read from the source.
    #[serde(default, skip_serializing_if = "FederatedResourceQuotaStatus::is_empty")]
    pub status: FederatedResourceQuotaStatus,
}

impl Resource for FederatedResourceQuota {
    const API_VERSION: &'static str = "policy.karmada.io/v1alpha1";
    const KIND: &'static str = "FederatedResourceQuota";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Limits of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FederatedResourceQuotaSpec {
    /// Limit for each resource, over all clusters.
    pub overall: BTreeMap<String, Quantity>,
    /// ResourceQuotas to make in single clusters; together no more than `overall`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub static_assignments: Vec<StaticClusterAssignment>,
}

/// Limits of a namespace in one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaticClusterAssignment {
    /// The cluster.
    pub cluster_name: ClusterName,
    /// Limit for each resource there.
    pub hard: BTreeMap<String, Quantity>,
}

/// What a namespace uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FederatedResourceQuotaStatus {
    /// The limits in force.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overall: BTreeMap<String, Quantity>,
    /// What is used over all clusters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overall_used: BTreeMap<String, Quantity>,
    /// What single clusters report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aggregated_status: Vec<ClusterQuotaStatus>,
}

impl FederatedResourceQuotaStatus {
    /// Whether nothing was computed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a namespace uses in one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterQuotaStatus {
    /// The cluster.
    pub cluster_name: ClusterName,
    /// Limit for each resource there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hard: BTreeMap<String, Quantity>,
    /// What is used of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub used: BTreeMap<String, Quantity>,
}
