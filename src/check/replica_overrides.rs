//! Overrides of the number of replicas: a policy divides replicas, and what an override makes of a
//! cluster's share is counted nowhere.

use crate::api::manifest::Manifest;
use crate::api::override_policy::{
    OverrideSpec, OverriderOperator, Overriders, PlaintextOverrider,
};
use crate::api::problem::Problem;
use crate::fleet::{Fleet, Sourced, shown};
use crate::interpret;

/// A warning for every override of the field that the replicas of some template stand in.
pub(super) fn replica_overrides(fleet: &Fleet) -> Vec<Problem> {
    let mut problems = Vec::new();
    for ((namespace, _), policy) in &fleet.override_policies {
        look(fleet, policy, &policy.spec, Some(namespace), &mut problems);
    }
    for policy in fleet.cluster_override_policies.values() {
        look(fleet, policy, &policy.spec, None, &mut problems);
    }
    problems
}

fn look<T>(
    fleet: &Fleet,
    policy: &Sourced<T>,
    spec: &OverrideSpec,
    namespace: Option<&str>,
    problems: &mut Vec<Problem>,
) {
    for (pointer, overriders) in rules(spec) {
        for (idx, patch) in overriders.plaintext.iter().enumerate() {
            if !may_be_replicas(patch) {
                continue;
            }
            let templates = fleet.templates.values().map(|template| &*template.manifest);
            let mut selected = templates.filter(|template| selects(spec, namespace, template));
            let Some(template) = selected.find(|one| holds_replicas(one, &patch.path)) else {
                continue;
            };
            problems.push(Problem::warning(
                policy.place_of(&format!("{pointer}/plaintext/{idx}/path")),
                "OVERRIDE_REPLICAS",
                format!(
                    "`{}` holds the replicas of {} {}: the cluster runs what is written here, and \
                     plans, `explain` and room go by the share that the policy gives",
                    shown(&patch.path),
                    template.kind(),
                    shown(template.name())
                ),
                "divide the replicas in the propagation policy, e.g. by fixed weights, or write a \
                 template of its own for these clusters",
            ));
        }
    }
}

/// The changes of each rule, with the pointer to them.
fn rules(spec: &OverrideSpec) -> impl Iterator<Item = (String, &Overriders)> {
    let rules = spec.override_rules.iter().enumerate();
    let rules = rules
        .map(|(idx, rule)| (format!("/spec/overrideRules/{idx}/overriders"), &rule.overriders));
    // Its old form counts if it is the only one.
    let is_old = spec.override_rules.is_empty();
    rules.chain(is_old.then(|| ("/spec/overriders".to_owned(), &spec.overriders)))
}

fn may_be_replicas(patch: &PlaintextOverrider) -> bool {
    let is_number = || patch.value.as_ref().is_some_and(serde_json::Value::is_number);
    patch.operator == OverriderOperator::Remove || is_number()
}

fn selects(spec: &OverrideSpec, namespace: Option<&str>, template: &Manifest) -> bool {
    let selectors = &spec.resource_selectors;
    namespace.is_none_or(|namespace| template.namespace() == Some(namespace))
        && (selectors.is_empty() || selectors.iter().any(|one| one.matches(template).is_some()))
}

/// Whether the share of a cluster would be written at `pointer`.
fn holds_replicas(template: &Manifest, pointer: &str) -> bool {
    let Some(replicas) = interpret::replicas(template) else { return false };
    let found = at(template, pointer).map(serde_json::Value::as_i64);
    if found.is_some_and(|found| found != Some(i64::from(replicas.count))) {
        return false;
    }
    let mut revised = template.clone();
    let other = if replicas.count == 1 { 2 } else { 1 };
    interpret::revise_replicas(&mut revised, other);
    at(&revised, pointer).and_then(serde_json::Value::as_i64) == Some(other.into())
}

/// What stands in a manifest at a JSON pointer.
fn at<'m>(manifest: &'m Manifest, pointer: &str) -> Option<&'m serde_json::Value> {
    let (first, rest) = pointer.strip_prefix('/')?.split_once('/')?;
    manifest.0.get(first)?.pointer(&format!("/{rest}"))
}
