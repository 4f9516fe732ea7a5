//! `networking.k8s.io/v1 Ingress`.

use super::Kind;
use super::service::has_address;
use crate::api::manifest::Manifest;

/// A way in from outside; healthy once it has an address.
pub(super) struct Ingress;

impl Kind for Ingress {
    fn matches(&self) -> (&'static str, &'static str) {
        ("networking.k8s.io/v1", "Ingress")
    }

    fn is_healthy(&self, live: &Manifest) -> Option<bool> {
        Some(has_address(live))
    }
}
