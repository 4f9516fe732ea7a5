//! Who is asked what a template means: the bundled kinds, or users' own rules before them.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::{Dependency, Replicas, Unreadable};
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;

/// Answers the questions that a plan asks of a template.
///
/// It is an input of the plan, so the same question always has the same answer. A question may have
/// none: a script that fails. Nobody else is asked then.
pub trait Interpreter: fmt::Debug {
    /// Changes iff some answer may.
    fn basis(&self) -> ObjectId;

    /// The replicas that `template` asks for; `None` when its kind has none.
    ///
    /// # Errors
    /// The rule that answers fails.
    fn replicas(&self, template: &Manifest) -> Result<Option<Replicas>, NoAnswer>;

    /// The parts that `template` consists of, by name; `None` when its kind has no such parts.
    ///
    /// # Errors
    /// The rule that answers fails.
    fn components(&self, template: &Manifest) -> Result<Option<Vec<Component>>, NoAnswer>;

    /// Writes the number of replicas that one cluster is to run.
    ///
    /// # Errors
    /// The rule that answers fails. `manifest` is as it was then.
    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) -> Result<(), NoAnswer>;

    /// What `template` refers to and cannot run without, in order and each once.
    ///
    /// # Errors
    /// The rule that answers fails, or there is none and `template` cannot be read.
    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, NoAnswer>;

    /// Whether a user's rule answers [`aggregate`](Self::aggregate) for this template.
    fn aggregates_by_rule(&self, _template: &Manifest) -> bool {
        false
    }

    /// The status that `template` gets from what the members reflected; `None` when it stays as it
    /// is. `items` are in order of the clusters' names; `assigned` is how many replicas the clusters
    /// are to run together, of a workload.
    ///
    /// # Errors
    /// The rule that answers fails, or there is none and `template` cannot be read.
    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        assigned: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Value>, NoAnswer>;
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}; {hint}")]
pub struct NoAnswer {
    /// Its stable code.
    pub code: &'static str,
    /// Who was asked what, and what went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Whether the same question may have an answer later.
    pub is_passing: bool,
}

impl From<Unreadable> for NoAnswer {
    fn from(unreadable: Unreadable) -> Self {
        let (code, hint) = (Unreadable::CODE, Unreadable::HINT.to_owned());
        Self { code, message: unreadable.to_string(), hint, is_passing: false }
    }
}

/// The bundled kinds alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bundled;

impl Interpreter for Bundled {
    fn basis(&self) -> ObjectId {
        ObjectId::from_bytes([0; 20])
    }

    fn replicas(&self, template: &Manifest) -> Result<Option<Replicas>, NoAnswer> {
        Ok(super::replicas(template))
    }

    fn components(&self, template: &Manifest) -> Result<Option<Vec<Component>>, NoAnswer> {
        // One that cannot be read counts as one without parts.
        Ok(super::components(template).unwrap_or_default())
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) -> Result<(), NoAnswer> {
        super::revise_replicas(manifest, count);
        Ok(())
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, NoAnswer> {
        Ok(super::dependencies(template)?)
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        assigned: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Value>, NoAnswer> {
        let aggregated = super::aggregate(template, items, now)?;
        Ok(super::complete(template, aggregated, items, assigned, now))
    }
}
