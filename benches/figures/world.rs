//! A scratch fleet: a bare repository, a checkout to push from, and the processes that run it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// The program under measurement, built in release mode as this bench is.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_git-fleet");

/// A repository, its checkout and a credentials directory; removed when dropped.
pub(crate) struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// A fleet with these members, `(name, syncMode, kubeconfig)`, and no commit yet.
    pub(crate) fn new(members: &[(&str, &str, String)]) -> anyhow::Result<Self> {
        let world = Self { dir: tempfile::Builder::new().prefix("git-fleet-figures").tempdir()? };
        fs::create_dir(world.credentials())?;
        git(
            world.dir.path(),
            &["init", "--quiet", "--bare", "--initial-branch", "main", "fleet.git"],
        )?;
        git(world.dir.path(), &["init", "--quiet", "--initial-branch", "main", "checkout"])?;
        let remote = world.repository();
        git(&world.checkout(), &["remote", "add", "origin", remote.to_str().context("utf-8")?])?;
        for (name, mode, kubeconfig) in members {
            world.register(name, mode, kubeconfig)?;
        }
        Ok(world)
    }

    /// Puts a member's credentials in place and writes its registration.
    pub(crate) fn register(&self, name: &str, mode: &str, kubeconfig: &str) -> anyhow::Result<()> {
        fs::write(self.credentials().join(format!("{name}.yaml")), kubeconfig)?;
        self.write(
            &format!("clusters/{name}.yaml"),
            &format!("apiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster\nmetadata:\n  name: {name}\nspec:\n  syncMode: {mode}\n"),
        )
    }

    /// A file at the tip of a branch; `None` while there is none.
    pub(crate) fn file(&self, branch: &str, path: &str) -> anyhow::Result<Option<String>> {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.repository()).arg("show").arg(format!("{branch}:{path}"));
        let out = command.output()?;
        Ok(out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned()))
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.dir.path().join("fleet.git")
    }

    pub(crate) fn checkout(&self) -> PathBuf {
        self.dir.path().join("checkout")
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.dir.path().join("credentials")
    }

    pub(crate) fn write(&self, path: &str, content: &str) -> anyhow::Result<()> {
        let path = self.checkout().join(path);
        fs::create_dir_all(path.parent().context("a joined path has a parent")?)?;
        Ok(fs::write(path, content)?)
    }

    /// Commits all; the push is for the caller to time.
    pub(crate) fn commit(&self, message: &str) -> anyhow::Result<()> {
        git(&self.checkout(), &["add", "-A"])?;
        git(&self.checkout(), &["commit", "--quiet", "-m", message])
    }

    pub(crate) fn push(&self) -> anyhow::Result<()> {
        git(&self.checkout(), &["push", "--quiet", "origin", "HEAD:main"])
    }

    /// Starts the controller.
    pub(crate) fn controller(&self) -> anyhow::Result<Process> {
        let repository = self.repository();
        let credentials = self.credentials();
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--repo").arg(repository).arg("--credentials").arg(credentials);
        Process::start(command)
    }

    /// Starts the agent of one member, polling a remote URL.
    pub(crate) fn agent(&self, cluster: &str, poll: &str) -> anyhow::Result<Process> {
        let url = format!("file://{}", self.repository().display());
        let mut command = Command::new(PROGRAM);
        command.arg("agent").arg("--remote").arg(url).arg("--cluster").arg(cluster);
        command.arg("--credentials").arg(self.credentials()).arg("--poll").arg(poll);
        command.arg("--state-dir").arg(self.dir.path().join("state"));
        Process::start(command)
    }

    /// What the newest commit of a branch changed.
    pub(crate) fn last_change(&self, branch: &str) -> anyhow::Result<String> {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.repository()).args(["show", "--stat", "-p", branch]);
        let text = String::from_utf8_lossy(&command.output()?.stdout).into_owned();
        Ok(text.chars().take(3_000).collect())
    }

    /// Tip of each machine-owned branch.
    pub(crate) fn commits(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let out = Command::new("git")
            .arg("-C")
            .arg(self.repository())
            .args(["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/fleet"])
            .output()?;
        let text = String::from_utf8(out.stdout)?;
        Ok(text
            .lines()
            .filter_map(|l| l.split_once(' '))
            .map(|(a, b)| (a.into(), b.into()))
            .collect())
    }
}

/// A process of ours; killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let log = std::env::var_os("FIGURES_LOG").is_some();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(if log { Stdio::inherit() } else { Stdio::null() });
        Ok(Self(command.spawn()?))
    }

    /// Highest resident memory so far, in MiB.
    pub(crate) fn peak_rss_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 = line.context("VmHWM")?.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }
}

impl Process {
    /// Processor time used so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        Ok(self.cpu_ticks()? as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Processor time used so far, in the system's ticks.
    pub(crate) fn cpu_ticks(&self) -> anyhow::Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name in brackets may hold blanks: fields are counted from behind it.
        let fields: Vec<&str> =
            stat.rsplit(')').next().context("a bracket")?.split_whitespace().collect();
        Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs git without the user's own configuration.
pub(crate) fn git(dir: &Path, args: &[&str]) -> anyhow::Result<()> {
    let out = Command::new("git")
        .current_dir(dir)
        .args(["-c", "user.name=figures", "-c", "user.email=figures@example.com"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()?;
    ensure!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(())
}

/// Waits until `done` holds, or fails after `limit`.
pub(crate) async fn wait_for(
    what: &str,
    limit: Duration,
    mut done: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    while !done().await? {
        ensure!(start.elapsed() < limit, "no {what} within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(start.elapsed())
}
