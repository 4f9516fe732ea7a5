//! The action's one step, `action/run`, as a runner of GitHub starts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use git_fleet::sim::{Host, MemberSpec};
use tempfile::TempDir;

use crate::store::git::{commit, git, init};

/// What one run of the step left behind.
struct Step {
    exit: i32,
    stdout: String,
    errors: String,
    outputs: String,
    summary: String,
}

/// Runs the step in `workspace` with these inputs.
fn step(workspace: &Path, inputs: &[(&str, &str)]) -> Step {
    let scratch = TempDir::new().unwrap();
    let file = |name: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, "").unwrap();
        path
    };
    let (outputs, summary) = (file("outputs"), file("summary"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("bash");
    command
        .arg(root.join("action/run"))
        .current_dir(workspace)
        .env("FLEET_ACTION_PATH", root)
        .env("GITHUB_OUTPUT", &outputs)
        .env("GITHUB_STEP_SUMMARY", &summary);
    for (name, value) in inputs {
        command.env(name, value);
    }
    let done = command.output().unwrap();
    Step {
        exit: done.status.code().unwrap(),
        stdout: String::from_utf8(done.stdout).unwrap(),
        errors: String::from_utf8(done.stderr).unwrap(),
        outputs: fs::read_to_string(outputs).unwrap(),
        summary: fs::read_to_string(summary).unwrap(),
    }
}

/// A program that says what a hostile repository could make git-fleet say.
fn stand_in(folder: &Path, problems: &str, exit: i32) -> PathBuf {
    let path = folder.join("stand-in");
    let script = format!("#!/bin/sh\ncat <<'END'\n{problems}\nEND\nexit {exit}\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Lines that the runner would take for commands: those outside of a `stop-commands` pair.
fn commands(stdout: &str) -> Vec<&str> {
    let (mut found, mut until) = (Vec::new(), None);
    for line in stdout.lines() {
        if let Some(end) = &until {
            if line == end {
                until = None;
            }
        } else if let Some(token) = line.strip_prefix("::stop-commands::") {
            until = Some(format!("::{token}::"));
        } else if line.starts_with("::") {
            found.push(line);
        }
    }
    found
}

#[test]
fn hostile_text_stays_text() {
    let workspace = TempDir::new().unwrap();
    let program = stand_in(
        workspace.path(),
        "apps/a,b:c%.yaml:3:7: error[OBJ_DUPLICATE]: twice %0A $(id) `id`\n  \
           hint: ::set-output name=x::y\n\
         warning[FLEET_EMPTY]: nothing\n  hint: add\n\
         ::error file=x::planted\n\
         ````",
        3,
    );
    let step = step(
        workspace.path(),
        &[("FLEET_COMMAND", "validate"), ("FLEET_BINARY", program.to_str().unwrap())],
    );
    assert_eq!(step.exit, 3);
    assert_eq!(
        commands(&step.stdout),
        [
            "::error title=OBJ_DUPLICATE,file=apps/a%2Cb%3Ac%25.yaml,line=3,col=7\
             ::twice %250A $(id) `id`%0Ahint: ::set-output name=x::y",
            "::warning title=FLEET_EMPTY::nothing%0Ahint: add",
        ]
    );
    assert_eq!(step.outputs, "exit-code=3\n");
    // The fence is longer than any run of backticks in the text.
    assert!(step.summary.contains("\n`````text\n"), "{}", step.summary);
}

#[test]
fn a_wrong_input_is_usage() {
    let workspace = TempDir::new().unwrap();
    for (inputs, words) in [
        (vec![("FLEET_COMMAND", "$(touch planted)")], "must be validate, plan or apply"),
        (vec![("FLEET_COMMAND", "apply")], "needs the input credentials"),
        (vec![("FLEET_COMMAND", "plan"), ("FLEET_BINARY", "/nowhere")], "names no program"),
    ] {
        let step = step(workspace.path(), &inputs);
        assert_eq!((step.exit, step.outputs.as_str()), (2, "exit-code=2\n"));
        assert!(step.stdout.contains(words), "{}", step.stdout);
    }
    assert_eq!(fs::read_dir(workspace.path()).unwrap().count(), 0, "nothing was executed");
}

#[test]
fn no_input_is_part_of_a_script() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let action = fs::read_to_string(root.join("action.yml")).unwrap();
    let scripts = action.lines().filter(|line| line.trim_start().starts_with("run:"));
    for script in scripts {
        assert!(!script.contains("${{"), "an expression inside a script is a program: {script}");
    }
    assert!(!action.contains("uses:"), "the action uses no actions of others");
}

/// A simulated cluster, and the directory with the credentials for it.
fn world() -> (TempDir, Host) {
    let dir = TempDir::new().unwrap();
    let host = Host::start(vec![MemberSpec::new("one")]).unwrap();
    let credentials = dir.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("one.yaml"), host.kubeconfig("one").unwrap()).unwrap();
    (dir, host)
}

/// In a workflow the repository is a shallow checkout; what `apply` does has to reach its origin.
#[test]
fn an_apply_goes_to_where_the_checkout_came_from() {
    let (dir, _host) = world();
    let credentials = dir.path().join("credentials");
    let fleet = init(&dir.path().join("fleet"));
    commit(&fleet, &[("all.yaml", crate::cli::FLEET)]);
    let url = format!("file://{}", fleet.display());
    let pushed = |text: &str| {
        let changed = crate::cli::FLEET.replace("hello", text);
        commit(&fleet, &[("all.yaml", &changed)]);
        let checkout = dir.path().join(text);
        git(dir.path(), &["clone", "-q", "--depth=1", &url, checkout.to_str().unwrap()]);
        let inputs = [
            ("FLEET_COMMAND", "apply"),
            ("FLEET_BINARY", env!("CARGO_BIN_EXE_git-fleet")),
            ("FLEET_CREDENTIALS", credentials.to_str().unwrap()),
            ("XDG_CACHE_HOME", dir.path().to_str().unwrap()),
        ];
        step(&checkout, &inputs)
    };
    let first = pushed("one");
    assert_eq!(first.exit, 0, "{}", first.stdout);
    assert!(first.summary.contains("nowhere"), "{}", first.summary);
    let second = pushed("two");
    assert_eq!(second.exit, 0, "{}", second.stdout);
    // It knows what runs, and says only what changes.
    assert!(!second.summary.contains("nowhere"), "{}", second.summary);
    assert!(second.outputs.contains("has-changes=true"), "{}", second.outputs);
    assert_eq!(git(&fleet, &["rev-list", "--count", "--grep=^place", "fleet/results"]), "1");
}

/// What runs is found whatever `fleet.yaml` calls the branches, and the checkout's past is left alone.
#[test]
fn a_plan_knows_what_runs_under_another_prefix() {
    let (dir, _host) = world();
    let credentials = dir.path().join("credentials");
    let fleet = init(&dir.path().join("fleet"));
    let settings = "apiVersion: git-fleet.io/v1alpha1
kind: FleetSettings
spec: {refs: {prefix: ops/k8s}}
";
    commit(&fleet, &[("all.yaml", crate::cli::FLEET), ("fleet.yaml", settings)]);
    let binary = env!("CARGO_BIN_EXE_git-fleet");
    let apply = ["apply", "--credentials", credentials.to_str().unwrap()];
    let applied = Command::new(binary).current_dir(&fleet).args(apply).output().unwrap();
    assert!(applied.status.success(), "{applied:?}");
    let changed = crate::cli::FLEET.replace("hello", "good day");
    commit(&fleet, &[("all.yaml", &changed)]);

    let path = fleet.display().to_string();
    let url = format!("file://{path}");
    for (name, options, origin) in [
        ("shallow", &["--depth=2", "--single-branch"][..], &url),
        ("whole", &[], &path),
        ("branch", &["--single-branch"], &path),
    ] {
        let checkout = dir.path().join(name);
        let target = checkout.to_str().unwrap();
        git(dir.path(), &[&["clone", "-q"], options, &[origin, target]].concat());
        let step = |commit: &str| {
            let inputs =
                [("FLEET_COMMAND", "plan"), ("FLEET_BINARY", binary), ("FLEET_COMMIT", commit)];
            step(&checkout, &inputs)
        };
        let planned = step("HEAD");
        assert_eq!(planned.exit, 0, "{name}: {}", planned.stdout);
        assert!(planned.outputs.contains("has-changes=true"), "{name}: {}", planned.stdout);
        assert!(!planned.summary.contains("nowhere"), "{name}: {}", planned.summary);
        assert!(!planned.stdout.contains("no results are known"), "{name}: {}", planned.stdout);
        assert!(!planned.errors.contains("fatal"), "{name}: {}", planned.errors);
        if name != "shallow" {
            assert_eq!(git(&checkout, &["rev-list", "--count", "HEAD"]), "2", "{name}");
            let before = step("HEAD~1");
            assert!(before.outputs.contains("has-changes=false"), "{name}: {}", before.stdout);
        }
    }
}
