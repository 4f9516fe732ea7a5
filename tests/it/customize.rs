//! Customizations: each operation by a script, and what hostile scripts can do (fail).

mod hostile;
mod operations;
mod service;
pub(crate) mod verb;
mod verb_files;
mod webhook_patience;
pub(crate) mod webhook_server;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use git_fleet::api::manifest::Manifest;
use git_fleet::api::resource_interpreter_customization::{
    Operation, ResourceInterpreterCustomization,
};
use git_fleet::customize::{Failure, Interpreter, Limits, Printed, Program, Scripts};
use serde_json::{Value, json};

/// Long enough for a busy machine, short enough to wait for.
pub(crate) const TIME: Duration = Duration::from_secs(1);

/// An interpreter whose worker is the program that is tested.
pub(crate) fn interpreter(limits: Limits) -> Interpreter {
    let path = env!("CARGO_BIN_EXE_git-fleet").into();
    Interpreter::new(Program { path, printed: Printed::Discarded }, limits)
}

/// A customization of `example.com/v1 Game`.
fn customization(
    name: &str,
    operation: Operation,
    script: &str,
) -> ResourceInterpreterCustomization {
    let target = json!({"apiVersion": "example.com/v1", "kind": "Game"});
    serde_json::from_value(json!({
        "apiVersion": "config.karmada.io/v1alpha1",
        "kind": "ResourceInterpreterCustomization",
        "metadata": {"name": name},
        "spec": {
            "target": target,
            "customizations": {operation.field(): {"luaScript": script}},
        },
    }))
    .unwrap()
}

/// An interpreter in which `script` answers one question about games.
fn with(operation: Operation, script: &str) -> Interpreter {
    let mut interpreter = interpreter(Limits { time: TIME, ..Limits::default() });
    load(&mut interpreter, operation, script);
    interpreter
}

fn load(interpreter: &mut Interpreter, operation: Operation, script: &str) {
    interpreter.load(Arc::new(Scripts::new([&customization("games", operation, script)]).into()));
}

/// A game with this `spec`, and this `status` unless it is null.
fn game(spec: Value, status: Value) -> Manifest {
    let metadata = json!({"name": "chess", "namespace": "play"});
    let mut game = json!({"apiVersion": "example.com/v1", "kind": "Game", "metadata": metadata});
    game["spec"] = spec;
    if !status.is_null() {
        game["status"] = status;
    }
    Manifest::from_value(game).unwrap()
}

fn code<T: std::fmt::Debug>(answer: Result<T, Failure>) -> &'static str {
    answer.unwrap_err().code()
}

#[test]
fn what_is_no_lua_is_told_by_its_line() {
    let text = "apiVersion: config.karmada.io/v1alpha1
kind: ResourceInterpreterCustomization
metadata: {name: games}
spec:
  target: {apiVersion: example.com/v1, kind: Game}
  customizations:
    replicaResource:
      luaScript: |
        function GetReplicas(obj)
          return obj.spec.players +
        end
    healthInterpretation: {luaScript: 'function InterpretHealth(o) return true'}
    statusReflection: {luaScript: 'function ReflectSatus(o) return {} end'}
    retention: {luaScript: 'function Retain(d) return d end error(\"early\")'}
    replicaRevision: {luaScript: 'while true do end'}
";
    let id = git_fleet::api::names::ObjectId::from_bytes([0; 20]);
    let file = git_fleet::fleet::parse_file("games.yaml", id, text.as_bytes());
    let (fleet, problems) = git_fleet::fleet::Fleet::assemble(id, &[Arc::new(file)]);
    assert!(problems.is_empty(), "{problems:?}");
    let interpreter = interpreter(Limits { time: TIME, ..Limits::default() });
    let problems = git_fleet::customize::check(&fleet, &interpreter);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"));
}
