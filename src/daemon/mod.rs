//! Feeds events to the engine and performs its effects.
//!
//! Three kinds of tasks, and no lock between them: one owns the [`Engine`](crate::engine::Engine)
//! and the executors, one thread owns the repository ([`ledger`]), and every member has an executor
//! of its own ([`crate::member`]). They talk over bounded channels.

pub mod agent;
pub mod controller;
pub mod credentials;
mod fault;
mod identities;
pub mod inputs;
pub mod ledger;
mod meanings;
mod reminder;
pub mod status_ref;
mod upkeep;
mod worker;

use std::error::Error;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::api::cluster::ClusterStatus;
use crate::api::condition::{Condition, ConditionStatus};
use crate::api::marks;

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

/// The status of a member that is not written to, and why.
fn not_ready(reason: &str, message: String) -> ClusterStatus {
    let condition = Condition {
        type_: marks::CONDITION_READY.to_owned(),
        status: ConditionStatus::False,
        reason: reason.to_owned(),
        message,
        last_transition_time: Timestamp::now(),
        observed_generation: None,
    };
    ClusterStatus { conditions: vec![condition], ..ClusterStatus::default() }
}
