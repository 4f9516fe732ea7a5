//! Settings that have the right form and cannot be kept to.

use std::time::Duration;

use super::super::object::Checked;
use crate::api::settings::{Settings, is_or_lies_below};

/// Who asks more often keeps a processor busy with nothing.
const SHORTEST: Duration = Duration::from_millis(100);

pub(in crate::fleet) fn settings(checked: &mut Checked<'_, '_>, settings: &Settings) {
    let (source, prefix) = (settings.source.branch.as_str(), settings.refs.prefix.as_str());
    if is_or_lies_below(source, prefix) {
        checked.error(
            "/spec/refs/prefix",
            "SETTINGS_REFS",
            format!(
                "the source branch `{source}` would be one of the branches that the engine writes, `{prefix}/…`"
            ),
            "take another prefix, or another source branch",
        );
    } else if is_or_lies_below(prefix, source) {
        checked.error(
            "/spec/refs/prefix",
            "SETTINGS_REFS",
            format!("git keeps no branches `{prefix}/…` beside the branch `{source}`"),
            format!("take a prefix that does not begin with `{source}/`"),
        );
    }
    let intervals = &settings.intervals;
    for (name, interval) in [("poll", intervals.poll), ("resync", intervals.resync)] {
        if interval.duration() < SHORTEST {
            checked.error(
                &format!("/spec/intervals/{name}"),
                "SETTINGS_INTERVAL",
                format!("`{name}: {interval}` would ask without a pause"),
                "give it 100ms at least; 15s and 10m are what fits most",
            );
        }
    }
}
