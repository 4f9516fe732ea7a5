//! Feeds events to the engine and performs its effects.
//!
//! Three kinds of tasks, and no lock between them: one owns the [`Engine`](crate::engine::Engine)
//! and the executors, one thread owns the repository ([`ledger`]), and every member has an executor
//! of its own ([`crate::member`]). They talk over bounded channels.

pub mod agent;
pub mod controller;
pub mod credentials;
mod fault;
pub mod inputs;
pub mod ledger;
mod meanings;
mod reminder;
pub mod status_ref;
mod upkeep;
mod worker;

use std::error::Error;
use std::fmt::Write as _;

pub use fault::Fault;

/// An error with all its causes on one line: `this: because of this: and that`.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
