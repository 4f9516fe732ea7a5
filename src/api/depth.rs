//! How deep values stand in each other.

use serde_json::Value;

/// Deepest nesting of maps and lists, wherever it comes from: files, overrides, clusters, scripts. The deepest
/// published CRDs have about 50 levels, and readers of JSON give up at 128.
pub const DEPTH_MAX: usize = 100;

/// How many maps and lists stand in each other in `value`: 0 for a text.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_deepest_branch_counts() {
        for (value, expected) in
            [(json!("a"), 0), (json!([]), 1), (json!({"a": 1, "b": [[], {"c": [1]}]}), 4)]
        {
            assert_eq!(depth(&value), expected, "{value}");
        }
    }
}
