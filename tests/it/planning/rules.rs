//! Users' rules as a test wants them, in place of the bundled kinds for one question or another.

use std::cell::Cell;

use git_fleet::api::binding::{AggregatedStatusItem, Component};
use git_fleet::api::manifest::Manifest;
use git_fleet::api::names::ObjectId;
use git_fleet::interpret::{Bundled, Dependency, Interpreter, NoAnswer, Replicas};
use git_fleet::plan::{Inputs, Memo, Plan, Previous, make};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::case;

/// The bundled kinds, but for what is set.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// The question that has no answer.
    pub(crate) mute_on: &'static str,
    /// Whether it may have one later.
    pub(crate) is_passing: Cell<bool>,
    /// How often a question was asked that a rule answers, or does not.
    pub(crate) n_asked: Cell<u32>,
    /// What every template refers to.
    pub(crate) refers_to: Option<Vec<Dependency>>,
    /// Whether a status says how often it was asked for.
    pub(crate) counts: bool,
    /// Names the rules.
    pub(crate) basis: u8,
}

impl Rules {
    fn answer<T>(&self, question: &str, answer: T) -> Result<T, NoAnswer> {
        if question != self.mute_on {
            return Ok(answer);
        }
        self.n_asked.set(self.n_asked.get() + 1);
        Err(NoAnswer {
            code: "LUA_LIMIT",
            message: format!("{question} took too long"),
            hint: "look at it".to_owned(),
            is_passing: self.is_passing.get(),
        })
    }
}

impl Interpreter for Rules {
    fn basis(&self) -> ObjectId {
        ObjectId::from_bytes([self.basis; 20])
    }

    fn replicas(&self, template: &Manifest) -> Result<Option<Replicas>, NoAnswer> {
        self.answer("replicas", Bundled.replicas(template)?)
    }

    fn components(&self, template: &Manifest) -> Result<Option<Vec<Component>>, NoAnswer> {
        Bundled.components(template)
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) -> Result<(), NoAnswer> {
        self.answer("revise", Bundled.revise_replicas(manifest, count)?)
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, NoAnswer> {
        let found = match &self.refers_to {
            Some(refers_to) => refers_to.clone(),
            None => Bundled.dependencies(template)?,
        };
        self.answer("dependencies", found)
    }

    fn aggregates_by_rule(&self, _template: &Manifest) -> bool {
        self.counts
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        assigned: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Value>, NoAnswer> {
        if self.counts {
            self.n_asked.set(self.n_asked.get() + 1);
            return Ok(Some(json!({ "n": self.n_asked.get() })));
        }
        self.answer("aggregate", Bundled.aggregate(template, items, assigned, now)?)
    }
}

/// Plans the last step of a story by these rules.
pub(crate) fn plan(
    text: &str,
    interpreter: &dyn Interpreter,
    previous: &Previous,
    memo: &mut Memo,
) -> Plan {
    let step = case::steps(text).pop().unwrap();
    let (fleet, reports) = (&step.fleet, &step.reports);
    make(&Inputs { fleet, reports, previous, interpreter, now: case::now() }, memo)
}
