//! What the demonstration runs on: a repository, simulated members, the controller and the agent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::cli::init;
use crate::daemon::Fault;
use crate::sim::{Host, MemberSpec};

/// Everything that runs. Processes are ended when it is dropped; the directory stays.
pub(super) struct Stage {
    dir: PathBuf,
    pub(super) host: Host,
    processes: Vec<Child>,
}

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
        let stage = Self { host, dir, processes: Vec::new() };
        fs::create_dir(stage.credentials())?;
        for name in push.iter().copied().chain([pull]) {
            let kubeconfig = stage.host.kubeconfig(name).context("the member was just started")?;
            fs::write(stage.credentials().join(format!("{name}.yaml")), kubeconfig)?;
        }
        Self::git(
            &stage.dir,
            &["init", "--quiet", "--bare", "--initial-branch", "main", "fleet.git"],
        )?;
        Self::git(&stage.dir, &["init", "--quiet", "--initial-branch", "main", "checkout"])?;
        init::write(&stage.checkout(), init::EXAMPLE)?;
        let url = stage.repository();
        let url = url.to_str().context("the directory's name is not UTF-8")?;
        Self::git(&stage.checkout(), &["remote", "add", "origin", url])?;
        for (key, value) in [("user.name", "Demo"), ("user.email", "demo@example.com")] {
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

    /// Starts a verb of this very program; its log goes to a file beside the repository.
    pub(super) fn start(&mut self, name: &str, args: &[&str]) -> anyhow::Result<()> {
        let log = fs::File::create(self.dir.join(format!("{name}.log")))?;
        let program = std::env::current_exe().context("this program's own path is unknown")?;
        let child = Command::new(program)
            .args(["--log-level", "info"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("the {name} cannot be started"))?;
        self.processes.push(child);
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
        for child in &mut self.processes {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
