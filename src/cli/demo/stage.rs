//! What the demonstration runs on: a repository, simulated members, the controller and the agent.

use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::cli::init;
use crate::cli::run::Leash;
use crate::daemon::Fault;
use crate::sim::{Host, MemberSpec};

/// Everything that runs. Processes are ended when it is dropped; the directory stays.
pub(super) struct Stage {
    dir: PathBuf,
    pub(super) host: Host,
    processes: RefCell<Vec<Process>>,
}

/// A verb that runs on.
struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// Lines of a log that are shown when its process has ended.
const LOG_LINES_MAX: usize = 10;

impl Stage {
    /// Builds the repository from the example fleet and starts the members; nothing is pushed yet.
    pub(super) fn build(dir: Option<&Path>, push: &[&str], pull: &str) -> anyhow::Result<Self> {
        let dir = match dir {
            Some(dir) => {
                if dir.exists() {
                    let text = format!("{} exists already", dir.display());
                    let hint = "name a directory that does not exist yet: it is made";
                    return Err(Fault::new("DIR_EXISTS", text, hint).into());
                }
                fs::create_dir_all(dir).map_err(|error| init::unwritable(dir, &error))?;
                dir.canonicalize()?
            }
            None => tempfile::Builder::new().prefix("git-fleet-demo-").tempdir()?.keep(),
        };
        let specs = push.iter().copied().chain([pull]).map(MemberSpec::new).collect();
        let host = Host::start(specs).map_err(|error| {
            let hint = "see the message: usually a port of this machine, or too many open files";
            Fault::new("DEMO_FAILED", "no simulated clusters can be started", hint).because(&error)
        })?;
        let stage = Self { host, dir, processes: RefCell::default() };
        fs::create_dir(stage.credentials())?;
        for name in push.iter().copied().chain([pull]) {
            let kubeconfig = stage.host.kubeconfig(name).context("the member was just started")?;
            fs::write(stage.credentials().join(format!("{name}.yaml")), kubeconfig)?;
        }
        Self::git(
            &stage.dir,
            &["init", "--quiet", "--template=", "--bare", "--initial-branch", "main", "fleet.git"],
        )?;
        Self::git(
            &stage.dir,
            &["init", "--quiet", "--template=", "--initial-branch", "main", "checkout"],
        )?;
        init::write(&stage.checkout(), init::EXAMPLE)?;
        let url = stage.repository();
        let url = url.to_str().context("the directory's name is not UTF-8")?;
        Self::git(&stage.checkout(), &["remote", "add", "origin", url])?;
        // What people have set up for their own commits does not belong into these.
        for (key, value) in [
            ("user.name", "Demo"),
            ("user.email", "demo@example.com"),
            ("commit.gpgSign", "false"),
            ("push.gpgSign", "false"),
        ] {
            Self::git(&stage.checkout(), &["config", key, value])?;
        }
        for dir in [stage.checkout(), stage.repository()] {
            Self::git(&dir, &["config", "core.hooksPath", "/dev/null"])?;
        }
        // So that `git push` and `git pull` need no arguments.
        for (key, value) in
            [("branch.main.remote", "origin"), ("branch.main.merge", "refs/heads/main")]
        {
            Self::git(&stage.checkout(), &["config", key, value])?;
        }
        // So that `git log` and `git fleet` in the checkout see what the engine wrote.
        let fetch = "+refs/notes/fleet:refs/notes/fleet";
        Self::git(&stage.checkout(), &["config", "--add", "remote.origin.fetch", fetch])?;
        Ok(stage)
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.dir.join("fleet.git")
    }

    pub(super) fn checkout(&self) -> PathBuf {
        self.dir.join("checkout")
    }

    pub(super) fn credentials(&self) -> PathBuf {
        self.dir.join("credentials")
    }

    /// Starts a verb of this very program; its log goes to a file beside the repository. It ends
    /// when this process does, even if that is killed: the pipe to it closes then.
    pub(super) fn start(&self, name: &str, args: &[&str]) -> anyhow::Result<()> {
        let log = self.dir.join(format!("{name}.log"));
        let program = std::env::current_exe().context("this program's own path is unknown")?;
        let child = Command::new(program)
            .args(["--log-level", "info"])
            .args(args)
            .arg(Leash::FLAG)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("the {name} cannot be started"))?;
        self.processes.borrow_mut().push(Process { name: name.to_owned(), child, log });
        Ok(())
    }

    /// Makes sure that all that was started runs. Of what has ended the last words are shown.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for Process { name, child, log } in &mut *self.processes.borrow_mut() {
            let Some(status) = child.try_wait()? else { continue };
            let text = fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let mut err = std::io::stderr().lock();
            for line in &lines[lines.len().saturating_sub(LOG_LINES_MAX)..] {
                writeln!(err, "{name}: {line}")?;
            }
            let text = format!("the {name} has ended by itself ({status})");
            let hint = format!("see its last words above; all of them are in {}", log.display());
            return Err(Fault::new("DEMO_FAILED", text, hint).into());
        }
        Ok(())
    }

    /// Runs git and returns what it printed.
    pub(super) fn git(dir: &Path, args: &[&str]) -> anyhow::Result<String> {
        init::git(dir, args)
    }

    /// Commits all of the checkout and pushes it.
    pub(super) fn push(&self, message: &str) -> anyhow::Result<()> {
        let checkout = self.checkout();
        Self::git(&checkout, &["add", "-A"])?;
        Self::git(&checkout, &["commit", "--quiet", "-m", message])?;
        Self::git(&checkout, &["push", "--quiet", "origin", "HEAD:main"])?;
        Ok(())
    }

    /// The directory of everything.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for process in self.processes.get_mut() {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}
