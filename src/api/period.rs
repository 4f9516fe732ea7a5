//! Lengths of time as people write them: `10s`, `1m30s`, `500ms`, `7d`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, written as whole numbers with units from large to small.
///
/// Units are `d`, `h`, `m`, `s` and `ms`. A number without a unit is refused: nobody remembers
/// whether it means seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

/// A text that is not a length of time, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a length of time: {rule}")]
pub struct BadPeriod {
    /// The text as given, escaped for display.
    pub text: String,
    /// What is wrong with it.
    pub rule: &'static str,
}

const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Period {
    /// This many seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        let bad = |rule| BadPeriod { text: text.escape_debug().to_string(), rule };
        if text.is_empty() {
            return Err(bad("it is empty; write e.g. `10s`"));
        }
        let (mut rest, mut ms, mut smaller) = (text, 0_u64, &UNITS[..]);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            if number.is_empty() {
                return Err(bad("it has to start with a whole number, as in `10s`"));
            }
            if unit.is_empty() {
                return Err(bad("a number needs a unit: d, h, m, s or ms"));
            }
            let Some(at) = smaller.iter().position(|(name, _)| *name == unit) else {
                return Err(bad("units are d, h, m, s and ms, from large to small, each once"));
            };
            ms = number
                .parse::<u64>()
                .ok()
                .and_then(|n| n.checked_mul(smaller[at].1))
                .and_then(|part| ms.checked_add(part))
                .ok_or_else(|| bad("it is too long"))?;
            (rest, smaller) = (tail, &smaller[at + 1..]);
        }
        Ok(Self(Duration::from_millis(ms)))
    }
}

impl fmt::Display for Period {
    /// The shortest text, e.g. `1m30s`; parts below a millisecond are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if ms == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS {
            if ms >= size {
                write!(f, "{}{unit}", ms / size)?;
                ms %= size;
            }
        }
        Ok(())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Period")
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "period",
            "description": "A length of time such as `10s`, `1m30s`, `500ms` or `7d`.",
            "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_with_units_are_read() {
        for (text, ms) in
            [("10s", 10_000), ("1m30s", 90_000), ("500ms", 500), ("7d", 604_800_000), ("0s", 0)]
        {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.duration(), Duration::from_millis(ms), "{text}");
            assert_eq!(period.to_string(), text);
        }
        assert_eq!("90s".parse::<Period>().unwrap().to_string(), "1m30s");
    }

    #[test]
    fn other_texts_are_refused_with_a_rule() {
        for (text, rule) in [
            ("", "empty"),
            ("10", "needs a unit"),
            ("s", "whole number"),
            ("-1s", "whole number"),
            ("1.5s", "needs a unit"),
            ("10 s", "needs a unit"),
            ("10sec", "units are"),
            ("1s1m", "from large to small"),
            ("1s1s", "each once"),
            ("99999999999999999999s", "too long"),
        ] {
            let error = text.parse::<Period>().unwrap_err().to_string();
            assert!(error.contains(rule), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0..10_000_000_000_u64) {
            let period = Period::from(Duration::from_millis(ms));
            prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
        }

        #[test]
        fn any_text_is_read_or_refused_but_never_panics(text in ".{0,20}") {
            let _ = text.parse::<Period>();
        }
    }
}
