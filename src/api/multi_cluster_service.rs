//! `networking.karmada.io/v1alpha1 MultiClusterService`: a Service that is reached from other clusters
//! than it runs in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};

/// Exposes the Service of its own name beyond the clusters that have its pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterService {
    /// Always `networking.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `MultiClusterService`.
    pub kind: Kind<Self>,
    /// Metadata; name and namespace are those of the Service.
    pub metadata: ObjectMeta,
    /// How it is exposed, from where to where.
    pub spec: MultiClusterServiceSpec,
}

impl Resource for MultiClusterService {
    const API_VERSION: &'static str = "networking.karmada.io/v1alpha1";
    const KIND: &'static str = "MultiClusterService";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// How a Service is exposed, from where to where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterServiceSpec {
    /// How; no more than one.
    pub types: Vec<ExposureType>,
    /// The ports to expose; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ExposurePort>,
    /// Old name of an idea that was given up; accepted and ignored.
    #[serde(default, skip_serializing_if = "ExposureRange::is_empty")]
    pub range: ExposureRange,
    /// Old form of `providerClusters`; accepted and ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_provision_clusters: Vec<String>,
    /// Old form of `consumerClusters`; accepted and ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_consumption_clusters: Vec<String>,
    /// The clusters whose pods serve; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_clusters: Vec<ClusterSelector>,
    /// The clusters from which it is reached; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumer_clusters: Vec<ClusterSelector>,
}

/// How a Service is exposed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ExposureType {
    /// To other clusters.
    CrossCluster,
    /// To the world, by a load balancer.
    LoadBalancer,
}

/// A port to expose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExposurePort {
    /// Its name in the Service, unique in the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its number, 1 to 65535.
    pub port: i32,
}

/// Clusters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExposureRange {
    /// Their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_names: Vec<String>,
}

impl ExposureRange {
    /// Whether it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cluster_names.is_empty()
    }
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterSelector {
    /// Its name.
    pub name: String,
}
