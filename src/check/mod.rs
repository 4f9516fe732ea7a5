//! Lints over fleet and plan: the same ones on the command line, in tests, and before publishing.

mod guard;

pub use guard::{Refusal, guard, removal_id};
