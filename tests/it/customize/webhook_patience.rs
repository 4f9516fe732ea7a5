//! How long a plan waits for a webhook, and what is told of what it was not asked.

use std::sync::Arc;
use std::time::Duration;

use git_fleet::api::manifest::Manifest;
use git_fleet::customize::{Interpreter, Limits, Records, Webhooks};
use serde_json::{Value, json};

use super::webhook_server::{Said, Server};
use super::{code, game};

fn named(name: &str) -> Manifest {
    let mut object = game(json!({}), Value::Null);
    object.0["metadata"]["name"] = json!(name);
    object
}

/// What is told goes into commits: a restart alone does not change it.
#[test]
fn a_failure_that_is_recorded_stays_what_is_told_while_there_is_no_time_to_ask() {
    let server = Server::start(|_| Said { status: "503 Away", ..Said::body(Vec::new()) });
    let asking = |plan_wait: Duration| -> Interpreter {
        let mut interpreter = super::interpreter(Limits { plan_wait, ..Limits::default() });
        let configuration = server.configuration("games", &["*"]);
        interpreter.load(Arc::new(Webhooks::new([&configuration]).into()));
        interpreter
    };
    let mut before = asking(Duration::from_secs(30));
    for name in ["a", "b"] {
        assert_eq!(code(before.replicas(&named(name))), "WEBHOOK_HTTP");
    }
    let files = before.records().files();
    let files = files.iter().map(|(path, file)| (&**path, file.bytes.as_slice()));
    let records = Records::read(files).unwrap();

    // One question is all that there is time for.
    let mut restarted = asking(Duration::from_nanos(1));
    restarted.recall(records);
    for (name, told) in [("a", "WEBHOOK_HTTP"), ("b", "WEBHOOK_HTTP"), ("c", "WEBHOOK_BUDGET")] {
        assert_eq!(code(restarted.replicas(&named(name))), told, "{name}");
    }
    assert_eq!(server.asked().len(), 3);
}
