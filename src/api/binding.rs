//! `work.karmada.io/v1alpha2` ResourceBinding and ClusterResourceBinding: the decision for one
//! template.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::Condition;
use super::manifest::{ObjectKey, group_of};
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource, empty_as_none};
use super::names::ClusterName;
use super::placement::{FailoverBehavior, Placement, PurgeMode, Suspension};
use super::propagation_policy::ConflictResolution;
use super::quantity::Quantity;
use super::report::Health;
use super::selector::SelectorTerm;
use super::toleration::Toleration;

/// The decision for a template that lives in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceBinding {
    /// Always `work.karmada.io/v1alpha2`.
    pub api_version: ApiVersion<Self>,
    /// Always `ResourceBinding`.
    pub kind: Kind<Self>,
    /// Metadata; the namespace is the template's.
    pub metadata: ObjectMeta,
    /// What was decided.
    pub spec: BindingSpec,
    /// What came of it.
    #[serde(default, skip_serializing_if = "BindingStatus::is_empty")]
    pub status: BindingStatus,
}

impl Resource for ResourceBinding {
    const API_VERSION: &'static str = "work.karmada.io/v1alpha2";
    const KIND: &'static str = "ResourceBinding";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// The decision for a template that lives in no namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterResourceBinding {
    /// Always `work.karmada.io/v1alpha2`.
    pub api_version: ApiVersion<Self>,
    /// Always `ClusterResourceBinding`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What was decided.
    pub spec: BindingSpec,
    /// What came of it.
    #[serde(default, skip_serializing_if = "BindingStatus::is_empty")]
    pub status: BindingStatus,
}

impl Resource for ClusterResourceBinding {
    const API_VERSION: &'static str = "work.karmada.io/v1alpha2";
    const KIND: &'static str = "ClusterResourceBinding";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Name of the binding for a template: `<name>-<kind>` in lower case, `.` for `:`.
#[must_use]
pub fn binding_name(kind: &str, name: &str) -> String {
    format!("{name}-{kind}").to_lowercase().replace(':', ".")
}

/// What was decided for a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingSpec {
    /// The template.
    pub resource: ObjectReference,
    /// Whether what it refers to goes where it goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub propagate_deps: bool,
    /// What one replica needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_requirements: Option<ReplicaRequirements>,
    /// Replicas that the template asks for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replicas: i32,
    /// What each part of a workload with several pod templates needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// The clusters that run it, in the order of choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<TargetCluster>,
    /// Clusters that it is being moved away from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graceful_eviction_tasks: Vec<GracefulEvictionTask>,
    /// Bindings that need this template, and where they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_by: Vec<BindingSnapshot>,
    /// The scheduler that handles it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scheduler_name: String,
    /// The policy's placement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// When somebody asked to schedule it afresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reschedule_triggered_at: Option<Timestamp>,
    /// The policy's failover rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<FailoverBehavior>,
    /// What to do about objects that are not ours.
    #[serde(default)]
    pub conflict_resolution: ConflictResolution,
    /// Parts of propagation that are on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<BindingSuspension>,
    /// Whether members keep their copies when the template is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserve_resources_on_deletion: Option<bool>,
    /// Place in the scheduling order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_priority: Option<BindingSchedulePriority>,
    /// Groups of workloads that it stays with or away from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_affinity_groups: Option<WorkloadAffinityGroups>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(n: &i32) -> bool {
    *n == 0
}

/// Names a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; absent for cluster-scoped templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Identity that an API server gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Version that was read; here the template's content id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

impl ObjectReference {
    /// Identity of the template.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(
            group_of(&self.api_version),
            &self.kind,
            self.namespace.as_deref(),
            &self.name,
        )
    }
}

/// What one replica needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaRequirements {
    /// Which nodes it may run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_claim: Option<NodeClaim>,
    /// Resources of one replica.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_request: BTreeMap<String, Quantity>,
    /// Namespace whose quota it counts against.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Priority class of its pods.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub priority_class_name: String,
}

/// Which nodes a replica may run on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaim {
    /// The required node affinity of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_node_affinity: Option<NodeSelector>,
    /// The node selector of the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pods accept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
}

/// Selects nodes: one of the terms is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSelector {
    /// The terms.
    pub node_selector_terms: Vec<NodeSelectorTerm>,
}

/// Selects nodes: every requirement must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSelectorTerm {
    /// Requirements on labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<NodeSelectorRequirement>,
    /// Requirements on fields, e.g. `metadata.name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_fields: Vec<NodeSelectorRequirement>,
}

/// One requirement on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSelectorRequirement {
    /// Label or field.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
    pub operator: String,
    /// What to compare with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl From<&SelectorTerm> for NodeSelectorRequirement {
    fn from(term: &SelectorTerm) -> Self {
        Self {
            key: term.key.clone(),
            operator: format!("{:?}", term.operator),
            values: term.values.clone(),
        }
    }
}

/// What one part of a workload with several pod templates needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Name of the part, unique in the workload.
    pub name: String,
    /// Replicas of the part.
    pub replicas: i32,
    /// What one of them needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_requirements: Option<ComponentReplicaRequirements>,
}

/// What one replica of a part needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentReplicaRequirements {
    /// Which nodes it may run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_claim: Option<NodeClaim>,
    /// Resources of one replica.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_request: BTreeMap<String, Quantity>,
    /// Priority class of its pods.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub priority_class_name: String,
}

/// A cluster that runs a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetCluster {
    /// The cluster.
    pub name: ClusterName,
    /// Replicas there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replicas: i32,
    /// Replicas of each part of a workload with several pod templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<TargetComponent>,
}

impl TargetCluster {
    /// The cluster with this many replicas.
    #[must_use]
    pub const fn new(name: ClusterName, replicas: i32) -> Self {
        Self { name, replicas, components: Vec::new() }
    }
}

/// Replicas of one part of a workload in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetComponent {
    /// Name of the part.
    pub name: String,
    /// Its replicas.
    pub replicas: i32,
}

/// A move away from a cluster that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GracefulEvictionTask {
    /// The cluster to leave.
    pub from_cluster: ClusterName,
    /// What happens to the copy there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub purge_mode: Option<PurgeMode>,
    /// Replicas that leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Who asked for it.
    pub producer: String,
    /// How long it may take; not together with `suppressDeletion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<i32>,
    /// `true` keeps the copy until a person says otherwise; `false` removes it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_deletion: Option<bool>,
    /// Labels that the new copy gets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub preserved_label_state: BTreeMap<String, String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// The clusters before the move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters_before_failover: Vec<ClusterName>,
}

impl BindingSpec {
    /// Replicas by cluster, of all clusters that it runs in; 0 for what has none, and where it only
    /// goes along with what needs it.
    #[must_use]
    pub fn replicas_by_cluster(&self) -> BTreeMap<ClusterName, i32> {
        let along = self.required_by.iter().flat_map(|snapshot| &snapshot.clusters);
        let along = along.map(|target| (target.name.clone(), 0));
        let own = self.clusters.iter().map(|target| (target.name.clone(), target.replicas));
        along.chain(own).collect()
    }
}

/// A binding that needs this one's template, and where it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BindingSnapshot {
    /// Namespace of the binding; absent for a ClusterResourceBinding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the binding.
    pub name: String,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<TargetCluster>,
}

/// Parts of a binding's propagation that are on hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BindingSuspension {
    /// What the policy holds.
    #[serde(flatten)]
    pub policy: Suspension,
    /// Whether scheduling is on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<bool>,
}

/// Place in the scheduling order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BindingSchedulePriority {
    /// Higher comes first.
    #[serde(default)]
    pub priority: i32,
}

/// Groups of workloads, as `key=value` of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadAffinityGroups {
    /// The group that it stays with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub affinity_group: String,
    /// The group that it stays away from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub anti_affinity_group: String,
}

/// What came of a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingStatus {
    /// Generation that the scheduler last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_observed_generation: Option<i64>,
    /// When it was last scheduled with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scheduled_time: Option<Timestamp>,
    /// Name of the group of `clusterAffinities` in use.
    #[serde(
        default,
        rename = "schedulerObservingAffinityName",
        skip_serializing_if = "String::is_empty"
    )]
    pub scheduler_observed_affinity_name: String,
    /// `Scheduled` and `FullyApplied`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What each cluster reports, in order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aggregated_status: Vec<AggregatedStatusItem>,
}

impl BindingStatus {
    /// Whether nothing was computed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What one cluster reports of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregatedStatusItem {
    /// The cluster.
    pub cluster_name: ClusterName,
    /// The reflected part of the object's status there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    /// Whether the work is in force there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub applied: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub applied_message: String,
    /// Health of the object there.
    #[serde(default)]
    pub health: Health,
}
