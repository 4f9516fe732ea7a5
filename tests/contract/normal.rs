//! Takes out of an answer what differs between two runs against one and the same server.

use serde_json::Value;

/// Replaces ids, times, versions, tokens and addresses by words for them, everywhere in `value`.
pub(crate) fn normalise(mut value: Value) -> Value {
    walk("", &mut value);
    value
}

fn walk(key: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let (Some(Value::String(stem)), Some(Value::String(name))) =
                (map.get("generateName"), map.get("name"))
                && name.len() == stem.len() + 5
                && name.starts_with(stem.as_str())
            {
                let name = Value::String(format!("{stem}<five letters>"));
                map.insert("name".into(), name);
            }
            for (key, value) in map {
                walk(key, value);
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                walk(key, item);
            }
            if key == "verbs" {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str())); // a set
            }
        }
        Value::String(text) if !text.is_empty() => {
            *text = match key {
                "resourceVersion" => "<version>".to_owned(),
                "continue" => "<token>".to_owned(),
                "time" | "creationTimestamp" | "deletionTimestamp" | "lastTransitionTime"
                | "lastUpdateTime" => "<time>".to_owned(),
                "clusterIP" | "clusterIPs" | "cells" if text.starts_with("10.") => {
                    "<address>".to_owned()
                }
                "cells" if is_age(text) => "<age>".to_owned(),
                _ => self::text(text),
            };
        }
        Value::Number(_) if key == "nodePort" => *value = Value::String("<port>".to_owned()),
        _ => {}
    }
}

/// The same for a sentence: object ids and numbers in parentheses (versions).
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.get(..36).is_some_and(is_uid) {
            out.push_str("<uid>");
            rest = &rest[36..];
        } else if let Some(len) = number_in_parentheses(rest) {
            out.push_str("(<version>)");
            rest = &rest[len..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn is_uid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    })
}

fn number_in_parentheses(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('(')?;
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0 && inner[digits..].starts_with(')')).then_some(digits + 2)
}

/// `0s`, `12s`, `3m4s`: an age in a table.
fn is_age(text: &str) -> bool {
    text == "<unknown>"
        || text == "<invalid>"
        || (text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || "smhd".contains(c))
            && text.ends_with(['s', 'm', 'h', 'd']))
}
