//! The action's one step, `action/run`, as a runner of GitHub starts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What one run of the step left behind.
struct Step {
    exit: i32,
    stdout: String,
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
