//! Rules for FederatedHPA (`spec/placement.md` §9.6 of Karmada's rules).

use crate::api::federated_hpa::{
    FederatedHPASpec, HPAScalingRules, MetricIdentifier, MetricSourceType, MetricSpec, MetricTarget,
};
use crate::api::quantity::Quantity;

use super::super::names::{bad_dns_label, bad_label_key};
use super::super::object::Checked;
use super::super::report::shown;
use super::fields::{at_least_one, between, name, reference};

/// Longest time to look back, in seconds.
const WINDOW_MAX: i32 = 3600;
/// Longest period of a policy, in seconds.
const PERIOD_MAX: i32 = 1800;

/// All rules for a FederatedHPA; the defaults are filled in.
pub(in super::super) fn federated_hpa(checked: &mut Checked<'_, '_>, spec: &FederatedHPASpec) {
    reference(checked, &spec.scale_target_ref, "/spec/scaleTargetRef");
    replicas(checked, spec);
    for (idx, metric) in spec.metrics.iter().enumerate() {
        self::metric(checked, metric, &format!("/spec/metrics/{idx}"));
    }
    if let Some(behavior) = &spec.behavior {
        for (field, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)]
        {
            if let Some(rules) = rules {
                scaling(checked, rules, &format!("/spec/behavior/{field}"));
            }
        }
    }
}

fn replicas(checked: &mut Checked<'_, '_>, spec: &FederatedHPASpec) {
    let least = spec.min_replicas.unwrap_or(1);
    at_least_one(checked, Some(least), "/spec/minReplicas");
    at_least_one(checked, Some(spec.max_replicas), "/spec/maxReplicas");
    if spec.max_replicas < least {
        let most = spec.max_replicas;
        checked.error(
            "/spec/maxReplicas",
            "CONSTRAINT_UNSATISFIABLE",
            format!("`maxReplicas` is {most} and `minReplicas` is {least}"),
            "let `maxReplicas` be no less than `minReplicas`, which is 1 if absent",
        );
    }
}

fn metric(checked: &mut Checked<'_, '_>, metric: &MetricSpec, pointer: &str) {
    let wanted = match metric.type_ {
        MetricSourceType::Object => "object",
        MetricSourceType::Pods => "pods",
        MetricSourceType::Resource => "resource",
        MetricSourceType::ContainerResource => "containerResource",
    };
    let sources = [
        ("object", metric.object.is_some()),
        ("pods", metric.pods.is_some()),
        ("resource", metric.resource.is_some()),
        ("containerResource", metric.container_resource.is_some()),
    ];
    for (field, is_given) in sources {
        if field == wanted && !is_given {
            checked.error_at_key(
                pointer,
                "OBJ_MISSING_FIELD",
                format!("the metric is of the type {:?}, and has no `{field}`", metric.type_),
                format!("add `{field}`, or write the type of the source that is given"),
            );
        } else if field != wanted && is_given {
            checked.error_at_key(
                &format!("{pointer}/{field}"),
                "FIELD_CONFLICT",
                format!("the metric is of the type {:?}, and has `{field}`", metric.type_),
                "keep the source that `type` names; another metric is another item of the list",
            );
        }
    }
    if let Some(object) = &metric.object {
        let pointer = format!("{pointer}/object");
        reference(checked, &object.described_object, &format!("{pointer}/describedObject"));
        identifier(checked, &object.metric, &pointer);
        target(checked, &object.target, &pointer, &[Aim::Value, Aim::AverageValue]);
    }
    if let Some(pods) = &metric.pods {
        let pointer = format!("{pointer}/pods");
        identifier(checked, &pods.metric, &pointer);
        target(checked, &pods.target, &pointer, &[Aim::AverageValue]);
    }
    if let Some(resource) = &metric.resource {
        let pointer = format!("{pointer}/resource");
        if resource.name.is_empty() {
            resource_name(checked, &pointer);
        }
        usage(checked, &resource.target, &pointer);
    }
    if let Some(resource) = &metric.container_resource {
        let pointer = format!("{pointer}/containerResource");
        if resource.name.is_empty() {
            resource_name(checked, &pointer);
        } else if !is_container_resource(&resource.name) {
            checked.error(
                &format!("{pointer}/name"),
                "FIELD_INVALID",
                format!("`{}` is no resource of a container", shown(&resource.name)),
                "write cpu, memory, ephemeral-storage, hugepages-… or a device's name with a prefix",
            );
        }
        container(checked, &resource.container, &format!("{pointer}/container"));
        usage(checked, &resource.target, &pointer);
    }
}

fn resource_name(checked: &mut Checked<'_, '_>, pointer: &str) {
    checked.error(
        &format!("{pointer}/name"),
        "OBJ_MISSING_FIELD",
        "`name` is empty",
        "name the resource, e.g. cpu",
    );
}

fn container(checked: &mut Checked<'_, '_>, container: &str, pointer: &str) {
    if container.is_empty() {
        checked.error(pointer, "OBJ_MISSING_FIELD", "`container` is empty", "name the container");
    } else if let Some(rule) = bad_dns_label(container) {
        let message = format!("the container's name `{}` {rule}", shown(container));
        checked.error(pointer, "OBJ_BAD_NAME", message, "write it as it stands in the pod");
    }
}

/// What a container can ask for: some resources of Kubernetes' own, and devices, whose names have a
/// prefix.
fn is_container_resource(name: &str) -> bool {
    match name.split_once('/') {
        None => {
            matches!(name, "cpu" | "memory" | "ephemeral-storage")
                || (name.starts_with("hugepages-") && bad_label_key(name).is_none())
        }
        Some((prefix, _)) => {
            let is_device = || {
                !name.starts_with("requests.")
                    && bad_label_key(&format!("requests.{name}")).is_none()
            };
            bad_label_key(name).is_none() && (prefix.ends_with("kubernetes.io") || is_device())
        }
    }
}

fn identifier(checked: &mut Checked<'_, '_>, metric: &MetricIdentifier, pointer: &str) {
    name(checked, &metric.name, &format!("{pointer}/metric/name"), "write the name of the metric");
}

/// The fields of a target that can be aimed at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Value,
    AverageValue,
    AverageUtilization,
}

impl Aim {
    const fn field(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::AverageValue => "averageValue",
            Self::AverageUtilization => "averageUtilization",
        }
    }

    const fn is_in(self, target: &MetricTarget) -> bool {
        match self {
            Self::Value => target.value.is_some(),
            Self::AverageValue => target.average_value.is_some(),
            Self::AverageUtilization => target.average_utilization.is_some(),
        }
    }
}

/// What the source at `pointer` aims at: one of `aims` is needed.
fn target(checked: &mut Checked<'_, '_>, target: &MetricTarget, pointer: &str, aims: &[Aim]) {
    let pointer = format!("{pointer}/target");
    for (field, amount) in [("value", &target.value), ("averageValue", &target.average_value)] {
        if let Some(amount) = amount.as_ref().filter(|amount| **amount <= Quantity::zero()) {
            checked.error(
                &format!("{pointer}/{field}"),
                "INT_RANGE",
                format!("`{field}` is {}; it must be above 0", amount.as_written()),
                "write a greater number",
            );
        }
    }
    let percentage = format!("{pointer}/averageUtilization");
    at_least_one(checked, target.average_utilization, &percentage);
    if !aims.iter().any(|aim| aim.is_in(target)) {
        let fields: Vec<String> = aims.iter().map(|aim| format!("`{}`", aim.field())).collect();
        checked.error_at_key(
            &pointer,
            "OBJ_MISSING_FIELD",
            format!("the target has no {}", fields.join(" and no ")),
            "add what the metric should be",
        );
    }
}

/// What the use of a resource should be: a percentage of the request, or an amount.
fn usage(checked: &mut Checked<'_, '_>, target: &MetricTarget, pointer: &str) {
    self::target(checked, target, pointer, &[Aim::AverageUtilization, Aim::AverageValue]);
    if target.average_utilization.is_some() && target.average_value.is_some() {
        checked.error_at_key(
            &format!("{pointer}/target/averageValue"),
            "FIELD_CONFLICT",
            "`averageUtilization` and `averageValue` are both set",
            "keep the one that is meant",
        );
    }
}

fn scaling(checked: &mut Checked<'_, '_>, rules: &HPAScalingRules, pointer: &str) {
    if let Some(seconds) = rules.stabilization_window_seconds {
        let pointer = format!("{pointer}/stabilizationWindowSeconds");
        between(checked, seconds, 0, WINDOW_MAX, &pointer);
    }
    // An empty list is not filled in: only an absent one is.
    let policies = rules.policies.as_deref().unwrap_or_default();
    if policies.is_empty() {
        checked.error_at_key(
            &format!("{pointer}/policies"),
            "OBJ_MISSING_FIELD",
            "`policies` is empty",
            "add a policy, or remove the list: the usual ones then hold",
        );
    }
    for (idx, policy) in policies.iter().enumerate() {
        let pointer = format!("{pointer}/policies/{idx}");
        at_least_one(checked, Some(policy.value), &format!("{pointer}/value"));
        between(checked, policy.period_seconds, 1, PERIOD_MAX, &format!("{pointer}/periodSeconds"));
    }
}
