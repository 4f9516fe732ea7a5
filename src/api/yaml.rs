//! Writes YAML: every machine-owned file goes through [`to_bytes`].

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::depth::DEPTH_MAX;

/// Most values that are read of one file: a cluster has tens of thousands of objects, and a list of them some
/// fields each.
const NODES_MAX: usize = 4_000_000;

/// The YAML of `value`: block style, two spaces, keys in the order of the type (sorted for
/// manifests), one newline at the end.
///
/// Equal values give equal bytes. Text that a YAML 1.1 reader such as `kubectl` would take for
/// something else (`yes`, `1e3`, `0o7`, `2026-01-01`, …) is quoted.
///
/// # Panics
/// If `value` does not serialize: our own types and JSON values always do.
#[must_use]
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: true };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, &value, options)
        .expect("our own types and JSON values have a YAML form");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.into_bytes()
}

/// Reads text that came out of a checked file or that we wrote ourselves; what people push is read
/// by `fleet`, which says where it is wrong.
///
/// # Errors
/// The text is not YAML, or not of this type.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, BadYaml> {
    // The reader's own limits are below what we write: a status as deep as any, in a binding.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 2 * DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 3 * NODES_MAX,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| BadYaml(error.to_string()))
}

/// Reads bytes as [`from_str`] does.
///
/// # Errors
/// The bytes are not UTF-8, not YAML, or not of this type.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadYaml> {
    from_str(std::str::from_utf8(bytes).map_err(|error| BadYaml(error.to_string()))?)
}

/// A text that is not the YAML that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadYaml(String);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_written_deep_or_long_is_read_again() {
        let deep = (0..DEPTH_MAX / 2 + 10).fold(json!(1), |inner, _| json!({"a": [inner]}));
        let long: Vec<Value> = (0..300_000).map(|n| json!(n)).collect();
        for value in [deep["a"][0].clone(), json!(long)] {
            let value = json!({"status": value});
            let read: Value = from_str(&text(&value)).unwrap();
            assert!(read == value);
        }
    }

    fn text(value: &Value) -> String {
        String::from_utf8(to_bytes(value)).unwrap()
    }

    /// Words and numbers of YAML 1.1, as the Go libraries that kubectl uses resolve them: a plain
    /// scalar of this form would come back as something else than text.
    fn is_special(plain: &str) -> bool {
        const WORDS: &[&str] = &[
            "", "~", "null", "y", "n", "yes", "no", "on", "off", "true", "false", "<<", "=",
            ".inf", "+.inf", "-.inf", ".nan",
        ];
        if WORDS.contains(&plain.to_lowercase().as_str()) {
            return true;
        }
        let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
        let digits = unsigned.replace('_', "");
        let all =
            |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
        let radix = |prefix: &str, radix: u32| {
            digits.strip_prefix(prefix).is_some_and(|rest| all(rest, radix))
        };
        let base_60 = unsigned.contains(':')
            && unsigned.split(':').all(|part| !part.is_empty() && part.len() <= 2 && all(part, 10));
        let date = plain.len() >= 8
            && all(&plain[..plain.len().min(4)].replace(|c: char| !c.is_ascii(), "x"), 10)
            && plain.chars().nth(4) == Some('-')
            && plain.chars().filter(|c| *c == '-').count() >= 2
            && plain
                .split(['-', 'T', 't', ' ', ':', '.', 'Z', '+'])
                .all(|part| part.is_empty() || all(part, 10));
        all(&digits, 10)
            || (digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && digits.parse::<f64>().is_ok())
            || radix("0x", 16)
            || radix("0o", 8)
            || radix("0b", 2)
            || base_60
            || date
    }

    fn survives(written: &str) {
        let value = json!({ "k": written });
        let bytes = to_bytes(&value);
        let yaml = String::from_utf8(bytes).unwrap();
        assert_eq!(from_str::<Value>(&yaml).unwrap(), value, "{yaml}");
        let typed: BTreeMap<String, String> = from_str(&yaml).unwrap();
        assert_eq!(typed["k"], written);
        let scalar = yaml.strip_prefix("k: ").unwrap();
        if !scalar.starts_with(['"', '\'', '|', '>']) {
            assert!(!is_special(scalar.trim_end_matches('\n')), "plain: {yaml}");
            assert!(!scalar.contains(": ") && !scalar.contains(" #"), "plain: {yaml}");
        }
        // As a key, too.
        let value = json!({ written: 1 });
        assert_eq!(from_str::<Value>(&text(&value)).unwrap(), value, "{}", text(&value));
    }

    #[test]
    fn text_that_looks_like_something_else_stays_text() {
        for word in [
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "true",
            "FALSE",
            "null",
            "Null",
            "~",
            "",
            " ",
            "1e3",
            "1E+3",
            "0o7",
            "007",
            "0x1F",
            "0b1",
            "1_000",
            "1.10",
            "1.",
            ".5",
            "-.inf",
            ".NaN",
            "+1",
            "-0",
            "12:30",
            "12:30:45",
            "190:20:30.15",
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "<<",
            "=",
            "- a",
            "? a",
            ": a",
            "a: b",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a}",
            "[a]",
            "'",
            "\"",
            "a\\b",
            "trailing ",
            " leading",
            "two\nlines",
            "ends\n",
            "ends twice\n\n",
            "\n",
            "\nstarts",
            "  indented\nnot",
            "a\tb",
            "\ta",
            "a\r\nb",
            "a\rb",
            "---",
            "...",
            "\u{0}",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "é",
            "😀",
            "a\n---\nb",
            "a\n...\nb",
            "a\n# b",
            "-",
            "?",
            ":",
            "key:",
        ] {
            survives(word);
        }
    }

    #[test]
    fn output_is_block_style_and_ends_with_one_newline() {
        let value = json!({ "a": { "b": [1, { "c": "d" }], "e": {}, "f": [] }, "g": "x\ny\n" });
        assert_eq!(text(&value), "a:\n  b:\n  - 1\n  - c: d\n  e: {}\n  f: []\ng: |\n  x\n  y\n");
    }

    fn arb_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e12..1e12_f64).prop_map(Value::from),
            arb_text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(arb_text(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn arb_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9.:_eExXobB+ -]{0,8}",
            "[yYnNoOfFtTrRuUeEsSaAlL~.]{0,5}",
            "[a-z:#'\"|>&*!%@`,?{}\\[\\]\\\\ \n\t-]{0,12}",
            "(.|\n|\r|\t){0,20}",
            "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}Z?)?",
        ]
    }

    proptest! {
        #[test]
        fn any_text_survives(written in arb_text()) {
            survives(&written);
        }

        #[test]
        fn any_value_survives(value in arb_value()) {
            let yaml = text(&value);
            prop_assert_eq!(from_str::<Value>(&yaml).unwrap(), value, "{}", yaml);
            prop_assert_eq!(yaml.ends_with('\n'), true);
        }
    }
}
