//! What an object means: the answer of a customization where there is one, else of a webhook, else the
//! native one.

use std::cell::RefCell;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::calls::{Call, Calls};
use super::convert::settle_empty;
use super::dependencies::dependencies_of;
use super::failure::{Cause, Failure, OfSecrets};
use super::foreign::told;
use super::limits::Limits;
use super::process::Program;
use super::requirements::{components_of, requirements_of};
use super::rules::Rules;
use super::scripts::Script;
use super::webhook::{Access, Layer, Records};
use crate::api::binding::{AggregatedStatusItem, Component};
use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::names::ObjectId;
use crate::api::report::Health;
use crate::api::resource_interpreter_customization::{CustomizationTarget, Operation};
use crate::interpret::{self, Dependency, NoAnswer, Replicas};

/// What `os.time()` says where no time is given.
const NO_TIME: i64 = 0;

/// Answers questions about objects. Has one worker, started at the first call of a script, so its
/// owner waits for at most a call's time limit; a fleet without customizations starts none.
///
/// A failure of a script or webhook is the answer: no other layer is asked.
#[derive(Debug)]
pub struct Interpreter {
    calls: RefCell<Calls>,
    webhooks: Layer,
    rules: Arc<Rules>,
    of_secrets: OfSecrets,
}

impl Interpreter {
    /// An interpreter without rules of users.
    #[must_use]
    pub fn new(program: Program, limits: Limits) -> Self {
        Self {
            calls: RefCell::new(Calls::new(program, limits)),
            webhooks: Layer::new(limits.plan_wait),
            rules: Arc::default(),
            of_secrets: OfSecrets::default(),
        }
    }

    /// From now on failures about Secrets say what scripts and webhooks said of them. For who asks about
    /// objects of their own, and writes down nothing.
    pub fn tell_of_secrets(&mut self) {
        self.of_secrets = OfSecrets::Told;
        self.webhooks.tell_of_secrets();
    }

    /// Takes these rules in place of those before. What rules that stay have answered is kept.
    pub fn load(&mut self, rules: Arc<Rules>) {
        if Arc::ptr_eq(&self.rules, &rules) {
            return;
        }
        let Rules { scripts, webhooks } = &*rules;
        self.calls.get_mut().retain(|script| scripts.has(script));
        self.webhooks.retain(webhooks, webhooks.id() != self.rules.webhooks.id());
        self.rules = rules;
    }

    /// Begins a plan: each script and webhook may keep it waiting for its whole time.
    pub fn begin_plan(&mut self) {
        self.calls.get_mut().begin_plan();
        self.webhooks.begin_plan();
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Has these answers of webhooks stand for those to the same questions.
    pub fn recall(&mut self, records: Records) {
        self.webhooks.set(Access::Network, records);
    }

    /// From now on webhooks are not called: what is not among these answers has none.
    pub fn replay(&mut self, records: Records) {
        self.webhooks.set(Access::Records, records);
    }

    /// What webhooks answered to questions about templates.
    pub fn records(&mut self) -> &mut Records {
        self.webhooks.records()
    }

    /// Forgets what webhooks answered that no plan for these templates asks them.
    pub fn prune_records(&mut self, template: impl Fn(&ObjectKey) -> Option<Manifest>) {
        let Rules { scripts, webhooks } = &*self.rules;
        self.webhooks.records().retain(|key, operation, name| {
            template(key).is_some_and(|template| {
                let webhook = webhooks.get(&template, operation);
                scripts.get(&template, operation).is_empty()
                    && webhook.is_some_and(|webhook| *webhook.name == *name)
            })
        });
    }

    /// Whether a script is Lua and defines the function of `operation`.
    ///
    /// # Errors
    /// It is not, does not, or cannot be run.
    pub fn check(&self, script: &Script, operation: Operation) -> Result<(), Cause> {
        self.calls.borrow_mut().check(script, operation)
    }

    /// The replicas that `template` asks for; `None` when its kind has none.
    ///
    /// # Errors
    /// The script or webhook that answers fails.
    pub fn replicas(&self, template: &Manifest) -> Result<Option<Replicas>, Failure> {
        let operation = Operation::InterpretReplica;
        let Some(asked) = self.ask(template, operation, NO_TIME, &[template])? else {
            let answer = self.webhooks.replicas(&self.rules.webhooks, template)?;
            return Ok(answer.or_else(|| interpret::replicas(template)));
        };
        asked.read(|results| {
            let count = match results.first() {
                Some(Value::Number(number)) => count_of(number)?,
                other => return Err(mismatch("a number first", other)),
            };
            let requirements = match results.get(1) {
                None | Some(Value::Null) => None,
                Some(table @ (Value::Object(_) | Value::Array(_))) => {
                    Some(requirements_of(object(table.clone())?)?)
                }
                other => return Err(mismatch("a table or nil second", other)),
            };
            Ok(Some(Replicas { count, requirements }))
        })
    }

    /// The parts that `template` consists of, by name; `None` when its kind has no such parts.
    ///
    /// # Errors
    /// The script or webhook that answers fails, or there is none and the object cannot be read.
    pub fn components(&self, template: &Manifest) -> Result<Option<Vec<Component>>, Failure> {
        let operation = Operation::InterpretComponent;
        let Some(asked) = self.ask(template, operation, NO_TIME, &[template])? else {
            return match self.webhooks.components(&self.rules.webhooks, template)? {
                None => Ok(interpret::components(template)?),
                components => Ok(components),
            };
        };
        asked.read(|results| {
            Ok(Some(match results.first() {
                None | Some(Value::Null) => Vec::new(),
                Some(list @ Value::Array(_)) => components_of(settled(list.clone(), &[]))?,
                other => return Err(mismatch("a list or nil", other)),
            }))
        })
    }

    /// Writes the number of replicas that one cluster is to run.
    ///
    /// # Errors
    /// The script or webhook that answers fails. `manifest` is as it was then.
    pub fn revise_replicas(&self, manifest: &mut Manifest, count: i32) -> Result<(), Failure> {
        let operation = Operation::ReviseReplica;
        let asked = self.ask(manifest, operation, NO_TIME, &(&*manifest, count))?;
        match asked {
            None => match self.webhooks.revised(&self.rules.webhooks, manifest, count)? {
                None => interpret::revise_replicas(manifest, count),
                Some(revised) => *manifest = revised,
            },
            Some(asked) => *manifest = asked.read(|results| whole(results, manifest, None))?,
        }
        Ok(())
    }

    /// Takes over into `desired` what a member keeps of its `live` object. For updates only.
    ///
    /// # Errors
    /// The script or webhook that answers fails, or there is none and an object cannot be read. `desired`
    /// is as it was then.
    pub fn retain(&self, desired: &mut Manifest, live: &Manifest) -> Result<(), Failure> {
        let asked = self.ask(desired, Operation::Retain, NO_TIME, &[&*desired, live])?;
        match asked {
            None => match self.webhooks.retained(&self.rules.webhooks, desired, live)? {
                None => interpret::retain(desired, live)?,
                Some(retained) => *desired = retained,
            },
            Some(asked) => *desired = asked.read(|results| whole(results, desired, Some(live)))?,
        }
        Ok(())
    }

    /// The part of a live object's status that goes into the report; `None` when there is none.
    ///
    /// # Errors
    /// The script or webhook that answers fails.
    pub fn reflect(&self, live: &Manifest, now: Timestamp) -> Result<Option<Value>, Failure> {
        let asked = self.ask(live, Operation::InterpretStatus, now.as_second(), &[live])?;
        let Some(asked) = asked else {
            let answer = self.webhooks.reflected(&self.rules.webhooks, live)?;
            return Ok(answer.or_else(|| interpret::reflect(live)));
        };
        asked.read(|results| match results.into_iter().next() {
            Some(table @ (Value::Object(_) | Value::Array(_))) => Ok(Some(if is_empty(&table) {
                Value::Object(Map::new())
            } else {
                settled(table, &[])
            })),
            other => Err(mismatch("a table", other.as_ref())),
        })
    }

    /// The status that `template` gets from what the members reflected; `None` when it stays as it
    /// is. `items` are in order of the clusters' names.
    ///
    /// The same template and items get the same status, even from a script that writes the time.
    ///
    /// # Errors
    /// The script or webhook that answers fails, or there is none and the object cannot be read.
    pub fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        now: Timestamp,
    ) -> Result<Option<Value>, Failure> {
        let given = (!items.is_empty()).then_some(items);
        let operation = Operation::AggregateStatus;
        let asked = self.ask(template, operation, now.as_second(), &(template, given))?;
        let Some(asked) = asked else {
            return match self.webhooks.aggregated(&self.rules.webhooks, template, items)? {
                None => Ok(interpret::aggregate(template, items, now)?),
                Some(status) => Ok(new_status(template, Some(status))),
            };
        };
        asked.read(|results| {
            let Some(Value::Object(mut object)) = results.into_iter().next() else {
                return Err("AggregateStatus returns the whole object".to_owned());
            };
            let after = match object.remove("status") {
                Some(status) if !is_empty(&status) && !status.is_object() && !status.is_null() => {
                    return Err(format!(
                        "of `status`, {}",
                        mismatch("a table with names", Some(&status))
                    ));
                }
                after => after.filter(|status| !is_empty(status)),
            };
            Ok(new_status(template, after.map(|status| settled(status, &[]))))
        })
    }

    /// Health of a live object. Who gets a failure takes it as `Unknown`.
    ///
    /// # Errors
    /// The script or webhook that answers fails.
    pub fn health(&self, live: &Manifest, now: Timestamp) -> Result<Health, Failure> {
        let asked = self.ask(live, Operation::InterpretHealth, now.as_second(), &[live])?;
        let Some(asked) = asked else {
            let answer = self.webhooks.health(&self.rules.webhooks, live)?;
            return Ok(answer.unwrap_or_else(|| interpret::health(live)));
        };
        asked.read(|results| match results.first() {
            Some(Value::Bool(true)) => Ok(Health::Healthy),
            Some(Value::Bool(false)) => Ok(Health::Unhealthy),
            other => Err(mismatch("true or false", other)),
        })
    }

    /// What `template` refers to and cannot run without, by API version, kind, namespace and name;
    /// each once. All scripts of its kind are asked, and their answers are united.
    ///
    /// # Errors
    /// The script or webhook that answers fails, or there is none and the object cannot be read.
    pub fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, Failure> {
        let scripts = self.rules.scripts.get(template, Operation::InterpretDependency);
        if scripts.is_empty() {
            return match self.webhooks.dependencies(&self.rules.webhooks, template)? {
                None => Ok(interpret::dependencies(template)?),
                Some(dependencies) => Ok(dependencies),
            };
        }
        let mut united = Vec::new();
        for script in scripts {
            let call = Call { script, operation: Operation::InterpretDependency, now: NO_TIME };
            let asked = self.asked(call, template, &[template])?;
            united.extend(asked.read(|results| match results.into_iter().next() {
                Some(list @ Value::Array(_)) => dependencies_of(settled(list, &[])),
                other => Err(mismatch("a list", other.as_ref())),
            })?);
        }
        Ok(interpret::in_order(united))
    }

    /// What the script that answers this question returned; `None` if there is none.
    fn ask(
        &self,
        object: &Manifest,
        operation: Operation,
        now: i64,
        arguments: &impl Serialize,
    ) -> Result<Option<Asked>, Failure> {
        let Some(script) = self.rules.scripts.get(object, operation).first() else {
            return Ok(None);
        };
        let call = Call { script, operation, now };
        self.asked(call, object, arguments).map(Some)
    }

    fn asked(
        &self,
        call: Call<'_>,
        object: &Manifest,
        arguments: &impl Serialize,
    ) -> Result<Asked, Failure> {
        let reply = self.calls.borrow_mut().call(call, arguments);
        Asked::new(reply, object, call, self.of_secrets)
    }
}

impl interpret::Interpreter for Interpreter {
    fn basis(&self) -> ObjectId {
        self.rules.id()
    }

    fn replicas(&self, template: &Manifest) -> Result<Option<Replicas>, NoAnswer> {
        Ok(Self::replicas(self, template)?)
    }

    fn components(&self, template: &Manifest) -> Result<Option<Vec<Component>>, NoAnswer> {
        match Self::components(self, template) {
            // One that cannot be read counts as one without parts.
            Err(Failure::Unreadable(_)) => Ok(None),
            answer => Ok(answer?),
        }
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) -> Result<(), NoAnswer> {
        Ok(Self::revise_replicas(self, manifest, count)?)
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, NoAnswer> {
        Ok(Self::dependencies(self, template)?)
    }

    fn aggregates_by_rule(&self, template: &Manifest) -> bool {
        self.rules.answer(template, Operation::AggregateStatus)
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        assigned: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Value>, NoAnswer> {
        if self.aggregates_by_rule(template) {
            return Ok(Self::aggregate(self, template, items, now)?);
        }
        interpret::Bundled.aggregate(template, items, assigned, now)
    }
}

/// What a script returned, and who it was.
struct Asked {
    results: Vec<Value>,
    customization: Arc<str>,
    target: CustomizationTarget,
    operation: Operation,
    of_secrets: OfSecrets,
}

impl Asked {
    fn new(
        reply: Result<Vec<Value>, Cause>,
        object: &Manifest,
        call: Call<'_>,
        of_secrets: OfSecrets,
    ) -> Result<Self, Failure> {
        let customization = Arc::clone(&call.script.customization);
        let target = CustomizationTarget {
            api_version: object.api_version().to_owned(),
            kind: object.kind().to_owned(),
        };
        let operation = call.operation;
        match reply {
            Ok(results) => Ok(Self { results, customization, target, operation, of_secrets }),
            Err(cause) => {
                let failure = Failure::Script { customization, target, operation, cause };
                Err(failure.telling(of_secrets))
            }
        }
    }

    /// The results as what the operation returns; an error says what is wrong with them.
    fn read<T>(self, read: impl FnOnce(Vec<Value>) -> Result<T, String>) -> Result<T, Failure> {
        let Self { results, customization, target, operation, of_secrets } = self;
        read(results).map_err(|why| {
            let cause = Cause::Answer(told(&why));
            Failure::Script { customization, target, operation, cause }.telling(of_secrets)
        })
    }
}

/// A number of replicas: the whole part of what the script returned.
fn count_of(number: &serde_json::Number) -> Result<i32, String> {
    let whole = number.as_f64().unwrap_or(f64::NAN).trunc();
    if (0.0..=f64::from(i32::MAX)).contains(&whole) {
        return Ok(whole as i32);
    }
    Err(format!("{number} is no number of replicas"))
}

/// A whole object that a script made of `before`. What it *is* stays: the work names it so.
fn whole(
    results: Vec<Value>,
    before: &Manifest,
    live: Option<&Manifest>,
) -> Result<Manifest, String> {
    let result = match results.into_iter().next() {
        Some(result @ Value::Object(_)) => result,
        other => return Err(mismatch("the whole object", other.as_ref())),
    };
    let references: Vec<&Map<String, Value>> =
        [Some(before), live].into_iter().flatten().map(|one| &one.0).collect();
    let after = Manifest::from_value(settled(result, &references))
        .ok_or_else(|| "the result is no Kubernetes object".to_owned())?;
    if (after.api_version(), after.key()) != (before.api_version(), before.key()) {
        return Err("the result has another apiVersion, kind, namespace or name".to_owned());
    }
    Ok(after)
}

/// The status that an answer gives a template; `None` when it stays as it is.
fn new_status(template: &Manifest, after: Option<Value>) -> Option<Value> {
    let before = template.0.get("status").filter(|status| !status.is_null());
    match (before, after.filter(|status| !status.is_null() && !is_empty(status))) {
        (None, None) => None,
        (Some(before), Some(after)) if *before == after => None,
        (Some(before), None) if is_empty(before) => None,
        (_, after) => Some(after.unwrap_or_else(|| Value::Object(Map::new()))),
    }
}

fn settled(mut value: Value, references: &[&Map<String, Value>]) -> Value {
    settle_empty(&mut value, references);
    value
}

/// A table that is to be an object: Lua's empty one comes as a list.
fn object(table: Value) -> Result<Value, String> {
    match table {
        Value::Array(items) if items.is_empty() => Ok(Value::Object(Map::new())),
        Value::Object(_) => Ok(settled(table, &[])),
        other => Err(mismatch("a table with names", Some(&other))),
    }
}

fn is_empty(table: &Value) -> bool {
    match table {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn mismatch(expected: &str, found: Option<&Value>) -> String {
    let found = match found {
        None | Some(Value::Null) => "nil",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "a table",
    };
    format!("{expected} is expected, not {found}")
}
