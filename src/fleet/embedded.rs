//! YAML that stands in a field of an object.

use serde_json::{Number, Value};

use super::report::Report;
use super::yaml;
use crate::api::problem::{Problem, Severity};

/// Floats below it that are whole are integers when Kubernetes' own reader hands them on.
const WHOLE_BELOW: f64 = (1_u64 << 63) as f64;

/// Reads YAML of an application as `sigs.k8s.io/yaml` does: by YAML 1.1, the last of equal keys counts,
/// `<<` is followed, and only the first document is looked at.
///
/// # Errors
/// The first thing that cannot be read, with its line in `text`.
pub fn embedded_yaml(text: &str) -> Result<Value, Box<Problem>> {
    let path = "".into();
    let mut report = Report::new(&path);
    let mut value = yaml::read_first(text, &mut report);
    let error = report.finish().into_iter().find(|problem| problem.severity == Severity::Error);
    if let Some(error) = error {
        return Err(Box::new(error));
    }
    whole(&mut value);
    Ok(value)
}

/// Writes whole numbers as such: on its way through JSON, `1.0` becomes `1` in Go.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
            if let Some(float) = float.filter(|float| float.abs() < WHOLE_BELOW) {
                *number = Number::from(float as i64);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(whole),
        Value::Object(map) => map.values_mut().for_each(whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_mean_what_they_mean_to_kubernetes() {
        for (text, value) in [
            ("0644", json!(420)),
            ("0777", json!(511)),
            ("08", json!(8)),
            ("0x1F", json!(31)),
            ("1e3", json!(1000)),
            ("1_000", json!(1000)),
            ("1.0", json!(1)),
            ("1.10", json!(1.1)),
            ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("~", json!(null)),
            ("1:30", json!("1:30")),
            ("2026-01-01", json!("2026-01-01")),
            ("'0644'", json!("0644")),
            ("!!str 0644", json!("0644")),
            ("!!int 0644", json!(420)),
            ("!secret 7", json!("7")),
        ] {
            assert_eq!(embedded_yaml(&format!("k: {text}\n")), Ok(json!({"k": value})), "{text}");
        }
        assert_eq!(embedded_yaml("0644: a\nyes: b\n"), Ok(json!({"420": "a", "true": "b"})));
    }

    #[test]
    fn the_first_document_counts_and_the_last_of_equal_keys() {
        for text in
            ["a: 2\n---\n", "a: 2\n---\nb: {", "---\na: 2\n...\n", "a: 1\na: 2\n", "{a: 1, a: 2}"]
        {
            assert_eq!(embedded_yaml(text), Ok(json!({"a": 2})), "{text}");
        }
        assert_eq!(embedded_yaml(""), Ok(Value::Null));
        assert_eq!(embedded_yaml("---\n---\na: 1\n"), Ok(Value::Null));
    }

    #[test]
    fn merge_keys_are_followed() {
        let text = "base: &base {a: 1, b: 1}\none: {<<: *base, b: 2}\nmany: {<<: [{c: 3}, {c: 4, d: 4}]}\n";
        let read = embedded_yaml(text).unwrap();
        assert_eq!(read["one"], json!({"a": 1, "b": 2}));
        assert_eq!(read["many"], json!({"c": 3, "d": 4}));
        assert_eq!(embedded_yaml("'<<': {a: 1}"), Ok(json!({"<<": {"a": 1}})));
    }

    #[test]
    fn what_is_refused_is_told_with_its_line() {
        for (text, line) in
            [("a: 1\nb: [\n", 2), ("a: .inf\n", 1), ("a: 1\n<<: 2\n", 2), ("~: 1", 1)]
        {
            assert_eq!(embedded_yaml(text).unwrap_err().place.line, line, "{text}");
        }
    }
}
