//! OpenKruise's workloads of one pod template: CloneSet, StatefulSet, UnitedDeployment, DaemonSet.

use jiff::Timestamp;
use serde_json::Value;

use super::{Kind, pick_generations, pick_present, pods_of_template, set_in_spec};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::Replicas;
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::{entries_of, fold, one_of_each, put};

/// A workload of OpenKruise.
pub(super) struct Workload {
    api_version: &'static str,
    kind: &'static str,
    pods: Pods,
    /// Counters of the status, which add up.
    counters: &'static [&'static str],
    /// Texts of the status, of which the last cluster's counts.
    texts: &'static [&'static str],
    /// Whether conditions are reported, the last cluster's of each type.
    has_conditions: bool,
}

/// How many pods a workload makes.
#[derive(PartialEq)]
enum Pods {
    /// `spec.replicas`.
    Replicas,
    /// One on each node.
    EachNode,
}

pub(super) const CLONE_SET: Workload = Workload {
    api_version: "apps.kruise.io/v1alpha1",
    kind: "CloneSet",
    pods: Pods::Replicas,
    counters: &[
        "availableReplicas",
        "expectedUpdatedReplicas",
        "readyReplicas",
        "replicas",
        "updatedReadyReplicas",
        "updatedReplicas",
    ],
    texts: &["currentRevision", "labelSelector", "updateRevision"],
    has_conditions: false,
};

pub(super) const STATEFUL_SET: Workload = Workload {
    api_version: "apps.kruise.io/v1beta1",
    kind: "StatefulSet",
    pods: Pods::Replicas,
    counters: &[
        "availableReplicas",
        "currentReplicas",
        "readyReplicas",
        "replicas",
        "updatedReadyReplicas",
        "updatedReplicas",
    ],
    texts: &["currentRevision", "updateRevision"],
    has_conditions: false,
};

pub(super) const UNITED_DEPLOYMENT: Workload = Workload {
    api_version: "apps.kruise.io/v1alpha1",
    kind: "UnitedDeployment",
    pods: Pods::Replicas,
    counters: &[
        "availableReplicas",
        "readyReplicas",
        "replicas",
        "unavailableReplicas",
        "updatedReplicas",
    ],
    texts: &[],
    has_conditions: true,
};

pub(super) const DAEMON_SET: Workload = Workload {
    api_version: "apps.kruise.io/v1alpha1",
    kind: "DaemonSet",
    pods: Pods::EachNode,
    counters: &[
        "currentNumberScheduled",
        "desiredNumberScheduled",
        "numberAvailable",
        "numberMisscheduled",
        "numberReady",
        "numberUnavailable",
        "updatedNumberScheduled",
    ],
    texts: &["daemonSetHash"],
    has_conditions: false,
};

/// Whether every pod wanted is of the newest template and available.
fn is_rolled_out(live: &Manifest, pods: &Pods) -> Result<bool, Unreadable> {
    let (status, metadata) = (live.need("status")?, live.need("metadata")?);
    if status.number("observedGeneration") != metadata.number("generation") {
        return Ok(false);
    }
    let (updated, wanted, available) = match pods {
        Pods::Replicas => {
            let wanted = live.need("spec")?.number("replicas");
            ("updatedReplicas", wanted, "availableReplicas")
        }
        Pods::EachNode => {
            let wanted = status.need_number("desiredNumberScheduled")?;
            ("updatedNumberScheduled", Some(wanted), "numberAvailable")
        }
    };
    let updated = status.need_number(updated)?;
    Ok(wanted.is_none_or(|wanted| updated >= wanted) && status.need_number(available)? >= updated)
}

impl Kind for Workload {
    fn matches(&self) -> (&'static str, &'static str) {
        (self.api_version, self.kind)
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        if self.pods == Pods::EachNode {
            return Ok(None);
        }
        template.need("spec.template")?;
        Ok(Some(pods_of_template(template)))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        if self.pods == Pods::Replicas {
            set_in_spec(manifest, "replicas", count);
        }
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        let has_parts =
            ["metadata", "spec", "status"].iter().all(|part| live.field(part).is_some());
        if self.has_conditions && !has_parts {
            return Ok(Some(false));
        }
        is_rolled_out(live, &self.pods).map(Some)
    }

    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick_present(status, &[self.counters, self.texts].concat());
        kept.append(&mut pick_present(status, &["observedGeneration"]));
        if self.has_conditions {
            kept.append(&mut pick_present(status, &["conditions"]));
        }
        pick_generations(&mut kept, live);
        Some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let mut status = fold(template, items, self.counters, self.texts)?;
        if self.has_conditions {
            let conditions = one_of_each(entries_of(items, "conditions"), "type", |_, _| true);
            if !conditions.is_empty() {
                put(&mut status, "conditions", Some(Value::Array(conditions)));
            }
        }
        Ok(Some(Value::Object(status)))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(Some(template.need("spec.template")?), template.namespace()))
    }
}
