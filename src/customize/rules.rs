//! Users' own rules of a fleet: scripts, and webhooks after them.

use sha1::{Digest as _, Sha1};

use super::scripts::Scripts;
use super::webhook::Webhooks;
use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::api::resource_interpreter_customization::Operation;
use crate::fleet::Fleet;

/// What executors ask.
const LIVE: &[Operation] =
    &[Operation::Retain, Operation::InterpretStatus, Operation::InterpretHealth];

/// What users say of kinds, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Asked first.
    pub scripts: Scripts,
    /// Asked where there is no script.
    pub webhooks: Webhooks,
}

impl Rules {
    /// The rules of a fleet.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        Self { scripts: Scripts::of(fleet), webhooks: Webhooks::of(fleet) }
    }

    /// Whether one of them answers this question about this object.
    #[must_use]
    pub fn answer(&self, object: &Manifest, operation: Operation) -> bool {
        !self.scripts.get(object, operation).is_empty()
            || self.webhooks.get(object, operation).is_some()
    }

    /// Changes iff a rule does.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        united(self.scripts.id(), self.webhooks.id())
    }

    /// Changes iff a rule does that is asked about live objects.
    #[must_use]
    pub fn live_id(&self) -> ObjectId {
        united(self.scripts.id_of(LIVE), self.webhooks.id_of(LIVE))
    }
}

fn united(scripts: ObjectId, webhooks: ObjectId) -> ObjectId {
    let mut hash = Sha1::new();
    hash.update(scripts.as_bytes());
    hash.update(webhooks.as_bytes());
    ObjectId::from_bytes(hash.finalize().into())
}

impl From<Scripts> for Rules {
    fn from(scripts: Scripts) -> Self {
        Self { scripts, webhooks: Webhooks::default() }
    }
}

impl From<Webhooks> for Rules {
    fn from(webhooks: Webhooks) -> Self {
        Self { scripts: Scripts::default(), webhooks }
    }
}
