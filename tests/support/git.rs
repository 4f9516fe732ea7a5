//! Real git for tests, deaf to the machine's configuration.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Environment of every git that a test runs.
const ENVIRONMENT: [(&str, &str); 9] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_AUTHOR_NAME", "Ada"),
    ("GIT_AUTHOR_EMAIL", "ada@example.com"),
    ("GIT_COMMITTER_NAME", "Ada"),
    ("GIT_COMMITTER_EMAIL", "ada@example.com"),
    ("GIT_AUTHOR_DATE", "1700000000 +0000"),
    ("GIT_COMMITTER_DATE", "1700000000 +0000"),
];

/// Runs git in `dir`; its output without the last newline.
pub(crate) fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = command(dir, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The command of [`git`], not run yet.
fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir).args(arguments).envs(ENVIRONMENT).env_remove("GIT_DIR");
    command
}

/// A new repository with a work tree and the branch `main`.
pub(crate) fn init(dir: &Path) -> PathBuf {
    git(dir.parent().unwrap(), &["init", "-q", "-b", "main", dir.to_str().unwrap()]);
    dir.to_owned()
}

/// A new bare repository.
pub(crate) fn init_bare(dir: &Path) -> PathBuf {
    git(dir.parent().unwrap(), &["init", "-q", "--bare", "-b", "main", dir.to_str().unwrap()]);
    dir.to_owned()
}

/// Writes `files` into the work tree and commits them; the commit's id.
pub(crate) fn commit(dir: &Path, files: &[(&str, &str)]) -> String {
    for (path, content) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", "change"]);
    git(dir, &["rev-parse", "HEAD"])
}

/// Writes an executable shell script.
pub(crate) fn script(path: &Path, text: &str) -> PathBuf {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}
