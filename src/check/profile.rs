//! The scheduler's plugins in `fleet.yaml` must be plugins.

use crate::api::problem::{Place, Problem};
use crate::api::settings::{SETTINGS_PATH, SchedulerSettings};
use crate::schedule::Profile;

/// What is wrong with the choice of plugins.
#[must_use]
pub fn profile(settings: &SchedulerSettings) -> Option<Problem> {
    let error = Profile::new(settings).err()?;
    let place = Place { file: SETTINGS_PATH.to_owned(), line: 0, column: 0 };
    let hint = "docs/placement.md lists them with what each looks at";
    Some(Problem::error(place, "SETTINGS_PLUGIN", format!("spec.scheduler: {error}"), hint))
}
