//! The structural schema of a custom kind: unknown fields are pruned, defaults filled in, values
//! validated, in this order, as the API server does.
//!
//! Not here: rules in CEL (`x-kubernetes-validations`) and most of `format`; both pass.

use regex::Regex;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// One value that a schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where, e.g. `spec.rules[0].host`.
    pub field: String,
    /// The `reason` of the status cause, e.g. `FieldValueRequired`.
    pub reason: &'static str,
    /// What is wrong, without the field: `Required value`.
    pub message: String,
}

/// Makes an object what its kind's `openAPIV3Schema` says, or says where it cannot.
pub fn admit(schema: &Value, object: &mut Value) -> Result<(), Vec<FieldError>> {
    prune(schema, object);
    fill_defaults(schema, object);
    let mut errors = Vec::new();
    validate(schema, object, "", &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Whether a value is a whole resource, whose `apiVersion`, `kind` and `metadata` are not the
/// schema's business.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Resource,
    Part,
}

fn is_on(schema: &Value, extension: &str) -> bool {
    schema.get(extension) == Some(&Value::Bool(true))
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// Takes out the fields that a schema does not have, and says where they were.
pub(super) fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_part(schema, object, Level::Resource, "", &mut unknown);
    unknown
}

fn prune_part(
    schema: &Value,
    value: &mut Value,
    level: Level,
    path: &str,
    unknown: &mut Vec<String>,
) {
    match value {
        Value::Object(fields) => {
            let known = properties(schema);
            let rest = schema.get("additionalProperties").filter(|rest| **rest != false);
            let keeps = is_on(schema, "x-kubernetes-preserve-unknown-fields") || rest.is_some();
            let is_resource =
                level == Level::Resource || is_on(schema, "x-kubernetes-embedded-resource");
            fields.retain(|name, value| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if is_resource && matches!(&**name, "apiVersion" | "kind" | "metadata") {
                    return true;
                }
                if let Some(schema) = known.and_then(|known| known.get(name)).or(rest) {
                    prune_part(schema, value, Level::Part, &path, unknown);
                    return true;
                }
                if !keeps {
                    unknown.push(path);
                }
                keeps
            });
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (at, item) in items.iter_mut().enumerate() {
                    prune_part(schema, item, Level::Part, &format!("{path}[{at}]"), unknown);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sets absent fields to their defaults, from the outside in. A null where the schema allows none
/// and has a default counts as absent.
pub(super) fn fill_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, schema) in properties(schema).into_iter().flatten() {
                if let Some(default) = schema.get("default") {
                    let absent = match fields.get(name) {
                        None => true,
                        Some(Value::Null) => !is_on(schema, "nullable"),
                        Some(_) => false,
                    };
                    if absent {
                        fields.insert(name.clone(), default.clone());
                    }
                }
                if let Some(value) = fields.get_mut(name) {
                    fill_defaults(schema, value);
                }
            }
            if let Some(schema @ Value::Object(_)) = schema.get("additionalProperties") {
                fields.values_mut().for_each(|value| fill_defaults(schema, value));
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    fill_defaults(schema, item);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn validate(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if value.is_null() && is_on(schema, "nullable") {
        return;
    }
    if let Some(wanted) = type_mismatch(schema, value) {
        let kind = type_name(value);
        let subject = subject(path);
        errors.push(FieldError {
            field: field(path),
            reason: "FieldValueTypeInvalid",
            message: format!(
                "Invalid value: \"{kind}\": {subject} must be of type {wanted}: \"{kind}\""
            ),
        });
        return;
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        let supported: Vec<String> = allowed.iter().map(Value::to_string).collect();
        let supported = supported.join(", ");
        errors.push(FieldError {
            field: field(path),
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {value}: supported values: {supported}"),
        });
    }
    match value {
        Value::Number(number) => validate_number(schema, number, path, errors),
        Value::String(text) => validate_text(schema, text, path, errors),
        Value::Array(items) => validate_list(schema, items, path, errors),
        Value::Object(fields) => validate_map(schema, fields, path, errors),
        Value::Null | Value::Bool(_) => {}
    }
    validate_combined(schema, value, path, errors);
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The type that the schema wants, if the value is of another.
fn type_mismatch<'a>(schema: &'a Value, value: &Value) -> Option<&'a str> {
    if is_on(schema, "x-kubernetes-int-or-string") {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return (!fits).then_some("integer,string");
    }
    let wanted = schema.get("type").and_then(Value::as_str).filter(|wanted| !wanted.is_empty())?;
    let fits = match (wanted, value) {
        ("integer", Value::Number(number)) => {
            !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        ("number", Value::Number(_)) => true,
        (wanted, value) => wanted == type_name(value),
    };
    (!fits).then_some(wanted)
}

fn field(path: &str) -> String {
    if path.is_empty() { "<nil>".to_owned() } else { path.to_owned() }
}

/// How a message names the value: `spec.replicas in body`.
fn subject(path: &str) -> String {
    format!("{path} in body")
}

fn invalid(path: &str, value: impl std::fmt::Display, rule: &str) -> FieldError {
    FieldError {
        field: field(path),
        reason: "FieldValueInvalid",
        message: format!("Invalid value: {value}: {} {rule}", subject(path)),
    }
}

fn limit(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok())
}

fn validate_number(
    schema: &Value,
    number: &serde_json::Number,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let Some(value) = number.as_f64() else { return };
    if let Some(minimum) = bound("minimum") {
        let exclusive = is_on(schema, "exclusiveMinimum");
        if value < minimum || (exclusive && value <= minimum) {
            let or_equal = if exclusive { "" } else { " or equal to" };
            errors.push(invalid(
                path,
                number,
                &format!("should be greater than{or_equal} {minimum}"),
            ));
        }
    }
    if let Some(maximum) = bound("maximum") {
        let exclusive = is_on(schema, "exclusiveMaximum");
        if value > maximum || (exclusive && value >= maximum) {
            let or_equal = if exclusive { "" } else { " or equal to" };
            errors.push(invalid(path, number, &format!("should be less than{or_equal} {maximum}")));
        }
    }
    if let Some(step) = bound("multipleOf")
        && step != 0.0
        && (value / step).fract() != 0.0
    {
        errors.push(invalid(path, number, &format!("should be a multiple of {step}")));
    }
}

fn validate_text(schema: &Value, text: &str, path: &str, errors: &mut Vec<FieldError>) {
    let shown = Value::from(text);
    let n_chars = text.chars().count();
    if let Some(least) = limit(schema, "minLength").filter(|least| n_chars < *least) {
        errors.push(invalid(path, &shown, &format!("should be at least {least} chars long")));
    }
    if let Some(most) = limit(schema, "maxLength").filter(|most| n_chars > *most) {
        errors.push(FieldError {
            field: field(path),
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {most} bytes"),
        });
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
    {
        errors.push(invalid(path, &shown, &format!("should match '{pattern}'")));
    }
}

fn validate_list(schema: &Value, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    if let Some(least) = limit(schema, "minItems").filter(|least| items.len() < *least) {
        errors.push(invalid(path, items.len(), &format!("should have at least {least} items")));
    }
    if let Some(most) = limit(schema, "maxItems").filter(|most| items.len() > *most) {
        errors.push(FieldError {
            field: field(path),
            reason: "FieldValueTooMany",
            message: format!("Too many: {}: must have at most {most} items", items.len()),
        });
    }
    let keys: Vec<&str> = match schema.get("x-kubernetes-list-map-keys") {
        Some(Value::Array(keys)) => keys.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let list_type = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
    let same = |left: &Value, right: &Value| match list_type {
        Some("set") => left == right,
        Some("map") => keys.iter().all(|key| left.get(key) == right.get(key)),
        _ => false,
    };
    for (item_idx, item) in items.iter().enumerate() {
        let item_path = format!("{path}[{item_idx}]");
        if items[..item_idx].iter().any(|before| same(before, item)) {
            let mut shown = item.clone();
            if let Value::Object(fields) = &mut shown {
                fields.retain(|name, _| keys.contains(&&**name));
            }
            errors.push(FieldError {
                field: item_path.clone(),
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {shown}"),
            });
        }
        if let Some(schema) = schema.get("items") {
            validate(schema, item, &item_path, errors);
        }
    }
}

fn validate_map(
    schema: &Value,
    fields: &Map<String, Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let at = |name: &str| {
        let mut at = path.to_owned();
        let separator = if path.is_empty() { "" } else { "." };
        let _ = write!(at, "{separator}{name}");
        at
    };
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            errors.push(FieldError {
                field: at(name),
                reason: "FieldValueRequired",
                message: "Required value".to_owned(),
            });
        }
    }
    if let Some(least) = limit(schema, "minProperties").filter(|least| fields.len() < *least) {
        errors.push(invalid(
            path,
            fields.len(),
            &format!("should have at least {least} properties"),
        ));
    }
    if let Some(most) = limit(schema, "maxProperties").filter(|most| fields.len() > *most) {
        errors.push(invalid(path, fields.len(), &format!("must have at most {most} items")));
    }
    let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
    for (name, value) in fields {
        if let Some(schema) = properties(schema).and_then(|known| known.get(name)).or(rest) {
            validate(schema, value, &at(name), errors);
        }
    }
}

/// `allOf`, `anyOf`, `oneOf` and `not`.
fn validate_combined(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let schemas = |key: &str| schema.get(key).and_then(Value::as_array);
    let fits = |schema: &Value| {
        let mut errors = Vec::new();
        validate(schema, value, path, &mut errors);
        errors.is_empty()
    };
    for schema in schemas("allOf").into_iter().flatten() {
        validate(schema, value, path, errors);
    }
    let mut fail = |rule: &str| errors.push(invalid(path, "\"\"", rule));
    if schemas("anyOf").is_some_and(|schemas| !schemas.iter().any(fits)) {
        fail("must validate at least one schema (anyOf)");
    }
    let n_fitting =
        schemas("oneOf").map(|schemas| schemas.iter().filter(|schema| fits(schema)).count());
    if n_fitting.is_some_and(|n_fitting| n_fitting != 1) {
        fail("must validate one and only one schema (oneOf)");
    }
    if schema.get("not").is_some_and(fits) {
        fail("must not validate the schema (not)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(spec: &Value) -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}})
    }

    fn admitted(spec_schema: &Value, spec: &Value) -> Result<Value, Vec<String>> {
        let mut object = json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "a"}});
        object["spec"] = spec.clone();
        match admit(&schema(spec_schema), &mut object) {
            Ok(()) => Ok(object["spec"].clone()),
            Err(errors) => Err(errors
                .into_iter()
                .map(|error| format!("{}: {}", error.field, error.message))
                .collect()),
        }
    }

    #[test]
    fn unknown_fields_are_pruned_unless_preserved() {
        let schema = json!({
            "known": {"type": "object", "properties": {"a": {"type": "integer"}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        });
        let spec = json!({
            "known": {"a": 1, "b": 2}, "free": {"b": {"c": 3}}, "labels": {"x": "y"}, "other": 1,
        });
        assert_eq!(
            admitted(&schema, &spec),
            Ok(json!({"known": {"a": 1}, "free": {"b": {"c": 3}}, "labels": {"x": "y"}}))
        );
    }

    #[test]
    fn defaults_are_filled_from_the_outside_in() {
        let schema = json!({
            "outer": {
                "type": "object", "default": {},
                "properties": {"inner": {"type": "integer", "default": 7}},
            },
            "null": {"type": "string", "default": "x"},
            "nullable": {"type": "string", "default": "x", "nullable": true},
        });
        assert_eq!(
            admitted(&schema, &json!({"null": null, "nullable": null})),
            Ok(json!({"outer": {"inner": 7}, "null": "x", "nullable": null}))
        );
    }

    #[test]
    fn values_are_validated() {
        let rules = [
            (
                json!({"type": "integer"}),
                json!("three"),
                r#"spec.x: Invalid value: "string": spec.x in body must be of type integer: "string""#,
            ),
            (
                json!({"type": "string", "enum": ["a", "b"]}),
                json!("c"),
                r#"spec.x: Unsupported value: "c": supported values: "a", "b""#,
            ),
            (
                json!({"type": "string", "pattern": "^a+$"}),
                json!("b"),
                "spec.x: Invalid value: \"b\": spec.x in body should match '^a+$'",
            ),
            (
                json!({"type": "integer", "minimum": 1}),
                json!(0),
                "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1",
            ),
            (
                json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}),
                json!(["a", "a"]),
                r#"spec.x[1]: Duplicate value: "a""#,
            ),
            (
                json!({"type": "object", "required": ["y"], "properties": {"y": {"type": "string"}}}),
                json!({}),
                "spec.x.y: Required value",
            ),
            (
                json!({"x-kubernetes-int-or-string": true}),
                json!(true),
                r#"spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean""#,
            ),
        ];
        for (schema, value, message) in rules {
            let errors = admitted(&json!({"x": schema}), &json!({"x": value}));
            assert_eq!(errors, Err(vec![message.to_owned()]));
        }
    }

    #[test]
    fn one_of_wants_exactly_one() {
        let schema = json!({"x": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        }});
        assert!(admitted(&schema, &json!({"x": {"a": "1"}})).is_ok());
        assert!(admitted(&schema, &json!({"x": {"a": "1", "b": "2"}})).is_err());
    }

    #[test]
    fn embedded_resource_keeps_its_identity() {
        let schema = json!({"template": {
            "type": "object", "x-kubernetes-embedded-resource": true,
            "properties": {"spec": {"type": "object"}},
        }});
        let spec = json!({"template": {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}, "other": 1,
        }});
        let kept = admitted(&schema, &spec).expect("valid");
        assert_eq!(kept["template"]["metadata"], json!({"name": "p"}));
        assert!(kept["template"].get("other").is_none());
    }
}
