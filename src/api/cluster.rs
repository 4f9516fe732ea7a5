//! `cluster.karmada.io/v1alpha1 Cluster`: a member of the fleet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Observed state of a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// `gitVersion` of the member's API server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kubernetes_version: String,
}
