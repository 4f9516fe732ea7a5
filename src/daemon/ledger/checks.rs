//! Everything that is checked of a fleet's files, wherever they were read: in a commit or on disk.

use std::sync::Arc;

use super::remotes::remote_problems;
use crate::api::names::ObjectId;
use crate::api::problem::Problem;
use crate::customize::Interpreter;
use crate::fleet::{Fleet, ParsedFile};

/// Where the files are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A repository on this machine, or no repository at all.
    Here,
    /// A repository elsewhere: whoever may push to it has no business with this machine's disk.
    Hosted,
}

/// The fleet that the files make, and all that is wrong with them, in order of place. `problems` are
/// those that were found on the way to the files.
#[must_use]
pub fn fleet_of(
    commit: ObjectId,
    files: &[Arc<ParsedFile>],
    origin: Origin,
    interpreter: &Interpreter,
    mut problems: Vec<Problem>,
) -> (Fleet, Vec<Problem>) {
    problems.extend(files.iter().flat_map(|file| file.problems.iter().cloned()));
    let (fleet, across) = Fleet::assemble(commit, files);
    problems.extend(across);
    problems.extend(remote_problems(&fleet, origin));
    problems.extend(crate::check::profile(&fleet));
    problems.extend(crate::customize::check(&fleet, interpreter));
    crate::check::policies(&fleet, &mut problems);
    problems.sort();
    problems.dedup();
    (fleet, problems)
}
