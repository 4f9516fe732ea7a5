//! `v1 PersistentVolumeClaim`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Kind;
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::complete::Reported;
use crate::interpret::fields::{Answer, Fields, Unreadable, keep};
use crate::interpret::items::{put, statuses};

/// A request for a disk; healthy once it has one.
pub(super) struct PersistentVolumeClaim;

impl Kind for PersistentVolumeClaim {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "PersistentVolumeClaim")
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        if live.filled("spec.volumeName").is_some() {
            keep(desired, live, "spec.volumeName");
        }
        Ok(())
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(live.text("status.phase") == Some("Bound")))
    }

    /// Lost if any is; else what the last one that is not bound says.
    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let phases: Vec<&str> = statuses(items)
            .map(|(_, status)| status.text("phase").unwrap_or_default())
            .filter(|phase| *phase != "Bound")
            .collect();
        let is_lost = phases.contains(&"Lost");
        let phase = if is_lost { "Lost" } else { phases.last().unwrap_or(&"Bound") };
        let mut status = Map::new();
        put(&mut status, "phase", Some(Value::from(phase)));
        Ok(Some(Value::Object(status)))
    }

    /// A claim is not bound before it is in every cluster.
    fn complete(&self, reported: &Reported<'_>, status: &mut Map<String, Value>) {
        let phase = status.text("phase");
        if phase.is_none() || (phase == Some("Bound") && !reported.is_complete()) {
            put(status, "phase", Some(Value::from("Pending")));
        }
    }
}
