//! Child processes that never outlive the tests, however those end.
//!
//! A static value is never dropped and a killed process drops nothing, so one small shell per test process holds the
//! leash: it is told each child's id, and when its stdin ends, because we exited, crashed or were killed, it kills them
//! all and removes their files. (The kernel's parent-death signal would go off as soon as the *thread* that
//! started a child ends, and each test has a thread of its own.)

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// Signals that reach the whole terminal do not stop the shell: it outlives the tests to clean up behind them.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
pids=' '
while read -r what pid; do
  case $what in
    born) pids="$pids$pid " ;;
    gone) pids="${pids%% $pid *} ${pids#* $pid }" ;;
  esac
done
[ -z "${pids# }" ] || kill -9 $pids 2>/dev/null
for try in 1 2 3 4 5; do
  rm -rf "$1" 2>/dev/null && exit
  sleep 1
done
"#;

struct Keeper {
    _shell: Child, // never waited for: it ends after us
    stdin: Mutex<ChildStdin>,
    scratch: PathBuf,
}

fn keeper() -> &'static Keeper {
    static KEEPER: OnceLock<Keeper> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let scratch = tempfile::Builder::new()
            .prefix("git-fleet-kube-")
            .tempdir()
            .expect("the system's temporary directory is writable")
            .keep();
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "leash"])
            .arg(&scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is a POSIX shell");
        let stdin = shell.stdin.take().expect("it was asked for above");
        Keeper { _shell: shell, stdin: Mutex::new(stdin), scratch }
    })
}

/// Makes a directory that lives as long as the test process, removed by the shell that holds the leash.
pub(crate) fn scratch_dir(stem: &str) -> PathBuf {
    tempfile::Builder::new()
        .prefix(&format!("{stem}-"))
        .tempdir_in(&keeper().scratch)
        .expect("our own scratch directory is writable")
        .keep()
}

/// A running program: killed (SIGKILL) and waited for on drop, or by the shell when we cannot.
#[derive(Debug)]
pub(crate) struct Leashed {
    child: Child,
}

impl Leashed {
    /// Starts `command` with both outputs in the file `log`.
    pub(crate) fn spawn(mut command: Command, log: &Path) -> Leashed {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("the log's directory exists");
        let err = out.try_clone().expect("a file handle can be doubled");
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        // The lock is held over the start, so that the shell learns of children in the order of their births and deaths.
        let mut stdin = keeper().stdin.lock().expect("nothing panics while it holds this lock");
        let child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", command.get_program().display()));
        writeln!(stdin, "born {}", child.id()).ok();
        Leashed { child }
    }

    /// Process id, for sending other signals.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the program has not ended by itself.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal by name (`STOP`, `CONT`, `TERM`, `HUP`).
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "cannot send {name} to process {}",
            self.id()
        );
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if let Ok(mut stdin) = keeper().stdin.lock() {
            writeln!(stdin, "gone {}", self.child.id()).ok();
        }
    }
}

/// Returns a port of the loopback interface that nobody listens on, a new one at each call.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))
            .expect("the loopback interface has free ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        if GIVEN.lock().expect("nothing panics while it holds this lock").insert(port) {
            return port;
        }
    }
}
