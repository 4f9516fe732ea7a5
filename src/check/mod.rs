//! Lints over fleet and plan: the same ones on the command line, in tests, and before publishing.

mod ambiguous;
mod guard;
mod guesses;
mod overrides;
mod placements;
mod profile;
mod references;
mod replica_overrides;
mod selectors;

use crate::api::problem::{Problem, Severity};
use crate::fleet::Fleet;

use guesses::Guesses;

pub use guard::{Refusal, guard, removal_id, stricter, why};
pub use profile::profile;

/// Adds what only shows between policies and what they are about: warnings all. Nothing when there is
/// an error: what it leaves out of the fleet would be missed here.
pub fn policies(fleet: &Fleet, problems: &mut Vec<Problem>) {
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return;
    }
    problems.extend(ambiguous::ambiguous(fleet));
    problems.extend(overrides::overrides(fleet));
    problems.extend(placements::placements(fleet));
    problems.extend(references::references(fleet));
    problems.extend(selectors::selectors(fleet));
}
