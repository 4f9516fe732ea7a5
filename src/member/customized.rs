//! What live objects mean where users' rules have a say.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::meaning::{Bundled, Meaning, Observed, Observing};
use crate::api::manifest::Manifest;
use crate::api::report::Health;
use crate::api::resource_interpreter_customization::Operation;
use crate::customize::{Rules, Service};
use crate::interpret::NoAnswer;

/// Users' rules, and the bundled kinds where there is none.
#[derive(Debug)]
pub struct Customized {
    rules: Arc<Rules>,
    service: Service,
}

impl Customized {
    /// What objects mean by these rules, asked by `service`.
    #[must_use]
    pub fn new(rules: Arc<Rules>, service: Service) -> Self {
        Self { rules, service }
    }

    fn has(&self, object: &Manifest, operation: Operation) -> bool {
        self.rules.answer(object, operation)
    }
}

impl Meaning for Customized {
    fn observe(&self, live: &Manifest) -> Observing {
        let is_customized = self.has(live, Operation::InterpretHealth)
            || self.has(live, Operation::InterpretStatus);
        if !is_customized {
            return Bundled.observe(live);
        }
        let live = live.clone();
        let (service, rules) = (self.service.clone(), Arc::clone(&self.rules));
        Observing::UnderWay(
            async move {
                let (health, status) = service.see(rules, live).await;
                let failures = [health.as_ref().err(), status.as_ref().err()];
                let failures: Vec<&NoAnswer> = failures.into_iter().flatten().collect();
                let is_passing = failures.iter().any(|failure| failure.is_passing);
                let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
                Observed {
                    health: health.unwrap_or(Health::Unknown),
                    status: status.unwrap_or_default(),
                    failure: told.join("; "),
                    is_passing,
                }
            }
            .boxed(),
        )
    }

    fn retains(&self, desired: &Manifest) -> bool {
        self.has(desired, Operation::Retain) || Bundled.retains(desired)
    }

    /// A rule says what is retained by itself: the label means nothing beside it.
    fn retains_replicas(&self, desired: &Manifest) -> bool {
        Bundled.retains_replicas(desired) && !self.has(desired, Operation::Retain)
    }

    fn retain(
        &self,
        desired: Manifest,
        live: Manifest,
    ) -> BoxFuture<'static, Result<Manifest, NoAnswer>> {
        if !self.has(&desired, Operation::Retain) {
            return Bundled.retain(desired, live);
        }
        let (service, rules) = (self.service.clone(), Arc::clone(&self.rules));
        async move { service.retain(rules, desired, live).await }.boxed()
    }
}
