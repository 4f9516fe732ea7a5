//! `v1 Secret`.

use super::Kind;
use crate::api::manifest::Manifest;
use crate::interpret::fields::{Fields, Unreadable, keep};

/// Something that is not for everyone. The token of a service account is the member's own.
pub(super) struct Secret;

impl Kind for Secret {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "Secret")
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        if desired.text("type") == Some("kubernetes.io/service-account-token") {
            keep(desired, live, "data");
        }
        Ok(())
    }
}
