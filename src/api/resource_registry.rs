//! `search.karmada.io/v1alpha1 ResourceRegistry`: which members' objects can be searched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::SecretReference;
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};
use super::selector::ClusterAffinity;

/// Says which objects of which clusters are kept where one can search them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRegistry {
    /// Always `search.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `ResourceRegistry`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Which objects, from where, kept where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<ResourceRegistrySpec>,
}

impl Resource for ResourceRegistry {
    const API_VERSION: &'static str = "search.karmada.io/v1alpha1";
    const KIND: &'static str = "ResourceRegistry";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which objects, from where, kept where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRegistrySpec {
    /// The clusters.
    pub target_cluster: ClusterAffinity,
    /// The kinds.
    pub resource_selectors: Vec<RegistrySelector>,
    /// Where the objects are kept; in memory if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_store: Option<BackendStoreConfig>,
}

/// A kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrySelector {
    /// Group and version of its API, e.g. `apps/v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Only objects of this namespace; all if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// Where objects are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendStoreConfig {
    /// In OpenSearch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_search: Option<OpenSearchConfig>,
}

/// An OpenSearch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenSearchConfig {
    /// URLs of its nodes, http or https.
    pub addresses: Vec<String>,
    /// The Secret with `userName` and `password`.
    pub secret_ref: SecretReference,
}
