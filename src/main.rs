//! The `git-fleet` program.

fn main() {}
