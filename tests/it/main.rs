//! Tests that use the library from outside, in one binary.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod action;
mod cli;
mod conformance;
mod customize;
mod example;
mod kinds;
mod layers;
mod ledger;
mod loading;
mod member;
mod member_wire;
mod planning;
mod remote_fleet;
mod schemas;
mod sim;
mod store;
mod storm;
mod tidy;
