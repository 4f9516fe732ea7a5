//! Lints over fleet and plan.
