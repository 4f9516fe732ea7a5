//! What an unquoted YAML scalar means.
//!
//! The rules are the core schema of YAML 1.2. Where Kubernetes' own reader, which follows YAML 1.1,
//! takes the same text for something else, nobody knows what the writer meant: that is said, never
//! guessed. A number with a leading zero is the exception, because published manifests have them
//! (`defaultMode: 0644`): it is read as Kubernetes reads it, with a warning.

use serde_json::{Number, Value};

/// Meaning of one unquoted scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    /// One meaning, in every reader.
    Value(Value),
    /// Text: the caller keeps the characters.
    Text,
    /// Read like Kubernetes does; readers that follow YAML 1.2 see another number or a text.
    AsKubernetes(Number),
    /// Read differently by YAML 1.1 and 1.2; holds what to write instead.
    Ambiguous(String),
    /// An integer that no 64-bit number holds.
    IntRange,
    /// An integer that readers with 53-bit precision change.
    IntPrecision(Number),
    /// Infinite, not a number, or too big for 64-bit floating point.
    FloatRange,
}

/// The largest integer up to which a 64-bit float holds every integer.
const EXACT_MAX: u64 = 1 << 53;

/// Reads an unquoted scalar.
pub(super) fn plain(text: &str) -> Plain {
    let Some(first) = text.bytes().next() else { return Plain::Value(Value::Null) };
    match first {
        b'0'..=b'9' | b'-' | b'+' | b'.' => number(text),
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O' => word(text),
        _ => Plain::Text,
    }
}

fn word(text: &str) -> Plain {
    match text {
        "~" | "null" | "Null" | "NULL" => Plain::Value(Value::Null),
        "true" | "True" | "TRUE" => Plain::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => Plain::Value(Value::Bool(false)),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Plain::Ambiguous("true".into()),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Plain::Ambiguous("false".into()),
        _ => Plain::Text,
    }
}

fn number(text: &str) -> Plain {
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let bytes = digits.as_bytes();
    if bytes.is_empty() {
        return Plain::Text;
    }
    if bytes.iter().all(u8::is_ascii_digit) {
        return match bytes {
            [b'0', _, ..] if bytes.iter().all(|b| matches!(b, b'0'..=b'7')) => {
                radix(digits, 8, is_negative)
            }
            [b'0', _, ..] => radix(digits, 10, is_negative),
            _ => integer(digits, is_negative),
        };
    }
    match bytes {
        [b'0', b'x', rest @ ..] if is_all(rest, u8::is_ascii_hexdigit) => {
            return radix(&digits[2..], 16, is_negative);
        }
        [b'0', b'o', rest @ ..] if is_all(rest, |b| matches!(b, b'0'..=b'7')) => {
            return radix(&digits[2..], 8, is_negative);
        }
        [b'0', b'b', rest @ ..] if is_all(rest, |b| matches!(b, b'0' | b'1')) => {
            return radix(&digits[2..], 2, is_negative);
        }
        _ => {}
    }
    let is_grouped = bytes[0].is_ascii_digit() && bytes.contains(&b'_');
    if is_grouped && bytes.iter().all(|b| b.is_ascii_digit() || *b == b'_') {
        return Plain::Ambiguous(text.replace('_', ""));
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::FloatRange;
    }
    if !is_float(bytes) {
        return Plain::Text;
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Plain::Value(Value::Number(number)),
        None => Plain::FloatRange,
    }
}

fn is_all(bytes: &[u8], is_one: impl Fn(&u8) -> bool) -> bool {
    !bytes.is_empty() && bytes.iter().all(is_one)
}

/// Whether `bytes`, without a sign, is `1.5`, `1.`, `.5`, with or without an exponent.
fn is_float(bytes: &[u8]) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let n_whole = digits(bytes);
    let mut rest = &bytes[n_whole..];
    let mut n_fraction = 0;
    if let [b'.', after @ ..] = rest {
        n_fraction = digits(after);
        rest = &after[n_fraction..];
    }
    if n_whole + n_fraction == 0 {
        return false;
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let after = match after {
            [b'-' | b'+', after @ ..] => after,
            _ => after,
        };
        return is_all(after, u8::is_ascii_digit);
    }
    rest.is_empty()
}

/// A decimal integer without a leading zero, exactly.
pub(super) fn integer(digits: &str, is_negative: bool) -> Plain {
    let Ok(size) = digits.parse::<u64>() else { return Plain::IntRange };
    let number = if is_negative {
        match 0_i64.checked_sub_unsigned(size) {
            Some(number) => Number::from(number),
            None => return Plain::IntRange,
        }
    } else {
        Number::from(size)
    };
    if size > EXACT_MAX { Plain::IntPrecision(number) } else { Plain::Value(Value::Number(number)) }
}

fn radix(digits: &str, radix: u32, is_negative: bool) -> Plain {
    match i64::from_str_radix(digits, radix) {
        Ok(size) => Plain::AsKubernetes(Number::from(if is_negative { -size } else { size })),
        Err(_) => Plain::IntRange,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_stay_exact() {
        for text in ["0", "7", "-7", "9007199254740992"] {
            assert_eq!(plain(text), Plain::Value(text.parse().unwrap()), "{text}");
        }
        assert_eq!(plain("+12"), Plain::Value(json!(12)));
        for text in [
            "9007199254740993",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
        ] {
            assert_eq!(plain(text), Plain::IntPrecision(text.parse().unwrap()), "{text}");
        }
        for text in ["18446744073709551616", "-9223372036854775809", "99999999999999999999"] {
            assert_eq!(plain(text), Plain::IntRange, "{text}");
        }
    }

    #[test]
    fn leading_zeros_are_read_like_kubernetes_reads_them() {
        for (text, value) in
            [("0644", 0o644), ("0o17", 15), ("0x1F", 31), ("-010", -8), ("0b11", 3), ("08", 8)]
        {
            assert_eq!(plain(text), Plain::AsKubernetes(value.into()), "{text}");
        }
    }

    #[test]
    fn floats() {
        for (text, value) in
            [("1.10", 1.1), (".5", 0.5), ("1.", 1.0), ("-2.5e-3", -0.0025), ("1e3", 1000.0)]
        {
            assert_eq!(plain(text), Plain::Value(json!(value)), "{text}");
        }
        for text in [".inf", "-.INF", ".nan", "1e400"] {
            assert_eq!(plain(text), Plain::FloatRange, "{text}");
        }
    }

    #[test]
    fn words_of_yaml_1_1_are_never_guessed() {
        assert_eq!(plain("yes"), Plain::Ambiguous("true".into()));
        assert_eq!(plain("NO"), Plain::Ambiguous("false".into()));
        assert_eq!(plain("1_000"), Plain::Ambiguous("1000".into()));
    }

    #[test]
    fn the_rest_is_text() {
        for text in [
            "nginx",
            "1:30",
            "8080:80",
            "10.0.0.1",
            "v1",
            "2024-01-01",
            "100m",
            "1e",
            "-",
            "--x",
            "+",
            ".",
            "..",
            "e5",
            "0x",
            "0xg",
            "1.2.3",
            "truee",
            "Nope",
            "1e5e5",
            "_1",
            "500Mi",
            "-Xmx",
        ] {
            assert_eq!(plain(text), Plain::Text, "{text}");
        }
    }
}
