//! What is wrong with a user's file: data, collected, never the end of the program.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Where in the source a thing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Path in the repository, `/`-separated; empty when the whole commit is meant.
    pub file: Arc<str>,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 when the whole line or file is meant.
    pub column: u32,
}

impl fmt::Display for Place {
    /// `apps/shop.yaml:3:7`, without the parts that are 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// How much a Problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The commit is not acted upon: the last good state stays in force.
    Error,
    /// The commit is acted upon; a person should look.
    Warning,
}

/// One thing that is wrong with the source. Orders by place, then code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Stable code in capitals, e.g. `YAML_DUPLICATE_KEY`: documented, never reused.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, naming the offending name but never a secret's value. One sentence, no full stop.
    pub message: String,
    /// What to do about it. One sentence, no full stop.
    pub hint: String,
    /// Other places that belong to it, e.g. where the same object stands too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Place>,
}

impl Problem {
    /// An error at `place`.
    #[must_use]
    pub fn error(
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            place,
            code,
            severity: Severity::Error,
            message: message.into(),
            hint: hint.into(),
            related: Vec::new(),
        }
    }

    /// A warning at `place`.
    #[must_use]
    pub fn warning(
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, code, message, hint) }
    }

    /// The same Problem, naming one more place.
    #[must_use]
    pub fn related_to(mut self, place: Place) -> Self {
        self.related.push(place);
        self
    }
}

impl fmt::Display for Problem {
    /// `apps/shop.yaml:3:7: error[OBJ_DUPLICATE]: message` and an indented `hint:` line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        if !self.place.file.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        for place in &self.related {
            write!(f, "\n  also: {place}")?;
        }
        write!(f, "\n  hint: {}", self.hint)
    }
}
