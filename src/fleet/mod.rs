//! A commit's files become a typed, validated and indexed fleet, or Problems.
//!
//! Two steps, both pure. [`parse_file`] reads one blob and knows nothing of the others, so its answer
//! is cached by path and blob id. [`Fleet::assemble`] puts the files of a commit together and checks
//! what only shows between them. Each Problem names file, line and column and says what to do.
//!
//! Paths that are no plain files (symlinks, submodules, too many of them) are the store's to report;
//! what a template would do in a member is `check`'s.

mod assemble;
mod contents;
mod embedded;
mod file;
mod identity;
mod inert;
mod json;
mod members;
mod names;
mod object;
mod own;
mod positions;
mod protected;
mod report;
mod scalar;
mod schema;
mod scope;
mod text;
mod tree;
mod validate;
mod workload;
mod yaml;

pub use assemble::{Fleet, NamespacedName, Places, Sourced, Template};
pub use embedded::embedded_yaml;
pub use file::{
    Document, Object, ParsedFile, is_manifest_path, parse_file, parse_objects, parse_values,
};
pub use identity::plain_id;
pub use names::did_you_mean;
pub use positions::{PackedPositions, Position, Positions};
pub use report::shown;
pub use scope::{Scope, built_in};

#[cfg(test)]
mod tests;
