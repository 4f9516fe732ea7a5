//! Runs the user's `git` program for what goes over a wire.
//!
//! Arguments are arrays and what is not ours stands behind `--`; no shell is involved. The user's
//! own configuration is in force (credential helpers, proxies, ssh), the variables that would
//! point git at another repository are not. Output is read as it comes: a process that says nothing
//! for too long is stopped.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::api::names::ObjectId;

use super::error::{GitError, says_disk_full};
use super::refs::RefName;

/// Oldest git that we run: `fetch --no-write-fetch-head` and all of our settings are in it.
const GIT_VERSION_MIN: (u32, u32) = (2, 30);

/// Names another `git` program than the first on PATH.
const PROGRAM_VARIABLE: &str = "GIT_FLEET_GIT";

/// Longest silence: with `--progress` a working transfer says something every second.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Longest run: a first fetch of a large fleet over a slow line.
const RUN_MAX: Duration = Duration::from_mins(15);

/// Most output that is kept; what comes after is read and dropped.
const OUTPUT_BYTES_MAX: usize = 16 << 20;

/// Longest text of a failure.
const TEXT_CHARS_MAX: usize = 600;

/// Variables that would point git at another repository, or make it write elsewhere.
const VARIABLES_REMOVED: [&str; 18] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_REPLACE_REF_BASE",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_QUARANTINE_PATH",
    "GIT_PUSH_OPTION_COUNT",
    "GIT_EXTERNAL_DIFF",
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
];

/// Settings of each run, over the user's own.
const SETTINGS: [&str; 14] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "protocol.file.allow=always",
    "transfer.bundleURI=false",
    "fetch.fsckObjects=true",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
    "advice.pushUpdateRejected=false",
];

/// ssh for a process that nobody watches: no questions, and a dead line is noticed.
const SSH_COMMAND: &str =
    "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=3";

/// The user's `git` program.
#[derive(Clone, Debug)]
pub(super) struct Git {
    program: OsString,
    ssh_command: Option<&'static str>,
    silence_max: Duration,
}

/// What a run said.
pub(super) struct Output {
    pub(super) is_success: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Git {
    /// The program with this name or path, when it is new enough.
    pub(super) fn at(program: &OsStr) -> Result<Self, GitError> {
        let mut git =
            Self { program: program.to_owned(), ssh_command: None, silence_max: SILENCE_MAX };
        let output = git.run_command("version of", "git", git.command(None, ["version"]))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found = text.trim().strip_prefix("git version ").unwrap_or(text.trim());
        let mut numbers = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if version < GIT_VERSION_MIN {
            let found = found.escape_debug().take(60).collect();
            return Err(GitError::TooOld { found });
        }
        let chosen = ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|v| std::env::var_os(v).is_some())
            || git2::Config::open_default().is_ok_and(|c| c.get_string("core.sshCommand").is_ok());
        git.ssh_command = (!chosen).then_some(SSH_COMMAND);
        Ok(git)
    }

    /// The same program with less patience.
    #[cfg(test)]
    pub(super) fn with_silence_max(mut self, silence_max: Duration) -> Self {
        self.silence_max = silence_max;
        self
    }

    /// Runs `git` in the repository at `dir`. `what` and `remote` are for the error.
    pub(super) fn run<I: AsRef<OsStr>>(
        &self,
        dir: &Path,
        what: &'static str,
        remote: &str,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<Output, GitError> {
        let output = self.run_command(what, remote, self.command(Some(dir), arguments))?;
        if !output.is_success && local_words(&output.stderr).any(|line| says_disk_full(&line)) {
            return Err(GitError::DiskFull { path: dir.to_owned() });
        }
        Ok(output)
    }

    fn command<I: AsRef<OsStr>>(
        &self,
        dir: Option<&Path>,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        let mut command = Command::new(&self.program);
        for variable in VARIABLES_REMOVED {
            command.env_remove(variable);
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "https:ssh:file");
        if let Some(ssh_command) = self.ssh_command {
            command.env("GIT_SSH_COMMAND", ssh_command);
        }
        if let Some(dir) = dir {
            command.arg("--git-dir").arg(dir);
            for setting in SETTINGS {
                command.args(["-c", setting]);
            }
        }
        command.args(arguments);
        // A group of its own: Ctrl-C in our terminal is ours to act upon.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }

    fn run_command(
        &self,
        what: &'static str,
        remote: &str,
        mut command: Command,
    ) -> Result<Output, GitError> {
        let program = || self.program.to_string_lossy().into_owned();
        let missing = |source| GitError::Missing { program: program(), source };
        let mut child = command.spawn().map_err(missing)?;
        let chunks = read_both(&mut child);
        let started = Instant::now();
        let mut output = Output { is_success: false, stdout: Vec::new(), stderr: Vec::new() };
        loop {
            let patience = self.silence_max.min(RUN_MAX.saturating_sub(started.elapsed()));
            match chunks.recv_timeout(patience) {
                Ok((stream, chunk)) => {
                    let kept = match stream {
                        Stream::Stdout => &mut output.stdout,
                        Stream::Stderr => &mut output.stderr,
                    };
                    if kept.len() < OUTPUT_BYTES_MAX {
                        kept.extend_from_slice(&chunk);
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    stop(&mut child);
                    let seconds = started.elapsed().as_secs();
                    return Err(GitError::Stalled { what, remote: remote.to_owned(), seconds });
                }
            }
        }
        output.is_success = child.wait().map_err(missing)?.success();
        Ok(output)
    }
}

impl Output {
    /// The words of a failed run: without progress, addresses' users and control characters.
    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines: Vec<String> = text
            .split(['\n', '\r'])
            .map(str::trim)
            .filter(|line| !line.is_empty() && !is_progress(line) && *line != OLD_SETTING)
            .map(without_users)
            .collect();
        let text = lines.join("; ");
        text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect()
    }
}

/// The refs that `git ls-remote` printed; those whose names are not ours to speak of are left out.
pub(super) fn listed(output: &Output) -> BTreeMap<RefName, ObjectId> {
    let text = String::from_utf8_lossy(&output.stdout);
    let parse = |line: &str| {
        let (id, name) = line.split_once('\t')?;
        Some((RefName::new(name).ok()?, id.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

/// What the program on this machine said, without what the server said.
fn local_words(stderr: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(stderr).into_owned();
    let lines: Vec<String> = text.split(['\n', '\r']).map(str::to_owned).collect();
    lines.into_iter().filter(|line| !line.starts_with("remote:"))
}

/// What git says of the setting of our clones by which libgit2 brings objects to the disk.
const OLD_SETTING: &str = "warning: core.fsyncObjectFiles is deprecated; use core.fsync instead";

fn is_progress(line: &str) -> bool {
    line.contains("% (") || line.starts_with("Enumerating objects:") || line.starts_with("Total ")
}

/// The line with the user part of each address taken out.
fn without_users(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        clean.push_str(before);
        let end = after.find(['/', ' ', '\'']).unwrap_or(after.len());
        let user_end = after[..end].rfind('@').map_or(0, |at| at + 1);
        clean.push_str(&after[user_end..end]);
        rest = &after[end..];
    }
    clean + rest
}

enum Stream {
    Stdout,
    Stderr,
}

/// Reads both outputs as they come; the channel closes when both ended.
fn read_both(child: &mut Child) -> mpsc::Receiver<(Stream, Vec<u8>)> {
    // Few: a reader that waits is a process that waits.
    let (sender, receiver) = mpsc::sync_channel(16);
    let stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take().expect("stderr is piped");
    let errors = sender.clone();
    std::thread::spawn(move || forward(stdout, &sender, || Stream::Stdout));
    std::thread::spawn(move || forward(stderr, &errors, || Stream::Stderr));
    receiver
}

fn forward(
    mut from: impl Read,
    to: &mpsc::SyncSender<(Stream, Vec<u8>)>,
    stream: impl Fn() -> Stream,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n_bytes) = from.read(&mut buffer) {
        if n_bytes == 0 || to.send((stream(), buffer[..n_bytes].to_vec())).is_err() {
            return;
        }
    }
}

/// Kills the program and, through its group, the transports that it started.
fn stop(child: &mut Child) {
    let group = format!("-{}", child.id());
    // Best effort: the program itself is killed below whatever becomes of its children.
    let _status = Command::new("kill")
        .args(["-KILL", "--", &group])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let _already_gone = child.kill();
    let _status = child.wait();
}

/// The program to use when nobody names one: the environment's choice, else the first on PATH.
pub(super) fn default_program() -> OsString {
    std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| "git".into())
}

/// The directory for the clone of `url` below `state_dir`.
pub(super) fn clone_dir(state_dir: &Path, url: &str) -> PathBuf {
    state_dir.join(format!("{}.git", url_digest(url)))
}

/// Stands for an address where its characters must not.
pub(super) fn url_digest(url: &str) -> ObjectId {
    use sha1::{Digest, Sha1};
    ObjectId::from_bytes(Sha1::digest(url.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_old_program_says_what_to_do() {
        let missing = Git::at(OsStr::new("/nonexistent/git")).unwrap_err();
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("git");
        std::fs::write(&old, "#!/bin/sh\necho git version 2.17.1\n").unwrap();
        make_executable(&old);
        let old = Git::at(old.as_os_str()).unwrap_err();
        insta::assert_snapshot!(
            [missing, old].map(|e| format!("{}: {e}\n  hint: {}", e.code(), e.hint())).join("\n"),
            @r"
        GIT_BINARY: failed to run the git program `/nonexistent/git`
          hint: install git 2.30 or newer and put it on PATH, or name it with GIT_FLEET_GIT
        GIT_BINARY: git 2.17.1 is too old: need 2.30 or newer
          hint: install git 2.30 or newer and put it on PATH, or name it with GIT_FLEET_GIT
        "
        );
    }

    #[test]
    fn a_silent_program_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("git");
        std::fs::write(
            &program,
            "#!/bin/sh\n[ $1 = version ] && echo git version 2.40.0 || sleep 600\n",
        )
        .unwrap();
        make_executable(&program);
        let git = Git::at(program.as_os_str()).unwrap().with_silence_max(Duration::from_millis(50));
        let stalled = git.run(dir.path(), "fetch from", "r", ["fetch"]);
        assert!(matches!(stalled, Err(GitError::Stalled { .. })));
    }

    #[test]
    fn failures_are_told_without_secrets_and_noise() {
        let output = Output {
            is_success: false,
            stdout: Vec::new(),
            stderr: b"warning: core.fsyncObjectFiles is deprecated; use core.fsync instead\nCounting objects:  50% (1/2)\rfatal: unable to access 'https://u:pw@host/x/': \x1b[31mno\n".to_vec(),
        };
        assert_eq!(output.text(), "fatal: unable to access 'https://host/x/': [31mno");
    }

    fn make_executable(path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}
