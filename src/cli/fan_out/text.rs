//! Text of a cluster, made fit for a terminal.

use serde_json::Value;

/// `text` without characters that would steer a terminal: they are shown as `^[` and the like.
pub(in crate::cli) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => plain.push(' '),
            c if c.is_ascii_control() => {
                plain.push('^');
                plain.push(char::from((c as u8) ^ 0x40));
            }
            c if c.is_control() => plain.push('\u{fffd}'),
            c => plain.push(c),
        }
    }
    plain
}

/// A value as one word of text: text itself, numbers and the like as JSON has them, nothing for null.
pub(in crate::cli) fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    }
}

/// The text at a JSON pointer, or nothing.
pub(in crate::cli) fn at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\x7f\u{9b}\tc\n"), "a^[[31mb^?\u{fffd} c^J");
        assert_eq!(word(&serde_json::json!(7)), "7");
        assert_eq!(word(&Value::Null), "");
    }
}
