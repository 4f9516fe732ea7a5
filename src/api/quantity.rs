//! Kubernetes resource quantities: `500m`, `1.5Gi`, `1e3`, `100`.
//!
//! Exact decimal arithmetic in billionths, as fine as Kubernetes keeps them. Grammar: an optional
//! sign, digits with an optional fraction, then nothing, one of `n u m k M G T P E` (powers of
//! 1000), one of `Ki Mi Gi Ti Pi Ei` (powers of 1024), or `e`/`E` and a whole exponent of ten.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANO_PER_ONE: i128 = 1_000_000_000;
const NANO_PER_MILLI: i128 = 1_000_000;

/// An amount of a resource. Keeps the text that it was written as; compares by amount.
///
/// Finer than a billionth is rounded away from zero (who asked for some, gets some). Amounts
/// beyond ±1.7e29 are taken as that; Kubernetes itself stops at 9.2e18.
#[derive(Clone)]
pub struct Quantity {
    nanos: i128,
    style: Style,
    written: Arc<str>,
}

/// How a quantity was written, and so how its canonical text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `k`, `M`, … or no suffix.
    Decimal,
    /// `Ki`, `Mi`, …
    Binary,
    /// `e3`.
    Exponent,
}

/// A text that is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity such as `500m`, `2`, `1.5Gi` or `1e3`")]
pub struct BadQuantity(pub String);

impl Quantity {
    /// The amount of zero.
    #[must_use]
    pub fn zero() -> Self {
        Self::from(0)
    }

    /// This many whole units.
    #[must_use]
    fn whole(n: i64) -> Self {
        Self {
            nanos: i128::from(n) * NANO_PER_ONE,
            style: Style::Decimal,
            written: Arc::from(n.to_string()),
        }
    }

    /// This many thousandths, written in canonical form.
    #[must_use]
    pub fn from_milli(n: i64) -> Self {
        Self::from_nanos(i128::from(n) * NANO_PER_MILLI, Style::Decimal)
    }

    fn from_nanos(nanos: i128, style: Style) -> Self {
        let mut quantity = Self { nanos, style, written: Arc::from("") };
        quantity.written = Arc::from(quantity.canonical());
        quantity
    }

    /// The text that it was read from.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// The amount in billionths.
    #[must_use]
    pub const fn nanos(&self) -> i128 {
        self.nanos
    }

    /// Whole units, rounded away from zero; clamped to what an `i64` holds.
    #[must_use]
    pub fn value(&self) -> i64 {
        clamp(div_away_from_zero(self.nanos, NANO_PER_ONE))
    }

    /// Thousandths, rounded away from zero; clamped to what an `i64` holds.
    #[must_use]
    pub fn milli_value(&self) -> i64 {
        clamp(div_away_from_zero(self.nanos, NANO_PER_MILLI))
    }

    /// Whether the amount is 0.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount has no fraction.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.nanos % NANO_PER_ONE == 0
    }

    /// The text that Kubernetes would store: no fraction, the largest suffix that fits, in the
    /// family of suffixes that it was written in.
    #[must_use]
    pub fn canonical(&self) -> String {
        let small = self.nanos.abs() < 1024 * NANO_PER_ONE;
        match self.style {
            Style::Binary if !small => self.canonical_binary(),
            Style::Exponent => self.canonical_decimal(|step| match step {
                0 => String::new(),
                step => format!("e{}", step * 3),
            }),
            Style::Binary | Style::Decimal => self.canonical_decimal(|step| {
                const SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
                SUFFIXES[(step + 3) as usize].to_owned()
            }),
        }
    }

    fn canonical_decimal(&self, suffix: impl Fn(i32) -> String) -> String {
        let (mut mantissa, mut step) = (self.nanos, -3);
        if mantissa == 0 {
            return format!("0{}", suffix(0));
        }
        while mantissa % 1000 == 0 && step < 6 {
            (mantissa, step) = (mantissa / 1000, step + 1);
        }
        format!("{mantissa}{}", suffix(step))
    }

    fn canonical_binary(&self) -> String {
        const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let (mut mantissa, mut step) = (div_away_from_zero(self.nanos, NANO_PER_ONE), 0);
        while mantissa % 1024 == 0 && step + 1 < SUFFIXES.len() {
            (mantissa, step) = (mantissa / 1024, step + 1);
        }
        format!("{mantissa}{}", SUFFIXES[step])
    }

    /// The sum, in this one's family of suffixes; clamped.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self::from_nanos(self.nanos.saturating_add(other.nanos), self.style)
    }

    /// The difference, in this one's family of suffixes; clamped.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self::from_nanos(self.nanos.saturating_sub(other.nanos), self.style)
    }

    /// This many times the amount; clamped.
    #[must_use]
    pub fn times(&self, factor: i64) -> Self {
        Self::from_nanos(self.nanos.saturating_mul(i128::from(factor)), self.style)
    }
}

fn clamp(n: i128) -> i64 {
    i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX })
}

fn div_away_from_zero(n: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (n / divisor, n % divisor);
    quotient + rest.signum()
}

impl From<i64> for Quantity {
    fn from(n: i64) -> Self {
        Self::whole(n)
    }
}

impl FromStr for Quantity {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let bad = || BadQuantity(text.escape_debug().to_string());
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => split_digits(rest),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(bad());
        }
        let (scale, style) = parse_suffix(suffix).ok_or_else(bad)?;
        let nanos = match scale {
            Scale::Ten(exponent) => scale_by_ten(whole, fraction, exponent),
            Scale::Two(exponent) => scale_by_two(whole, fraction, exponent),
        };
        let nanos = if negative { -nanos } else { nanos };
        Ok(Self { nanos, style, written: Arc::from(text) })
    }
}

enum Scale {
    Ten(i64),
    Two(u32),
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn parse_suffix(suffix: &str) -> Option<(Scale, Style)> {
    let decimal = |exponent| Some((Scale::Ten(exponent), Style::Decimal));
    let binary = |exponent| Some((Scale::Two(exponent), Style::Binary));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            Some((Scale::Ten(exponent.parse().ok()?), Style::Exponent))
        }
    }
}

/// `whole.fraction` × 10^`exponent` in billionths, for texts of any length.
fn scale_by_ten(whole: &str, fraction: &str, exponent: i64) -> i128 {
    let digits: String = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    let shift = exponent.saturating_add(9).saturating_sub(fraction.len() as i64);
    if shift >= 0 {
        let zeros = usize::try_from(shift).unwrap_or(usize::MAX).min(40);
        return parse_clamped(digits.bytes().chain(std::iter::repeat_n(b'0', zeros)));
    }
    let dropped = usize::try_from(shift.unsigned_abs()).unwrap_or(usize::MAX);
    let (kept, lost) = digits.split_at(digits.len().saturating_sub(dropped));
    let up = i128::from(lost.bytes().any(|digit| digit != b'0'));
    parse_clamped(kept.bytes()).saturating_add(up)
}

/// `whole.fraction` × 2^`exponent` in billionths, for texts of any length.
fn scale_by_two(whole: &str, fraction: &str, exponent: u32) -> i128 {
    let unit = NANO_PER_ONE << exponent;
    // Horner's rule from the last digit: dividing by ten at each step and rounding down gives the
    // same as rounding down once at the end, and any remainder means that something was lost.
    let (mut part, mut lost) = (0, false);
    for digit in fraction.bytes().rev() {
        let sum = part + i128::from(digit - b'0') * unit;
        (part, lost) = (sum / 10, lost || sum % 10 != 0);
    }
    parse_clamped(whole.bytes())
        .saturating_mul(unit)
        .saturating_add(part)
        .saturating_add(i128::from(lost))
}

fn parse_clamped(digits: impl Iterator<Item = u8>) -> i128 {
    digits.fold(0_i128, |n, digit| n.saturating_mul(10).saturating_add(i128::from(digit - b'0')))
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}
impl Eq for Quantity {}
impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::zero()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;

        impl Visitor<'_> for TextOrNumber {
            type Value = Quantity;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as 500m, 2, 1.5Gi or 1e3")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Quantity, E> {
                Ok(Quantity::from(n))
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Quantity, E> {
                self.visit_str(&n.to_string())
            }
            fn visit_f64<E: de::Error>(self, n: f64) -> Result<Quantity, E> {
                self.visit_str(&n.to_string())
            }
        }

        deserializer.deserialize_any(TextOrNumber)
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Quantity")
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Kubernetes quantity: `500m`, `2`, `1.5Gi`, `1e3`.",
            "format": "quantity",
            "anyOf": [{ "type": "integer" }, { "type": "number" }, { "type": "string" }],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn q(text: &str) -> Quantity {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_suffix_scales() {
        for (text, nanos) in [
            ("1n", 1),
            ("1u", 1_000),
            ("1m", 1_000_000),
            ("1", 1_000_000_000),
            ("+1", 1_000_000_000),
            ("1k", 1_000_000_000_000),
            ("-2M", -2_000_000_000_000_000),
            ("1E", 1_000_000_000_000_000_000_000_000_000),
            ("1Ki", 1_024_000_000_000),
            ("1.5Ki", 1_536_000_000_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("1e3", 1_000_000_000_000),
            ("1E-3", 1_000_000),
            ("1e+2", 100_000_000_000),
            ("0.0000000000000000000000001e25", 1_000_000_000),
            ("00012.500", 12_500_000_000),
        ] {
            assert_eq!(q(text).nanos(), nanos, "{text}");
        }
    }

    #[test]
    fn what_is_too_fine_rounds_away_from_zero() {
        assert_eq!(q("0.1n").nanos(), 1);
        assert_eq!(q("-0.1n").nanos(), -1);
        assert_eq!(q("1.0000000001").nanos(), 1_000_000_001);
        assert_eq!(q("0.1Ki").nanos(), 102_400_000_000);
        assert_eq!(q("0.00000000000001Ki").nanos(), 1);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "-",
            ".",
            "Mi",
            "1 Gi",
            "1gi",
            "1KI",
            "1ki",
            "1e",
            "1e1.5",
            "e3",
            "1.2.3",
            "0x1",
            "1_000",
            "--1",
            "1mm",
            "½",
            "1e99999999999999999999",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn values_round_away_from_zero_and_clamp() {
        assert_eq!(q("1m").value(), 1);
        assert_eq!(q("-1m").value(), -1);
        assert_eq!(q("1500m").value(), 2);
        assert_eq!(q("1500m").milli_value(), 1500);
        assert_eq!(q("1u").milli_value(), 1);
        assert_eq!(q("1e1000").value(), i64::MAX);
        assert_eq!(q("-9999E").value(), i64::MIN);
        assert_eq!(q("8Ei").value(), i64::MAX);
    }

    #[test]
    fn amounts_compare_and_texts_are_kept() {
        assert_eq!(q("1000m"), q("1"));
        assert_eq!(q("1024"), q("1Ki"));
        assert!(q("1G") < q("1Gi"));
        assert!(q("-1") < q("0"));
        assert_eq!(q("1000m").to_string(), "1000m");
        assert_eq!(q("0.5"), q("500m"));
    }

    #[test]
    fn canonical_text_is_that_of_kubernetes() {
        for (written, canonical) in [
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("0.5Mi", "512Ki"),
            ("1e3", "1e3"),
            ("12e4", "120e3"),
            ("100e-3", "100e-3"),
            ("0Gi", "0"),
            ("0", "0"),
            ("-1000k", "-1M"),
            ("5000E", "5000E"),
        ] {
            assert_eq!(q(written).canonical(), canonical, "{written}");
        }
    }

    #[test]
    fn sums_keep_the_family_of_suffixes() {
        assert_eq!(q("1Gi").plus(&q("1Gi")).as_written(), "2Gi");
        assert_eq!(q("2").minus(&q("500m")).as_written(), "1500m");
        assert_eq!(q("250m").times(4).as_written(), "1");
        assert_eq!(Quantity::from_milli(1500).as_written(), "1500m");
    }

    #[test]
    fn numbers_and_texts_are_read() {
        let read = |yaml: &str| serde_saphyr::from_str::<Quantity>(yaml).unwrap();
        assert_eq!(read("100"), q("100"));
        assert_eq!(read("\"100\""), q("100"));
        assert_eq!(read("0.5"), q("500m"));
        assert_eq!(read("1e3"), q("1k"));
        assert_eq!(read("1Gi"), q("1Gi"));
        assert_eq!(serde_json::to_string(&q("1Gi")).unwrap(), "\"1Gi\"");
        assert!(serde_saphyr::from_str::<Quantity>("true").is_err());
    }

    proptest! {
        #[test]
        fn canonical_text_is_the_same_amount(
            whole in "[0-9]{1,12}",
            fraction in "[0-9]{0,12}",
            suffix in prop::sample::select(vec!["n", "u", "m", "", "k", "M", "Ki", "Mi", "e2", "E-4"]),
        ) {
            let quantity = q(&format!("{whole}.{fraction}{suffix}"));
            let canonical = q(&quantity.canonical());
            if quantity.style == Style::Binary && quantity.nanos >= 1024 * NANO_PER_ONE {
                // Rounded up to a whole number, which without a suffix is read as a decimal one.
                prop_assert_eq!(canonical.value(), quantity.value());
            } else {
                prop_assert_eq!(&canonical, &quantity);
                prop_assert_eq!(canonical.canonical(), quantity.canonical());
            }
        }

        #[test]
        fn any_text_is_read_or_refused_but_never_panics(text in ".{0,40}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
