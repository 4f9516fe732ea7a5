//! What a kind means: how many replicas it asks for, whether a live object is healthy, which part of
//! its status is worth carrying home, what it refers to, what a member may keep, and what the members'
//! statuses add up to (`spec/interpreter.md`).
//!
//! Kinds are matched by exact API version and kind; one that has no file under `kinds/` has no
//! replicas, is healthy, and reflects its whole status. Interpretation runs at two places: replicas,
//! dependencies, aggregation and pruning where plans are made; health, status and retention next to
//! the member.
//!
//! An object that lacks what its kind cannot do without is [`Unreadable`]: it then counts as one
//! without replicas, its health is unknown, and it reflects nothing.

mod complete;
mod dependency;
mod fields;
mod interpreter;
mod items;
mod kinds;
mod pod_template;
mod progress;
mod prune;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::api::binding::{AggregatedStatusItem, Component, ReplicaRequirements};
use crate::api::manifest::Manifest;
use crate::api::report::Health;
use complete::Reported;
use fields::Fields as _;

pub use dependency::{Dependency, in_order};
pub use fields::{Answer, Unreadable};
pub use interpreter::{Bundled, Interpreter, NoAnswer};
pub use pod_template::requirements;
use pod_template::{component, requirements_of_nodes, requirements_of_pod};
pub use prune::prune;

/// What a template asks of the scheduler.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicas {
    /// Number of equal pods.
    pub count: i32,
    /// What each of them needs; `None` when it needs nothing in particular.
    pub requirements: Option<ReplicaRequirements>,
}

/// The replicas that `template` asks for, or `None` when its kind has none.
///
/// A field that an API server would default is defaulted here: the text in git never met one.
#[must_use]
pub fn replicas(template: &Manifest) -> Option<Replicas> {
    kinds::of(template)?.replicas(template).ok()?
}

/// The parts that `template` consists of, by name, when its kind has several pod templates.
///
/// ```
/// # use git_fleet::interpret::components;
/// let job = serde_saphyr::from_str(
///     "{apiVersion: batch.volcano.sh/v1alpha1, kind: Job, spec: {tasks: [{name: ps}, {minAvailable: 3}]}}",
/// )?;
/// let parts = components(&job)?.unwrap_or_default();
/// let parts: Vec<_> = parts.iter().map(|part| (part.name.as_str(), part.replicas)).collect();
/// assert_eq!(parts, [("ps", 1), ("task-1", 3)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `template` lacks what its kind cannot do without.
pub fn components(template: &Manifest) -> Answer<Vec<Component>> {
    let Some(kind) = kinds::of(template) else { return Ok(None) };
    let mut components = kind.components(template)?;
    if let Some(components) = &mut components {
        components.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(components)
}

/// Writes the number of replicas that one cluster is to run.
///
/// A kind without replicas is left as it is.
pub fn revise_replicas(manifest: &mut Manifest, count: i32) {
    if let Some(kind) = kinds::of(manifest) {
        kind.revise_replicas(manifest, count);
    }
}

/// Whether [`retain`] may change `desired`.
#[must_use]
pub fn retains(desired: &Manifest) -> bool {
    kinds::of(desired).is_some_and(|kind| kind.retains(desired))
}

/// Whether [`retain`] keeps the number of replicas of the live object.
#[must_use]
pub fn retains_replicas(desired: &Manifest) -> bool {
    kinds::of(desired).is_some_and(|kind| kind.retains_replicas(desired))
}

/// Takes over into `desired` what belongs to the member in its `live` object: addresses that it
/// gave, volumes that it bound, replicas that it scales itself.
///
/// For updates only: an object that is not there yet has nothing to keep.
///
/// # Errors
/// One of the two lacks what its kind cannot do without.
pub fn retain(desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
    kinds::of(desired).map_or(Ok(()), |kind| kind.retain(desired, live))
}

/// Health of a live object: of a kind that has no rule, `Healthy`.
#[must_use]
pub fn health(live: &Manifest) -> Health {
    match kinds::of(live).map_or(Ok(None), |kind| kind.is_healthy(live)) {
        Ok(Some(true) | None) => Health::Healthy,
        Ok(Some(false)) => Health::Unhealthy,
        Err(Unreadable(_)) => Health::Unknown,
    }
}

/// The part of a live object's status that goes into the report; `None` when there is none.
#[must_use]
pub fn reflect(live: &Manifest) -> Option<Value> {
    let status = live.0.get("status").filter(|status| status.is_object())?;
    match kinds::of(live) {
        Some(kind) => kind.reflect(live, status),
        None => Some(status.clone()),
    }
}

/// The status that `template` gets from what the members reflected; `None` when it stays as it is:
/// nothing changed, or its kind has no rule.
///
/// `items` are in order of the clusters' names. `now` is written where a condition is made here.
///
/// # Errors
/// `template` or what a member reflected lacks what its kind cannot do without.
pub fn aggregate(
    template: &Manifest,
    items: &[AggregatedStatusItem],
    now: Timestamp,
) -> Answer<Value> {
    let Some(kind) = kinds::of(template) else { return Ok(None) };
    let status = kind.aggregate(template, items, now)?;
    let nothing = Value::Object(Map::new());
    let old = template.field("status").unwrap_or(&nothing);
    Ok(status.filter(|status| status != old))
}

/// The status of `template` once it asks for something else than before: a Job that had ended has not.
/// All else stays until it is aggregated again.
#[must_use]
pub fn begin_anew(template: &Manifest, mut status: Value) -> Value {
    if let (Some(kind), Some(fields)) = (kinds::of(template), status.as_object_mut()) {
        kind.begin_anew(fields);
    }
    status
}

/// Adds to the status that [`aggregate`] gave, or else to the template's own, what kstatus,
/// `kubectl rollout status` and Argo CD look for when they judge a workload: conditions, the observed
/// generation, and counters that compare with `spec.replicas` when it is duplicated.
///
/// A workload that does what it should in all of its clusters then reads as healthy, one that a
/// cluster is still working on, or does not report, as in progress. `assigned` is how many replicas
/// the clusters are to run together. The times of conditions stay as long as what they say does.
///
/// ```
/// # use git_fleet::interpret::complete;
/// # use serde_json::json;
/// let claim = serde_saphyr::from_str("{apiVersion: v1, kind: PersistentVolumeClaim}")?;
/// let items = serde_saphyr::from_str::<Vec<_>>(
///     "[{clusterName: north, status: {phase: Bound}}, {clusterName: south}]",
/// )?;
/// let status = complete(&claim, Some(json!({"phase": "Bound"})), &items, None, jiff::Timestamp::UNIX_EPOCH);
/// assert_eq!(status, Some(json!({"phase": "Pending"})));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn complete(
    template: &Manifest,
    aggregated: Option<Value>,
    items: &[AggregatedStatusItem],
    assigned: Option<i64>,
    now: Timestamp,
) -> Option<Value> {
    let Some(kind) = kinds::of(template) else { return aggregated };
    let status = aggregated.or_else(|| template.field("status").cloned());
    let had_status = status.is_some();
    let mut status = match status {
        Some(Value::Object(status)) => status,
        Some(other) => return Some(other),
        None => Map::new(),
    };
    kind.complete(&Reported { template, items, assigned, now }, &mut status);
    Some(status).filter(|status| !status.is_empty() || had_status).map(Value::Object)
}

/// What `template` refers to and cannot run without, by API version, kind, namespace and name; each
/// once.
///
/// ```
/// # use git_fleet::interpret::dependencies;
/// let ingress = serde_saphyr::from_str(
///     "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a, namespace: web}, \
///       spec: {tls: [{secretName: tls}]}}",
/// )?;
/// let found = dependencies(&ingress)?;
/// assert_eq!((found[0].kind.as_str(), found[0].name.as_str()), ("Secret", "tls"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `template` lacks what its kind cannot do without.
pub fn dependencies(template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
    let Some(kind) = kinds::of(template) else { return Ok(Vec::new()) };
    Ok(dependency::in_order(kind.dependencies(template)?))
}

/// What a pod of this template refers to in `namespace`, in order and each once.
#[must_use]
pub fn pod_dependencies(template: &Value, namespace: &str) -> Vec<Dependency> {
    dependency::in_order(dependency::of_pod(Some(template), Some(namespace)))
}
