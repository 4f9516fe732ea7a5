//! Lints over fleet and plan: the same ones on the command line, in tests, and before publishing.

mod guard;
mod profile;

pub use guard::{Refusal, guard, removal_id};
pub use profile::profile;
