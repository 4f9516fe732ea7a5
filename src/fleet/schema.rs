//! Compares an object of our own kinds with the schema of its type, field by field.
//!
//! The types' own deserializers say only that something is wrong. This says which field, where, and
//! what was likely meant; it also finds fields that nobody reads, and drops those that are null, which
//! Kubernetes takes for absent. The schemas are those that the types generate, so they cannot differ.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::api::quantity::Quantity;

use super::names::did_you_mean;
use super::positions::escape;
use super::report::shown;

/// What differs from the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// RFC 6901 pointer of the field.
    pub(super) pointer: String,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Walks `value` along `schema` and tells the differences, in the order of the fields' names.
/// `metadata` is left to the checks that all objects have.
pub(super) fn compare(schema: &Value, value: &mut Value) -> Vec<Difference> {
    let mut walk = Walk { root: schema, differences: Vec::new() };
    walk.value(schema, value, "");
    walk.differences
}

struct Walk<'s> {
    root: &'s Value,
    differences: Vec<Difference>,
}

impl<'s> Walk<'s> {
    fn value(&mut self, schema: &'s Value, value: &mut Value, pointer: &str) {
        let schema = self.resolve(schema);
        if schema.get("format").and_then(Value::as_str) == Some("quantity") {
            return self.quantity(value, pointer);
        }
        if let Some(words) = words(schema) {
            return self.word(&words, value, pointer);
        }
        if let Some(variant) = schema.get("anyOf").and_then(Value::as_array).and_then(|all| {
            all.iter().find(|variant| variant.get("type").and_then(Value::as_str) != Some("null"))
        }) {
            return self.value(variant, value, pointer);
        }
        match type_of(schema) {
            Some("object") => match value {
                Value::Object(map) => self.map(schema, map, pointer),
                _ => self.mismatch(pointer, "a map", "write its fields below it, one `name: value` a line"),
            },
            Some("array") => match value {
                Value::Array(items) => {
                    let Some(schema) = schema.get("items") else { return };
                    for (idx, item) in items.iter_mut().enumerate() {
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

    /// The schema itself, or the one that it refers to.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| self.root.pointer(reference.strip_prefix('#')?))
            .unwrap_or(schema)
    }

    fn map(&mut self, schema: &'s Value, map: &mut Map<String, Value>, pointer: &str) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        map.retain(|key, value| {
            let is_known = properties.is_some_and(|properties| properties.contains_key(key));
            !(is_known && value.is_null())
        });
        for (key, value) in map.iter_mut() {
            let at = format!("{pointer}/{}", escape(key));
            if at == "/metadata" {
                continue;
            }
            match (properties.and_then(|properties| properties.get(key)), others) {
                (Some(schema), _) | (None, Some(schema)) => self.value(schema, value, &at),
                (None, None) => {
                    let known = properties.into_iter().flat_map(Map::keys).map(String::as_str);
                    let all: Vec<&str> = known.clone().collect();
                    let otherwise = format!("the fields here are {}", all.join(", "));
                    let hint = did_you_mean(key, known, &otherwise);
                    let message = format!("there is no field `{}` here", shown(&dotted(&at)));
                    self.push(&at, "FIELD_UNKNOWN", message, hint);
                }
            }
        }
        for field in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(field) = field.as_str().filter(|field| !map.contains_key(*field)) else { continue };
            let name = dotted(&format!("{pointer}/{field}"));
            self.push(pointer, "OBJ_MISSING_FIELD", format!("`{name}` is missing"), format!("add `{field}`"));
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
        let is_time = schema.get("format").and_then(Value::as_str) == Some("date-time");
        if is_time && text.parse::<Timestamp>().is_err() {
            self.mismatch(pointer, "a time", "write it like 2026-01-31T12:00:00Z, in quotes");
        }
    }

    fn integer(&mut self, schema: &Value, value: &Value, pointer: &str) {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or("int64");
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
                let message = format!("`{}` is {value}; the most is {most}", dotted(pointer));
                self.push(pointer, "INT_RANGE", message, "write a smaller number".to_owned());
            }
            _ => self.mismatch(pointer, "a whole number", "write a plain number such as 3, without quotes"),
        }
    }

    fn quantity(&mut self, value: &Value, pointer: &str) {
        if serde_json::from_value::<Quantity>(value.clone()).is_err() {
            self.mismatch(pointer, "an amount", "write it like 500m, 2, 1.5Gi or 1e3");
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
pub(super) fn dotted(pointer: &str) -> String {
    let mut dotted = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
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

/// The other way round, for paths that `serde_path_to_error` prints: `spec.taints[0].key`.
pub(super) fn pointer_of(dotted: &str) -> String {
    if dotted == "." {
        return String::new();
    }
    dotted
        .replace('[', ".")
        .split('.')
        .map(|step| format!("/{}", escape(step.trim_end_matches(']'))))
        .collect()
}
