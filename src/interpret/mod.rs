//! What a kind means: how many replicas it asks for, whether a live object is healthy, and which
//! part of its status is worth carrying home (`spec/interpreter.md`).
//!
//! Kinds are matched by exact API version and kind; one that has no file under `kinds/` has no
//! replicas, is healthy, and reflects its whole status. Interpretation runs at two places: replicas
//! and pruning where plans are made, health and status next to the member.

mod kinds;
mod pod_template;
mod prune;

use serde_json::Value;

use crate::api::manifest::Manifest;
use crate::api::report::Health;

pub use pod_template::requirements;
pub use prune::prune;

use crate::api::binding::ReplicaRequirements;

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
    kinds::of(template)?.replicas(template)
}

/// Writes the number of replicas that one cluster is to run.
///
/// A kind without replicas is left as it is.
pub fn revise_replicas(manifest: &mut Manifest, count: i32) {
    if let Some(kind) = kinds::of(manifest) {
        kind.revise_replicas(manifest, count);
    }
}

/// Health of a live object: of a kind that has no rule, `Healthy`.
#[must_use]
pub fn health(live: &Manifest) -> Health {
    match kinds::of(live).and_then(|kind| kind.is_healthy(live)) {
        Some(false) => Health::Unhealthy,
        Some(true) | None => Health::Healthy,
    }
}

/// The part of a live object's status that goes into the report; `None` when there is none.
#[must_use]
pub fn reflect(live: &Manifest) -> Option<Value> {
    let status = live.0.get("status").filter(|status| !status.is_null())?;
    match kinds::of(live) {
        Some(kind) => kind.reflect(live, status),
        None => Some(status.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(api_version: &str, kind: &str, spec: &str) -> Option<i32> {
        let text = format!("{{apiVersion: {api_version}, kind: {kind}, spec: {spec}}}");
        replicas(&serde_saphyr::from_str(&text).unwrap()).map(|replicas| replicas.count)
    }

    #[test]
    fn an_absent_number_is_the_one_that_an_api_server_fills_in() {
        for kind in ["Deployment", "ReplicaSet", "StatefulSet"] {
            assert_eq!(count("apps/v1", kind, "{}"), Some(1), "{kind}");
            assert_eq!(count("apps/v1", kind, "{replicas: null}"), Some(1), "{kind}");
            assert_eq!(count("apps/v1", kind, "{replicas: 0}"), Some(0), "{kind}");
        }
        for (spec, expected) in [
            ("{}", 1),
            ("{parallelism: 3}", 3),
            ("{completions: 5}", 1),
            ("{parallelism: 3, completions: 2}", 2),
            ("{parallelism: 0, completions: 2}", 0),
        ] {
            assert_eq!(count("batch/v1", "Job", spec), Some(expected), "{spec}");
        }
        assert_eq!(count("v1", "Pod", "{}"), Some(1));
        assert_eq!(count("apps/v1", "DaemonSet", "{}"), None);
    }
}
