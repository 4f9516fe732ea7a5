//! Tests that use the library from outside, in one binary.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../support/any_fleet.rs"]
mod any_fleet;

mod action;
mod cli;
mod conformance;
mod customize;
mod example;
mod interpret;
mod kinds;
mod layers;
mod ledger;
mod ledger_webhooks;
mod loading;
mod member;
mod member_wire;
mod planning;
mod quiet;
mod remote_fleet;
mod schemas;
mod sim;
mod store;
mod storm;
mod tidy;
