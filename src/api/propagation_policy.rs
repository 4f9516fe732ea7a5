//! `policy.karmada.io/v1alpha1` PropagationPolicy and ClusterPropagationPolicy: which templates go
//! where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::{ApiVersion, Kind, ObjectMeta, Resource, empty_as_none};
use super::placement::{
    FailoverBehavior, Placement, PurgeMode, ReplicaDivisionPreference, ReplicaSchedulingType,
    SpreadField, Suspension,
};
use super::selector::{ResourceSelector, Selectable, SelectorMatch};

/// Name of the scheduler that handles bindings unless a policy says otherwise.
pub const SCHEDULER_NAME_DEFAULT: &str = "default-scheduler";

/// Says where templates of its own namespace run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PropagationPolicy {
    /// Always `policy.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `PropagationPolicy`.
    pub kind: Kind<Self>,
    /// Metadata; the policy sees templates of its namespace only.
    pub metadata: ObjectMeta,
    /// Which templates, and where.
    pub spec: PropagationSpec,
}

impl Resource for PropagationPolicy {
    const API_VERSION: &'static str = "policy.karmada.io/v1alpha1";
    const KIND: &'static str = "PropagationPolicy";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Says where templates of any namespace, or of none, run. A PropagationPolicy of the template's
/// own namespace comes first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPropagationPolicy {
    /// Always `policy.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `ClusterPropagationPolicy`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Which templates, and where.
    pub spec: PropagationSpec,
}

impl Resource for ClusterPropagationPolicy {
    const API_VERSION: &'static str = "policy.karmada.io/v1alpha1";
    const KIND: &'static str = "ClusterPropagationPolicy";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which templates go where, for both kinds of propagation policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PropagationSpec {
    /// Templates that this policy may claim: one selector is enough. At least one.
    pub resource_selectors: Vec<ResourceSelector>,
    /// Old name of an idea that was never built; accepted and ignored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub association: bool,
    /// Whether ConfigMaps, Secrets and the like that a template refers to go where it goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub propagate_deps: bool,
    /// Where they run; absent means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Of two policies that match a template, the higher priority wins.
    #[serde(default)]
    pub priority: i32,
    /// Whether it takes templates away from policies of lower priority.
    #[serde(default)]
    pub preemption: Preemption,
    /// Override policies that must exist before this policy acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependent_overrides: Vec<String>,
    /// Which scheduler handles it.
    #[serde(default = "scheduler_name_default")]
    pub scheduler_name: String,
    /// What to do when a cluster or an application fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<FailoverBehavior>,
    /// What to do when a member already has an object of that name that is not ours.
    #[serde(default)]
    pub conflict_resolution: ConflictResolution,
    /// `Lazy` means that a change of the policy acts when the template changes next.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub activation_preference: Option<ActivationPreference>,
    /// Parts of propagation that are on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    /// Whether members keep their copies when the template is removed from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserve_resources_on_deletion: Option<bool>,
    /// Which bindings are scheduled first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_priority: Option<SchedulePriority>,
}

impl PropagationSpec {
    /// How specifically it selects the template: the best of its selectors.
    #[must_use]
    pub fn selects(&self, template: &impl Selectable) -> Option<SelectorMatch> {
        self.resource_selectors.iter().filter_map(|one| one.matches(template)).max()
    }
}

fn scheduler_name_default() -> String {
    SCHEDULER_NAME_DEFAULT.to_owned()
}

impl Default for PropagationSpec {
    fn default() -> Self {
        Self {
            resource_selectors: Vec::new(),
            association: false,
            propagate_deps: false,
            placement: None,
            priority: 0,
            preemption: Preemption::default(),
            dependent_overrides: Vec::new(),
            scheduler_name: scheduler_name_default(),
            failover: None,
            conflict_resolution: ConflictResolution::default(),
            activation_preference: None,
            suspension: None,
            preserve_resources_on_deletion: None,
            schedule_priority: None,
        }
    }
}

/// Whether a policy takes templates away from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Preemption {
    /// From policies of lower priority.
    Always,
    /// From nobody.
    #[default]
    Never,
}

/// What to do when a member already has an object of that name that is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConflictResolution {
    /// Leave it alone and report who owns it.
    #[default]
    Abort,
    /// Take it over.
    Overwrite,
}

impl ConflictResolution {
    /// The word in the annotation `work.karmada.io/conflict-resolution`.
    #[must_use]
    pub const fn annotation(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Overwrite => "overwrite",
        }
    }
}

/// When a change of a policy acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActivationPreference {
    /// When the template changes next.
    Lazy,
}

/// Which bindings are scheduled first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchedulePriority {
    /// Where the class is defined.
    pub priority_class_source: PriorityClassSource,
    /// Name of the class.
    pub priority_class_name: String,
}

/// Where a priority class is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PriorityClassSource {
    /// A PriorityClass of Kubernetes, in the source.
    KubePriorityClass,
}

/// Fills in what Karmada's admission would: selectors get the policy's own namespace, and all that
/// [`default_cluster_propagation_policy`] does.
pub fn default_propagation_policy(policy: &mut PropagationPolicy) {
    let namespace = policy.metadata.namespace.as_deref().unwrap_or_default();
    for selector in &mut policy.spec.resource_selectors {
        if selector.namespace.is_empty() {
            namespace.clone_into(&mut selector.namespace);
        }
    }
    default_spec(&mut policy.spec);
}

/// Fills in what Karmada's admission would: spread by `cluster` and at least one group unless said
/// otherwise; dependencies of a ServiceImport; `Weighted` division; ten minutes of grace.
pub fn default_cluster_propagation_policy(policy: &mut ClusterPropagationPolicy) {
    default_spec(&mut policy.spec);
}

fn default_spec(spec: &mut PropagationSpec) {
    if let Some(placement) = &mut spec.placement {
        for constraint in &mut placement.spread_constraints {
            if constraint.spread_by_field.is_none() && constraint.spread_by_label.is_empty() {
                constraint.spread_by_field = Some(SpreadField::Cluster);
            }
            if constraint.min_groups == 0 {
                constraint.min_groups = 1;
            }
        }
        if let Some(scheduling) = &mut placement.replica_scheduling
            && scheduling.replica_scheduling_type == ReplicaSchedulingType::Divided
        {
            scheduling
                .replica_division_preference
                .get_or_insert(ReplicaDivisionPreference::Weighted);
        }
    }
    if spec.resource_selectors.iter().any(|selector| {
        selector.api_version == "multicluster.x-k8s.io/v1alpha1" && selector.kind == "ServiceImport"
    }) {
        spec.propagate_deps = true;
    }
    if let Some(failover) = &mut spec.failover
        && let Some(application) = &mut failover.application
        && application.purge_mode == PurgeMode::Gracefully
    {
        application.grace_period_seconds.get_or_insert(600);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(spec: &str) -> PropagationPolicy {
        let mut policy = PropagationPolicy {
            metadata: ObjectMeta::namespaced("web", "a"),
            spec: serde_saphyr::from_str(spec).unwrap(),
            ..PropagationPolicy::default()
        };
        default_propagation_policy(&mut policy);
        policy
    }

    #[test]
    fn selectors_get_the_policys_namespace() {
        let spec = policy("{resourceSelectors: [{apiVersion: v1, kind: Service}]}").spec;
        assert_eq!(spec.resource_selectors[0].namespace, "web");
        assert_eq!(spec.scheduler_name, "default-scheduler");
        assert!(!spec.propagate_deps);
    }

    #[test]
    fn spread_by_cluster_and_one_group_unless_said_otherwise() {
        let spec = policy(
            "{resourceSelectors: [], placement: {spreadConstraints: [
                {}, {spreadByField: region, minGroups: 2}, {spreadByLabel: rack}]}}",
        )
        .spec;
        let constraints = spec.placement.unwrap().spread_constraints;
        assert_eq!(constraints[0].spread_by_field, Some(SpreadField::Cluster));
        assert_eq!((constraints[0].min_groups, constraints[0].max_groups), (1, 0));
        assert_eq!(constraints[1].spread_by_field, Some(SpreadField::Region));
        assert_eq!(constraints[1].min_groups, 2);
        assert_eq!(constraints[2].spread_by_field, None);
    }

    #[test]
    fn divided_is_weighted_and_absent_is_duplicated() {
        let placement = policy("{resourceSelectors: [], placement: {replicaScheduling: {}}}")
            .spec
            .placement
            .unwrap();
        assert_eq!(placement.scheduling_type(), ReplicaSchedulingType::Divided);
        let scheduling = placement.replica_scheduling.unwrap();
        assert_eq!(
            scheduling.replica_division_preference,
            Some(ReplicaDivisionPreference::Weighted)
        );
        let placement = policy("{resourceSelectors: [], placement: {}}").spec.placement.unwrap();
        assert_eq!(placement.scheduling_type(), ReplicaSchedulingType::Duplicated);
    }

    #[test]
    fn a_service_import_brings_what_it_needs() {
        let selector = "{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport}";
        assert!(policy(&format!("{{resourceSelectors: [{selector}]}}")).spec.propagate_deps);
    }

    #[test]
    fn old_words_of_purge_modes_are_read_and_graceful_has_ten_minutes() {
        let failover = |mode: &str| {
            let spec = format!(
                "{{resourceSelectors: [], failover: {{application: {{purgeMode: {mode},
                   decisionConditions: {{}}}}}}}}"
            );
            policy(&spec).spec.failover.unwrap().application.unwrap()
        };
        assert_eq!(failover("Immediately").purge_mode, PurgeMode::Directly);
        assert_eq!(failover("Immediately").grace_period_seconds, None);
        assert_eq!(failover("Graciously").purge_mode, PurgeMode::Gracefully);
        assert_eq!(failover("Graciously").grace_period_seconds, Some(600));
        assert_eq!(failover("Never").decision_conditions.toleration_seconds, 300);
    }
}
