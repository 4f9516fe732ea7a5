//! `apps.karmada.io/v1alpha1 WorkloadRebalancer`: workloads that are to be placed afresh, once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};

/// Asks for a placement of workloads as if nothing of them ran anywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRebalancer {
    /// Always `apps.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `WorkloadRebalancer`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Which workloads.
    pub spec: WorkloadRebalancerSpec,
}

impl Resource for WorkloadRebalancer {
    const API_VERSION: &'static str = "apps.karmada.io/v1alpha1";
    const KIND: &'static str = "WorkloadRebalancer";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which workloads are placed afresh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRebalancerSpec {
    /// The workloads, at least one.
    pub workloads: Vec<RebalancedWorkload>,
    /// Seconds after the last is placed until the object goes; absent means that it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i32>,
}

/// A workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebalancedWorkload {
    /// Group and version of its API, e.g. `apps/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace; empty for kinds that live in none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}
