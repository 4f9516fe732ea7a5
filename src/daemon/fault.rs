//! An error in words: what is left of one where the error itself cannot be held, and what a verb
//! says where nothing below it failed.

use std::error::Error;

/// An error as a person is told it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// The stable code, as `docs/problems.md` has it.
    pub code: &'static str,
    /// What is wrong, with all causes, on one line.
    pub text: String,
    /// What to do about it.
    pub hint: String,
}

impl Fault {
    /// What is wrong, and what to do.
    #[must_use]
    pub fn new(code: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, text: text.into(), hint: hint.into() }
    }

    /// The same, with its cause told behind it.
    #[must_use]
    pub fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        self.text = format!("{}: {}", self.text, super::chain(cause));
        self
    }

    /// Everything on one line, for a log: code, what is wrong, what to do.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}; {}", self.code, self.text, self.hint)
    }
}
