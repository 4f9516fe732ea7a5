//! The scheduler's plugins in `fleet.yaml` must be plugins, and some of them filters.

use crate::api::problem::Problem;
use crate::fleet::Fleet;
use crate::schedule::{BadProfile, Profile};

/// What is wrong with the choice of plugins.
#[must_use]
pub fn profile(fleet: &Fleet) -> Option<Problem> {
    let error = Profile::new(&fleet.settings.scheduler).err()?;
    let place = fleet.place_of_setting(&format!("/spec/scheduler{}", error.pointer()));
    let hint = match &error {
        BadProfile::NoSuchPlugin { .. } => "docs/placement.md lists them with what each looks at",
        BadProfile::NoFilter => {
            "leave `plugins` out for all of them, or begin with \"*\" and take some off, as in [\"*\", \"-TaintToleration\"]"
        }
    };
    Some(Problem::error(place, "SETTINGS_PLUGIN", format!("spec.scheduler: {error}"), hint))
}
