//! Errors of verbs: each has a code and says what to do.

use std::process::Output;

use super::{FLEET, World, hint, run};
use crate::store::git::{commit, init};

/// The code of the error that ended a verb.
fn code(refused: &Output) -> String {
    let told = String::from_utf8(refused.stderr.clone()).unwrap();
    let code = told.lines().find_map(|line| line.strip_prefix("error[")?.split_once("]: "));
    code.unwrap_or_else(|| panic!("no code in {told}")).0.to_owned()
}

#[test]
fn a_repository_without_a_commit_is_told_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = init(&dir.path().join("fleet"));
    let expected = [
        ("validate", "commit first, or name a branch"),
        ("plan", "commit first, or name a branch"),
        ("apply", "push a first commit to `main`"),
    ];
    for (verb, first_words) in expected {
        let mut arguments = vec![verb];
        if verb == "apply" {
            arguments.extend(["--credentials", "."]);
        }
        let refused = run(&fleet, &arguments);
        assert_eq!(refused.status.code(), Some(4), "{verb}");
        assert!(hint(&refused).starts_with(first_words), "{verb}: {refused:?}");
    }
}

#[test]
fn every_error_has_a_code_and_a_remedy() {
    let world = World::applied();
    std::fs::write(world.path("empty.yaml"), "# nothing\n").unwrap();
    std::fs::write(world.path("cut.yaml"), "kind: [").unwrap();
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
        ("CONFIG_READ", &health, &["../cut.yaml"]),
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
