//! What live objects mean, as executors ask it.

use std::fmt;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::api::manifest::Manifest;
use crate::api::report::Health;
use crate::interpret::{self, NoAnswer};

/// Says what live objects mean. It comes with the work: another work may bring another one.
pub trait Meaning: fmt::Debug + Send + Sync {
    /// Health and status of a live object.
    fn observe(&self, live: &Manifest) -> Observing;

    /// Whether [`retain`](Self::retain) may change an object: only then is its live form fetched.
    fn retains(&self, desired: &Manifest) -> bool;

    /// Whether the number of replicas is each member's own once the object runs there: another one is no
    /// drift then.
    fn retains_replicas(&self, _desired: &Manifest) -> bool {
        false
    }

    /// `desired` with what belongs to the member in its `live` object. For updates only.
    ///
    /// # Errors
    /// Why it cannot be said: nothing is applied then.
    fn retain(
        &self,
        desired: Manifest,
        live: Manifest,
    ) -> BoxFuture<'static, Result<Manifest, NoAnswer>>;
}

/// What was seen of a live object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Its health.
    pub health: Health,
    /// The part of its status that goes into the report.
    pub status: Option<Value>,
    /// Why one of them is not known, for a person; empty when both are.
    pub failure: String,
    /// Whether that may pass by itself: it is observed again then.
    pub is_passing: bool,
}

/// An observation that is made, or is under way.
pub enum Observing {
    /// It is made.
    Done(Observed),
    /// Somebody else makes it.
    UnderWay(BoxFuture<'static, Observed>),
}

/// The bundled kinds alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bundled;

impl Bundled {
    /// What the bundled kinds see in a live object.
    #[must_use]
    pub fn look(live: &Manifest) -> Observed {
        let (health, status) = (interpret::health(live), interpret::reflect(live));
        Observed { health, status, failure: String::new(), is_passing: false }
    }
}

impl Meaning for Bundled {
    fn observe(&self, live: &Manifest) -> Observing {
        Observing::Done(Self::look(live))
    }

    fn retains(&self, desired: &Manifest) -> bool {
        interpret::retains(desired)
    }

    fn retains_replicas(&self, desired: &Manifest) -> bool {
        interpret::retains_replicas(desired)
    }

    fn retain(
        &self,
        mut desired: Manifest,
        live: Manifest,
    ) -> BoxFuture<'static, Result<Manifest, NoAnswer>> {
        let retained = interpret::retain(&mut desired, &live);
        let answer = retained.map(|()| desired).map_err(NoAnswer::from);
        Box::pin(std::future::ready(answer))
    }
}
