//! Collects the Problems of one file.

use std::sync::Arc;

use crate::api::problem::{Place, Problem, Severity};

use super::positions::Position;

/// Most Problems told about one file: after these, a person fixes and looks again.
const PROBLEMS_MAX: usize = 100;

/// The Problems of one file, in the order in which they were found.
#[derive(Debug)]
pub(super) struct Report<'f> {
    path: &'f Arc<str>,
    problems: Vec<Problem>,
    n_errors: usize,
    n_left_out: usize,
    hides_values: bool,
}

impl<'f> Report<'f> {
    /// No Problems yet, for the file at `path`.
    pub(super) fn new(path: &'f Arc<str>) -> Self {
        Self { path, problems: Vec::new(), n_errors: 0, n_left_out: 0, hides_values: false }
    }

    /// From now on no value is quoted: the text may hold a Secret, and what it holds must not be told.
    pub(super) fn hide_values(&mut self) {
        self.hides_values = true;
    }

    /// A value, or what is read of it, as a message names it; `otherwise` where it may not be told.
    pub(super) fn told(&self, value: impl std::fmt::Display, otherwise: &str) -> String {
        if self.hides_values { otherwise.to_owned() } else { shown(&value.to_string()) }
    }

    /// A value in quotes, as a message names it.
    pub(super) fn quoted(&self, text: &str) -> String {
        self.told(format_args!("`{}`", shown(text)), "what stands here")
    }

    /// Path of the file.
    pub(super) fn path(&self) -> &str {
        self.path
    }

    /// A place in this file.
    pub(super) fn place(&self, position: Position) -> Place {
        Place { file: Arc::clone(self.path), line: position.line, column: position.column }
    }

    /// Adds an error.
    pub(super) fn error(
        &mut self,
        position: Position,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let place = self.place(position);
        self.push(Problem::error(place, code, message, hint));
    }

    /// Adds a warning.
    pub(super) fn warning(
        &mut self,
        position: Position,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let place = self.place(position);
        self.push(Problem::warning(place, code, message, hint));
    }

    /// Adds a Problem, unless the file has too many already.
    pub(super) fn push(&mut self, problem: Problem) {
        let is_error = problem.severity == Severity::Error;
        // An error must never be lost behind a hundred warnings: it decides whether the commit counts.
        if self.problems.len() < PROBLEMS_MAX || (is_error && self.n_errors == 0) {
            self.problems.push(problem);
        } else {
            self.n_left_out += 1;
        }
        self.n_errors += usize::from(is_error);
    }

    /// How many errors were found so far.
    pub(super) fn n_errors(&self) -> usize {
        self.n_errors
    }

    /// All Problems; the last one says how many were left out, if any were.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        if self.n_left_out > 0 {
            let place = self.place(Position::default());
            self.problems.push(Problem::warning(
                place,
                "LIMIT_PROBLEMS",
                format!("{} more problems in this file are not shown", self.n_left_out),
                "fix the ones above and look again",
            ));
        }
        self.problems
    }
}

/// Text of a user for a message: control characters escaped, and cut after 80 characters.
pub fn shown(text: &str) -> String {
    cut(text, 80)
}

/// Text for a message: control characters escaped, and cut after `n_chars_max` characters.
pub(super) fn cut(text: &str, n_chars_max: usize) -> String {
    let mut shown: String = text.chars().take(n_chars_max).flat_map(char::escape_debug).collect();
    if text.chars().nth(n_chars_max).is_some() {
        shown.push('…');
    }
    shown
}
