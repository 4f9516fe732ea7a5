//! Which schedules there are, as the library reads them by which Karmada runs its rules.

use git_fleet::api::cron::Schedule;
use git_fleet::api::time_zone;

use super::{Tally, cases};

#[test]
fn schedules_are_read_as_in_karmada() {
    let Some(cases) = cases("cronhpa") else { return };
    let mut tally = Tally::new("cronhpa, schedules");
    for case in &cases {
        let schedule = case["schedule"].as_str().unwrap().parse::<Schedule>();
        let is_zone = case["timeZone"].as_str().is_none_or(|zone| time_zone::check(zone).is_ok());
        tally.compare(case, &(schedule.is_ok() && is_zone), &case["error"].is_null());
    }
    tally.end();
}
