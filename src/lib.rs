//! Multi-cluster orchestration for Kubernetes with a git repository as the whole control plane.
//!
//! Modules are listed in the order of their dependencies: each may use those above it only, and a
//! test enforces it. Everything from [`api`] to [`engine`] is the functional core: values in,
//! values out, no async, no clock, no disk. The rest is the shell, thin and dull.

// The functional core.
pub mod api;
pub mod check;
pub mod engine;
pub mod fleet;
pub mod interpret;
pub mod overrides;
pub mod plan;
pub mod schedule;
pub mod status;

// The imperative shell.
pub mod cli;
pub mod customize;
pub mod daemon;
pub mod member;
pub mod sim;
pub mod store;
pub mod telemetry;
