//! `batch/v1 CronJob`.

use super::Kind;

/// A Job on a timetable: no replicas, no health of its own, its whole status is reflected.
pub(super) struct CronJob;

impl Kind for CronJob {
    fn matches(&self) -> (&'static str, &'static str) {
        ("batch/v1", "CronJob")
    }
}
