//! Webhooks: each operation by a server, what a server can do wrong, who is asked first, and what is
//! recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use git_fleet::api::binding::AggregatedStatusItem;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::report::Health;
use git_fleet::api::resource_interpreter_customization::Operation;
use git_fleet::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use git_fleet::customize::{Failure, Interpreter, Limits, Records, Rules, Scripts, Webhooks};
use git_fleet::interpret::NoAnswer;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::webhook_server::{Said, Server, configuration, for_host, patch, self_signed};
use super::{code, customization, game};

fn by(configurations: &[ResourceInterpreterWebhookConfiguration]) -> Interpreter {
    let mut interpreter = super::interpreter(Limits::default());
    interpreter.load(Arc::new(Webhooks::new(configurations).into()));
    interpreter
}

/// An interpreter that asks this server everything.
fn asking(server: &Server) -> Interpreter {
    by(&[server.configuration("games", &["*"])])
}

/// What a server that says this is told to have done wrong.
fn told(said: impl Fn(&Value) -> Said + Send + Sync + 'static) -> String {
    let server = Server::start(said);
    let answer = asking(&server).replicas(&game(json!({}), Value::Null));
    let failure = answer.unwrap_err();
    format!("{} {failure}", failure.code())
}

/// A server that plays games by the protocol.
fn games() -> Server {
    Server::start(|request| {
        let answer = |fields| Said::answer(request, fields);
        match request["operation"].as_str().unwrap() {
            "InterpretReplica" => answer(json!({
                "replicas": request["object"]["spec"]["players"],
                "replicaRequirements": {"resourceRequest": {"cpu": "2"}},
            })),
            "InterpretComponent" => answer(json!({
                "components": [{"name": "white", "replicas": 1}, {"name": "black", "replicas": 1}],
            })),
            "ReviseReplica" => answer(patch(&json!([
                {"op": "replace", "path": "/spec/players", "value": request["replicas"]},
            ]))),
            "Retain" => answer(patch(&json!([
                {"op": "add", "path": "/spec/board", "value": request["observedObject"]["spec"]["board"]},
            ]))),
            "AggregateStatus" => {
                let items = request["aggregatedStatus"].as_array().unwrap();
                let wins: i64 =
                    items.iter().map(|item| item["status"]["wins"].as_i64().unwrap()).sum();
                answer(patch(&json!([{"op": "add", "path": "/status", "value": {"wins": wins}}])))
            }
            "InterpretStatus" => {
                answer(json!({"rawStatus": {"wins": request["object"]["status"]["wins"]}}))
            }
            "InterpretHealth" => {
                answer(json!({"healthy": request["object"]["status"]["wins"] != 0}))
            }
            "InterpretDependency" => answer(json!({
                "dependencies": [
                    {"apiVersion": "v1", "kind": "Secret", "namespace": "play", "name": "rules"},
                    {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "play", "name": "clock"},
                ],
            })),
            other => panic!("{other} is no operation"),
        }
    })
}

fn items(wins: &[i64]) -> Vec<AggregatedStatusItem> {
    let item = |(n, wins): (usize, &i64)| json!({"clusterName": format!("m{n}"), "status": {"wins": wins}, "applied": true, "health": "Healthy"});
    let items: Vec<Value> = wins.iter().enumerate().map(item).collect();
    serde_json::from_value(json!(items)).unwrap()
}

#[test]
fn each_operation_is_answered_by_the_protocol() {
    let server = games();
    let interpreter = asking(&server);
    let template = game(json!({"players": 2}), Value::Null);
    let live = game(json!({"players": 2, "board": 7}), json!({"wins": 1, "moves": 40}));
    let now = Timestamp::UNIX_EPOCH;

    let replicas = interpreter.replicas(&template).unwrap().unwrap();
    assert_eq!(replicas.count, 2);
    assert_eq!(replicas.requirements.unwrap().resource_request["cpu"].to_string(), "2");
    let parts = interpreter.components(&template).unwrap().unwrap();
    assert_eq!(parts.iter().map(|part| &*part.name).collect::<Vec<_>>(), ["black", "white"]);
    let mut revised = template.clone();
    interpreter.revise_replicas(&mut revised, 5).unwrap();
    assert_eq!(revised, game(json!({"players": 5}), Value::Null));
    let mut retained = template.clone();
    interpreter.retain(&mut retained, &live).unwrap();
    assert_eq!(retained, game(json!({"players": 2, "board": 7}), Value::Null));
    let status = interpreter.aggregate(&template, &items(&[3, 4]), now).unwrap();
    assert_eq!(status, Some(json!({"wins": 7})));
    assert_eq!(interpreter.reflect(&live, now).unwrap(), Some(json!({"wins": 1})));
    assert_eq!(interpreter.health(&live, now).unwrap(), Health::Healthy);
    let dependencies = interpreter.dependencies(&template).unwrap();
    let names: Vec<_> = dependencies.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["clock", "rules"]);

    let mut requests = server.asked();
    for context in &mut requests {
        let uid = context["request"]["uid"].take();
        assert_eq!(uid.as_str().unwrap().len(), 36);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&requests).unwrap());
}

#[test]
fn a_wrong_answer_fails_the_question_and_says_why() {
    type Says = fn(&Value) -> Said;
    let answers: &[(&str, Says)] = &[
        ("another uid", |_| Said::response(json!({"uid": "x", "successful": true, "replicas": 1}))),
        ("no response", |_| Said::body(b"{}".to_vec())),
        ("garbage", |_| Said::body(b"<html>".to_vec())),
        ("nothing of what is asked", |request| Said::answer(request, json!({"healthy": true}))),
        ("fewer than none", |request| Said::answer(request, json!({"replicas": -1}))),
        ("no success", |request| {
            let status = json!({"code": 422, "message": "no such\ngame"});
            Said::answer(request, json!({"successful": false, "status": status}))
        }),
        ("no success, and no why", |request| Said::answer(request, json!({"successful": false}))),
        ("too much", |_| Said::body(vec![b' '; 3 << 20])),
        ("a redirect", |_| Said { status: "302 Found", ..Said::body(Vec::new()) }),
        ("a fault", |_| Said { status: "500 Oh", ..Said::body(Vec::new()) }),
        ("too late", |_| Said { after: Duration::from_secs(3), ..Said::body(Vec::new()) }),
    ];
    let told: Vec<String> =
        answers.iter().map(|(what, said)| format!("{what}: {}", told(*said))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_wrong_patch_leaves_the_object_as_it_was() {
    let patches = [
        ("type without patch", json!({"patchType": "JSONPatch"})),
        ("patch without type", json!({"patch": "W10="})),
        ("another type", json!({"patch": "e30=", "patchType": "MergePatch"})),
        ("no base64", json!({"patch": "!", "patchType": "JSONPatch"})),
        ("no patch", json!({"patch": "e30=", "patchType": "JSONPatch"})),
        ("no such field", patch(&json!([{"op": "remove", "path": "/spec/board"}]))),
        (
            "another name",
            patch(&json!([{"op": "replace", "path": "/metadata/name", "value": "go"}])),
        ),
        ("no object", patch(&json!([{"op": "replace", "path": "", "value": 1}]))),
    ];
    let mut told = Vec::new();
    for (what, fields) in patches {
        let server = Server::start(move |request| Said::answer(request, fields.clone()));
        let mut object = game(json!({"players": 2}), Value::Null);
        let failure = asking(&server).revise_replicas(&mut object, 3).unwrap_err();
        assert_eq!(object, game(json!({"players": 2}), Value::Null), "{what}");
        told.push(format!("{what}: {} {failure}", failure.code()));
    }
    insta::assert_snapshot!(told.join("\n"));

    // Neither of the two means that nothing is to change.
    let server = Server::start(|request| Said::answer(request, json!({})));
    let mut object = game(json!({"players": 2}), Value::Null);
    asking(&server).revise_replicas(&mut object, 3).unwrap();
    assert_eq!(object, game(json!({"players": 2}), Value::Null));
}

#[test]
fn only_who_is_trusted_is_asked() {
    let (server, other) = (games(), games());
    let template = game(json!({"players": 2}), Value::Null);
    let mut told = Vec::new();
    let by_address = server.url().replace("localhost", "127.0.0.1");
    for (what, url, bundle) in [
        ("another authority", server.url(), Some(&other.ca_bundle)),
        ("the operating system's authorities", server.url(), None),
        ("another host", by_address, Some(&server.ca_bundle)),
        ("no authority", server.url(), Some(&"LS0t".to_owned())),
    ] {
        let bundle = bundle.map(String::as_str);
        let failure = by(&[configuration("games", &url, bundle, &["*"])]).replicas(&template);
        let failure = failure.unwrap_err();
        told.push(format!("{what}: {} {failure}", failure.code()));
    }
    assert!(server.asked().is_empty());
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_server_s_own_certificate_may_be_the_bundle() {
    let answer = |request: &Value| Said::answer(request, json!({"replicas": 7}));
    let template = game(json!({}), Value::Null);
    let own = Server::with(self_signed(for_host("localhost")), answer);
    assert_eq!(asking(&own).replicas(&template).unwrap().unwrap().count, 7);

    let mut past = for_host("localhost");
    past.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut future = for_host("localhost");
    future.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let other = Server::start(answer);
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let plain_url = format!("https://localhost:{}/", plain.local_addr().unwrap().port());
    let away = std::thread::spawn(move || {
        use std::io::Write as _;
        plain.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let (past, future) = (self_signed(past), self_signed(future));
    let mut told = Vec::new();
    let mut refused = |what: &str, url: &str, bundle: &str| {
        let failure = by(&[configuration("games", url, Some(bundle), &["*"])]).replicas(&template);
        let failure = failure.unwrap_err();
        told.push(format!("{what}: {} {failure}", failure.code()));
    };
    refused("not in the bundle", &own.url(), &other.ca_bundle);
    for (what, certificates) in [
        ("expired", past),
        ("not yet valid", future),
        ("for another host", self_signed(for_host("games.example.com"))),
    ] {
        let server = Server::with(certificates, answer);
        refused(what, &server.url(), &server.ca_bundle);
        assert!(server.asked().is_empty(), "{what}");
    }
    // Another key with the same name and host.
    let server = Server::with(self_signed(for_host("localhost")), answer);
    refused("another of the same name", &server.url(), &own.ca_bundle);
    assert!(server.asked().is_empty());
    refused("no TLS", &plain_url, &own.ca_bundle);
    away.join().unwrap();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_question_without_an_answer_is_not_asked_again_at_once_and_costs_no_other_its_answer() {
    for status in ["503 Away", "429 Slowly"] {
        let server = Server::start(move |request| match &request["object"]["spec"]["players"] {
            Value::Number(n) if n.as_i64() < Some(4) => Said { status, ..Said::body(Vec::new()) },
            _ => Said::answer(request, json!({"replicas": 1, "healthy": true})),
        });
        let mut interpreter = asking(&server);
        let plan = |interpreter: &mut Interpreter| -> Vec<_> {
            interpreter.begin_plan();
            let of_one = |n| {
                let mut object = game(json!({"players": n}), Value::Null);
                object.0["metadata"]["name"] = json!(format!("game-{n}"));
                let replicas = interpreter.replicas(&object).map_err(NoAnswer::from);
                let health = interpreter.health(&object, Timestamp::UNIX_EPOCH);
                (replicas, health.map_err(NoAnswer::from))
            };
            (0..10).map(of_one).collect()
        };
        let first = plan(&mut interpreter);
        for (n, (replicas, health)) in first.iter().enumerate() {
            assert_eq!((replicas.is_ok(), health.is_ok()), (n >= 4, n >= 4), "{n}");
            for failure in [replicas.as_ref().err(), health.as_ref().err()].into_iter().flatten() {
                assert_eq!((failure.code, failure.is_passing), ("WEBHOOK_HTTP", true));
            }
        }
        assert_eq!(plan(&mut interpreter), first, "in the same words: they stand in results");
        assert_eq!(server.asked().len(), 20, "{status}");
        // What is written into its configuration counts at once.
        let changed = server.configuration("games", &["InterpretReplica"]);
        interpreter.load(Arc::new(Webhooks::new([&changed]).into()));
        plan(&mut interpreter);
        assert_eq!(server.asked().len(), 24, "{status}");
    }
}

#[test]
fn a_script_is_asked_before_a_webhook_and_a_webhook_before_what_is_bundled() {
    let server = Server::start(|request| match request["operation"].as_str() {
        Some("InterpretHealth") => Said::answer(request, json!({"healthy": false})),
        _ => Said::answer(request, json!({"replicas": 7})),
    });
    let mut deployment =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}});
    deployment["spec"] = json!({"replicas": 2});
    let deployment = Manifest::from_value(deployment).unwrap();
    let game = game(json!({}), Value::Null);
    let all = server.configuration("all", &["InterpretReplica", "InterpretHealth"]);

    let script = "function GetReplicas(o) return 3 end";
    let scripts = Scripts::new([&customization("games", Operation::InterpretReplica, script)]);
    let mut interpreter = super::interpreter(Limits::default());
    let webhooks = Webhooks::new([&all]);
    interpreter.load(Arc::new(Rules { scripts, webhooks }));
    let count = |object: &Manifest| interpreter.replicas(object).unwrap().unwrap().count;
    assert_eq!((count(&game), count(&deployment)), (3, 7));
    // One operation at a time.
    assert_eq!(interpreter.health(&game, Timestamp::UNIX_EPOCH).unwrap(), Health::Unhealthy);
    assert_eq!(interpreter.dependencies(&deployment).unwrap(), []);

    // A script that fails is not made up for by a webhook, and a webhook not by what is bundled.
    let script = "function GetReplicas(o) error('no') end";
    let scripts = Scripts::new([&customization("games", Operation::InterpretReplica, script)]);
    let away = configuration("all", "https://localhost:1/", None, &["InterpretReplica"]);
    interpreter.load(Arc::new(Rules { scripts, webhooks: Webhooks::new([&away]) }));
    assert_eq!(code(interpreter.replicas(&game)), "LUA_ERROR");
    assert_eq!(code(interpreter.replicas(&deployment)), "WEBHOOK_UNREACHABLE");
}

#[test]
fn of_several_webhooks_the_first_by_name_is_asked() {
    let first = Server::start(|request| Said::answer(request, json!({"replicas": 1})));
    let second = Server::start(|request| Said::answer(request, json!({"replicas": 2})));
    let template = game(json!({}), Value::Null);
    let interpreter = by(&[
        second.configuration("b", &["*"]),
        first.configuration("a", &["InterpretReplica", "Retain"]),
    ]);
    assert_eq!(interpreter.replicas(&template).unwrap().unwrap().count, 1);
    // Only one that has a rule for the operation counts.
    interpreter.components(&template).unwrap();
    assert_eq!((first.asked().len(), second.asked().len()), (1, 1));
}

fn files(interpreter: &mut Interpreter) -> Vec<(String, Vec<u8>)> {
    let files = interpreter.records().files();
    files.into_iter().map(|(path, file)| (path, file.bytes.clone())).collect()
}

fn read(files: &[(String, Vec<u8>)]) -> Records {
    Records::read(files.iter().map(|(path, bytes)| (&**path, &**bytes))).unwrap()
}

#[test]
fn a_plan_s_answers_are_recorded_and_serve_without_the_server() {
    let server = games();
    let configuration = server.configuration("games", &["*"]);
    let mut interpreter = by(std::slice::from_ref(&configuration));
    let template = game(json!({"players": 2}), Value::Null);
    let now = Timestamp::UNIX_EPOCH;
    let ask = |interpreter: &Interpreter| -> Result<Vec<Value>, Failure> {
        let revised = |count| {
            let mut object = template.clone();
            interpreter.revise_replicas(&mut object, count).map(|()| object.into_value())
        };
        Ok(vec![
            json!(interpreter.replicas(&template)?.unwrap().count),
            json!(interpreter.components(&template)?),
            revised(1)?,
            revised(4)?,
            json!(interpreter.aggregate(&template, &items(&[1, 2]), now)?),
            json!(interpreter.dependencies(&template)?),
        ])
    };
    let answers = ask(&interpreter).unwrap();
    assert_eq!(ask(&interpreter).unwrap(), answers);
    interpreter.health(&game(json!({}), json!({"wins": 0})), now).unwrap();
    // The status that was answered is no new question.
    let after = game(json!({"players": 2}), json!({"wins": 3}));
    assert_eq!(interpreter.aggregate(&after, &items(&[1, 2]), now).unwrap(), None);
    assert_eq!(server.asked().len(), 7, "the same question is asked once");
    let recorded = files(&mut interpreter);
    let [(path, bytes)] = &recorded[..] else { panic!("{recorded:?}") };
    assert_eq!(path, "answers/play/Game.example.com/chess.yaml");
    let normal = String::from_utf8(bytes.clone()).unwrap();
    insta::with_settings!({filters => vec![("question: [0-9a-f]{40}", "question: <id>")]}, {
        insta::assert_snapshot!(normal);
    });

    drop(server);
    let mut again = by(std::slice::from_ref(&configuration));
    again.replay(read(&recorded));
    assert_eq!(ask(&again).unwrap(), answers);
    assert_eq!(files(&mut again), recorded, "nothing is written anew");
    let other = game(json!({"players": 3}), Value::Null);
    assert_eq!(code(again.replicas(&other)), "WEBHOOK_UNRECORDED");
    assert_eq!(code(again.health(&template, now)), "WEBHOOK_UNRECORDED");
    assert_eq!(files(&mut again), recorded);
}

#[test]
fn a_newer_question_takes_the_place_of_an_older_one() {
    let server = games();
    let mut interpreter = asking(&server);
    let template = game(json!({"players": 2}), Value::Null);
    let now = Timestamp::UNIX_EPOCH;
    interpreter.replicas(&template).unwrap();
    interpreter.aggregate(&template, &items(&[1]), now).unwrap();
    let before = files(&mut interpreter)[0].1.clone();
    interpreter.aggregate(&template, &items(&[5]), now).unwrap();
    let after = files(&mut interpreter)[0].1.clone();
    let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count();
    assert_ne!(before, after);
    assert_eq!(lines(&before), lines(&after));
    // What nobody asks any more is forgotten.
    interpreter.records().retain(|_, operation, webhook| {
        assert_eq!(webhook, "games/games.example.com");
        operation == Operation::InterpretReplica
    });
    assert!(lines(&files(&mut interpreter)[0].1) < lines(&before));
    interpreter.records().retain(|_, _, _| false);
    assert_eq!(files(&mut interpreter), []);
}

/// Refuses games of two players.
fn refuses_two() -> Server {
    Server::start(|request| match request["object"]["spec"]["players"].as_i64() {
        Some(2) => Said::answer(
            request,
            json!({"successful": false, "status": {"code": 1, "message": "two"}}),
        ),
        _ => Said::answer(request, json!({"replicas": 1})),
    })
}

#[test]
fn a_refusal_is_recorded_and_lasts_until_its_rule_or_the_process_changes() {
    let server = refuses_two();
    let mut interpreter = asking(&server);
    let template = game(json!({"players": 2}), Value::Null);
    let failure = interpreter.replicas(&template).unwrap_err();
    assert!(!NoAnswer::from(failure.clone()).is_passing, "no plan is made for it alone");
    for _ in 0..3 {
        interpreter.begin_plan();
        assert_eq!(interpreter.replicas(&template).unwrap_err(), failure);
    }
    assert_eq!(server.asked().len(), 1);
    let recorded = files(&mut interpreter);
    let mut again = asking(&server);
    again.replay(read(&recorded));
    assert_eq!(again.replicas(&template).unwrap_err(), failure);
    assert_eq!(server.asked().len(), 1);

    let other = server.configuration("games", &["InterpretReplica"]);
    interpreter.load(Arc::new(Webhooks::new([&other]).into()));
    interpreter.replicas(&template).unwrap_err();
    assert_eq!(server.asked().len(), 2, "another rule");
    let mut restarted = asking(&server);
    restarted.recall(read(&recorded));
    restarted.replicas(&template).unwrap_err();
    assert_eq!(server.asked().len(), 3, "another process");
    assert_eq!(files(&mut restarted), recorded);
}

#[test]
fn a_plan_waits_for_a_webhook_no_longer_than_it_may() {
    let after = Duration::from_millis(300);
    let server = Server::start(move |request| Said {
        after,
        ..Said::answer(request, json!({"replicas": 1}))
    });
    let limits = Limits { plan_wait: Duration::from_millis(500), ..Limits::default() };
    let mut interpreter = super::interpreter(limits);
    let configuration = server.configuration("games", &["*"]);
    interpreter.load(Arc::new(Webhooks::new([&configuration]).into()));
    let ask = |interpreter: &Interpreter, n| {
        interpreter.replicas(&game(json!({"players": n}), Value::Null))
    };
    ask(&interpreter, 1).unwrap();
    ask(&interpreter, 2).unwrap();
    for n in 3..20 {
        let failure = ask(&interpreter, n).unwrap_err();
        assert_eq!(failure.code(), "WEBHOOK_BUDGET");
        assert!(NoAnswer::from(failure).is_passing);
    }
    assert_eq!(server.asked().len(), 2);
    interpreter.begin_plan();
    ask(&interpreter, 3).unwrap();
}

#[test]
fn a_server_that_is_late_for_everything_holds_up_a_plan_for_its_time_only() {
    let server =
        Server::start(|_| Said { after: Duration::from_secs(3), ..Said::body(Vec::new()) });
    let limits = Limits { plan_wait: Duration::from_secs(1), ..Limits::default() };
    let mut interpreter = super::interpreter(limits);
    let configuration = server.configuration("games", &["*"]);
    interpreter.load(Arc::new(Webhooks::new([&configuration]).into()));
    let start = Instant::now();
    let mut plan = || -> Vec<&'static str> {
        interpreter.begin_plan();
        let answer = |n| interpreter.replicas(&game(json!({"players": n}), Value::Null));
        (0..20).map(|n| answer(n).unwrap_err().code()).collect()
    };
    let (first, second) = (plan(), plan());
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let late = |codes: &[&str]| codes.iter().take_while(|code| **code == "WEBHOOK_TIMEOUT").count();
    assert_eq!((late(&first), late(&second)), (1, 2), "the second goes on where the first ended");
    assert!(second[2..].iter().all(|code| *code == "WEBHOOK_BUDGET"));
}

#[test]
fn all_forms_that_a_plan_asks_for_are_recorded_and_older_ones_go() {
    let server = games();
    let mut interpreter = asking(&server);
    let ask = |interpreter: &Interpreter, count| {
        let mut object = game(json!({"players": 2}), Value::Null);
        interpreter.revise_replicas(&mut object, count).unwrap();
    };
    let n_forms = |interpreter: &mut Interpreter| {
        let text = String::from_utf8(files(interpreter)[0].1.clone()).unwrap();
        text.matches("operation: ReviseReplica").count()
    };
    (0..600).for_each(|count| ask(&interpreter, count));
    assert_eq!(n_forms(&mut interpreter), 600);
    interpreter.begin_plan();
    assert_eq!(n_forms(&mut interpreter), 600, "a plan that decided on other templates");
    interpreter.begin_plan();
    (598..601).for_each(|count| ask(&interpreter, count));
    assert_eq!(server.asked().len(), 601, "two of them are known");
    assert_eq!(n_forms(&mut interpreter), 3);
}

#[test]
fn a_status_that_is_text_and_components_of_one_name_are_wrong_answers() {
    let server = Server::start(|request| match request["operation"].as_str() {
        Some("InterpretComponent") => {
            let part = json!({"name": "white", "replicas": 1});
            Said::answer(request, json!({"components": [part, part]}))
        }
        _ => Said::answer(
            request,
            patch(&json!([{"op": "add", "path": "/status", "value": "Ready"}])),
        ),
    });
    let (interpreter, object) = (asking(&server), game(json!({}), Value::Null));
    let failure = interpreter.components(&object).unwrap_err().to_string();
    assert!(failure.ends_with("two components have the name `white`"), "{failure}");
    let failure = interpreter.aggregate(&object, &items(&[1]), Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(failure.code(), "WEBHOOK_ANSWER");
    assert!(failure.to_string().ends_with("`patch` makes `status` no object"), "{failure}");
}

#[test]
fn what_stands_in_a_wrong_answer_is_not_told() {
    let parts = json!({"components": [{"name": "white", "replicas": "hunter2"}]});
    let wrong = Server::start(move |request| Said::answer(request, parts.clone()));
    let object = game(json!({}), Value::Null);
    let failure = asking(&wrong).components(&object).unwrap_err().to_string();
    assert!(failure.contains("has not the form that is asked for, line 1 column"), "{failure}");
    assert!(!failure.contains("hunter2"), "{failure}");

    let list =
        json!({"dependencies": [{"apiVersion": "v1", "kind": "Secret", "name": ["hunter2"]}]});
    let wrong = Server::start(move |request| Said::answer(request, list.clone()));
    let failure = asking(&wrong).dependencies(&object).unwrap_err().to_string();
    assert!(failure.ends_with("`[0].name` has not the form that is asked for"), "{failure}");
}

#[test]
fn of_a_secret_no_words_are_told_and_only_who_names_the_kind_is_asked() {
    let server = Server::start(|request| {
        let message = request["object"]["stringData"]["password"].clone();
        let status = json!({"code": 7, "message": message});
        Said::answer(request, json!({"successful": false, "status": status}))
    });
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "stringData": {"password": "hunter2"}});
    let secret = Manifest::from_value(secret).unwrap();
    let interpreter = asking(&server);
    assert_eq!(interpreter.replicas(&secret).unwrap(), None);
    assert_eq!(server.asked().len(), 0, "its rule is for `*`");

    let mut named = server.configuration("games", &["*"]);
    named.webhooks[0].rules[0].kinds = vec!["Secret".to_owned()];
    let mut interpreter = by(&[named]);
    let failure = interpreter.replicas(&secret).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "InterpretReplica of v1 Secret by the webhook `games/games.example.com`: it did not succeed: \
         its words are not told, for the object is a Secret (code 7)"
    );
    let recorded = String::from_utf8(files(&mut interpreter)[0].1.clone()).unwrap();
    assert!(recorded.contains("failure") && !recorded.contains("hunter2"), "{recorded}");
}

#[test]
fn records_that_somebody_wrote_are_told_by_their_path() {
    for (path, text) in [
        ("answers/chess.yaml", "answers: []"),
        ("answers/play/Game.example.com/chess.yaml", "answers: [{operation: Guess}]"),
        ("answers/play/Game.example.com/chess.yaml", "answers: [{"),
    ] {
        let error = Records::read([(path, text.as_bytes())]).unwrap_err();
        assert!(error.to_string().starts_with(path), "{error}");
    }
}
