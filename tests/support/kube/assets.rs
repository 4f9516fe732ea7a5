//! The programs of Kubernetes: found, or built once for each version of their sources.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::{Controllers, say};

/// The parts that `tests/kube/kubernetes` can be, each a link to it in the directory of the built programs.
const PARTS: &[&str] =
    &["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "genkey"];

/// What the hash of a build covers; anything else in the module does not change the programs.
const SOURCES: &[&str] = &["go.mod", "go.sum", "kubernetes/main.go", "kwok/main.go"];

/// How often a build that goes on says so.
const PROGRESS_EVERY: Duration = Duration::from_secs(30);

/// A directory with the programs in it, each under its own name, as `KUBEBUILDER_ASSETS` has them.
#[derive(Clone, Debug)]
pub(crate) struct Assets(PathBuf);

impl Assets {
    /// Path of one program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn holds(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.program(name).is_file())
    }
}

/// Finds the programs, and builds them when this machine has not done so yet.
///
/// The error is one sentence for the person who wonders why a test was left out.
pub(crate) fn find(controllers: Controllers) -> Result<Assets, String> {
    let needed: &[&str] = match controllers {
        Controllers::None => &["etcd", "kube-apiserver", "kubectl"],
        Controllers::All => &[
            "etcd",
            "kube-apiserver",
            "kubectl",
            "kube-controller-manager",
            "kube-scheduler",
            "kwok",
        ],
    };
    if let Some(dir) = std::env::var_os("KUBEBUILDER_ASSETS") {
        // People set this for other projects too and have no kwok there: then ours are built after all.
        let assets = Assets(dir.into());
        if assets.holds(needed) {
            return Ok(assets);
        }
    }
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kube");
    let cache = cache_dir()
        .ok_or("neither XDG_CACHE_HOME nor HOME says where to keep a built Kubernetes")?;
    let dir = cache.join(format!("kube-{}", hash(&module, SOURCES)?));
    built(&module, &cache, &dir).map(|()| Assets(dir))
}

/// Where what was built once is kept.
pub(super) fn cache_dir() -> Option<PathBuf> {
    let not_empty =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    not_empty("XDG_CACHE_HOME")
        .or_else(|| not_empty("HOME").map(|home| home.join(".cache")))
        .map(|dir| dir.join("git-fleet"))
}

/// An id of the sources of a Go module.
pub(super) fn hash(module: &Path, sources: &[&str]) -> Result<String, String> {
    let mut all = Vec::new();
    for name in sources {
        let bytes = std::fs::read(module.join(name))
            .map_err(|e| format!("{} cannot be read: {e}", module.join(name).display()))?;
        all.extend_from_slice(format!("{name} {}\n", bytes.len()).as_bytes());
        all.extend_from_slice(&bytes);
    }
    let id = git2::Oid::hash_object(git2::ObjectType::Blob, &all).map_err(|e| e.to_string())?;
    Ok(id.to_string()[..12].to_owned())
}

/// Makes sure that `dir` holds the programs. Many tests and test binaries may ask at once: one builds, the others wait.
fn built(module: &Path, cache: &Path, dir: &Path) -> Result<(), String> {
    if dir.is_dir() {
        return Ok(()); // it got its name only when it was complete
    }
    let version = go_version()?;
    std::fs::create_dir_all(cache)
        .map_err(|e| format!("{} cannot be made: {e}", cache.display()))?;
    let lock_path = cache.join("kube.lock");
    let lock = File::create(&lock_path)
        .map_err(|e| format!("{} cannot be made: {e}", lock_path.display()))?;
    if lock.try_lock().is_err() {
        say("waiting for another process that builds Kubernetes");
        lock.lock().map_err(|e| format!("{} cannot be locked: {e}", lock_path.display()))?;
    }
    if dir.is_dir() {
        return Ok(()); // built by the one we waited for
    }
    let scratch = tempfile::tempdir_in(cache)
        .map_err(|e| format!("no room to build in {}: {e}", cache.display()))?;
    build(module, scratch.path(), &version)?;
    for part in PARTS {
        link(&scratch.path().join(part)).map_err(|e| format!("no link for {part}: {e}"))?;
    }
    std::fs::rename(scratch.path(), dir)
        .map_err(|e| format!("{} cannot be put in place: {e}", dir.display()))
}

#[cfg(unix)]
fn link(path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink("kubernetes", path)
}

#[cfg(not(unix))]
fn link(_path: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

pub(super) fn go_version() -> Result<String, String> {
    let output = Command::new("go").args(["env", "GOVERSION"]).stderr(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        _ => Err("what it needs of Kubernetes is built with `go`, and there is no `go` here (KUBEBUILDER_ASSETS names built servers)".into()),
    }
}

fn build(module: &Path, out: &Path, go_version: &str) -> Result<(), String> {
    let kubernetes = kubernetes_version(module)?;
    let minor = kubernetes.split('.').nth(1).unwrap_or_default().to_owned();
    // Without a version linked in, every client that asks the server for one is refused its answer.
    let version = "-X k8s.io/component-base/version";
    let flags = format!(
        "-s -w {version}.gitVersion={kubernetes} {version}.gitMajor=1 {version}.gitMinor={minor}"
    );
    say(&format!(
        "building Kubernetes {kubernetes} and kwok with {go_version}, once: all of their Go sources are downloaded (0.8 GB) \
         and compiled (11 minutes of processor time), so that tests run against the real thing"
    ));
    let log_path = out.join("build.log");
    let log = File::create(&log_path)
        .map_err(|e| format!("{} cannot be made: {e}", log_path.display()))?;
    let mut go = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(out)
        .args(["./kubernetes", "./kwok"])
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|e| format!("`go build` does not start: {e}"))?;

    let started = Instant::now();
    let (done, waiting) = channel::<()>();
    let progress = std::thread::spawn(move || {
        while waiting.recv_timeout(PROGRESS_EVERY) == Err(RecvTimeoutError::Timeout) {
            say(&format!("still building Kubernetes, {} s so far", started.elapsed().as_secs()));
        }
    });
    let status = go.wait().map_err(|e| format!("`go build` was lost: {e}"));
    drop(done);
    progress.join().expect("the progress thread only prints");
    let status = status?;
    if status.success() {
        say(&format!("built Kubernetes in {} s", started.elapsed().as_secs()));
        return Ok(());
    }
    let log = std::fs::read_to_string(&log_path).unwrap_or_default();
    let last = log.lines().last().unwrap_or("it said nothing");
    Err(format!("`go build` in tests/kube failed ({status}): {last}"))
}

/// Reads the version from `go.mod`, the one place that names it.
fn kubernetes_version(module: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(module.join("go.mod"))
        .map_err(|e| format!("tests/kube/go.mod: {e}"))?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .map(str::to_owned)
        .ok_or_else(|| "tests/kube/go.mod does not name a version of k8s.io/kubernetes".into())
}
