//! `cluster.karmada.io/v1alpha1 Cluster`: a member of the fleet.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::marks;
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource, empty_as_none};
use super::quantity::Quantity;
use super::toleration::{Taint, TaintEffect};

/// Registers a Kubernetes cluster as a member of the fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Always `cluster.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `Cluster`.
    pub kind: Kind<Self>,
    /// Metadata; the name is the cluster's name everywhere, the labels are what selectors see.
    pub metadata: ObjectMeta,
    /// What people say about the cluster.
    pub spec: ClusterSpec,
    /// What its executor saw; never read from the source.
    #[serde(default, skip_serializing_if = "ClusterStatus::is_empty")]
    pub status: ClusterStatus,
}

impl Resource for Cluster {
    const API_VERSION: &'static str = "cluster.karmada.io/v1alpha1";
    const KIND: &'static str = "Cluster";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// How far a cluster has come on its way out of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Departure {
    /// Nothing new comes here, and what is here stays until its registration is gone.
    Evict,
    /// What is here goes, whatever becomes of it elsewhere: a person has seen to that.
    Remove,
}

impl Cluster {
    /// How far it has come on its way out, by the taint [`marks::TAINT_UNJOIN`]; `None` while it stays.
    #[must_use]
    pub fn departure(&self) -> Option<Departure> {
        let is_it = |taint: &&Taint| {
            taint.key == marks::TAINT_UNJOIN && taint.effect == TaintEffect::NoExecute
        };
        let taint = self.spec.taints.iter().find(is_it)?;
        Some(if taint.value == marks::UNJOIN_REMOVE { Departure::Remove } else { Departure::Evict })
    }

    /// Whether nothing is to be placed in it any more: it is being taken out of the fleet.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.metadata.deletion_timestamp.is_some() || self.departure().is_some()
    }
}

/// What people say about a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Stable identity of the cluster, unique in the fleet: by default the uid of its namespace
    /// `kube-system`. Counts above what was recorded when the member was connected before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Who applies the work: the controller (`Push`) or an agent at the cluster (`Pull`).
    pub sync_mode: SyncMode,
    /// URL of the member's API server; credentials come from the operator, never from here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_endpoint: String,
    /// Secret with the credentials, in Karmada; read and kept, not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// Secret with the impersonator's token, in Karmada; read and kept, not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonator_secret_ref: Option<SecretReference>,
    /// Whether to skip verifying the member's serving certificate.
    #[serde(
        default,
        rename = "insecureSkipTLSVerification",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub insecure_skip_tls_verification: bool,
    /// Proxy to reach the member: http, https or socks5.
    #[serde(default, rename = "proxyURL", skip_serializing_if = "String::is_empty")]
    pub proxy_url: String,
    /// Headers sent to the proxy; several values are joined by commas.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub proxy_header: BTreeMap<String, String>,
    /// Cloud provider or site operator: a failure domain to select and spread by.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub provider: Option<String>,
    /// Region: a failure domain to select and spread by.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub region: Option<String>,
    /// Old name for a single zone; `zones` replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub zone: Option<String>,
    /// Zones that the cluster's nodes are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Marks that keep work away unless it tolerates them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
    /// Grades of node size that free capacity is counted in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_models: Vec<ResourceModel>,
}

/// Who applies a cluster's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SyncMode {
    /// The controller, over the network.
    #[default]
    Push,
    /// An agent that runs at the cluster.
    Pull,
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push => "Push",
            Self::Pull => "Pull",
        })
    }
}

/// Names a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
}

/// One grade of node size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceModel {
    /// Number of the grade, from 0.
    pub grade: u32,
    /// What a node of this grade has of each resource.
    pub ranges: Vec<ResourceModelRange>,
}

/// What a node of one grade has of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceModelRange {
    /// Name of the resource, e.g. `cpu`.
    pub name: String,
    /// At least this much.
    pub min: Quantity,
    /// Less than this.
    pub max: Quantity,
}

/// What a cluster's executor saw of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Uid of the member's Namespace `kube-system`: the cluster that it is from now on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// `gitVersion` of the member's API server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kubernetes_version: String,
    /// APIs that the member serves, sorted by group and version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_enablements: Vec<ApiEnablement>,
    /// `Ready`, `CompleteAPIEnablements`, and what others report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// How many nodes there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_summary: Option<NodeSummary>,
    /// How much the nodes have and how much of it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_summary: Option<ResourceSummary>,
    /// Actions that remedies ask for, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedy_actions: Vec<String>,
}

impl ClusterStatus {
    /// Whether nothing was ever reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the member serves `kind` at exactly this group and version.
    #[must_use]
    pub fn serves(&self, api_version: &str, kind: &str) -> bool {
        self.api_enablements
            .iter()
            .filter(|enablement| enablement.group_version == api_version)
            .any(|enablement| enablement.resources.iter().any(|resource| resource.kind == kind))
    }
}

/// What a member serves of one group and version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiEnablement {
    /// Group and version; `v1` for the core group.
    pub group_version: String,
    /// Its resources, without subresources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ApiResource>,
}

/// One resource that a member serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiResource {
    /// Plural name in URLs.
    pub name: String,
    /// Kind of its objects.
    pub kind: String,
}

/// How many nodes a member has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSummary {
    /// All nodes.
    #[serde(default)]
    pub total_num: i32,
    /// Nodes that are ready.
    #[serde(default)]
    pub ready_num: i32,
}

/// What a member's nodes have, and how much of it is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSummary {
    /// What the nodes offer to pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocatable: BTreeMap<String, Quantity>,
    /// What pods ask for that have no node yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocating: BTreeMap<String, Quantity>,
    /// What placed pods that are not finished ask for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocated: BTreeMap<String, Quantity>,
    /// How many nodes there are of each grade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allocatable_modelings: Vec<AllocatableModeling>,
}

/// How many nodes there are of one grade.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllocatableModeling {
    /// The grade.
    pub grade: u32,
    /// The number of nodes.
    pub count: i64,
}

/// Fills in what Karmada's API server would: `zone` moves into `zones`; resource models get the
/// built-in grades if there are none, else are sorted, start at 0 and end at no limit.
///
/// Taints get no `timeAdded` here: that takes a clock.
pub fn default_cluster(cluster: &mut Cluster) {
    let spec = &mut cluster.spec;
    if spec.zones.is_empty() {
        spec.zones.extend(spec.zone.take());
    }
    if spec.resource_models.is_empty() {
        spec.resource_models = default_resource_models();
        return;
    }
    spec.resource_models.sort_by_key(|model| model.grade);
    if let Some(first) = spec.resource_models.first_mut() {
        for range in &mut first.ranges {
            range.min = Quantity::zero();
        }
    }
    if let Some(last) = spec.resource_models.last_mut() {
        for range in &mut last.ranges {
            range.max = Quantity::from(i64::MAX);
        }
    }
}

/// The nine grades that a cluster has unless it says otherwise: up to 1, 2, 4, … 128 CPUs and
/// more, with 4, 16, 32, … 1024 GiB of memory and more.
#[must_use]
pub fn default_resource_models() -> Vec<ResourceModel> {
    const GIB: i64 = 1 << 30;
    const CPU: [i64; 10] = [0, 1, 2, 4, 8, 16, 32, 64, 128, i64::MAX];
    const MEMORY_GIB: [i64; 9] = [0, 4, 16, 32, 64, 128, 256, 512, 1024];
    let memory = |grade: usize| MEMORY_GIB.get(grade).map_or(i64::MAX, |gib| gib * GIB);
    let range = |name: &str, min: i64, max: i64| ResourceModelRange {
        name: name.to_owned(),
        min: Quantity::from(min),
        max: Quantity::from(max),
    };
    (0..9_usize)
        .map(|grade| ResourceModel {
            grade: grade as u32,
            ranges: vec![
                range("cpu", CPU[grade], CPU[grade + 1]),
                range("memory", memory(grade), memory(grade + 1)),
            ],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(spec: &str) -> Cluster {
        let mut cluster =
            Cluster { spec: serde_saphyr::from_str(spec).unwrap(), ..Cluster::default() };
        default_cluster(&mut cluster);
        cluster
    }

    #[test]
    fn a_zone_becomes_a_list_of_zones() {
        let spec = cluster("{syncMode: Push, zone: z1}").spec;
        assert_eq!((spec.zone, spec.zones), (None, vec!["z1".to_owned()]));
    }

    #[test]
    fn grades_are_built_in_and_have_no_gaps() {
        let models = cluster("{syncMode: Push}").spec.resource_models;
        assert_eq!(models.len(), 9);
        for pair in models.windows(2) {
            for (lower, upper) in pair[0].ranges.iter().zip(&pair[1].ranges) {
                assert_eq!((&lower.name, &lower.max), (&upper.name, &upper.min));
            }
        }
        assert_eq!(models[1].ranges[1].min, "4Gi".parse().unwrap());
        assert_eq!(models[8].ranges[1].min, "1Ti".parse().unwrap());
        assert_eq!(models[8].ranges[0].max.value(), i64::MAX);
    }

    #[test]
    fn ones_own_grades_are_sorted_and_open_at_both_ends() {
        let models = cluster(
            "{syncMode: Push, resourceModels: [
                {grade: 1, ranges: [{name: cpu, min: 4, max: 8}]},
                {grade: 0, ranges: [{name: cpu, min: 2, max: 4}]}]}",
        )
        .spec
        .resource_models;
        assert_eq!(models[0].ranges[0].min, Quantity::zero());
        assert_eq!(models[0].ranges[0].max, Quantity::from(4));
        assert_eq!(models[1].ranges[0].max.value(), i64::MAX);
    }

    #[test]
    fn an_api_is_served_at_its_own_version_only() {
        let status: ClusterStatus = serde_saphyr::from_str(
            "{apiEnablements: [{groupVersion: apps/v1,
                                resources: [{name: deployments, kind: Deployment}]}]}",
        )
        .unwrap();
        assert!(status.serves("apps/v1", "Deployment"));
        assert!(!status.serves("apps/v1beta1", "Deployment"));
        assert!(!status.serves("apps/v1", "StatefulSet"));
    }
}
