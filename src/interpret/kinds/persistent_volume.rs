//! `v1 PersistentVolume`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Kind;
use super::pod::foremost_phase;
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::fields::{Answer, Unreadable, keep};
use crate::interpret::items::put;

/// A disk. Which claim has it is the member's business.
pub(super) struct PersistentVolume;

impl Kind for PersistentVolume {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "PersistentVolume")
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        keep(desired, live, "spec.claimRef");
        Ok(())
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        let order = ["Failed", "Pending", "Available", "Bound", "Released"];
        let mut status = Map::new();
        put(&mut status, "phase", foremost_phase(items, &order).map(Value::from));
        Ok(Some(Value::Object(status)))
    }
}
