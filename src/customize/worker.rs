//! The child process: reads a request, runs a script, replies.

use std::collections::BTreeMap;
use std::io::{self, BufReader};

use super::failure::Cause;
use super::foreign::misread;
use super::limits::{Limits, arm_processor_limit, shed_rights};
use super::protocol::{self, Answered, HELLO, Incoming, Reply, Request};
use super::sandbox::Sandbox;
use super::socket::look;

/// Requests up to this size are read at once.
const REQUEST_BYTES: usize = 64 << 10;

/// Serves the parent on standard input and output until it goes away.
pub fn serve(limits: Limits) -> io::Result<()> {
    shed_rights(&limits)?;
    let mut input = BufReader::with_capacity(REQUEST_BYTES, Looking(io::stdin()));
    let mut output = io::stdout().lock();
    protocol::write(&mut output, HELLO)?;
    let mut worker = Worker { limits, sandbox: None, texts: BTreeMap::new() };
    while let Some(message) = protocol::read(&mut input)? {
        arm_processor_limit(&limits)?;
        let reply = match serde_json::from_slice(&message) {
            Ok(request) => worker.reply(request),
            Err(error) => Err(Cause::Worker(misread(&error))),
        };
        let read_clock = worker.sandbox.as_ref().is_some_and(Sandbox::read_clock);
        let answered = Answered { reply, read_clock };
        protocol::write(&mut output, &serde_json::to_vec(&answered)?)?;
        worker.tidy();
    }
    Ok(())
}

/// Standard input: a socket, as its parent makes it.
struct Looking(io::Stdin);

impl io::Read for Looking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match look(&self.0, buffer)? {
            Some(n_bytes) => Ok(n_bytes),
            None => Ok(rustix::io::retry_on_intr(|| rustix::io::read(&self.0, &mut *buffer))?),
        }
    }
}

struct Worker {
    limits: Limits,
    /// `None` before the first request, and after one that used up its limits.
    sandbox: Option<Sandbox>,
    texts: BTreeMap<String, String>,
}

impl Worker {
    fn reply(&mut self, request: Incoming) -> Reply {
        let reply = self.run(request);
        if let Err(Cause::Time(_) | Cause::Memory(_)) = reply {
            self.sandbox = None;
        }
        reply
    }

    fn run(&mut self, request: Incoming) -> Reply {
        let sandbox = match &mut self.sandbox {
            Some(sandbox) => sandbox,
            none => none.insert(
                Sandbox::new(self.limits).map_err(|error| Cause::Worker(error.to_string()))?,
            ),
        };
        match request {
            Request::Check { text, function } => {
                sandbox.check(&text, &function)?;
                Ok(Vec::new())
            }
            Request::Call { script, text, function, n_results, now, arguments } => {
                if let Some(text) = text {
                    self.texts.insert(script.clone(), text);
                }
                if !sandbox.has(&script) {
                    let Some(text) = self.texts.get(&script) else {
                        return Err(Cause::Worker("a script without its text".to_owned()));
                    };
                    sandbox.compile(&script, text)?;
                }
                sandbox.call(&script, &function, n_results, now, &arguments)
            }
        }
    }

    fn tidy(&mut self) {
        if self.sandbox.as_ref().is_some_and(|sandbox| sandbox.tidy().is_err()) {
            self.sandbox = None;
        }
    }
}
