//! What single built-in kinds must hold: Secrets, ConfigMaps, replica counts, sizes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::api::manifest::Manifest;

use super::object::{Checked, not_text};
use super::positions::escape;
use super::report::shown;

/// Most bytes of an object: what etcd takes in one request.
const OBJECT_MAX: usize = 3 << 19;
/// Most bytes of a ConfigMap or Secret.
const DATA_MAX: usize = 1 << 20;

/// Checks the contents of a template; `n_bytes` is its size as JSON.
pub(super) fn contents(checked: &mut Checked<'_, '_>, manifest: &Manifest, n_bytes: usize) {
    if n_bytes > OBJECT_MAX {
        checked.error_at_key(
            "",
            "OBJ_TOO_LARGE",
            format!("the object has {n_bytes} bytes; API servers take {OBJECT_MAX}"),
            "split it into smaller objects",
        );
    }
    match (manifest.group(), manifest.kind()) {
        ("", "Secret") => secret(checked, manifest),
        ("", "ConfigMap") => config_map(checked, manifest),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet") | ("", "ReplicationController") => {
            count(checked, manifest, "replicas");
        }
        ("batch", "Job") => {
            count(checked, manifest, "parallelism");
            count(checked, manifest, "completions");
        }
        ("scheduling.k8s.io", "PriorityClass") => priority(checked, manifest),
        _ => {}
    }
}

fn secret(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let mut has_value = false;
    let mut n_bytes = 0;
    for field in ["data", "stringData"] {
        let Some(Value::Object(map)) = manifest.0.get(field) else { continue };
        for (key, value) in map {
            let pointer = format!("/{field}/{}", escape(key));
            match value {
                Value::Null => {}
                Value::String(text) => {
                    has_value |= !text.is_empty();
                    n_bytes += text.len();
                    let is_base64 = || {
                        let text: String = text.split_ascii_whitespace().collect();
                        STANDARD.decode(text).is_ok()
                    };
                    if field == "data" && !is_base64() {
                        checked.error_at_key(
                            &pointer,
                            "SECRET_ENCODING",
                            format!("the value of `data.{}` is not base64", shown(key)),
                            "encode it, or move the key to `stringData`",
                        );
                    }
                }
                _ => not_text(checked, &pointer, &format!("{field}.{}", shown(key))),
            }
        }
    }
    if has_value {
        checked.warning(
            "",
            "SECRET_PLAINTEXT",
            "the Secret stands in the repository in plain text",
            "keep only a sealed or external form of it in git, and change the value: it is in the history",
        );
    }
    too_large(checked, n_bytes, "Secret");
}

fn config_map(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let mut n_bytes = 0;
    for field in ["data", "binaryData"] {
        let Some(Value::Object(map)) = manifest.0.get(field) else { continue };
        for (key, value) in map {
            match value {
                Value::Null => {}
                Value::String(text) => n_bytes += text.len(),
                _ => not_text(
                    checked,
                    &format!("/{field}/{}", escape(key)),
                    &format!("{field}.{}", shown(key)),
                ),
            }
        }
    }
    too_large(checked, n_bytes, "ConfigMap");
}

fn too_large(checked: &mut Checked<'_, '_>, n_bytes: usize, kind: &str) {
    if n_bytes > DATA_MAX {
        checked.error_at_key(
            "",
            "OBJ_TOO_LARGE",
            format!("the {kind} holds {n_bytes} bytes; API servers take {DATA_MAX}"),
            format!("split it into several {kind}s"),
        );
    }
}

/// Replica counts are divided over clusters, so they must be numbers before anything is planned.
fn count(checked: &mut Checked<'_, '_>, manifest: &Manifest, field: &str) {
    let Some(value) = manifest.0.get("spec").and_then(|spec| spec.get(field)) else { return };
    let pointer = format!("/spec/{field}");
    match value {
        Value::Null => {}
        Value::Number(number) if number.is_f64() => mismatch(checked, &pointer, field),
        Value::Number(number) => {
            let is_negative = number.as_i64().is_some_and(|count| count < 0);
            let fits = number.as_i64().is_some_and(|count| i32::try_from(count).is_ok());
            if is_negative {
                mismatch(checked, &pointer, field);
            } else if !fits {
                checked.error(
                    &pointer,
                    "INT_RANGE",
                    format!("`spec.{field}` is {number}; the most is {}", i32::MAX),
                    "write a smaller number",
                );
            }
        }
        _ => mismatch(checked, &pointer, field),
    }
}

/// Templates take turns by the values of their classes, so these must be numbers.
fn priority(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let number = match manifest.0.get("value") {
        None | Some(Value::Null) => {
            checked.error_at_key(
                "",
                "OBJ_MISSING_FIELD",
                "the PriorityClass has no `value`",
                "add it: a whole number, the greater the sooner",
            );
            return;
        }
        Some(Value::Number(number)) if !number.is_f64() => number,
        Some(_) => {
            checked.error(
                "/value",
                "TYPE_MISMATCH",
                "`value` is not a whole number",
                "write a plain number such as 1000, without quotes",
            );
            return;
        }
    };
    if number.as_i64().is_some_and(|value| i32::try_from(value).is_ok()) {
        return;
    }
    let (limit, hint) = if number.as_i64().is_some_and(i64::is_negative) {
        (format!("least is {}", i32::MIN), "write a greater number")
    } else {
        (format!("most is {}", i32::MAX), "write a smaller number")
    };
    checked.error("/value", "INT_RANGE", format!("`value` is {number}; the {limit}"), hint);
}

fn mismatch(checked: &mut Checked<'_, '_>, pointer: &str, field: &str) {
    checked.error(
        pointer,
        "TYPE_MISMATCH",
        format!("`spec.{field}` is not a whole number from 0"),
        "write a plain number such as 3, without quotes",
    );
}
