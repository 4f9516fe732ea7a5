//! An object as indented text, in the manner of kubectl's describer for kinds that it does not know:
//! `creationTimestamp: …` becomes `Creation Timestamp:  …`, and what stands one below the other is
//! aligned.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::cli::fan_out::text::{at, plain, word};

/// Blanks for each level.
const INDENT: usize = 2;
/// Blanks behind the longest cell of a column.
const GAP: usize = 2;

/// Metadata that stands at the head of a block, or is book-keeping that nobody reads.
const HEAD: [&str; 5] = ["name", "namespace", "labels", "annotations", "managedFields"];

/// The annotation in which `kubectl apply` keeps the whole object: it says nothing new, and of a Secret it
/// holds the values.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Words that are written in capitals.
const CAPITALS: [&str; 13] =
    ["api", "cpu", "dns", "fs", "id", "io", "ip", "pid", "tls", "ttl", "uid", "uri", "url"];

/// Fields whose keys are people's own words and not names of fields.
const OWN_KEYS: [&str; 9] = [
    "annotations",
    "binaryData",
    "data",
    "labels",
    "matchLabels",
    "nodeSelector",
    "parameters",
    "selector",
    "stringData",
];

/// Lines that are being written. One with several cells is aligned with its neighbours that have them too.
#[derive(Debug, Default)]
pub(super) struct Block(Vec<Vec<String>>);

impl Block {
    /// Adds a line of cells; the first is indented.
    pub(super) fn line(&mut self, level: usize, cells: &[&str]) {
        let mut cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
        if let Some(first) = cells.first_mut() {
            first.insert_str(0, &" ".repeat(level * INDENT));
        }
        self.0.push(cells);
    }

    /// Adds an object of a cluster.
    pub(super) fn object(&mut self, cluster: &str, object: &Value) {
        let none = |text: &str| if text.is_empty() { "<none>" } else { text }.to_owned();
        self.line(0, &["Cluster:", cluster]);
        self.line(0, &["Name:", at(object, "/metadata/name")]);
        self.line(0, &["Namespace:", &none(at(object, "/metadata/namespace"))]);
        self.pairs("Labels:", &object["metadata"]["labels"], "=");
        self.pairs("Annotations:", &object["metadata"]["annotations"], ": ");
        self.line(0, &["API Version:", at(object, "/apiVersion")]);
        self.line(0, &["Kind:", at(object, "/kind")]);
        let Some(fields) = object.as_object() else { return };
        let is_secret = object["kind"] == "Secret" && object["apiVersion"] == "v1";
        for (name, value) in fields {
            match &**name {
                "apiVersion" | "kind" => {}
                "metadata" => {
                    let kept = value.as_object().into_iter().flatten();
                    let kept: Map<String, Value> = kept
                        .filter(|(name, _)| !HEAD.contains(&&***name))
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect();
                    self.field(0, name, &Value::Object(kept));
                }
                "data" | "stringData" if is_secret => self.sizes(name, value),
                _ => self.field(0, name, value),
            }
        }
    }

    /// Labels or annotations, one a line.
    fn pairs(&mut self, title: &str, pairs: &Value, between: &str) {
        let pairs = pairs.as_object().into_iter().flatten();
        let mut title = title;
        for (name, value) in pairs.filter(|(name, _)| *name != LAST_APPLIED) {
            self.line(0, &[title, &format!("{name}{between}{}", word(value))]);
            title = "";
        }
        if !title.is_empty() {
            self.line(0, &[title, "<none>"]);
        }
    }

    /// What a Secret holds, without the values.
    fn sizes(&mut self, name: &str, values: &Value) {
        self.line(0, &[&format!("{}:", title(name))]);
        for (key, value) in values.as_object().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            let n_bytes = match name {
                "data" => STANDARD.decode(text).map_or(text.len(), |bytes| bytes.len()),
                _ => text.len(),
            };
            self.line(1, &[&format!("{key}:"), &format!("{n_bytes} bytes")]);
        }
    }

    fn field(&mut self, level: usize, name: &str, value: &Value) {
        self.titled(level, &format!("{}:", title(name)), name, value);
    }

    /// A value below its title; `name` is that of the field.
    fn titled(&mut self, level: usize, title: &str, name: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                self.line(level, &[title]);
                // A selector of `spec` may be typed, with fields of its own.
                let is_typed =
                    ["matchLabels", "matchExpressions"].iter().any(|one| fields.contains_key(*one));
                let is_own = OWN_KEYS.contains(&name) && !is_typed;
                for (name, value) in fields {
                    if is_own {
                        self.titled(level + 1, &format!("{name}:"), "", value);
                    } else {
                        self.field(level + 1, name, value);
                    }
                }
            }
            Value::Array(items) => {
                self.line(level, &[title]);
                for item in items {
                    self.item(level + 1, item);
                }
            }
            Value::String(text) if text.contains('\n') => {
                self.line(level, &[title]);
                text.lines().for_each(|line| self.line(level + 1, &[line]));
            }
            other => self.line(level, &[title, &word(other)]),
        }
    }

    fn item(&mut self, level: usize, item: &Value) {
        match item {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| self.field(level, name, value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.item(level + 1, item)),
            other => self.line(level, &[&word(other)]),
        }
    }

    /// The text. A column is as wide as its widest cell in lines that follow each other and have a further
    /// one.
    pub(super) fn finish(self) -> String {
        let mut widths: Vec<Vec<usize>> = self.0.iter().map(|_| Vec::new()).collect();
        let n_columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        for column in 0..n_columns {
            let has = |line: &Vec<String>| line.len() > column + 1;
            let mut first = 0;
            for run in self.0.chunk_by(|one, next| has(one) == has(next)) {
                if run.first().is_some_and(has) {
                    let widest = run.iter().map(|line| line[column].chars().count()).max();
                    for widths in &mut widths[first..first + run.len()] {
                        widths.push(widest.unwrap_or(0) + GAP);
                    }
                }
                first += run.len();
            }
        }
        let mut text = String::new();
        for (line, widths) in self.0.iter().zip(&widths) {
            let mut shown = String::new();
            for (at, cell) in line.iter().enumerate() {
                let width = widths.get(at).copied().unwrap_or(0);
                write!(shown, "{cell:width$}").expect("a String takes any text");
            }
            text.push_str(shown.trim_end());
            text.push('\n');
        }
        text
    }
}

/// `Creation Timestamp` of `creationTimestamp`, `Pod IPs` of `podIPs`. A name that is no field's, such as a
/// key of a ConfigMap, stays as it is.
fn title(name: &str) -> String {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return name.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        // At the start of a capital run, or at its last letter if a word begins there: `podIPAddress`. The
        // `s` of a plural ends a run: `podIPs`.
        let is_plural =
            after == Some(&'s') && chars.get(at + 2).is_none_or(char::is_ascii_uppercase);
        let starts = before.is_none_or(|before| {
            c.is_ascii_uppercase()
                && (!before.is_ascii_uppercase()
                    || (!is_plural && after.is_some_and(char::is_ascii_lowercase)))
        });
        match words.last_mut() {
            Some(word) if !starts => word.push(*c),
            _ => words.push(c.to_string()),
        }
    }
    let titled = words.iter().map(|word| {
        let lower = word.to_ascii_lowercase();
        if CAPITALS.contains(&&*lower) {
            return lower.to_ascii_uppercase();
        }
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    titled.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_have_titles() {
        for (name, expected) in [
            ("creationTimestamp", "Creation Timestamp"),
            ("apiVersion", "API Version"),
            ("uid", "UID"),
            ("podIP", "Pod IP"),
            ("podIPs", "Pod IPs"),
            ("hostIPAddress", "Host IP Address"),
            ("caBundle", "Ca Bundle"),
            ("x", "X"),
            ("nginx.conf", "nginx.conf"),
            ("", ""),
        ] {
            assert_eq!(title(name), expected, "{name}");
        }
    }

    #[test]
    fn neighbours_are_aligned_and_a_title_parts_them() {
        let mut block = Block::default();
        let object = json!({"apiVersion": "example.com/v1", "kind": "CronTab",
            "metadata": {"name": "nightly", "labels": {"a": "1", "b": "2"}, "uid": "7"},
            "spec": {"cronSpec": "* * * * */5", "args": ["one", {"image": "i", "replicas": 3}]}});
        block.object("eu-1", &object);
        let expected = "\
Cluster:      eu-1
Name:         nightly
Namespace:    <none>
Labels:       a=1
              b=2
Annotations:  <none>
API Version:  example.com/v1
Kind:         CronTab
Metadata:
  UID:  7
Spec:
  Args:
    one
    Image:     i
    Replicas:  3
  Cron Spec:   * * * * */5
";
        assert_eq!(block.finish(), expected);
    }

    #[test]
    fn keys_of_people_stay_as_they_are() {
        let mut block = Block::default();
        let object = json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"},
            "data": {"nginxConf": "a\nb", "keyTwo": "c"},
            "spec": {"selector": {"matchLabels": {"appName": "web"}}, "template": {"selector": {"tierOf": "x"}}}});
        block.object("eu-1", &object);
        let text = block.finish();
        assert!(text.contains("Data:\n  keyTwo:  c\n  nginxConf:\n    a\n    b\n"), "{text}");
        assert!(text.contains("  Selector:\n    Match Labels:\n      appName:  web\n"), "{text}");
        assert!(text.contains("    Selector:\n      tierOf:  x\n"), "{text}");
    }

    #[test]
    fn values_of_a_secret_are_not_shown() {
        let mut block = Block::default();
        let applied = json!({LAST_APPLIED: "{\"data\":{\"password\":\"aHVudGVyMiE=\"}}"});
        let object = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "login", "annotations": applied}, "data": {"password": "aHVudGVyMiE="}});
        block.object("eu-1", &object);
        let text = block.finish();
        assert!(text.contains("Data:\n  password:  8 bytes\n"), "{text}");
        assert!(!text.contains("aHVudGVyMiE"), "{text}");
    }
}
