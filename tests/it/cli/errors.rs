//! Errors of verbs: each has a code and says what to do.

use std::process::Output;

use super::running::Running;
use super::{FLEET, TWO, World, hint, run};
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

/// A reader may have enough of what is printed, and a disk may be full: of any verb, in any format.
#[test]
fn the_other_end_of_the_output_may_be_closed_or_full() {
    let world = World::applied();
    commit(&world.path("fleet"), &[("fleet/all.yaml", &FLEET.replace("hello", "hi"))]);
    for verb in [
        &["plan"][..],
        &["plan", "-o", "json"],
        &["plan", "-o", "yaml"],
        &["plan", "-o", "markdown"],
        &["get", "bindings"],
        &["get", "bindings", "-o", "json"],
        &["explain", "cm/greeting"],
        &["explain", "cm/greeting", "-o", "json"],
        &["validate", "-o", "json"],
        &["schema", "Cluster"],
        &["version"],
    ] {
        let started = |stdout: std::process::Stdio| {
            std::process::Command::new(env!("CARGO_BIN_EXE_git-fleet"))
                .current_dir(world.path("fleet"))
                .args(verb)
                .stdout(stdout)
                .stderr(std::process::Stdio::piped())
                .output()
                .unwrap()
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = started(writer.into());
        let told = String::from_utf8_lossy(&closed.stderr);
        assert_eq!(closed.status.code(), Some(0), "{verb:?}: {told}");
        assert!(!told.contains("error"), "{verb:?}: {told}");
        // A device that only Linux has.
        if let Ok(full) = std::fs::File::options().write(true).open("/dev/full") {
            let full = started(full.into());
            assert_eq!(full.status.code(), Some(4), "{verb:?}: {full:?}");
            assert_eq!(code(&full), "DISK_FULL", "{verb:?}: {full:?}");
        }
    }
}

/// Whoever reads the log of a service as JSON reads nothing else.
#[test]
fn a_log_in_json_is_nothing_but_json() {
    let world = World::applied();
    let logged = |file: &str, verb: &[&str], until: &str, level: &str| {
        let verb = [verb, &["--log-format", "json", "--log-level", level]].concat();
        let mut running = Running::start(&world.path("fleet"), &world.path(file), &verb);
        running.wait(until, |log| log.contains(until));
        running.kill();
        let records: Vec<serde_json::Value> = running
            .errors()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect();
        records
    };
    let credentials = ["--credentials", "../credentials"];
    let run = [&["run"], credentials.as_slice()].concat();
    let agent = [&["agent", "--remote", ".", "--cluster", "one"], credentials.as_slice()].concat();
    let records = logged("run", &run, "running the fleet", "info");
    assert_eq!(records[0]["message"], "running the fleet");
    assert_eq!(records[0]["repository"], ".");
    let records = logged("agent", &agent, "running the agent", "info");
    assert_eq!(records[0]["cluster"], "one");
    // What ends them is a record, too.
    git(world.dir.path(), &["clone", "-q", "fleet", "clone"]);
    let clone = [run.as_slice(), &["--repo", "../clone"]].concat();
    let records = logged("clone", &clone, "REPO_CLONE", "warn");
    assert_eq!(records.last().unwrap()["code"], "REPO_CLONE");
    assert!(!records.last().unwrap()["hint"].as_str().unwrap().is_empty());
}

/// A cluster that is not waited for is named, with what is known of it.
#[test]
fn a_cluster_that_pulls_is_named_by_apply() {
    let world = World::of(FLEET);
    let both = format!("{}{TWO}", FLEET.replace("[one]", "[one, two]"));
    commit(&world.path("fleet"), &[("fleet/all.yaml", &both)]);
    let apply = || {
        let applied = world.run("fleet", &["apply", "--credentials", "../credentials"]);
        let told = String::from_utf8(applied.stderr).unwrap();
        assert_eq!(applied.status.code(), Some(0), "{told}");
        assert!(!told.contains("cluster one:"), "{told}");
        let line = told.lines().find(|line| line.starts_with("cluster two: its agent applies"));
        line.unwrap_or_else(|| panic!("two is not named in {told}")).to_owned()
    };
    let line = apply();
    assert!(line.ends_with("it has reported nothing yet"), "{line}");
    // The same simulated cluster serves as the second one.
    let credentials = world.path("credentials");
    std::fs::copy(credentials.join("one.yaml"), credentials.join("two.yaml")).unwrap();
    let agent = ["agent", "--remote", ".", "--cluster", "two", "--credentials", "../credentials"];
    let mut running = Running::start(&world.path("fleet"), &world.path("agent"), &agent);
    let get = || world.run("fleet", &["get", "work", "--cluster", "two"]);
    let applied = || String::from_utf8(get().stdout).unwrap();
    super::running::until("it is applied", || applied().contains("True"), applied);
    running.kill();
    let line = apply();
    assert!(line.ends_with("it has reported 1 of 1 objects as applied"), "{line}");
    let changed = both.replace("hello", "hi");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &changed)]);
    let line = apply();
    assert!(line.ends_with("it has reported 0 of 1 objects as applied"), "{line}");
}

/// A list shows what is in force; that something waits is said beside it.
#[test]
fn lists_say_that_the_newest_commit_waits() {
    let whole = format!(
        "{FLEET}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: web}}\n---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {{name: namespaces}}
spec:
  resourceSelectors: [{{apiVersion: v1, kind: Namespace, name: web}}]
"
    );
    let world = World::of(&whole);
    let fleet = world.path("fleet");
    let apply = ["apply", "--credentials", "../credentials"];
    let told = |list: &str| {
        let listed = world.run("fleet", &["get", list]);
        assert_eq!(listed.status.code(), Some(0), "{listed:?}");
        String::from_utf8(listed.stderr).unwrap()
    };
    for (source, exit, word) in [(FLEET, 4, "held"), ("kind: [", 3, "refused")] {
        for list in ["clusters", "bindings"] {
            assert_eq!(told(list), "", "{list}");
        }
        let id = commit(&fleet, &[("fleet/all.yaml", source)]);
        assert_eq!(world.code("fleet", &apply), exit);
        for list in ["clusters", "bindings"] {
            let told = told(list);
            let line = format!("of main is {word} and not in force; `git notes --ref fleet show ");
            assert!(told.contains(&id[..7]) && told.contains(&line), "{list}: {told}");
        }
        commit(&fleet, &[("fleet/all.yaml", &whole)]);
        assert_eq!(world.code("fleet", &apply), 0);
    }
}
