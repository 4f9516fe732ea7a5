//! `git fleet interpret` and `validate`, as a person runs them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::webhook_server::{Said, Server};

pub(crate) const GAMES: &str = "apiVersion: config.karmada.io/v1alpha1
kind: ResourceInterpreterCustomization
metadata: {name: games}
spec:
  target: {apiVersion: example.com/v1, kind: Game}
  customizations:
    replicaResource:
      luaScript: |
        function GetReplicas(obj)
          print('players', obj.spec.players)
          return obj.spec.players, {resourceRequest = {cpu = '1'}}
        end
    replicaRevision:
      luaScript: |
        function ReviseReplica(obj, replicas)
          obj.spec.players = replicas
          return obj
        end
    retention:
      luaScript: |
        function Retain(desired, observed)
          desired.spec.port = observed.spec.port
          return desired
        end
    statusReflection:
      luaScript: |
        function ReflectStatus(observed)
          return {players = observed.status.players}
        end
    statusAggregation:
      luaScript: |
        function AggregateStatus(obj, items)
          obj.status = {players = 0}
          for i = 1, #items do
            obj.status.players = obj.status.players + items[i].status.players
          end
          return obj
        end
    healthInterpretation:
      luaScript: |
        function InterpretHealth(observed)
          return observed.status.players > 0
        end
    dependencyInterpretation:
      luaScript: |
        function GetDependencies(obj)
          return {{apiVersion = 'v1', kind = 'ConfigMap', namespace = 'play', name = obj.spec.map}}
        end
    componentResource:
      luaScript: |
        function GetComponents(obj)
          return {{name = 'board', replicas = obj.spec.players}}
        end
";

const CHESS: &str = "apiVersion: example.com/v1
kind: Game
metadata: {name: chess, namespace: play}
spec: {players: 2, map: board, port: 7000}
status: {players: 1}
";

const STATUSES: &str = "clusterName: two
status: {players: 3}
---
clusterName: one
status: {players: 4}
health: Healthy
";

pub(super) fn run(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_git-fleet"))
        .current_dir(dir)
        .arg("interpret")
        .args(arguments)
        .output()
        .unwrap()
}

pub(super) fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("games.yaml", GAMES), ("chess.yaml", CHESS), ("status.yaml", STATUSES)] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn each_operation_prints_its_result() {
    let dir = folder();
    let desired = ["--desired-file", "chess.yaml"];
    let observed = ["--observed-file", "chess.yaml"];
    let both = [desired, observed].concat();
    let status = ["--desired-file", "chess.yaml", "--status-file", "status.yaml"];
    let revised = ["--desired-file", "chess.yaml", "--desired-replica", "9"];
    let mut told = String::new();
    for (operation, files) in [
        ("Retain", both.as_slice()),
        ("interpretreplica", &desired),
        ("InterpretComponent", &desired),
        ("ReviseReplica", &revised),
        ("InterpretStatus", &observed),
        ("AggregateStatus", &status),
        ("InterpretHealth", &observed),
        ("InterpretDependency", &desired),
    ] {
        let arguments = [&["-f", "games.yaml", "--operation", operation], files].concat();
        let output = run(dir.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{operation}: {output:?}");
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        writeln!(told, "## {operation}\n{err}{out}").unwrap();
    }
    insta::assert_snapshot!(told);

    let json = run(
        dir.path(),
        &[
            "-f",
            "games.yaml",
            "--operation",
            "InterpretHealth",
            "--observed-file",
            "chess.yaml",
            "-o",
            "json",
        ],
    );
    let health: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(health, serde_json::json!({"health": "Healthy"}));
}

#[test]
fn exit_codes_say_what_is_wrong() {
    let dir = folder();
    let broken = GAMES.replace("return obj.spec.players,", "return obj.spec..,");
    std::fs::write(dir.path().join("broken.yaml"), broken).unwrap();
    let misnamed = GAMES.replace("function ReflectStatus", "function ReflectTheStatus");
    std::fs::write(dir.path().join("misnamed.yaml"), misnamed).unwrap();
    let failing =
        GAMES.replace("observed.status.players > 0", "observed.status.nobody.players > 0");
    std::fs::write(dir.path().join("failing.yaml"), failing).unwrap();
    let health = ["--operation", "InterpretHealth", "--observed-file", "chess.yaml"];
    for (arguments, code, told) in [
        (vec!["-f", "games.yaml", "--check"], 0, "games: Retain of example.com/v1 Game: pass"),
        (vec!["-f", "broken.yaml", "--check"], 3, "broken.yaml:11: error[LUA_SYNTAX]"),
        (vec!["-f", "misnamed.yaml", "--check"], 3, "warning[LUA_FUNCTION]"),
        (
            [&["-f", "failing.yaml"], &health[..]].concat(),
            4,
            "error[LUA_ERROR]: InterpretHealth of example.com/v1 Game by the customization `games`: the script failed: script:2: attempt to index field 'nobody'",
        ),
        ([&["-f", "misnamed.yaml"], &health[..]].concat(), 0, "health: Healthy"),
        (
            vec!["-f", "chess.yaml", "--check"],
            4,
            "no ResourceInterpreterCustomization or ResourceInterpreterWebhookConfiguration in chess.yaml",
        ),
        (vec!["-f", "absent.yaml", "--check"], 4, "error[CONFIG_READ]: absent.yaml"),
        (
            vec!["-f", "games.yaml", "--operation", "Retain", "--desired-file", "chess.yaml"],
            2,
            "Retain needs --observed-file",
        ),
        (
            vec![
                "-f",
                "games.yaml",
                "--operation",
                "ReviseReplica",
                "--desired-file",
                "chess.yaml",
            ],
            2,
            "ReviseReplica needs --desired-replica",
        ),
        (vec!["-f", "games.yaml", "--operation", "Prune"], 2, "invalid value 'Prune'"),
        (vec!["-f", "games.yaml"], 2, "--operation"),
        (vec!["--check"], 2, "--filename"),
        // The native rules, for comparison.
        (health.to_vec(), 0, "health: Healthy"),
    ] {
        let output = run(dir.path(), &arguments);
        let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let all = String::from_utf8(all).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
        assert!(all.contains(told), "{arguments:?}: {all}");
        assert!(code != 4 || all.contains("hint: "), "{all}");
    }
}

#[test]
fn a_webhook_is_checked_and_asked() {
    let server = Server::start(|request| match request["operation"].as_str() {
        Some("InterpretHealth") => Said::answer(request, json!({"healthy": false})),
        _ => Said::response(json!({"uid": "another"})),
    });
    let dir = folder();
    let configuration = server.configuration("games", &["*"]);
    let text = serde_json::to_string(&configuration).unwrap();
    std::fs::write(dir.path().join("webhooks.json"), &text).unwrap();
    let service = text.replace(
        &format!("\"url\":\"{}\"", server.url()),
        "\"service\":{\"namespace\":\"a\",\"name\":\"b\"}",
    );
    std::fs::write(dir.path().join("service.json"), service).unwrap();
    let health = ["--operation", "InterpretHealth", "--observed-file", "chess.yaml"];
    let replicas = ["--operation", "InterpretReplica", "--desired-file", "chess.yaml"];
    let checked = format!("games/games.example.com: {}: pass", server.url());
    for (file, arguments, code, told) in [
        ("webhooks.json", ["--check"].as_slice(), 0, checked.as_str()),
        ("service.json", &["--check"], 3, "service.json:1:"),
        ("webhooks.json", &health, 0, "health: Unhealthy"),
        (
            "webhooks.json",
            &replicas,
            4,
            "error[WEBHOOK_ANSWER]: InterpretReplica of example.com/v1 Game by the webhook `games/games.example.com`",
        ),
        // A script is asked first.
        ("games.yaml", &[&["-f", "webhooks.json"], &health[..]].concat(), 0, "health: Healthy"),
    ] {
        let output = run(dir.path(), &[&["-f", file], arguments].concat());
        let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let all = String::from_utf8(all).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
        assert!(all.contains(told), "{arguments:?}: {all}");
    }
    assert_eq!(server.asked().len(), 2, "a check calls nobody");
}

#[test]
fn validation_looks_at_scripts() {
    let dir = folder();
    std::fs::write(
        dir.path().join("chess.yaml"),
        GAMES.replace("return obj.spec.players,", "return,"),
    )
    .unwrap();
    for (file, code) in [("games.yaml", 0), ("chess.yaml", 3)] {
        let output = Command::new(env!("CARGO_BIN_EXE_git-fleet"))
            .current_dir(dir.path())
            .args(["validate", file])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
}

#[test]
fn a_loop_on_the_command_line_ends() {
    let dir = folder();
    let looping = GAMES.replace("return observed.status.players > 0", "while true do end");
    std::fs::write(dir.path().join("looping.yaml"), looping).unwrap();
    let output = run(
        dir.path(),
        &[
            "-f",
            "looping.yaml",
            "--operation",
            "InterpretHealth",
            "--observed-file",
            "chess.yaml",
            "--timeout-ms",
            "100",
        ],
    );
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("error[LUA_LIMIT]") && told.contains("100 ms"), "{told}");
}
