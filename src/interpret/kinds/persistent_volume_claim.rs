//! `v1 PersistentVolumeClaim`.

use super::{Kind, at};
use crate::api::manifest::Manifest;

/// A request for a disk; healthy once it has one.
pub(super) struct PersistentVolumeClaim;

impl Kind for PersistentVolumeClaim {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "PersistentVolumeClaim")
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        Some(at(live, &["status", "phase"]).is_some_and(|phase| phase == "Bound"))
    }
}
