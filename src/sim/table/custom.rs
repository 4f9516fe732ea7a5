//! The columns that a custom kind declares.

use super::row::{Row, duration};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The definition of a column of `additionalPrinterColumns`.
pub(super) fn definition(column: &Value) -> Value {
    let path = column["jsonPath"].as_str().unwrap_or_default();
    let described = column["description"].as_str().map(str::to_owned);
    json!({
        "name": column["name"], "type": column["type"],
        "format": column["format"].as_str().unwrap_or_default(),
        "priority": column["priority"].as_i64().unwrap_or_default(),
        "description": described.unwrap_or_else(|| {
            format!("Custom resource definition column (in JSONPath format): {path}")
        }),
    })
}

/// Its cell; null where there is nothing, or a value of another type.
pub(super) fn cell(column: &Value, row: &Row<'_>) -> Value {
    let path = column["jsonPath"].as_str().unwrap_or_default();
    let Some(value) = find(row.object, path) else { return Value::Null };
    match (column["type"].as_str(), value) {
        (Some("date"), Value::String(text)) => match text.parse::<Timestamp>() {
            Ok(instant) => duration(row.now.as_second() - instant.as_second()).into(),
            Err(_) => json!("<invalid>"),
        },
        (Some("string"), Value::String(_))
        | (Some("integer" | "number"), Value::Number(_))
        | (Some("boolean"), Value::Bool(_)) => value.clone(),
        (Some("string"), Value::Null) => json!("<nil>"),
        (Some("string"), other) => other.to_string().into(),
        _ => Value::Null,
    }
}

/// Follows a JSONPath of the simple kind: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`,
/// `.spec.hosts[0]`, `.metadata.annotations.a\.b/c`.
fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = value;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (selector, after) = after.split_once(']')?;
            rest = after;
            value = match selector.strip_prefix("?(@.").and_then(|term| term.strip_suffix(')')) {
                Some(term) => {
                    let (field, wanted) = term.split_once("==")?;
                    let wanted = wanted.trim().trim_matches(['"', '\'']);
                    let items = value.as_array()?;
                    items.iter().find(|item| item[field.trim()].as_str() == Some(wanted))?
                }
                None => match selector.trim_matches(['"', '\'']).parse::<usize>() {
                    Ok(item_idx) => value.get(item_idx)?,
                    Err(_) => value.get(selector.trim_matches(['"', '\'']))?,
                },
            };
            continue;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let mut name = String::new();
        let mut letters = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => name.extend(letters.next().map(|(_, escaped)| escaped)),
                '.' | '[' => {
                    end = at;
                    break;
                }
                letter => name.push(letter),
            }
        }
        rest = &rest[end..];
        value = value.get(&name)?;
    }
    Some(value)
}
