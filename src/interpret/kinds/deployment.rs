//! `apps/v1 Deployment`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Kind, is_rolled_out, pick, pick_generations, pods_of_template, set_in_spec};
use crate::api::binding::AggregatedStatusItem;
use crate::api::condition::ConditionStatus;
use crate::api::manifest::Manifest;
use crate::api::marks;
use crate::interpret::Replicas;
use crate::interpret::complete::{Observation, Reported, failures};
use crate::interpret::dependency::{Dependency, of_pod};
use crate::interpret::fields::{Answer, Fields, Unreadable, set};
use crate::interpret::items::{sum, sum_counters};
use crate::interpret::progress;

/// A stateless workload: `spec.replicas` pods of one template.
pub(super) struct Deployment;

const COUNTERS: &[&str] =
    &["availableReplicas", "readyReplicas", "replicas", "unavailableReplicas", "updatedReplicas"];

/// How many of the wanted pods a roll-out may take away at once.
fn max_unavailable(wanted: i64, template: &Manifest) -> i64 {
    if template.text("spec.strategy.type") == Some("Recreate") {
        return 0;
    }
    let percent = |text: &str| text.strip_suffix('%')?.parse::<i64>().ok();
    let share = |percent: i64| wanted.saturating_mul(percent) / 100;
    match template.at("spec.strategy.rollingUpdate.maxUnavailable") {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => percent(text).map_or(0, share),
        _ => share(25),
    }
}

impl Kind for Deployment {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "Deployment")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        Ok(Some(pods_of_template(template)))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "replicas", count);
    }

    fn retains(&self, desired: &Manifest) -> bool {
        self.retains_replicas(desired)
    }

    fn retains_replicas(&self, desired: &Manifest) -> bool {
        desired.label(marks::RETAIN_REPLICAS) == Some("true")
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        if self.retains_replicas(desired) {
            let replicas = live.need("spec.replicas")?.clone();
            set(desired, "spec.replicas", Some(replicas));
        }
        Ok(())
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(is_rolled_out(live)))
    }

    /// A roll-out that took too long is told too, which Karmada leaves out.
    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let mut kept = pick(status, COUNTERS);
        kept.append(&mut pick(status, &["observedGeneration"]));
        pick_generations(&mut kept, live);
        kept.extend(failures(status, |condition| {
            condition["reason"] == "ProgressDeadlineExceeded"
        }));
        (!kept.is_empty()).then_some(Value::Object(kept))
    }

    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        reported.put_caught_up(status);
        let is_late = |condition: &Value| condition["reason"] == "ProgressDeadlineExceeded";
        let late = reported.clusters_with("Progressing", is_late);
        let is_done = late.is_none() && progress::is_done(reported);
        progress::put_counters(reported, status, COUNTERS, is_done);
        let (wanted, available) = (reported.wanted(), status.count("availableReplicas"));
        let is_available = is_done
            || available >= wanted.saturating_sub(max_unavailable(wanted, reported.template));
        // Autoscalers, and people where the template leaves it to them, come to other numbers.
        let (there, assigned) = (sum(reported.items, "replicas"), reported.assigned);
        let message = match assigned.unwrap_or(wanted) {
            assigned if is_done && there != assigned => {
                format!("all {there} replicas are available, where {assigned} were assigned")
            }
            _ => format!("{available} of {wanted} replicas are available"),
        };
        let quorum = if is_available { "Available" } else { "Unavailable" };
        let is_available = Observation {
            of_type: "Available",
            status: is_available.into(),
            reason: &format!("MinimumReplicas{quorum}"),
            message,
        };
        reported.put_condition(status, is_available);
        let (is_progressing, reason, message) = match &late {
            Some((clusters, condition)) => {
                let why = condition.text("message").unwrap_or_default();
                let message = format!("in {}: {why}", clusters.join(", "));
                (ConditionStatus::False, "ProgressDeadlineExceeded", message)
            }
            None if is_done => {
                let message = "the newest template runs in all clusters".to_owned();
                (ConditionStatus::True, "NewReplicaSetAvailable", message)
            }
            None => {
                let message = "the newest template does not run in all clusters yet".to_owned();
                (ConditionStatus::True, "ReplicaSetUpdated", message)
            }
        };
        let of_type = "Progressing";
        let progress = Observation { of_type, status: is_progressing, reason, message };
        reported.put_condition(status, progress);
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        Ok(sum_counters(template, items, COUNTERS, &[]))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        Ok(of_pod(template.at("spec.template"), template.namespace()))
    }
}
