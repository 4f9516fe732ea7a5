//! Help as people ask for it: through git.

use std::process::Command;

use super::run;

/// Runs `git fleet …` with this program where git finds it.
fn git_fleet(arguments: &[&str]) -> (Option<i32>, String) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_git-fleet"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let output =
        Command::new("git").arg("fleet").args(arguments).env("PATH", path).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn help_is_there_by_every_name_that_git_lets_through() {
    let list = "explain     Tell why a template runs where it does";
    for arguments in [&["-h"][..], &["help"]] {
        let (code, told) = git_fleet(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {told}");
        assert!(told.contains(list), "{arguments:?}: {told}");
        assert!(told.contains("`git fleet --help` asks git for a manual page"), "{told}");
    }
    for arguments in [&["get", "--help"][..], &["get", "-h"], &["help", "get"]] {
        let (code, told) = git_fleet(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {told}");
        assert!(told.contains("Usage: git fleet get [OPTIONS] <WHAT> [NAME]"), "{told}");
    }
    let told = run(std::path::Path::new("."), &["--help"]).stdout;
    assert!(String::from_utf8(told).unwrap().contains(list));
}
