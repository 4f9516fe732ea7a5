//! Scenarios against real API servers, with the built binary, by its command line only.
//!
//! `cargo test --test e2e`. Where Kubernetes cannot be built they are left out in one line, see `tests/support/kube`.

#[path = "../support/kube/mod.rs"]
mod kube;

mod across;
mod customization;
mod join;
mod members;
mod real_input;
mod scenarios;
mod stage;
mod statuses;
mod world;
