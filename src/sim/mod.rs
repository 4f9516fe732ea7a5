//! Simulated members behind a real HTTP Kubernetes API.

pub mod apply;
