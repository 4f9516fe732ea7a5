//! Simulated members behind a real HTTP Kubernetes API, for demos, tests, scale and faults.
//!
//! [`Host`] runs many members on one thread; each is an HTTP server on its own loopback port that an
//! unmodified kube-rs client and `kubectl` can use. A request goes through `server` (credentials,
//! faults), `route` (what is asked), then `read`, `write`, `delete` or `watch` over `storage`.
//! `apply` and its neighbours are pure functions over JSON; `merge` is the seam to them. `controllers`
//! runs the pure `kubelet` over a member, so that workloads progress. `logs`, `metrics` and `exec` are what a
//! kubelet and a metrics server add to that.
//!
//! Deliberately not here: admission webhooks, authorization, protobuf, conversion between versions
//! beyond the name, and the field schemas of built-in kinds: an unknown field is kept.

pub mod apply;
mod controllers;
mod convert;
mod crd;
pub mod defaults;
mod delete;
mod discovery;
mod exec;
mod faults;
mod format;
mod host;
pub mod kubelet;
mod logs;
mod merge;
mod metrics;
mod openapi;
pub mod patch;
mod read;
mod resources;
mod review;
mod route;
mod selector;
mod server;
mod status_error;
mod storage;
mod structural;
mod structural_definition;
mod subresource;
pub mod table;
mod tokens;
mod validate;
mod watch;
mod world;
mod write;

pub use faults::{Failure, Faults, Strikes, Throttle};
pub use host::{Host, HostError, MemberSpec, Workloads};
pub use resources::{BuiltIn, built_in_kinds};
pub use world::Requests;
