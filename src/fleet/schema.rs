//! Says how an object of our own kinds differs from the schema of its type, field by field.
//!
//! A type's own deserializer stops at the first field that it cannot read. This goes on, and says for
//! each field what was expected and how to write it. It looks only at what a type has refused already:
//! types are more lenient than their schemas in places (old names of enumerated words).

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::api::manifest::Manifest;
use crate::api::names::ClusterName;
use crate::api::period::Period;
use crate::api::pointer::unescape;
use crate::api::quantity::Quantity;

use super::names::did_you_mean;
use super::positions::escape;
use super::report::{cut, shown};

/// What differs from the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// RFC 6901 pointer of the field.
    pub(super) pointer: String,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Everything in which `manifest` differs from `schema`, except fields that the schema does not have.
/// `metadata` is left to the checks that all objects have.
pub(super) fn compare(schema: &Value, manifest: &Manifest) -> Vec<Difference> {
    let mut walk = Walk { differences: Vec::new() };
    walk.map(schema, &manifest.0, "");
    walk.differences
}

struct Walk {
    differences: Vec<Difference>,
}

impl Walk {
    fn value(&mut self, schema: &Value, value: &Value, pointer: &str) {
        if keyword(schema, "format") == Some("quantity") {
            return self.quantity(value, pointer);
        }
        if let Some(words) = words(schema) {
            return self.word(&words, value, pointer);
        }
        if let Some(variant) = schema
            .get("anyOf")
            .and_then(Value::as_array)
            .and_then(|all| all.iter().find(|variant| keyword(variant, "type") != Some("null")))
        {
            return self.value(variant, value, pointer);
        }
        match type_of(schema) {
            Some("object") => match value {
                Value::Object(map) => self.map(schema, map, pointer),
                _ => self.mismatch(
                    pointer,
                    "a map",
                    "write its fields below it, one `name: value` a line",
                ),
            },
            Some("array") => match value {
                Value::Array(items) => {
                    let Some(schema) = schema.get("items") else { return };
                    for (idx, item) in items.iter().enumerate() {
                        self.value(schema, item, &format!("{pointer}/{idx}"));
                    }
                }
                _ => self.mismatch(pointer, "a list", "start each item with `- `"),
            },
            Some("string") => self.text(schema, value, pointer),
            Some("boolean") if !value.is_boolean() => {
                self.mismatch(pointer, "a boolean", "write true or false, without quotes");
            }
            Some("integer") => self.integer(schema, value, pointer),
            _ => {}
        }
    }

    fn map(&mut self, schema: &Value, map: &Map<String, Value>, pointer: &str) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
            let at = format!("{pointer}/{}", escape(key));
            let schema = properties.and_then(|properties| properties.get(key)).or(others);
            if let Some(schema) = schema
                && at != "/metadata"
            {
                self.value(schema, value, &at);
            }
        }
        for field in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(field) = field.as_str() else { continue };
            if map.get(field).is_none_or(Value::is_null) {
                let name = dotted(&format!("{pointer}/{field}"));
                let message = format!("`{name}` is missing");
                self.push(pointer, "OBJ_MISSING_FIELD", message, format!("add `{field}`"));
            }
        }
    }

    fn word(&mut self, words: &[&str], value: &Value, pointer: &str) {
        if value.as_str().is_some_and(|text| words.contains(&text)) {
            return;
        }
        let choice = format!("write one of {}", words.join(", "));
        let (what, hint) = match value {
            Value::String(text) => {
                (format!("`{}`", shown(text)), did_you_mean(text, words.iter().copied(), &choice))
            }
            _ => ("no text".to_owned(), choice),
        };
        let message = format!("`{}` is {what}, which it cannot be", dotted(pointer));
        self.push(pointer, "TYPE_MISMATCH", message, hint);
    }

    fn text(&mut self, schema: &Value, value: &Value, pointer: &str) {
        let Some(text) = value.as_str() else {
            return self.mismatch(pointer, "text", "put the value in quotes");
        };
        match keyword(schema, "format") {
            Some("date-time") if text.parse::<Timestamp>().is_err() => {
                self.mismatch(pointer, "a time", "write it like 2026-01-31T12:00:00Z, in quotes");
            }
            Some("cluster-name") => {
                let hint = "write the name of a Cluster of the fleet";
                self.unread(pointer, "CLUSTER_BAD_NAME", ClusterName::new(text), hint);
            }
            Some("period") => {
                let hint = "write it like 500ms, 10s, 1m30s or 7d";
                self.unread(pointer, "DURATION_INVALID", text.parse::<Period>(), hint);
            }
            _ => {}
        }
    }

    fn integer(&mut self, schema: &Value, value: &Value, pointer: &str) {
        let format = keyword(schema, "format").unwrap_or("int64");
        let (least, most) = match format {
            "int32" => (i64::from(i32::MIN), i64::from(i32::MAX)),
            "uint32" => (0, i64::from(u32::MAX)),
            "uint64" | "uint" => (0, i64::MAX),
            _ => (i64::MIN, i64::MAX),
        };
        let is_whole = value.as_number().is_some_and(|number| !number.is_f64());
        match value.as_i64() {
            Some(number) if (least..=most).contains(&number) => {}
            Some(number) if least == 0 && number < 0 => {
                self.mismatch(pointer, "a whole number from 0", "write a plain number such as 3");
            }
            _ if is_whole => {
                let is_below = value.as_i64().is_some_and(|number| number < least);
                let (limit, hint) = if is_below {
                    (format!("least is {least}"), "write a greater number")
                } else {
                    (format!("most is {most}"), "write a smaller number")
                };
                let message = format!("`{}` is {value}; the {limit}", dotted(pointer));
                self.push(pointer, "INT_RANGE", message, hint.to_owned());
            }
            _ => self.mismatch(
                pointer,
                "a whole number",
                "write a plain number such as 3, without quotes",
            ),
        }
    }

    fn quantity(&mut self, value: &Value, pointer: &str) {
        if serde_json::from_value::<Quantity>(value.clone()).is_err() {
            self.mismatch(pointer, "an amount", "write it like 500m, 2, 1.5Gi or 1e3");
        }
    }

    /// A text that its type does not read, if so, in the words of the type.
    fn unread<T, E: std::fmt::Display>(
        &mut self,
        pointer: &str,
        code: &'static str,
        read: Result<T, E>,
        hint: &str,
    ) {
        if let Err(error) = read {
            let message = format!("`{}`: {}", dotted(pointer), cut(&error.to_string(), 300));
            self.push(pointer, code, message, hint.to_owned());
        }
    }

    fn mismatch(&mut self, pointer: &str, wanted: &str, hint: &str) {
        let message = format!("`{}` is not {wanted}", shown(&dotted(pointer)));
        self.push(pointer, "TYPE_MISMATCH", message, hint.to_owned());
    }

    fn push(&mut self, pointer: &str, code: &'static str, message: String, hint: String) {
        self.differences.push(Difference { pointer: pointer.to_owned(), code, message, hint });
    }
}

fn keyword<'s>(schema: &'s Value, key: &str) -> Option<&'s str> {
    schema.get(key).and_then(Value::as_str)
}

/// The type that is not null.
fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(one) => Some(one),
        Value::Array(all) => all.iter().filter_map(Value::as_str).find(|one| *one != "null"),
        _ => None,
    }
}

/// The words that an enumeration allows.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?]);
    }
    if let Some(words) = schema.get("enum") {
        return words.as_array()?.iter().map(Value::as_str).collect();
    }
    let mut words_of_all = Vec::new();
    for variant in schema.get("oneOf")?.as_array()? {
        words_of_all.extend(words(variant)?);
    }
    Some(words_of_all)
}

/// A pointer as people write paths: `/spec/taints/0/key` is `spec.taints[0].key`.
fn dotted(pointer: &str) -> String {
    let mut dotted = String::new();
    for step in pointer.split('/').skip(1) {
        let step = unescape(step);
        if step.bytes().all(|byte| byte.is_ascii_digit()) && !step.is_empty() {
            dotted.push('[');
            dotted.push_str(&step);
            dotted.push(']');
        } else {
            if !dotted.is_empty() {
                dotted.push('.');
            }
            dotted.push_str(&step);
        }
    }
    dotted
}
