//! A fleet repository, a clone that people push from, and the programs that run the fleet.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::kube::Kube;
use crate::kube::leash::{Leashed, scratch_dir};

/// How long a fleet of two clusters may take to do what it was told. Real servers on a busy machine are slow.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// Two servers at a time are enough for the machine.
pub(crate) static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Everything of one scenario on disk.
pub(crate) struct World {
    dir: PathBuf,
    n_logs: usize,
}

impl World {
    /// An empty bare repository, a clone of it, and a kubeconfig for each server.
    pub(crate) fn new(kube: &Kube) -> World {
        let world = World::without_credentials(kube);
        for name in kube.names() {
            let path = world.credentials().join(format!("{name}.yaml"));
            std::fs::write(path, kube.server(name).kubeconfig()).expect("a fresh directory");
        }
        world
    }

    /// The same with a kubeconfig for each server that only a person has.
    pub(crate) fn without_credentials(kube: &Kube) -> World {
        let world = World { dir: scratch_dir("e2e"), n_logs: 0 };
        std::fs::create_dir(world.credentials()).expect("a fresh directory");
        for name in kube.names() {
            std::fs::write(world.admin(name), kube.server(name).kubeconfig())
                .expect("a fresh directory");
        }
        let repository = world.repository();
        let repository = repository.to_str().expect("temporary directories have plain names");
        Self::git_in(
            &world.dir,
            &["init", "--quiet", "--bare", "--initial-branch=main", repository],
        );
        Self::git_in(&world.dir, &["clone", "--quiet", repository, "clone"]);
        world
    }

    /// The bare repository.
    pub(crate) fn repository(&self) -> PathBuf {
        self.dir.join("fleet.git")
    }

    fn clone_dir(&self) -> PathBuf {
        self.dir.join("clone")
    }

    /// Kubeconfig of a server's administrator.
    pub(crate) fn admin(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.admin"))
    }

    /// Runs a verb in the clone, about the cluster `name` as its administrator; returns what it says when it succeeds.
    pub(crate) fn verb(&self, verb: &str, name: &str, more: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_git-fleet"));
        command.args([verb, name]).arg("--kubeconfig").arg(self.admin(name));
        command.arg("--credentials").arg(self.credentials()).args(more);
        command.current_dir(self.clone_dir());
        hermetic(&mut command, &self.dir);
        let output = command.output().expect("it was built");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{verb} {name}: {told}\n{}", self.logs());
        told
    }

    /// The credential that the controller has for a cluster.
    pub(crate) fn credential(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.credentials().join(format!("{name}.yaml"))).ok()
    }

    fn credentials(&self) -> PathBuf {
        self.dir.join("credentials")
    }

    /// Writes a file of the clone.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.clone_dir().join(path);
        std::fs::create_dir_all(path.parent().expect("it is inside the clone"))
            .expect("the clone is writable");
        std::fs::write(path, text).expect("the clone is writable");
    }

    /// Deletes a file of the clone.
    pub(crate) fn delete(&self, path: &str) {
        std::fs::remove_file(self.clone_dir().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    }

    /// Changes a file of the clone.
    pub(crate) fn edit(&self, path: &str, change: impl FnOnce(String) -> String) {
        let full = self.clone_dir().join(path);
        let text = std::fs::read_to_string(&full).unwrap_or_else(|e| panic!("{path}: {e}"));
        let changed = change(text.clone());
        assert_ne!(text, changed, "{path} is left as it was");
        std::fs::write(full, changed).expect("the clone is writable");
    }

    /// Runs git in the clone.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        Self::git_in(&self.clone_dir(), args)
    }

    /// Commits everything and pushes it; returns the commit's id.
    pub(crate) fn push(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// A file of a ref of the bare repository.
    pub(crate) fn read(&self, reference: &str, path: &str) -> Option<String> {
        let output = run_git(&self.repository(), &["show", &format!("{reference}:{path}")]);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Paths of all files of a ref of the bare repository; none when it does not exist.
    pub(crate) fn paths(&self, reference: &str) -> Vec<String> {
        let output = run_git(&self.repository(), &["ls-tree", "-r", "--name-only", reference]);
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// Tips of the branches that the engine writes.
    pub(crate) fn refs(&self) -> String {
        let format = "--format=%(refname) %(objectname)";
        Self::git_in(&self.repository(), &["for-each-ref", format, "refs/heads/fleet"])
    }

    /// The note that the controller left on a source commit.
    pub(crate) fn note(&self, commit: &str) -> Option<String> {
        let output = run_git(&self.repository(), &["notes", "--ref=fleet", "show", commit]);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts the controller. It is killed when the value is dropped.
    pub(crate) fn run(&mut self) -> Leashed {
        let repository = self.repository();
        self.start("controller", &[("run", None), ("--repo", Some(&repository))])
    }

    /// Starts the agent of one cluster.
    pub(crate) fn agent(&mut self, cluster: &str) -> Leashed {
        let repository = self.repository();
        self.start(
            cluster,
            &[
                ("agent", None),
                ("--remote", Some(&repository)),
                ("--cluster", Some(Path::new(cluster))),
            ],
        )
    }

    /// Runs a verb to its end, with the kubeconfigs of all servers. What stands behind `--` stays there.
    pub(crate) fn ask(&self, args: &[&str]) -> Output {
        let end = args.iter().position(|word| *word == "--").unwrap_or(args.len());
        let mut command = Command::new(env!("CARGO_BIN_EXE_git-fleet"));
        command.args(&args[..end]).arg("--credentials").arg(self.credentials()).args(&args[end..]);
        hermetic(&mut command, &self.dir);
        command.output().expect("the program was built")
    }

    fn start(&mut self, name: &str, args: &[(&str, Option<&Path>)]) -> Leashed {
        let mut command = Command::new(env!("CARGO_BIN_EXE_git-fleet"));
        for (word, value) in args {
            command.arg(word).args(value);
        }
        command.arg("--credentials").arg(self.credentials());
        hermetic(&mut command, &self.dir);
        self.n_logs += 1;
        Leashed::spawn(command, &self.dir.join(format!("{name}-{}.log", self.n_logs)))
    }

    /// The last lines that each program wrote, for a failure's message.
    pub(crate) fn logs(&self) -> String {
        let mut out = String::new();
        let mut names: Vec<PathBuf> = std::fs::read_dir(&self.dir)
            .expect("our own directory")
            .map(|entry| entry.expect("our own directory").path())
            .filter(|path| path.extension().is_some_and(|it| it == "log"))
            .collect();
        names.sort();
        for path in names {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].join("\n");
            out.push_str(&format_log(&path, &last));
        }
        out
    }

    fn git_in(dir: &Path, args: &[&str]) -> String {
        let output = run_git(dir, args);
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

fn format_log(path: &Path, last: &str) -> String {
    format!("--- {}\n{last}\n", path.file_name().unwrap_or_default().display())
}

fn run_git(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(args).current_dir(dir);
    hermetic(&mut command, dir);
    command.output().expect("there is a git")
}

/// Nobody's own configuration, identity or home takes part.
fn hermetic(command: &mut Command, home: &Path) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("GIT_") || name.starts_with("FLEET_"))
        {
            command.env_remove(name);
        }
    }
    command
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home.join(".cache"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Ada")
            .env(format!("GIT_{who}_EMAIL"), "ada@example.com");
    }
}

/// Waits until `look` finds nothing wrong; fails with what it last found, and with the programs' logs.
pub(crate) async fn until<F: Future<Output = Result<(), String>>>(
    world: &World,
    what: &str,
    look: impl FnMut() -> F,
) {
    within(PATIENCE, world, what, look).await;
}

/// The same for what takes no longer than this.
pub(crate) async fn within<F: Future<Output = Result<(), String>>>(
    patience: Duration,
    world: &World,
    what: &str,
    mut look: impl FnMut() -> F,
) {
    let started = Instant::now();
    loop {
        let Err(wrong) = look().await else { return };
        assert!(
            started.elapsed() < patience,
            "{what}: after {patience:?} still {wrong}\n{}",
            world.logs()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
