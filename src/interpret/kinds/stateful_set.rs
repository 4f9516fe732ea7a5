//! `apps/v1 StatefulSet`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Kind, is_rolled_out, pick, pick_always, pick_generations, pods_of_template, set_in_spec,
};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::Replicas;
use crate::interpret::complete::Reported;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable};
use crate::interpret::items::{put, sum_counters};
use crate::interpret::progress::{self, partition};

/// A workload whose pods have names and disks of their own.
pub(super) struct StatefulSet;

const COUNTERS: &[&str] =
    &["availableReplicas", "currentReplicas", "readyReplicas", "replicas", "updatedReplicas"];
const COUNTERS_ALWAYS: &[&str] = &["availableReplicas", "replicas"];

impl Kind for StatefulSet {
    fn matches(&self) -> (&'static str, &'static str) {
        ("apps/v1", "StatefulSet")
    }

    fn replicas(&self, template: &Manifest) -> Answer<Replicas> {
        Ok(Some(pods_of_template(template)))
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) {
        set_in_spec(manifest, "replicas", count);
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(is_rolled_out(live)))
    }

    /// `observedGeneration` is kept, which Karmada forgets for this kind (`spec/interpreter.md` §10).
    fn reflect(&self, live: &Manifest, status: &Value) -> Option<Value> {
        let fields = ["currentReplicas", "observedGeneration", "readyReplicas", "updatedReplicas"];
        let mut kept = pick(status, &fields);
        pick_always(&mut kept, status, COUNTERS_ALWAYS);
        pick_generations(&mut kept, live);
        Some(Value::Object(kept))
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        Ok(sum_counters(template, items, COUNTERS, COUNTERS_ALWAYS))
    }

    /// The revisions of the members are not reported, so the newest is named by the template's
    /// generation.
    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        reported.put_caught_up(status);
        let is_done = progress::is_done(reported);
        progress::put_counters(reported, status, COUNTERS, is_done);
        if is_done {
            // Pods below the partition keep the revision that they have.
            let old = reported.wanted().min(partition(reported.template));
            let new = reported.wanted() - old;
            put(status, "updatedReplicas", Some(Value::from(new)));
            put(status, "currentReplicas", Some(Value::from(if old > 0 { old } else { new })));
        }
        let generation = reported.template.count("metadata.generation");
        let newest = Value::from(format!("{}-{generation}", reported.template.name()));
        if is_done && partition(reported.template) == 0 {
            status.insert("currentRevision".to_owned(), newest.clone());
        }
        status.insert("updateRevision".to_owned(), newest);
    }

    /// Claims that the set makes for its own pods are no references.
    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let mut references = References::new(template.namespace());
        if let Some(pod) = template.at("spec.template") {
            references.add_pod(pod);
        }
        references.forget("PersistentVolumeClaim", |name| {
            template
                .list("spec.volumeClaimTemplates")
                .iter()
                .any(|claim| claim.text("metadata.name") == Some(name))
        });
        Ok(references.into_dependencies())
    }
}
