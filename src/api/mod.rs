//! Vocabulary: the kinds that people or we write, and the small values that they are made of.
//!
//! One file a kind. Nothing here decides anything.

pub mod cluster;
pub mod manifest;
pub mod names;
pub mod problem;
pub mod report;
