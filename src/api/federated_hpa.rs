//! `autoscaling.karmada.io/v1alpha1 FederatedHPA`: how many replicas a workload has over all its
//! clusters, by what its pods are measured to need.
//!
//! Metrics and speeds are those of Kubernetes' `autoscaling/v2`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::ConditionStatus;
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};
use super::quantity::Quantity;
use super::selector::LabelSelector;

/// Percentage of the requested CPU that is aimed at where no metric is given.
const CPU_UTILIZATION_DEFAULT: i32 = 80;

/// Scales a workload by what its pods in all clusters need together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FederatedHPA {
    /// Always `autoscaling.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `FederatedHPA`.
    pub kind: Kind<Self>,
    /// Metadata; the workload is in the same namespace.
    pub metadata: ObjectMeta,
    /// What is scaled, between which limits, and by what.
    pub spec: FederatedHPASpec,
    /// What was measured and decided; never read from the source.
    #[serde(default, skip_serializing_if = "FederatedHPAStatus::is_empty")]
    pub status: FederatedHPAStatus,
}

impl Resource for FederatedHPA {
    const API_VERSION: &'static str = "autoscaling.karmada.io/v1alpha1";
    const KIND: &'static str = "FederatedHPA";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// What is scaled, between which limits, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FederatedHPASpec {
    /// The workload.
    pub scale_target_ref: CrossVersionObjectReference,
    /// Least replicas over all clusters, from 1; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// Most replicas over all clusters; not below `minReplicas`.
    pub max_replicas: i32,
    /// What is measured; the one that asks for most counts. CPU at 80 % of the request if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricSpec>,
    /// How fast it may go up and down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<HPABehavior>,
}

/// Names an object of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossVersionObjectReference {
    /// Group and version of its API, e.g. `apps/v1`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// One metric: the source that `type` names, and no other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricSpec {
    /// Which source is given.
    #[serde(rename = "type")]
    pub type_: MetricSourceType,
    /// A metric of one object, such as the requests that an Ingress gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectMetricSource>,
    /// A metric of each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsMetricSource>,
    /// A resource that the pods use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMetricSource>,
    /// A resource that one container of each pod uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_resource: Option<ContainerResourceMetricSource>,
    /// A metric from outside of the clusters. Karmada has the field and no type for it: never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalMetricSource>,
}

/// Where a metric comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricSourceType {
    /// From one object.
    Object,
    /// From each pod.
    Pods,
    /// From the pods' use of a resource.
    #[default]
    Resource,
    /// From one container's use of a resource, in each pod.
    ContainerResource,
}

/// A metric of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMetricSource {
    /// The object.
    pub described_object: CrossVersionObjectReference,
    /// The metric.
    pub metric: MetricIdentifier,
    /// What to aim at: `value` or `averageValue`.
    pub target: MetricTarget,
}

/// A metric of each pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodsMetricSource {
    /// The metric.
    pub metric: MetricIdentifier,
    /// What to aim at: `averageValue`, for each pod.
    pub target: MetricTarget,
}

/// A resource that the pods use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceMetricSource {
    /// The resource, e.g. `cpu`.
    pub name: String,
    /// What to aim at: one of `averageUtilization` and `averageValue`.
    pub target: MetricTarget,
}

/// A resource that one container of each pod uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerResourceMetricSource {
    /// The resource, e.g. `cpu`.
    pub name: String,
    /// The container.
    pub container: String,
    /// What to aim at: one of `averageUtilization` and `averageValue`.
    pub target: MetricTarget,
}

/// A metric from outside of the clusters.
pub type ExternalMetricSource = PodsMetricSource;

/// Names a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetricIdentifier {
    /// Its name.
    pub name: String,
    /// Labels of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// What a metric should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricTarget {
    /// What kind of number it is.
    #[serde(rename = "type")]
    pub type_: MetricTargetType,
    /// The number itself, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// The number for each pod, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
    /// Percentage of what the pods request, from 1; for resources only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_utilization: Option<i32>,
}

/// What kind of number a metric is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricTargetType {
    /// A percentage of what the pods request.
    #[default]
    Utilization,
    /// The number itself.
    Value,
    /// The number for each pod.
    AverageValue,
}

/// How fast a workload is scaled. What is absent of it is filled in as soon as it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HPABehavior {
    /// Up; if absent, by 4 pods or to the double within 15 seconds, whichever is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<HPAScalingRules>,
    /// Down; if absent, by any number within 15 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<HPAScalingRules>,
}

/// How fast a workload is scaled in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HPAScalingRules {
    /// Seconds to look back for an earlier wish that was more careful, 0 to 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stabilization_window_seconds: Option<i32>,
    /// Which of the policies counts; `Max` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<ScalingPolicySelect>,
    /// Limits to the speed, at least one; absent means those that hold without any rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<HPAScalingPolicy>>,
    /// How far a metric may be off its target before anything is done, as a part of 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Quantity>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingPolicySelect {
    /// The one that allows most.
    #[default]
    Max,
    /// The one that allows least.
    Min,
    /// None: it is not scaled in this direction.
    Disabled,
}

/// A limit to the speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HPAScalingPolicy {
    /// What `value` counts.
    #[serde(rename = "type")]
    pub type_: ScalingPolicyType,
    /// The most within the period, from 1.
    pub value: i32,
    /// Length of the period in seconds, 1 to 1800.
    pub period_seconds: i32,
}

/// What a limit to the speed counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingPolicyType {
    /// Pods.
    #[default]
    Pods,
    /// Hundredths of the replicas at the period's start.
    Percent,
}

/// What was measured and decided: the status of a HorizontalPodAutoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FederatedHPAStatus {
    /// Generation of the object that this was computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When it last scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scale_time: Option<Timestamp>,
    /// Replicas over all clusters.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub current_replicas: i32,
    /// Replicas over all clusters that there should be.
    #[serde(default)]
    pub desired_replicas: i32,
    /// The metrics as they were last read.
    #[serde(default)]
    pub current_metrics: Option<Vec<MetricStatus>>,
    /// Whether it can scale, does, and is at a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<HPACondition>,
}

impl FederatedHPAStatus {
    /// Whether nothing was measured yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// One metric as it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricStatus {
    /// Which source is given.
    #[serde(rename = "type")]
    pub type_: MetricSourceType,
    /// A metric of one object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectMetricStatus>,
    /// A metric of each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsMetricStatus>,
    /// A resource that the pods use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceMetricStatus>,
    /// A resource that one container of each pod uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_resource: Option<ContainerResourceMetricStatus>,
    /// A metric from outside of the clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalMetricStatus>,
}

/// A metric of one object as it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMetricStatus {
    /// The metric.
    pub metric: MetricIdentifier,
    /// What it was.
    pub current: MetricValueStatus,
    /// The object.
    pub described_object: CrossVersionObjectReference,
}

/// A metric as it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodsMetricStatus {
    /// The metric.
    pub metric: MetricIdentifier,
    /// What it was.
    pub current: MetricValueStatus,
}

/// A metric from outside of the clusters as it was last read.
pub type ExternalMetricStatus = PodsMetricStatus;

/// A resource as it was last measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceMetricStatus {
    /// The resource.
    pub name: String,
    /// What was used of it.
    pub current: MetricValueStatus,
}

/// A resource of one container as it was last measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerResourceMetricStatus {
    /// The resource.
    pub name: String,
    /// The container.
    pub container: String,
    /// What was used of it.
    pub current: MetricValueStatus,
}

/// What a metric was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricValueStatus {
    /// The number itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// The number for each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
    /// Percentage of what the pods request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_utilization: Option<i32>,
}

/// Whether something holds of an autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HPACondition {
    /// `ScalingActive`, `AbleToScale` or `ScalingLimited`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// One word in CamelCase for machines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Fills in what Karmada's admission would (`spec/placement.md` §8.1 of Karmada's rules).
pub fn default_federated_hpa(hpa: &mut FederatedHPA) {
    let spec = &mut hpa.spec;
    spec.min_replicas.get_or_insert(1);
    if spec.metrics.is_empty() {
        spec.metrics.push(MetricSpec {
            type_: MetricSourceType::Resource,
            resource: Some(ResourceMetricSource {
                name: "cpu".to_owned(),
                target: MetricTarget {
                    type_: MetricTargetType::Utilization,
                    average_utilization: Some(CPU_UTILIZATION_DEFAULT),
                    ..MetricTarget::default()
                },
            }),
            ..MetricSpec::default()
        });
    }
    if let Some(behavior) = &mut spec.behavior {
        let policy = |type_, value| HPAScalingPolicy { type_, value, period_seconds: 15 };
        let double = policy(ScalingPolicyType::Percent, 100);
        let up = behavior.scale_up.get_or_insert_default();
        up.stabilization_window_seconds.get_or_insert(0);
        complete(up, vec![policy(ScalingPolicyType::Pods, 4), double]);
        // How far to look back before scaling down is the controller's setting.
        complete(behavior.scale_down.get_or_insert_default(), vec![double]);
    }
}

fn complete(rules: &mut HPAScalingRules, policies: Vec<HPAScalingPolicy>) {
    rules.select_policy.get_or_insert(ScalingPolicySelect::Max);
    rules.policies.get_or_insert(policies);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn completed(spec: &Value) -> Value {
        let object = json!({
            "apiVersion": FederatedHPA::API_VERSION,
            "kind": FederatedHPA::KIND,
            "metadata": {"name": "shop", "namespace": "web"},
            "spec": spec,
        });
        let mut hpa: FederatedHPA = serde_json::from_value(object).unwrap();
        default_federated_hpa(&mut hpa);
        serde_json::to_value(hpa).unwrap()["spec"].take()
    }

    #[test]
    fn what_is_not_said_is_filled_in() {
        let target = json!({"kind": "Deployment", "name": "shop"});
        let cpu = json!([{
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        }]);
        assert_eq!(
            completed(&json!({"scaleTargetRef": target, "maxReplicas": 9})),
            json!({"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9, "metrics": cpu}),
        );
    }

    #[test]
    fn a_partial_behavior_is_completed_and_keeps_what_it_says() {
        let spec = completed(&json!({
            "scaleTargetRef": {"kind": "Deployment", "name": "shop"},
            "maxReplicas": 9,
            "behavior": {"scaleDown": {"selectPolicy": "Disabled", "tolerance": "0.2"}},
        }));
        let double = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        assert_eq!(
            spec["behavior"],
            json!({
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, double],
                },
                "scaleDown": {"selectPolicy": "Disabled", "policies": [double], "tolerance": "0.2"},
            }),
        );
    }
}
