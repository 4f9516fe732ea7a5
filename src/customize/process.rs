//! The worker as its parent sees it: started, fed, timed, killed.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::limits::Limits;
use super::protocol::{self, HELLO};
use super::socket::look;
use crate::api::names::ObjectId;

/// The verb under which the program runs scripts.
pub const WORKER_VERB: &str = "interpret-worker";

/// How long a process may take to start: it is the same program, but a machine may be busy.
const START: Duration = Duration::from_secs(10);
/// How much longer than a call's own limit its reply is waited for. A worker that ends a call by
/// itself can go on; one that cannot is killed.
const GRACE: Duration = Duration::from_millis(250);

/// Replies up to this size are read at once.
const REPLY_BYTES: usize = 16 << 10;

/// How workers are started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program: this one.
    pub path: PathBuf,
    /// What becomes of what scripts print.
    pub printed: Printed,
}

/// What becomes of what scripts print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed {
    /// Nobody sees it.
    Discarded,
    /// It goes to standard error.
    Shown,
}

impl Program {
    /// The program that runs now, even if its file has been replaced.
    #[must_use]
    pub fn this() -> Self {
        let running = PathBuf::from("/proc/self/exe");
        let path = if running.exists() {
            running
        } else {
            // Where even that is not known, the one in the PATH is of the same version or refuses.
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("git-fleet"))
        };
        Self { path, printed: Printed::Discarded }
    }
}

/// A worker that is running.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stream: UnixStream,
    limits: Limits,
    /// The scripts whose text it has.
    pub(super) known: BTreeSet<ObjectId>,
}

/// Why there was no reply.
#[derive(Debug)]
pub(super) enum Lost {
    /// It did not come in time.
    Late,
    /// The process ended, or cannot be talked to.
    Gone(String),
}

impl Process {
    /// Starts a worker with nothing of this process's environment and waits for its first word.
    pub(super) fn start(program: &Program, limits: Limits) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        let input = OwnedFd::from(theirs.try_clone()?);
        let child = Command::new(&program.path)
            .arg0("git-fleet")
            .arg(WORKER_VERB)
            .arg("--time-ms")
            .arg(limits.time.as_millis().to_string())
            .arg("--memory-bytes")
            .arg(limits.memory_bytes.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(input)
            .stdout(OwnedFd::from(theirs))
            .stderr(match program.printed {
                Printed::Discarded => Stdio::null(),
                Printed::Shown => Stdio::inherit(),
            })
            .process_group(0)
            .spawn()?;
        let mut process = Self { child, stream, limits, known: BTreeSet::new() };
        match process.receive(Instant::now() + START) {
            Ok(word) if word == HELLO => Ok(process),
            Ok(_) => Err(io::Error::other("another version of the program answers")),
            Err(Lost::Late) => Err(io::ErrorKind::TimedOut.into()),
            Err(Lost::Gone(why)) => Err(io::Error::other(why)),
        }
    }

    /// Sends a request and waits for its reply. After a loss the process is of no more use.
    pub(super) fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, Lost> {
        let deadline = Instant::now() + self.limits.time + GRACE;
        let sent = self
            .stream
            .set_write_timeout(Some(self.limits.time + GRACE))
            .and_then(|()| self.stream.write_all(&protocol::framed(request)));
        match sent {
            Ok(()) => self.receive(deadline),
            Err(error) => Err(self.lost(&error)),
        }
    }

    fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, Lost> {
        let timed = Timed { stream: &self.stream, deadline };
        // One reply is all that comes, so nothing is lost with the buffer.
        match protocol::read(&mut BufReader::with_capacity(REPLY_BYTES, timed)) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(Lost::Gone(self.epitaph())),
            Err(error) => Err(self.lost(&error)),
        }
    }

    fn lost(&mut self, error: &io::Error) -> Lost {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Lost::Late,
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::UnexpectedEof => Lost::Gone(self.epitaph()),
            _ => Lost::Gone(error.to_string()),
        }
    }

    /// How the process ended; it has closed its side already.
    fn epitaph(&mut self) -> String {
        self.kill();
        match self.child.wait() {
            Err(error) => error.to_string(),
            Ok(status) => match status.signal() {
                Some(signal) => format!("signal {signal}"),
                None => status.to_string(),
            },
        }
    }

    fn kill(&mut self) {
        // Not reaped yet, so the number is still its own; nobody is left to tell of a failure.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

/// A stream that is read until a moment only.
struct Timed<'s> {
    stream: &'s UnixStream,
    deadline: Instant,
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if let Some(n_bytes) = look(self.stream, buffer)? {
            return Ok(n_bytes);
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}
