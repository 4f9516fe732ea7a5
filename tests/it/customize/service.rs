//! The thread that executors ask: in which order, and what is told of Secrets.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::Either;
use futures::stream::FuturesUnordered;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::resource_interpreter_customization::{CustomizationTarget, Operation};
use git_fleet::customize::{Limits, Printed, Program, Rules, Script, Scripts, Service, Webhooks};
use serde_json::{Value, json};

use super::game;
use super::webhook_server::configuration;

fn service() -> Service {
    let path = env!("CARGO_BIN_EXE_git-fleet").into();
    Service::start(Program { path, printed: Printed::Discarded }, Limits::default()).unwrap()
}

fn rules(api_version: &str, kind: &str, scripts: &[(Operation, &str)]) -> Arc<Rules> {
    let target = CustomizationTarget { api_version: api_version.into(), kind: kind.into() };
    let mut all = Scripts::default();
    for (operation, text) in scripts {
        all.add(&target, *operation, Script::new("rule", text));
    }
    Arc::new(all.into())
}

#[tokio::test]
async fn an_apply_does_not_wait_behind_observations() {
    let service = service();
    let health = "function InterpretHealth(o) return true end";
    let retain = "function Retain(desired, live) return desired end";
    let rules = rules(
        "example.com/v1",
        "Game",
        &[(Operation::InterpretHealth, health), (Operation::Retain, retain)],
    );
    let see = |players: usize| {
        let (service, rules) = (service.clone(), Arc::clone(&rules));
        async move {
            let (health, _) =
                service.see(rules, game(json!({"players": players}), Value::Null)).await;
            health.unwrap();
        }
    };
    let mut observations: FuturesUnordered<_> = (0..200).map(see).collect();
    observations.next().await; // the worker runs, and all are asked
    let game = game(json!({}), Value::Null);
    let mut retained = Box::pin(service.retain(rules, game.clone(), game));
    let mut n_seen = 0;
    loop {
        let seen = Box::pin(observations.next());
        match futures::future::select(retained.as_mut(), seen).await {
            Either::Left((answer, _)) => break drop(answer.unwrap()),
            Either::Right(_) => n_seen += 1,
        }
    }
    assert!(n_seen < 10, "{n_seen} observations went first");
}

#[tokio::test]
async fn what_a_rule_says_of_a_secret_is_not_told() {
    let service = service();
    let rules = rules(
        "v1",
        "Secret",
        &[
            (Operation::InterpretHealth, "function InterpretHealth(o) error(o.data.token) end"),
            (Operation::InterpretStatus, "function ReflectStatus(o) error(o.data.token) end"),
            (Operation::Retain, "function Retain(d, o) error(o.data.token) end"),
        ],
    );
    let secret = Manifest::from_value(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "s"}, "data": {"token": "aHVudGVyMg=="}}))
    .unwrap();
    let (health, status) = service.see(Arc::clone(&rules), secret.clone()).await;
    let retained = service.retain(rules, secret.clone(), secret).await;
    for (operation, failure) in [
        ("InterpretHealth", health.unwrap_err()),
        ("InterpretStatus", status.unwrap_err()),
        ("Retain", retained.unwrap_err()),
    ] {
        let told = failure.to_string();
        assert!(!told.contains("aHVudGVyMg"), "{told}");
        for part in ["LUA_ERROR", operation, "`rule`"] {
            assert!(told.contains(part), "{told}");
        }
    }
}

#[test]
fn the_live_id_changes_with_rules_about_live_objects_only() {
    let id = |operations: &[&str]| {
        let configuration = configuration("games", "https://localhost/", None, operations);
        Rules::from(Webhooks::new([&configuration])).live_id()
    };
    let none = Rules::default().live_id();
    assert_eq!(id(&["AggregateStatus", "InterpretReplica"]), none);
    assert_ne!(id(&["Retain"]), none);
    assert_ne!(id(&["*"]), none);
    assert_eq!(id(&["Retain", "AggregateStatus"]), id(&["Retain"]));
    assert_ne!(id(&["Retain", "InterpretHealth"]), id(&["Retain"]));
}
