//! One call of one script: from the cache, or from a worker that is started when it is needed.

use std::time::Instant;

use serde::Serialize;
use serde_json::value::RawValue;

use super::bench::Bench;
use super::cache::{self, Cache};
use super::failure::Cause;
use super::foreign::misread;
use super::limits::Limits;
use super::patience::Patience;
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
    bench: Bench<Cause>,
    patience: Patience,
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
            bench: Bench::default(),
            patience: Patience::new(limits.plan_wait),
        }
    }

    /// Begins a plan.
    pub(super) fn begin_plan(&mut self) {
        self.patience.begin();
    }

    /// Forgets what only scripts that are gone are remembered for.
    pub(super) fn retain(&mut self, is_there: impl Fn(ObjectId) -> bool) {
        self.bench.retain(is_there);
    }

    /// Calls a script, unless it has answered the same call before.
    pub(super) fn call(&mut self, call: Call<'_>, arguments: &impl Serialize) -> Reply {
        let arguments = serde_json::value::to_raw_value(arguments).expect("objects are JSON");
        let function = call.operation.function();
        let key = cache::key(call.script.id, function, arguments.get().as_bytes());
        // A status that is stamped with the time stays as it is while its inputs do.
        let keeps_time = call.operation == Operation::AggregateStatus;
        self.answered(call.script.id, key, keeps_time, |calls| {
            if call.operation.is_of_live() {
                return calls.ask(call, &arguments);
            }
            if calls.patience.is_spent(call.script.id) {
                return (failed(Cause::Spent(calls.patience.seconds())), 0);
            }
            let start = Instant::now();
            let answered = calls.ask(call, &arguments);
            calls.patience.spend(call.script.id, start.elapsed());
            answered
        })
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
        let ask = |calls: &mut Self| calls.exchange(|_| request.clone());
        self.answered(script.id, key, true, ask).map(|_| ())
    }

    /// The reply from the cache, or from `ask` if the script is not on the bench.
    fn answered(
        &mut self,
        script: ObjectId,
        key: cache::Key,
        keeps_time: bool,
        ask: impl FnOnce(&mut Self) -> (Answered, usize),
    ) -> Reply {
        if let Some(reply) = self.cache.get(&key) {
            return reply;
        }
        if let Some(last) = self.bench.of(script) {
            return Err(Cause::Benched(Box::new(last.clone())));
        }
        let (Answered { reply, read_clock }, n_bytes) = ask(self);
        self.bench
            .count(script, reply.as_ref().err().filter(|cause| cause.is_of_limits()).cloned());
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

fn failed(cause: Cause) -> Answered {
    Answered { reply: Err(cause), read_clock: false }
}

fn n_results(operation: Operation) -> usize {
    if operation == Operation::InterpretReplica { 2 } else { 1 }
}
