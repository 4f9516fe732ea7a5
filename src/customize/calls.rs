//! One call of one script: from the cache, or from a worker that is started when it is needed.

use std::time::Instant;

use serde::Serialize;
use serde_json::value::RawValue;

use super::cache::{self, Cache};
use super::failure::Cause;
use super::foreign::misread;
use super::limits::Limits;
use super::patience::{Leave, Patience};
use super::process::{Lost, Process, Program};
use super::protocol::{Answered, Outgoing, Reply, Request};
use super::scripts::Script;
use crate::api::names::ObjectId;
use crate::api::resource_interpreter_customization::Operation;

/// A worker that has compiled so many scripts is replaced: fleets change, and it forgets nothing.
const SCRIPTS_MAX: usize = 1000;

/// Runs scripts, each call within its limits.
#[derive(Debug)]
pub(super) struct Calls {
    program: Program,
    limits: Limits,
    process: Option<Process>,
    cache: Cache,
    /// Of the questions that plans ask.
    plans: Patience<cache::Key, Cause>,
    /// Of those about live objects.
    live: Patience<cache::Key, Cause>,
}

/// One question to one script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) script: &'a Script,
    pub(super) operation: Operation,
    /// What `os.time()` says, in seconds since 1970.
    pub(super) now: i64,
}

impl Calls {
    pub(super) fn new(program: Program, limits: Limits) -> Self {
        Self {
            program,
            limits,
            process: None,
            cache: Cache::default(),
            plans: Patience::of_plans(limits.plan_wait),
            live: Patience::of_live(limits.plan_wait),
        }
    }

    /// Begins a plan.
    pub(super) fn begin_plan(&mut self) {
        self.plans.begin(Instant::now());
    }

    /// Forgets what only scripts that are gone are remembered for.
    pub(super) fn retain(&mut self, is_there: impl Fn(ObjectId) -> bool) {
        self.plans.retain(&is_there);
        self.live.retain(is_there);
    }

    /// Calls a script, unless it has answered the same call before.
    pub(super) fn call(&mut self, call: Call<'_>, arguments: &impl Serialize) -> Reply {
        let arguments = serde_json::value::to_raw_value(arguments).expect("objects are JSON");
        let function = call.operation.function();
        let key = cache::key(call.script.id, function, arguments.get().as_bytes());
        if let Some(reply) = self.cache.get(&key) {
            return reply;
        }
        let is_live = call.operation.is_of_live();
        let began = Instant::now();
        match self.patience(is_live).may_ask(call.script.id, &key, began) {
            Leave::Ask => {}
            Leave::Failed(cause) => return Err(cause),
            Leave::Spent => {
                let seconds = self.patience(is_live).seconds();
                return Err(if is_live { Cause::Rests(seconds) } else { Cause::Spent(seconds) });
            }
        }
        let answered = self.ask(call, &arguments);
        let times = (began, Instant::now());
        let in_vain = in_vain(&answered.0);
        self.patience(is_live).count(call.script.id, key, times, in_vain);
        // A status that is stamped with the time stays as it is while its inputs do.
        let keeps_time = call.operation == Operation::AggregateStatus;
        self.keep(key, answered, keeps_time)
    }

    fn patience(&mut self, is_live: bool) -> &mut Patience<cache::Key, Cause> {
        if is_live { &mut self.live } else { &mut self.plans }
    }

    /// Whether a script is Lua and defines the function of its operation.
    pub(super) fn check(&mut self, script: &Script, operation: Operation) -> Result<(), Cause> {
        // No call has arguments like these: they are a list.
        let key = cache::key(script.id, operation.function(), b"check");
        let request = Outgoing::Check {
            text: script.text.to_string(),
            function: operation.function().to_owned(),
        };
        let request = serde_json::to_vec(&request).expect("text is JSON");
        if let Some(reply) = self.cache.get(&key) {
            return reply.map(drop);
        }
        let now = Instant::now();
        if let Some(cause) = self.plans.rests(script.id, &key, now) {
            return Err(cause);
        }
        let answered = self.exchange(|_| request.clone());
        // No plan waits for it.
        self.plans.count(script.id, key, (now, now), in_vain(&answered.0));
        self.keep(key, answered, true).map(drop)
    }

    /// The reply, which is kept if it is to last.
    fn keep(
        &mut self,
        key: cache::Key,
        (Answered { reply, read_clock }, n_bytes): (Answered, usize),
        keeps_time: bool,
    ) -> Reply {
        let is_lasting = reply.as_ref().err().is_none_or(Cause::is_lasting);
        if is_lasting && (keeps_time || !read_clock) {
            self.cache.insert(key, reply.clone(), n_bytes);
        }
        reply
    }

    fn ask(&mut self, call: Call<'_>, arguments: &RawValue) -> (Answered, usize) {
        if self.process.as_ref().is_some_and(|process| process.known.len() >= SCRIPTS_MAX) {
            self.process = None;
        }
        self.exchange(|process| {
            let is_new = process.known.insert(call.script.id);
            let request = Request::Call {
                script: call.script.id.to_string(),
                text: is_new.then(|| call.script.text.to_string()),
                function: call.operation.function().to_owned(),
                n_results: n_results(call.operation),
                now: call.now,
                arguments,
            };
            serde_json::to_vec(&request).expect("objects are JSON")
        })
    }

    /// Sends a request to a worker. One that is gone before it could have been this request's doing
    /// (it had served others) is replaced once.
    fn exchange(&mut self, request: impl Fn(&mut Process) -> Vec<u8>) -> (Answered, usize) {
        loop {
            let (mut process, is_used) = match self.process.take() {
                Some(process) => (process, true),
                None => match Process::start(&self.program, self.limits) {
                    Ok(process) => (process, false),
                    Err(error) => return (failed(Cause::Worker(error.to_string())), 0),
                },
            };
            let request = request(&mut process);
            let cause = match process.exchange(&request) {
                Ok(message) => match serde_json::from_slice(&message) {
                    Ok(Answered { reply, read_clock }) => {
                        self.process = Some(process);
                        let reply = reply.map_err(Cause::told);
                        return (Answered { reply, read_clock }, message.len());
                    }
                    Err(error) => Cause::Worker(misread(&error)),
                },
                Err(Lost::Gone(_)) if is_used => continue,
                Err(Lost::Gone(why)) => Cause::Died(why),
                Err(Lost::Late) => Cause::Time(self.limits.time.as_millis() as u64),
            };
            return (failed(cause), 0);
        }
    }
}

/// With what a call used up its limits, if it did.
fn in_vain(answered: &Answered) -> Option<Cause> {
    answered.reply.as_ref().err().filter(|cause| cause.is_of_limits()).cloned()
}

fn failed(cause: Cause) -> Answered {
    Answered { reply: Err(cause), read_clock: false }
}

fn n_results(operation: Operation) -> usize {
    if operation == Operation::InterpretReplica { 2 } else { 1 }
}
