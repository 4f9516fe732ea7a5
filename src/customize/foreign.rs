//! Words and values that are not ours: what of them may be told.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::api::decode;

/// Most characters of foreign words that are told.
const CHARS_MAX: usize = 300;

/// What is told in place of words about a Secret.
pub(super) const UNTOLD: &str = "its words are not told, for the object is a Secret";

/// Foreign words, fit for one line of a result or a log.
pub(super) fn told(words: &str) -> String {
    let line = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut told: String = line.take(CHARS_MAX).collect();
    if words.chars().nth(CHARS_MAX).is_some() {
        told.push('…');
    }
    told
}

/// Whether nothing that is said of an object of this kind may be told.
pub(super) fn is_secret_kind(api_version: &str, kind: &str) -> bool {
    (api_version, kind) == ("v1", "Secret")
}

/// A foreign value as what it should be; an error names the field, never what stands in it.
pub(super) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    decode::typed(value).map_err(|error| {
        let path = error.path.to_string();
        match path.as_str() {
            "" => "it has not the form that is asked for".to_owned(),
            path => told(&format!("`{path}` has not the form that is asked for")),
        }
    })
}

/// Why bytes were not read as JSON of some form, and where; never what stands there.
pub(super) fn misread(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Io | Category::Eof => "it ends too early",
        Category::Syntax => "it is no JSON",
        Category::Data => "it has not the form that is asked for",
    };
    match error.line() {
        0 => what.to_owned(),
        line => format!("{what}, line {line} column {}", error.column()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Part {
        #[serde(rename = "replicas")]
        _replicas: i32,
    }

    #[test]
    fn a_value_of_another_form_is_not_told_but_its_place_is() {
        let error = typed::<Vec<Part>>(json!([{"replicas": 1}, {"replicas": "hunter2"}]));
        let error = error.unwrap_err();
        assert_eq!(error, "`[1].replicas` has not the form that is asked for");
        let error = typed::<Part>(json!("hunter2")).unwrap_err();
        assert_eq!(error, "it has not the form that is asked for");
        let error = serde_json::from_str::<Part>("\n{\"replicas\": \"hunter2\"}").unwrap_err();
        assert_eq!(misread(&error), "it has not the form that is asked for, line 2 column 22");
        let error = serde_json::from_str::<Part>("hunter2").unwrap_err();
        assert_eq!(misread(&error), "it is no JSON, line 1 column 1");
    }

    #[test]
    fn words_are_told_on_one_short_line() {
        assert_eq!(told("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(told(&"é".repeat(CHARS_MAX)).chars().count(), CHARS_MAX);
        let told = told(&"é".repeat(CHARS_MAX + 1));
        assert_eq!(told.chars().count(), CHARS_MAX + 1);
        assert!(told.ends_with("é…"));
    }
}
