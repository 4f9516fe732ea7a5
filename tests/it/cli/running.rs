//! A verb that runs on while a test looks at it.

use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_mins(2);

/// A process of this program; it is killed when this is dropped.
pub(super) struct Running {
    child: Child,
    files: PathBuf,
}

impl Running {
    /// Starts a verb in `dir`; what it prints goes to files named after `files`.
    pub(super) fn start(dir: &Path, files: &Path, arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_git-fleet"))
            .current_dir(dir)
            .args(arguments)
            .env("XDG_CACHE_HOME", files.with_extension("cache"))
            .stdin(Stdio::null())
            .stdout(File::create(files.with_extension("out")).unwrap())
            .stderr(File::create(files.with_extension("err")).unwrap())
            .spawn()
            .unwrap();
        Self { child, files: files.to_owned() }
    }

    /// What it has printed as data.
    pub(super) fn output(&self) -> String {
        read_to_string(self.files.with_extension("out")).unwrap()
    }

    /// What it has said and logged.
    pub(super) fn errors(&self) -> String {
        read_to_string(self.files.with_extension("err")).unwrap()
    }

    /// Waits until all that it has said, on both ways, is as `holds` wants it.
    pub(super) fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let said = || self.output() + &self.errors();
        until(what, || holds(&said()), said);
    }

    /// Waits for its end.
    pub(super) fn end(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let mut status = None;
        until(
            "its end",
            || {
                status = child.try_wait().unwrap();
                status.is_some()
            },
            String::new,
        );
        status.unwrap()
    }

    /// Kills it, so that it can do nothing more.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The process that it has started for this verb.
    pub(super) fn child_of(&self, verb: &str) -> u32 {
        let parent = self.child.id().to_string();
        let is_it = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(1) == Some(&&*parent) && words.contains(&verb)
        };
        let all = processes();
        let line = all.lines().find(is_it).unwrap_or_else(|| panic!("no {verb} in {all}"));
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `holds`; `said` is shown if it never does.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool, said: impl Fn() -> String) {
    let ends_at = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < ends_at, "not in time: {what}; {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process of this id runs.
pub(super) fn is_running(id: u32) -> bool {
    let id = id.to_string();
    processes().lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some(&*id) && !line.contains("<defunct>")
    })
}

/// Process, parent and command line of all that runs.
fn processes() -> String {
    let output = Command::new("ps").args(["-A", "-ww", "-o", "pid=,ppid=,args="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
