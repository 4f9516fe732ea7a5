//! The program in `tests/judge`: what kstatus, `kubectl rollout status` and Argo CD say of an object.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

use super::assets::{cache_dir, go_version, hash};
use super::{required, say};

/// What the hash of a build covers.
const SOURCES: &[&str] = &["go.mod", "go.sum", "main.go"];

/// What one tool says of one object; empty where it has no opinion on the kind.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Verdict {
    /// Its one word.
    pub(crate) word: String,
    /// How it explains that.
    pub(crate) message: String,
}

/// What all tools say of one object.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Verdicts {
    pub(crate) kstatus: Verdict,
    pub(crate) rollout: Verdict,
    pub(crate) argo: Verdict,
}

/// The program, built.
#[derive(Debug)]
pub(crate) struct Judge(PathBuf);

/// Finds the program, or builds it. `None`, after one line on stderr, when that cannot be done here;
/// with `FLEET_REQUIRE_KUBE=1` that fails.
pub(crate) fn judge() -> Option<Judge> {
    match find() {
        Ok(judge) => Some(judge),
        Err(reason) => {
            assert!(!required(), "FLEET_REQUIRE_KUBE is set and there is no judge: {reason}");
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            say(&format!("{test} is left out: {reason}"));
            None
        }
    }
}

impl Judge {
    /// What the tools say of each object.
    pub(crate) fn judge(&self, objects: &[Value]) -> Vec<Verdicts> {
        let mut child = Command::new(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the built program starts");
        let input = serde_json::to_vec(objects).expect("objects are JSON");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(&input).expect("it reads all before it writes");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "the judge refuses to judge: {}", output.status);
        serde_json::from_slice(&output.stdout).expect("verdicts are JSON")
    }
}

fn find() -> Result<Judge, String> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge");
    let cache =
        cache_dir().ok_or("neither XDG_CACHE_HOME nor HOME says where to keep a built program")?;
    let program = cache.join(format!("judge-{}", hash(&module, SOURCES)?));
    if program.is_file() {
        return Ok(Judge(program)); // it got its name only when it was complete
    }
    let version = go_version()?;
    std::fs::create_dir_all(&cache)
        .map_err(|e| format!("{} cannot be made: {e}", cache.display()))?;
    let lock_path = cache.join("judge.lock");
    let lock = File::create(&lock_path)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|e| format!("{} cannot be locked: {e}", lock_path.display()))?;
    if !program.is_file() {
        build(&module, &cache, &program, &version)?;
    }
    drop(lock);
    Ok(Judge(program))
}

fn build(module: &Path, cache: &Path, program: &Path, version: &str) -> Result<(), String> {
    say(&format!(
        "building the judge of statuses with {version}, once: kstatus, kubectl's and Argo CD's code for it are \
         downloaded and compiled (up to 3 minutes of processor time)"
    ));
    let scratch = tempfile::tempdir_in(cache)
        .map_err(|e| format!("no room to build in {}: {e}", cache.display()))?;
    let built = scratch.path().join("judge");
    let started = Instant::now();
    // The flags are those of tests/support/kube/assets.rs, so that both builds share what Go compiled.
    let output = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
        .arg(&built)
        .arg(".")
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("`go build` does not start: {e}"))?;
    if !output.status.success() {
        let log = String::from_utf8_lossy(&output.stderr);
        let last = log.lines().last().unwrap_or("it said nothing");
        return Err(format!("`go build` in tests/judge failed ({}): {last}", output.status));
    }
    say(&format!("built the judge in {} s", started.elapsed().as_secs()));
    std::fs::rename(&built, program)
        .map_err(|e| format!("{} cannot be put in place: {e}", program.display()))
}
