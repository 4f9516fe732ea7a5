//! Errors of verbs: each has a code and says what to do.

use std::process::Output;

use super::running::Running;
use super::{FLEET, World, hint, run};
use crate::store::git::{commit, git, init};

/// The code of the error that ended a verb.
fn code(refused: &Output) -> String {
    let told = String::from_utf8(refused.stderr.clone()).unwrap();
    let code = told.lines().find_map(|line| line.strip_prefix("error[")?.split_once("]: "));
    code.unwrap_or_else(|| panic!("no code in {told}")).0.to_owned()
}

#[test]
fn a_branch_without_a_commit_is_named_with_those_that_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = init(&dir.path().join("fleet"));
    let url = format!("file://{}", fleet.display());
    let verbs: [&[&str]; 6] = [
        &["validate"],
        &["plan"],
        &["apply", "--credentials", "."],
        &["apply", "--credentials", ".", "--repo", &url],
        &["get", "clusters", "--source-branch", "main"],
        &["plan", "--repo", &url],
    ];
    let told = |arguments: &[&str]| {
        let refused = run(&fleet, arguments);
        assert_eq!(refused.status.code(), Some(4), "{arguments:?}: {refused:?}");
        assert_eq!(code(&refused), "REF_MISSING", "{arguments:?}");
        let told = String::from_utf8(refused.stderr.clone()).unwrap();
        let first = told.lines().find(|line| line.starts_with("error[")).unwrap();
        (first.split_once("]: ").unwrap().1.to_owned(), hint(&refused))
    };
    for arguments in verbs {
        let (text, hint) = told(arguments);
        assert_eq!(text, "there is no branch `main`, nor any other: nothing is committed yet");
        assert!(hint.starts_with("make the first commit on `main` and push it"), "{hint}");
    }
    // The branch that is checked out has no commit still, others have, and two are the engine's.
    git(&fleet, &["checkout", "-q", "--orphan", "prod"]);
    commit(&fleet, &[("README.md", "")]);
    for branch in ["staging", "fleet/results", "fleet/work/one"] {
        git(&fleet, &["branch", branch]);
    }
    git(&fleet, &["checkout", "-q", "--orphan", "main"]);
    for arguments in &verbs[2..] {
        let (text, hint) = told(arguments);
        assert_eq!(text, "there is no branch `main`; there are prod, staging", "{arguments:?}");
        assert!(hint.contains("`spec.source.branch` in fleet.yaml, or --source-branch"), "{hint}");
    }
    let (text, _) = told(&["plan", "--commit", "nope"]);
    assert!(text.starts_with("there is no commit `nope`; there are fleet/results, "), "{text}");
}

/// A controller that waits for its source to be pushed says so, and does not go on saying it.
#[test]
fn a_missing_source_is_said_once() {
    let world = World::applied();
    let fleet = world.path("fleet");
    git(&fleet, &["checkout", "-q", "--orphan", "elsewhere"]);
    git(&fleet, &["branch", "-q", "-D", "main"]);
    let run = ["run", "--credentials", "../credentials", "--log-level", "debug"];
    let controller = Running::start(&fleet, &world.path("log"), &run);
    let is_tried = |log: &str| log.matches("Loaded(Failed)").count() >= 3;
    controller.wait("it is tried again", is_tried);
    let log = controller.errors();
    assert_eq!(log.matches("REF_MISSING").count(), 1, "{log}");
    assert!(log.contains("WARN") && !log.contains("last good state"), "{log}");
    assert!(log.contains("there is no branch `main`, nor any other"), "{log}");
    // Another failure is news.
    commit(&fleet, &[("README.md", "")]);
    controller.wait("that it changed is said", |log| log.contains("`main`, only `elsewhere`"));
}

#[test]
fn every_error_has_a_code_and_a_remedy() {
    let world = World::applied();
    std::fs::write(world.path("empty.yaml"), "# nothing\n").unwrap();
    let credentials = ["--credentials", "../credentials"];
    let health = ["interpret", "--operation", "InterpretHealth", "--observed-file"];
    for (expected, verb, more) in [
        ("DIR_EXISTS", ["demo", "--dir", "../credentials"].as_slice(), [].as_slice()),
        ("DIR_WRITE", &["demo", "--dir", "/dev/null/demo"], &[]),
        ("DIR_WRITE", &["init", "/dev/null/fleet"], &[]),
        ("CONFIG_READ", &["apply", "--credentials"], &["nope"]),
        ("CONFIG_READ", &["run", "--credentials"], &["../empty.yaml"]),
        ("CONFIG_READ", &["validate", "nope.yaml"], &[]),
        ("CONFIG_READ", &["interpret", "--check", "-f"], &["nope.yaml"]),
        ("CONFIG_READ", &["interpret", "--check", "-f"], &["../empty.yaml"]),
        ("CONFIG_READ", &health, &["nope.yaml"]),
        ("CONFIG_READ", &health, &["../empty.yaml"]),
        (
            "URL_SCHEME",
            &["agent", "--remote", ".", "--cluster", "one", "--status-remote", "x"],
            &credentials,
        ),
        ("REF_NAME", &["get", "clusters", "--source-branch", "a..b"], &[]),
        (
            "REF_NAME",
            &["agent", "--remote", ".", "--cluster", "one", "--refs-prefix", "a..b"],
            &credentials,
        ),
        ("CREDENTIALS_MISSING", &["agent", "--remote", ".", "--cluster", "two"], &credentials),
        ("NOT_FOUND", &["explain", "cm/greetin"], &[]),
        ("NOT_FOUND", &["explain", "cm/greeting", "--cluster", "on"], &[]),
    ] {
        let verb = [verb, more].concat();
        let refused = world.run("fleet", &verb);
        assert_eq!(refused.status.code(), Some(4), "{verb:?}: {refused:?}");
        assert_eq!(code(&refused), expected, "{verb:?}: {refused:?}");
        assert!(!hint(&refused).is_empty(), "{verb:?}");
    }
    assert!(
        hint(&world.run("fleet", &["explain", "cm/greetin"]))
            .starts_with("did you mean `greeting`?")
    );
    // Nothing is overwritten, and nothing half-written is left.
    let written = run(&world.path("fleet"), &["init", "."]);
    assert!(written.status.success(), "{written:?}");
    let again = run(&world.path("fleet"), &["init", "."]);
    assert_eq!((again.status.code(), &*code(&again)), (Some(4), "DIR_EXISTS"));
}

#[test]
fn a_pass_that_cannot_be_finished_says_so_with_a_code() {
    let world = World::applied();
    commit(&world.path("fleet"), &[("fleet/all.yaml", &FLEET.replace("hello", "hi"))]);
    let apply = ["apply", "--credentials", "../credentials", "--timeout", "1ms"];
    let ended = world.run("fleet", &apply);
    assert_eq!(ended.status.code(), Some(4));
    assert_eq!(code(&ended), "APPLY_UNFINISHED", "{ended:?}");
    assert_eq!(hint(&ended), "apply again");
}
