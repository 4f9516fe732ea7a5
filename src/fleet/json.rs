//! JSON text becomes a document with positions.
//!
//! `serde_json` judges the grammar first, so the walk after it meets valid JSON only.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::positions::Position;
use super::report::Report;
use super::scalar::{Plain, integer};
use super::tree::{Builder, Stop, Tree};

/// Reads the one document of `text`; `None` if it is not JSON or holds `null`.
pub(super) fn read(text: &str, report: &mut Report<'_>) -> Option<Tree> {
    if text.trim().is_empty() {
        return None;
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        syntax(report, text, &error);
        return None;
    }
    let mut walk = Walk { text, at: 0, line: 1, line_start: 0, builder: Builder::new(report) };
    match walk.run() {
        Ok(()) => walk.builder.finish().filter(|tree| !tree.value.is_null()),
        Err(Stop) => None,
    }
}

struct Walk<'t, 'r, 'f> {
    text: &'t str,
    /// Offset of the next byte.
    at: usize,
    line: u32,
    line_start: usize,
    builder: Builder<'r, 'f>,
}

impl Walk<'_, '_, '_> {
    fn run(&mut self) -> Result<(), Stop> {
        while let Some(byte) = self.text.as_bytes().get(self.at).copied() {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    self.line_start = self.at;
                }
                b'{' => {
                    self.builder.open_map(self.position(), 0)?;
                    self.at += 1;
                }
                b'[' => {
                    self.builder.open_list(self.position(), 0)?;
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.builder.close();
                    self.at += 1;
                }
                b'"' => {
                    let position = self.position();
                    let text = self.string(position)?;
                    if self.builder.expects_key() {
                        self.builder.key(text, position);
                    } else {
                        self.builder.scalar(Value::String(text), position, 0);
                    }
                }
                b't' => self.word(Value::Bool(true), 4),
                b'f' => self.word(Value::Bool(false), 5),
                b'n' => self.word(Value::Null, 4),
                b'-' | b'0'..=b'9' => self.number(),
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    /// Columns count characters. Counting from the start of the line would be quadratic in a file of
    /// one long line, so a far column is counted in bytes: it is out of anyone's sight anyway.
    fn position(&self) -> Position {
        const COUNTED_MAX: usize = 1000;
        let n_bytes = self.at - self.line_start;
        let column = if n_bytes <= COUNTED_MAX {
            self.text[self.line_start..self.at].chars().count()
        } else {
            n_bytes
        };
        Position { line: self.line, column: column as u32 + 1 }
    }

    fn word(&mut self, value: Value, len: usize) {
        let position = self.position();
        self.at += len;
        self.builder.scalar(value, position, 0);
    }

    fn string(&mut self, position: Position) -> Result<String, Stop> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut end = start + 1;
        let mut has_escape = false;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => break,
                b'\\' => {
                    has_escape = true;
                    end += 2;
                }
                _ => end += 1,
            }
        }
        self.at = end + 1;
        if !has_escape {
            return Ok(self.text[start + 1..end].to_owned());
        }
        serde_json::from_str(&self.text[start..=end]).map_err(|_| {
            self.builder.report.error(
                position,
                "ENCODING",
                "an escape in this text is half of a surrogate pair",
                "write the character itself in UTF-8",
            );
            Stop
        })
    }

    fn number(&mut self) {
        let position = self.position();
        let rest = &self.text[self.at..];
        let len = rest
            .bytes()
            .take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        self.at += len;
        let text = &rest[..len];
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_integer = digits.bytes().all(|b| b.is_ascii_digit());
        let float = || text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
        let report = &mut *self.builder.report;
        let value = if is_integer {
            match integer(digits, text.len() > digits.len()) {
                Plain::Value(value) => value,
                Plain::IntPrecision(number) => {
                    report.warning(
                        position,
                        "INT_PRECISION",
                        format!("the integer {} is above 2^53: programs that read JSON numbers as floats change it", report.told(&number, "here")),
                        "use a number up to 9007199254740992, or put it in quotes if text is meant",
                    );
                    Value::Number(number)
                }
                _ => {
                    report.error(
                        position,
                        "INT_RANGE",
                        format!("the integer {} does not fit in 64 bits", report.told(text, "here")),
                        "write a number up to 9223372036854775807, or put it in quotes if text is meant",
                    );
                    Value::Null
                }
            }
        } else {
            float().map_or_else(
                || {
                    report.error(
                        position,
                        "FLOAT_RANGE",
                        format!("{} is not a finite number", report.told(text, "what stands here")),
                        "write a finite number",
                    );
                    Value::Null
                },
                Value::Number,
            )
        };
        self.builder.scalar(value, position, 0);
    }
}

fn syntax(report: &mut Report<'_>, text: &str, error: &serde_json::Error) {
    let position = Position { line: error.line() as u32, column: (error.column() as u32).max(1) };
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or_default();
    if text.contains("{{") && line.contains("{{") {
        report.error(
            position,
            "UNRENDERED_TEMPLATE",
            "the file holds template text (`{{ … }}`): it is the source of a manifest, not a manifest",
            "commit what your template tool renders, or exclude the path in fleet.yaml",
        );
        return;
    }
    if what.contains("surrogate") {
        report.error(
            position,
            "ENCODING",
            "an escape in this text is half of a surrogate pair",
            "write the character itself in UTF-8",
        );
        return;
    }
    let hint = if line.trim_start().starts_with("//") || line.trim_start().starts_with("/*") {
        "JSON has no comments: remove them, or name the file .yaml and write `#`"
    } else if what.contains("trailing comma") {
        "remove the comma before the closing bracket"
    } else if what.contains("trailing characters") {
        "a JSON file holds one value: put several objects into a `kind: List`, or into several files"
    } else {
        "check the quotes, the commas and the brackets here and in the line above"
    };
    report.error(position, "JSON_SYNTAX", format!("not JSON: {what}"), hint);
}
