//! Elements of field paths: their canonical text, and how Kubernetes prints a path.

use super::schema::ListNode;
use serde_json::Value;
use std::fmt::Write as _;

/// The element of a field of a map.
pub(super) fn field(name: &str) -> String {
    let mut element = String::with_capacity(name.len() + 2);
    element.push_str("f:");
    element.push_str(name);
    element
}

/// The element of an item of a list that is merged: by its keys, or by its value in a set.
///
/// An item without any of its keys has no element, nor has a map, a list or null in a set.
pub(super) fn item(list: &ListNode, item: &Value) -> Option<String> {
    if list.keys.is_empty() {
        return match item {
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let mut element = String::from("v:");
                write_json(&mut element, item);
                Some(element)
            }
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
    }
    let fields = item.as_object()?;
    let mut element = String::from("k:");
    let mut separator = '{';
    for key in &list.keys_sorted {
        let Some(value) = fields.get(&*key.name).or(key.default.as_ref()) else { continue };
        element.push(separator);
        separator = ',';
        write_text(&mut element, &key.name);
        element.push(':');
        write_json(&mut element, value);
    }
    if separator == '{' {
        return None;
    }
    element.push('}');
    Some(element)
}

/// The canonical form of an element of `fieldsV1`; none for `.` and for kinds that do not exist.
pub(super) fn canonical(text: &str) -> Option<String> {
    let (kind, rest) = text.split_once(':')?;
    match kind {
        "f" | "i" => Some(text.to_owned()),
        "k" | "v" => {
            let value: Value = serde_json::from_str(rest).ok()?;
            let mut element = String::with_capacity(text.len());
            element.push_str(kind);
            element.push(':');
            write_json(&mut element, &value);
            Some(element)
        }
        _ => None,
    }
}

/// Prints a path as Kubernetes does: `.spec.template.spec.containers[name="app"].image`.
pub(super) fn print(path: &[&str]) -> String {
    let mut printed = String::new();
    for element in path {
        print_element(&mut printed, element);
    }
    printed
}

/// Prints one element onto `printed`.
pub(super) fn print_element(printed: &mut String, element: &str) {
    match element.split_at_checked(2) {
        Some(("f:", name)) => {
            printed.push('.');
            printed.push_str(name);
        }
        Some(("v:", value)) => {
            let _ = write!(printed, "[={value}]");
        }
        Some(("k:", keys)) => {
            let keys: Value = serde_json::from_str(keys).unwrap_or_default();
            let mut separator = '[';
            for (name, value) in keys.as_object().into_iter().flatten() {
                let _ = write!(printed, "{separator}{name}={value}");
                separator = ',';
            }
            printed.push(']');
        }
        Some((_, index)) => {
            let _ = write!(printed, "[{index}]");
        }
        None => {}
    }
}

/// JSON without spaces, keys sorted, and `<`, `>`, `&` escaped as Go's encoder does.
fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_text(out, text),
        Value::Number(number) => match number.as_f64() {
            // 80 and 80.0 are one key.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                let _ = write!(out, "{}", float as i64);
            }
            _ => {
                let _ = write!(out, "{number}");
            }
        },
        other => {
            let _ = write!(out, "{}", EscapedForHtml(other));
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\<>&".contains(&byte)) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        let _ = write!(out, "{}", EscapedForHtml(&Value::String(text.to_owned())));
    }
}

struct EscapedForHtml<'a>(&'a Value);

impl std::fmt::Display for EscapedForHtml<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '<' | '>' | '&' => write!(formatter, "\\u{:04x}", letter as u32)?,
                _ => formatter.write_char(letter)?,
            }
        }
        Ok(())
    }
}
