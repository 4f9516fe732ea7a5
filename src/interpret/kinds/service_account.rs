//! `v1 ServiceAccount`.

use serde_json::Value;

use super::Kind;
use crate::api::manifest::Manifest;
use crate::interpret::fields::{Fields, Unreadable, set};

/// An identity of pods. A member adds the secrets that it made for it.
pub(super) struct ServiceAccount;

impl Kind for ServiceAccount {
    fn matches(&self) -> (&'static str, &'static str) {
        ("v1", "ServiceAccount")
    }

    fn retains(&self, _desired: &Manifest) -> bool {
        true
    }

    fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Unreadable> {
        for field in ["secrets", "imagePullSecrets"] {
            let mut named = desired.list(field).to_vec();
            for kept in live.list(field) {
                if named.iter().all(|one| one.text("name") != kept.text("name")) {
                    named.push(kept.clone());
                }
            }
            if !named.is_empty() {
                set(desired, field, Some(Value::Array(named)));
            }
        }
        Ok(())
    }
}
