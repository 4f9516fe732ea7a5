//! Scenarios as text: requests one after the other, in files that read like what goes over the wire.
//!
//! ```text
//! # Lines before the first title are for the reader.
//! ### a config map is created
//! POST /api/v1/namespaces/$NS/configmaps
//! > rv = /metadata/resourceVersion
//!
//! metadata: {name: one}
//! ```
//!
//! A title, a request line, head lines, an empty line, a body in YAML (sent as JSON). Besides HTTP's own methods there are
//! `APPLY`, `MERGE`, `JSONPATCH` and `STRATEGIC` (a PATCH of that content type), `OPEN name PATH` (a watch that stays open)
//! and `EVENTS name COUNT` (the next events of an open watch). Head lines: `Header: value` adds a header;
//! `> name = /pointer` keeps a part of the answer, used as `$name` from then on; `@until /pointer = value` repeats the
//! request until the answer has that value. Query values are written plainly and encoded here.

use serde_json::Value;

/// One step of a scenario.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) title: String,
    pub(crate) action: Action,
    pub(crate) headers: Vec<(String, String)>,
    /// Variable name and JSON pointer.
    pub(crate) keep: Vec<(String, String)>,
    /// JSON pointer and the text of the value it is to have.
    pub(crate) until: Option<(String, String)>,
    /// Body as YAML text, before variables are filled in; empty when there is none.
    pub(crate) body: String,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    Send { method: &'static str, content_type: &'static str, path: String },
    Open { watch: String, path: String },
    Events { watch: String, count: usize },
}

const JSON: &str = "application/json";

const METHODS: &[(&str, &str, &str)] = &[
    ("GET", "GET", JSON),
    ("POST", "POST", JSON),
    ("PUT", "PUT", JSON),
    ("DELETE", "DELETE", JSON),
    ("APPLY", "PATCH", "application/apply-patch+yaml"),
    ("MERGE", "PATCH", "application/merge-patch+json"),
    ("JSONPATCH", "PATCH", "application/json-patch+json"),
    ("STRATEGIC", "PATCH", "application/strategic-merge-patch+json"),
];

/// Reads a scenario. Panics on what it does not understand: these files are ours.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    let text = format!("\n{text}");
    let mut blocks = text.split("\n### ");
    let before = blocks.next().unwrap_or_default();
    assert!(
        before.lines().all(|line| line.is_empty() || line.starts_with('#')),
        "text before the first title"
    );
    blocks.map(parse_step).collect()
}

fn parse_step(block: &str) -> Step {
    let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
    let mut lines = head.lines();
    let title = lines.next().expect("a block starts with its title").trim().to_owned();
    let request = lines.next().unwrap_or_else(|| panic!("{title}: no request"));
    let mut step = Step {
        action: parse_action(&title, request),
        title,
        headers: Vec::new(),
        keep: Vec::new(),
        until: None,
        body: body.trim().to_owned(),
    };
    for line in lines {
        if let Some(keep) = line.strip_prefix("> ") {
            step.keep.push(pair(keep, " = "));
        } else if let Some(until) = line.strip_prefix("@until ") {
            step.until = Some(pair(until, " = "));
        } else {
            step.headers.push(pair(line, ": "));
        }
    }
    step
}

fn parse_action(title: &str, request: &str) -> Action {
    let (word, rest) =
        request.split_once(' ').unwrap_or_else(|| panic!("{title}: `{request}` is no request"));
    if let Some((_, method, content_type)) = METHODS.iter().find(|(known, ..)| *known == word) {
        return Action::Send { method, content_type, path: rest.to_owned() };
    }
    let (watch, rest) = pair(rest, " ");
    match word {
        "OPEN" => Action::Open { watch, path: rest },
        "EVENTS" => Action::Events { watch, count: rest.parse().expect("a number of events") },
        _ => panic!("{title}: `{word}` is no method"),
    }
}

fn pair(text: &str, between: &str) -> (String, String) {
    let (left, right) =
        text.split_once(between).unwrap_or_else(|| panic!("`{text}` has no `{between}`"));
    (left.to_owned(), right.to_owned())
}

/// Percent-encodes the values of the query, which scenarios write plainly.
pub(crate) fn encode(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        encoded.append_pair(name, value);
    }
    format!("{path}?{}", encoded.finish())
}

/// The text that a value has in a `$name` or behind `@until`: strings without quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
