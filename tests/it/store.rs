//! The store against real git.

#[path = "../support/git.rs"]
pub(crate) mod git;

mod publishing;
mod reading;
mod remotes;
mod triggers;

use std::path::Path;

use git_fleet::api::names::ObjectId;
use git_fleet::store::{Location, RefName, Store};
use jiff::Timestamp;

fn open(path: &Path) -> Store {
    Store::open(&Location::from(path), Path::new("/nonexistent")).unwrap()
}

fn branch(short: &str) -> RefName {
    RefName::branch(short).unwrap()
}

fn id(text: &str) -> ObjectId {
    text.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}
