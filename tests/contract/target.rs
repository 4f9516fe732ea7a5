//! Plays a scenario against one API server and writes down the answers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::io::{AsyncBufRead, AsyncBufReadExt as _};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::normal;
use crate::script::{Action, Step, encode, plain};

/// How long one answer, or a state that a step waits for, may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Watch = std::pin::Pin<Box<dyn AsyncBufRead + Send>>;

/// An API server, a namespace on it, and what the scenario has kept so far.
pub(crate) struct Target {
    client: ::kube::Client,
    variables: BTreeMap<String, String>,
    watches: BTreeMap<String, Watch>,
}

impl Target {
    /// Makes the namespace that the scenario calls `$NS`.
    pub(crate) async fn new(client: ::kube::Client, namespace: &str) -> Target {
        let variables = BTreeMap::from([("NS".to_owned(), namespace.to_owned())]);
        let target = Target { client, variables, watches: BTreeMap::new() };
        let body = json!({"metadata": {"name": namespace}}).to_string();
        let (answer, _) =
            target.exchange("POST", "application/json", "/api/v1/namespaces", &[], body).await;
        assert_eq!(answer["code"], 201, "no namespace {namespace}: {answer}");
        target
    }

    /// Takes one step and returns the answer without what differs from run to run.
    pub(crate) async fn take(&mut self, step: &Step) -> Value {
        match &step.action {
            Action::Send { method, content_type, path } => {
                let started = Instant::now();
                loop {
                    let (answer, raw) = self
                        .exchange(
                            method,
                            content_type,
                            &self.fill(path),
                            &step.headers,
                            self.body(step),
                        )
                        .await;
                    if step
                        .until
                        .as_ref()
                        .is_none_or(|(pointer, value)| has(&raw, pointer, &self.fill(value)))
                    {
                        self.keep(step, &raw);
                        return answer;
                    }
                    assert!(
                        started.elapsed() < PATIENCE,
                        "{}: still waiting, last answer: {raw}",
                        step.title
                    );
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Action::Open { watch, path } => self.open(watch, &self.fill(path)).await,
            Action::Events { watch, count } => {
                let events = self.events(&step.title, watch, *count).await;
                self.keep(step, &events);
                normal::normalise(events)
            }
        }
    }

    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // The longest name first, so that `$rv` leaves `$rv2` alone.
        let mut names: Vec<&String> = self.variables.keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in names {
            text = text.replace(&format!("${name}"), &self.variables[name]);
        }
        text
    }

    fn body(&self, step: &Step) -> String {
        if step.body.is_empty() {
            return String::new();
        }
        let body = self.fill(&step.body);
        if let Some(raw) = body.strip_prefix("RAW ") {
            return raw.to_owned();
        }
        let body: Value =
            serde_saphyr::from_str(&body).unwrap_or_else(|e| panic!("{}: {e}", step.title));
        body.to_string()
    }

    fn keep(&mut self, step: &Step, raw: &Value) {
        for (name, pointer) in &step.keep {
            let value = raw
                .pointer(pointer)
                .unwrap_or_else(|| panic!("{}: no {pointer} in {raw}", step.title));
            self.variables.insert(name.clone(), plain(value));
        }
    }

    /// Sends a request; returns what is compared, and the body as it came.
    async fn exchange(
        &self,
        method: &str,
        content_type: &str,
        path: &str,
        headers: &[(String, String)],
        body: String,
    ) -> (Value, Value) {
        let mut request = http::Request::builder().method(method).uri(encode(path));
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !body.is_empty() && !typed {
            request = request.header("content-type", content_type);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(::kube::client::Body::from(body.into_bytes()))
            .expect("scenarios make valid requests");
        let response = tokio::time::timeout(PATIENCE, self.client.send(request))
            .await
            .unwrap_or_else(|_| panic!("{method} {path}: no answer in time"))
            .unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body arrives whole").to_bytes();
        let content_type = head
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let raw = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        let answer = json!({
            "code": head.status.as_u16(),
            "content-type": content_type,
            "body": normal::normalise(raw.clone()),
        });
        (answer, raw)
    }

    async fn open(&mut self, name: &str, path: &str) -> Value {
        let request = http::Request::get(encode(path))
            .body(Vec::new())
            .expect("scenarios make valid requests");
        match tokio::time::timeout(PATIENCE, self.client.request_stream(request)).await {
            Ok(Ok(stream)) => {
                self.watches.insert(name.to_owned(), Box::pin(stream));
                json!({"code": 200})
            }
            Ok(Err(::kube::Error::Api(status))) => {
                json!({"code": status.code, "reason": status.reason, "message": normal::text(&status.message)})
            }
            Ok(Err(e)) => panic!("{path}: {e}"),
            Err(late) => panic!("{path}: {late}"),
        }
    }

    /// The next events of an open watch; fewer when the server ends it.
    async fn events(&mut self, title: &str, name: &str, count: usize) -> Value {
        let watch = self
            .watches
            .get_mut(name)
            .unwrap_or_else(|| panic!("{title}: no watch {name} is open"));
        let mut events = Vec::new();
        while events.len() < count {
            let mut line = String::new();
            let read = tokio::time::timeout(PATIENCE, watch.read_line(&mut line)).await;
            match read {
                Ok(Ok(0)) => break,
                Ok(Ok(_)) => {
                    events.push(serde_json::from_str(&line).expect("an event is a line of JSON"));
                }
                Ok(Err(e)) => panic!("{title}: {e}"),
                Err(late) => panic!(
                    "{title}: {late}: {} of {count} events came: {}",
                    events.len(),
                    Value::Array(events)
                ),
            }
        }
        Value::Array(events)
    }
}

/// Whether the answer has the value; `absent` stands for nothing there, `present` for anything.
fn has(raw: &Value, pointer: &str, value: &str) -> bool {
    match (raw.pointer(pointer), value) {
        (None, wanted) => wanted == "absent",
        (Some(_), "present") => true,
        (Some(found), wanted) => plain(found) == wanted,
    }
}
