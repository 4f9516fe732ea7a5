//! How much a script may use, and how the operating system holds it to that.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// What users' rules may use: one call of a script, and all the answers that one plan waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time by the clock on the wall, for running the script and calling its function.
    pub time: Duration,
    /// Memory of all of its values together.
    pub memory_bytes: usize,
    /// How long one script or webhook may keep a plan waiting, all its answers together.
    pub plan_wait: Duration,
}

impl Default for Limits {
    /// A second, as in Karmada, and 64 MiB: an object of the largest size takes about 20. Half a minute
    /// in a plan: one that lacks answers is made again after a minute.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(1),
            memory_bytes: 64 << 20,
            plan_wait: Duration::from_secs(30),
        }
    }
}

/// What the process itself takes beside the script's values: the program, a request, a reply.
const PROCESS_BYTES: u64 = 512 << 20;

/// Open files: standard input, output and error, and never another one.
const FILES: u64 = 3;

/// Takes from this process what it does not need to run scripts. There is no way back.
pub(super) fn shed_rights(limits: &Limits) -> io::Result<()> {
    let both = |n| Rlimit { current: Some(n), maximum: Some(n) };
    setrlimit(Resource::As, both(limits.memory_bytes as u64 + PROCESS_BYTES))?;
    setrlimit(Resource::Nofile, both(FILES))?;
    setrlimit(Resource::Core, both(0))?;
    setrlimit(Resource::Nproc, both(0))?;
    Ok(())
}

/// Lets the operating system end this process once the next call has used its time, and one second,
/// on the processor. For when the parent is gone: it would have ended it before.
pub(super) fn arm_processor_limit(limits: &Limits) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec as u64;
    let until = used + limits.time.as_secs() + 2;
    Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(until), maximum: None })?)
}
