//! `networking.k8s.io/v1 Ingress`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Kind;
use super::service::{has_address, load_balancer};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::interpret::dependency::{Dependency, References};
use crate::interpret::fields::{Answer, Fields, Unreadable};

/// A way in from outside; healthy once it has an address.
pub(super) struct Ingress;

impl Kind for Ingress {
    fn matches(&self) -> (&'static str, &'static str) {
        ("networking.k8s.io/v1", "Ingress")
    }

    fn is_healthy(&self, live: &Manifest) -> Answer<bool> {
        Ok(Some(has_address(live)))
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        items: &[AggregatedStatusItem],
        _now: Timestamp,
    ) -> Answer<Value> {
        Ok(Some(json!({ "loadBalancer": load_balancer(items) })))
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Unreadable> {
        let mut references = References::new(template.namespace());
        for tls in template.list("spec.tls") {
            references.add("Secret", tls.text("secretName"));
        }
        Ok(references.into_dependencies())
    }
}
