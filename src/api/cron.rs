//! Schedules as cron has them: `0 8 * * 1-5`, `@daily`, `@every 90m`.
//!
//! The grammar is the one by which Karmada runs its rules and Kubernetes its CronJobs, five fields and
//! no seconds (`spec/placement.md` §8.2 of Karmada's rules). What it accepts by accident is refused: a
//! list with nothing between two commas, a range that begins with `*`, a period below a second.

use std::str::FromStr;
use std::time::Duration;

use super::time_zone;

/// When something is to happen again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time zone that the text begins with (`TZ=` or `CRON_TZ=`), if it does.
    pub time_zone: Option<String>,
    /// The times.
    pub times: Times,
}

/// The times of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Times {
    /// Again after this long; whole seconds, at least one.
    Every(Duration),
    /// Whenever a clock shows what all fields hold.
    At(Fields),
}

/// What a clock must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Minutes of the hour, 0 to 59.
    pub minutes: Numbers,
    /// Hours of the day, 0 to 23.
    pub hours: Numbers,
    /// Days of the month, 1 to 31. Where neither these nor the days of the week are all, one of the two
    /// is enough.
    pub days: Numbers,
    /// Months of the year, 1 to 12.
    pub months: Numbers,
    /// Days of the week, from Sunday, 0 to 6.
    pub weekdays: Numbers,
}

/// Numbers from 0 to 59.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    bits: u64,
    /// Whether a part of the field was `*` or `?`.
    pub is_any: bool,
}

impl Numbers {
    /// Whether `number` is one of them.
    #[must_use]
    pub const fn contains(self, number: u32) -> bool {
        number < u64::BITS && self.bits & (1 << number) != 0
    }
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// Another number of fields than five.
    #[error("it has {0} fields, not 5")]
    Fields(usize),
    /// A field that cannot be read, or that holds what there is not.
    #[error("its {field} `{text}` {rule}")]
    Field {
        /// Which field.
        field: &'static str,
        /// The part of it that is wrong, escaped for display.
        text: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// A word with `@` that there is not.
    #[error("`{0}` is none of @yearly, @monthly, @weekly, @daily, @hourly and @every")]
    Word(String),
    /// A period that cannot be read, or is too short.
    #[error("`{0}` is no period of at least a second, such as 90m or 1h30m")]
    Period(String),
    /// A time zone without a schedule.
    #[error("there is nothing after its time zone")]
    ZoneAlone,
    /// A time zone that there is not.
    #[error(transparent)]
    Zone(#[from] time_zone::UnknownTimeZone),
}

/// One field of a schedule.
struct Field {
    name: &'static str,
    least: u64,
    most: u64,
    /// What a number outside of them is.
    outside: &'static str,
    /// Words for numbers, from `least` on.
    words: &'static [&'static str],
}

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const MINUTE: Field =
    Field { name: "minute", least: 0, most: 59, outside: "is not from 0 to 59", words: &[] };
const HOUR: Field =
    Field { name: "hour", least: 0, most: 23, outside: "is not from 0 to 23", words: &[] };
const DAY: Field = Field {
    name: "day of the month",
    least: 1,
    most: 31,
    outside: "is not from 1 to 31",
    words: &[],
};
const MONTH: Field =
    Field { name: "month", least: 1, most: 12, outside: "is not from 1 to 12", words: MONTHS };
const WEEKDAY: Field = Field {
    name: "day of the week",
    least: 0,
    most: 6,
    outside: "is not from 0 to 6",
    words: WEEKDAYS,
};

impl FromStr for Schedule {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Self, BadSchedule> {
        let prefixed = ["TZ=", "CRON_TZ="].iter().find_map(|prefix| text.strip_prefix(prefix));
        let (time_zone, text) = match prefixed {
            None => (None, text),
            Some(rest) => {
                let (zone, rest) = rest.split_once(' ').ok_or(BadSchedule::ZoneAlone)?;
                time_zone::check(zone)?;
                (Some(zone.to_owned()), rest.trim())
            }
        };
        let times = match text.strip_prefix('@') {
            Some(word) => word_times(word)?,
            None => Times::At(fields(text)?),
        };
        Ok(Self { time_zone, times })
    }
}

fn word_times(word: &str) -> Result<Times, BadSchedule> {
    if let Some(period) = word.strip_prefix("every ") {
        return every(period);
    }
    let text = match word {
        "yearly" | "annually" => "0 0 1 1 *",
        "monthly" => "0 0 1 * *",
        "weekly" => "0 0 * * 0",
        "daily" | "midnight" => "0 0 * * *",
        "hourly" => "0 * * * *",
        _ => return Err(BadSchedule::Word(format!("@{}", word.escape_debug()))),
    };
    Ok(Times::At(fields(text)?))
}

fn every(text: &str) -> Result<Times, BadSchedule> {
    let period = period(text).map(|period| Duration::from_secs(period.as_secs()));
    match period.filter(|period| !period.is_zero()) {
        Some(period) => Ok(Times::Every(period)),
        None => Err(BadSchedule::Period(text.escape_debug().to_string())),
    }
}

/// A length of time as Go writes it: numbers, whole or with a fraction, each with its unit.
fn period(text: &str) -> Option<Duration> {
    const UNITS: &[(&str, u128)] = &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        let (number, tail) = rest.split_at(rest.find(|c| !is_part(c))?);
        let (unit, tail) = tail.split_at(tail.find(is_part).unwrap_or(tail.len()));
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if number == "." || number.is_empty() || fraction.contains('.') || number.len() > 20 {
            return None;
        }
        let amount = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse().ok() };
        let (whole, part): (u128, u128) = (amount(whole)?, amount(fraction)?);
        nanos += whole * unit + part * unit / 10_u128.pow(fraction.len() as u32);
        rest = tail;
    }
    // Go counts in an int64.
    (nanos <= i64::MAX as u128).then(|| Duration::from_nanos(nanos as u64))
}

fn fields(text: &str) -> Result<Fields, BadSchedule> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [minutes, hours, days, months, weekdays] = parts[..] else {
        return Err(BadSchedule::Fields(parts.len()));
    };
    Ok(Fields {
        minutes: MINUTE.numbers(minutes)?,
        hours: HOUR.numbers(hours)?,
        days: DAY.numbers(days)?,
        months: MONTH.numbers(months)?,
        weekdays: WEEKDAY.numbers(weekdays)?,
    })
}

impl Field {
    /// The numbers of a list of ranges.
    fn numbers(&self, text: &str) -> Result<Numbers, BadSchedule> {
        let mut numbers = Numbers::default();
        for range in text.split(',') {
            let one = self.range(range).map_err(|rule| BadSchedule::Field {
                field: self.name,
                text: range.escape_debug().to_string(),
                rule,
            })?;
            numbers.bits |= one.bits;
            numbers.is_any |= one.is_any;
        }
        Ok(numbers)
    }

    /// `*`, `3`, `3-9`, each of them with `/2` for every second one; `3/2` goes on to the end.
    fn range(&self, text: &str) -> Result<Numbers, &'static str> {
        let (range, step) = match text.split_once('/') {
            None => (text, None),
            Some((range, step)) => {
                (range, Some(step.parse::<u64>().map_err(|_| "has a step that is no number")?))
            }
        };
        if step == Some(0) {
            return Err("has a step of 0");
        }
        let (first, last) = match range.split_once('-') {
            None => (range, None),
            Some((first, last)) => (first, Some(last)),
        };
        let is_star = matches!(first, "*" | "?");
        let (first, last) = match last {
            None if is_star => (self.least, self.most),
            Some(last) => (self.number(first)?, self.number(last)?),
            None if step.is_some() => (self.number(first)?, self.most),
            None => (self.number(first)?, self.number(first)?),
        };
        if first < self.least || last > self.most {
            return Err(self.outside);
        }
        if first > last {
            return Err("ends before it begins");
        }
        let step = step.unwrap_or(1);
        let steps = usize::try_from(step).unwrap_or(usize::MAX);
        let bits = (first..=last).step_by(steps).fold(0, |bits, number| bits | 1 << number);
        Ok(Numbers { bits, is_any: is_star && step == 1 })
    }

    fn number(&self, text: &str) -> Result<u64, &'static str> {
        let mut words = self.words.iter();
        match words.position(|word| word.eq_ignore_ascii_case(text)) {
            Some(at) => Ok(self.least + at as u64),
            None => text.parse().map_err(|_| "is no number, list, range or step"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Fields {
        match text.parse::<Schedule>().unwrap().times {
            Times::At(fields) => fields,
            Times::Every(period) => panic!("{text} is every {period:?}"),
        }
    }

    fn listed(numbers: Numbers) -> Vec<u32> {
        (0..64).filter(|number| numbers.contains(*number)).collect()
    }

    #[test]
    fn fields_are_lists_of_ranges_with_steps() {
        let fields = at("*/20 8-10,22 5/10 jan,MAR-May ?");
        assert_eq!(listed(fields.minutes), [0, 20, 40]);
        assert_eq!(listed(fields.hours), [8, 9, 10, 22]);
        assert_eq!(listed(fields.days), [5, 15, 25]);
        assert_eq!(listed(fields.months), [1, 3, 4, 5]);
        assert_eq!(listed(fields.weekdays), [0, 1, 2, 3, 4, 5, 6]);
        assert!(fields.weekdays.is_any && !fields.minutes.is_any);
        assert!(!fields.minutes.contains(64));
    }

    #[test]
    fn words_stand_for_fields() {
        assert_eq!(at("@weekly"), at("0 0 * * sun"));
        assert_eq!(at("@annually"), at("0 0 1 1 *"));
        assert_eq!(at("@midnight"), at("@daily"));
    }

    #[test]
    fn periods_are_gos() {
        for (text, seconds) in
            [("90m", 5400), ("1h30m", 5400), ("1.5h", 5400), ("+2s500ms", 2), (".5m", 30)]
        {
            let schedule: Schedule = format!("@every {text}").parse().unwrap();
            assert_eq!(schedule.times, Times::Every(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "-5m", "1d", "999ms", "1..5h", ".s", "m", "9999999h", "0"] {
            let refused = format!("@every {text}").parse::<Schedule>();
            assert_eq!(refused, Err(BadSchedule::Period(text.to_owned())));
        }
    }

    #[test]
    fn a_time_zone_may_come_first() {
        let schedule: Schedule = "CRON_TZ=Asia/Tokyo 0 8 * * *".parse().unwrap();
        assert_eq!(schedule.time_zone.as_deref(), Some("Asia/Tokyo"));
        assert_eq!(schedule.times, Times::At(at("0 8 * * *")));
        assert!(matches!("TZ=Mars 0 8 * * *".parse::<Schedule>(), Err(BadSchedule::Zone(_))));
        assert_eq!("TZ=UTC".parse::<Schedule>(), Err(BadSchedule::ZoneAlone));
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (text, why) in [
            ("", "it has 0 fields, not 5"),
            ("* * * * * *", "it has 6 fields, not 5"),
            ("60 * * * *", "its minute `60` is not from 0 to 59"),
            ("* * 0 * *", "its day of the month `0` is not from 1 to 31"),
            ("* * * * 7", "its day of the week `7` is not from 0 to 6"),
            ("5-1 * * * *", "its minute `5-1` ends before it begins"),
            ("*/0 * * * *", "its minute `*/0` has a step of 0"),
            ("*/a * * * *", "its minute `*/a` has a step that is no number"),
            ("1, * * * *", "its minute `` is no number, list, range or step"),
            ("*-5 * * * *", "its minute `*-5` is no number, list, range or step"),
            ("* * * * 1-2-3", "its day of the week `1-2-3` is no number, list, range or step"),
            ("* * L * *", "its day of the month `L` is no number, list, range or step"),
            (
                "@often",
                "`@often` is none of @yearly, @monthly, @weekly, @daily, @hourly and @every",
            ),
        ] {
            assert_eq!(text.parse::<Schedule>().unwrap_err().to_string(), why, "{text}");
        }
    }
}
