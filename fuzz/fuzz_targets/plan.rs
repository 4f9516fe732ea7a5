//! Feeds the planner any objects that validate: `cargo +nightly fuzz run plan`.
#![no_main]

#[path = "../../tests/support/any_fleet.rs"]
mod any_fleet;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| any_fleet::check(bytes));
