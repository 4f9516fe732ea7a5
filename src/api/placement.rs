//! Where a policy wants its templates to run, and what to do when a place fails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::empty_as_none;
use super::selector::ClusterAffinity;
use super::toleration::{Taint, Toleration};

/// Where templates run: which clusters may have them, how many, and who gets how many replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The clusters that may be chosen; absent means all. Not together with `clusterAffinities`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_affinity: Option<ClusterAffinity>,
    /// Groups of clusters, tried in order until one can take the work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_affinities: Vec<ClusterAffinityTerm>,
    /// Taints of clusters that the work accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_tolerations: Vec<Toleration>,
    /// How many regions, zones, providers or clusters to use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spread_constraints: Vec<SpreadConstraint>,
    /// How replicas are placed; absent means every cluster gets all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_scheduling: Option<ReplicaScheduling>,
    /// Keeps whole workloads together or apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_affinity: Option<WorkloadAffinity>,
}

impl Placement {
    /// Whether replicas are divided or every cluster gets all: `Duplicated` when nothing is said.
    #[must_use]
    pub fn scheduling_type(&self) -> ReplicaSchedulingType {
        self.replica_scheduling.as_ref().map_or(ReplicaSchedulingType::Duplicated, |scheduling| {
            scheduling.replica_scheduling_type
        })
    }

    /// Whether a toleration accepts `taint`.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.cluster_tolerations.iter().any(|toleration| toleration.tolerates(taint))
    }
}

/// A named group of clusters, with tiers to overflow into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterAffinityTerm {
    /// Name of the group, unique in the policy: 1 to 32 characters in the syntax of a label key.
    pub affinity_name: String,
    /// The clusters of the group.
    #[serde(flatten)]
    pub affinity: ClusterAffinity,
    /// Tiers that are added in order while the group lacks capacity, and given up in reverse
    /// order. Only for dynamic weights and aggregated division.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overflow_affinities: Vec<OverflowAffinity>,
}

/// A tier that a group of clusters overflows into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverflowAffinity {
    /// Name of the tier, unique in the group: 1 to 32 characters in the syntax of a label key.
    pub affinity_name: String,
    /// The clusters of the tier.
    #[serde(flatten)]
    pub affinity: ClusterAffinity,
}

/// How many groups of clusters to use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpreadConstraint {
    /// What makes a group; `cluster` when no label is named either.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub spread_by_field: Option<SpreadField>,
    /// Label of the cluster whose value makes a group. Karmada accepts it and never reads it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub spread_by_label: String,
    /// At most this many groups; 0 means no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_groups: i64,
    /// At least this many groups; 0 means 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_groups: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// What makes a group of clusters.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SpreadField {
    /// Each cluster is a group.
    Cluster,
    /// Clusters of the same region.
    Region,
    /// Clusters of the same zone.
    Zone,
    /// Clusters of the same provider.
    Provider,
}

impl SpreadField {
    /// What one of its groups is called, e.g. `region`.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Region => "region",
            Self::Zone => "zone",
            Self::Provider => "provider",
        }
    }
}

/// How replicas are placed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaScheduling {
    /// Give every cluster all replicas, or divide them.
    #[serde(default)]
    pub replica_scheduling_type: ReplicaSchedulingType,
    /// How to divide; `Weighted` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub replica_division_preference: Option<ReplicaDivisionPreference>,
    /// Weights for `Weighted`; absent means equal ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_preference: Option<WeightPreference>,
}

/// Whether every cluster gets all replicas or they are divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReplicaSchedulingType {
    /// Every chosen cluster runs as many replicas as the template says.
    Duplicated,
    /// The template's replicas are divided among the chosen clusters.
    #[default]
    Divided,
}

/// How replicas are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReplicaDivisionPreference {
    /// Among as few clusters as have room.
    Aggregated,
    /// By weight.
    Weighted,
}

/// Weights of clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightPreference {
    /// Fixed weights; a cluster's weight is the largest of the entries that match it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub static_weight_list: Vec<StaticClusterWeight>,
    /// Weigh by something measured; beats the list.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub dynamic_weight: Option<DynamicWeight>,
}

/// A fixed weight for some clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaticClusterWeight {
    /// The clusters that have it.
    pub target_cluster: ClusterAffinity,
    /// The weight, 1 or more.
    pub weight: i64,
}

/// What a dynamic weight measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DynamicWeight {
    /// How many more replicas fit.
    AvailableReplicas,
}

/// Keeps whole workloads of a namespace together or apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadAffinity {
    /// Goes where the others of its group are; the first of a group is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<WorkloadAffinityTerm>,
    /// Goes where no other of its group is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anti_affinity: Option<WorkloadAffinityTerm>,
}

/// What makes a group of workloads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadAffinityTerm {
    /// Label of the template whose value names the group.
    pub group_by_label_key: String,
}

/// What to do when a cluster or an application fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailoverBehavior {
    /// When the application is unhealthy; absent means nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationFailover>,
    /// When the cluster has taints that evict; absent means the controller's own setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterFailover>,
}

/// What to do when an application is unhealthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationFailover {
    /// When to move it: all must hold.
    pub decision_conditions: DecisionConditions,
    /// What happens to the old copy.
    #[serde(default)]
    pub purge_mode: PurgeMode,
    /// How long the old copy may stay when it is purged `Gracefully`; 600 then when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<i32>,
    /// What the new copy is told of the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_preservation: Option<StatePreservation>,
}

/// When an unhealthy application is moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionConditions {
    /// How long it may be unhealthy first; 0 means no time at all.
    #[serde(default = "toleration_seconds_default")]
    pub toleration_seconds: i32,
}

fn toleration_seconds_default() -> i32 {
    300
}

impl Default for DecisionConditions {
    fn default() -> Self {
        Self { toleration_seconds: toleration_seconds_default() }
    }
}

/// What to do when a cluster has taints that evict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFailover {
    /// What happens to the old copy: `Directly` or `Gracefully`.
    #[serde(default)]
    pub purge_mode: PurgeMode,
    /// What the new copy is told of the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_preservation: Option<StatePreservation>,
}

/// What happens to the old copy when work moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PurgeMode {
    /// It is removed first, then the new copy is made. `Immediately` is its name before 1.15.
    #[serde(alias = "Immediately")]
    Directly,
    /// It is removed once the new copy is healthy or time is up. `Graciously` is its name before
    /// 1.15.
    #[default]
    #[serde(alias = "Graciously")]
    Gracefully,
    /// It stays until a person says otherwise. Not for clusters.
    Never,
}

/// What a new copy is told of the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatePreservation {
    /// What to carry over.
    pub rules: Vec<StatePreservationRule>,
}

/// One value to carry over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatePreservationRule {
    /// Label of the new copy that gets the value.
    pub alias_label_name: String,
    /// JSONPath of the value, from the old copy's `status`.
    pub json_path: String,
}

/// Parts of propagation that are on hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suspension {
    /// Nothing is written to any cluster. Not together with `dispatchingOnClusters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatching: Option<bool>,
    /// Nothing is written to these clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatching_on_clusters: Option<SuspendClusters>,
}

impl Suspension {
    /// Whether writing to the cluster of this name is on hold.
    #[must_use]
    pub fn holds(&self, cluster: &str) -> bool {
        self.dispatching == Some(true)
            || self
                .dispatching_on_clusters
                .as_ref()
                .is_some_and(|on| on.cluster_names.iter().any(|name| name == cluster))
    }
}

/// Clusters that are on hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuspendClusters {
    /// Their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_names: Vec<String>,
}
