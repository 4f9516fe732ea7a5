//! One measured value and its goal.

use std::fmt;

/// A value, its unit and the most it should be.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) goal: f64,
    /// What else a reader should know, e.g. the reference it is compared with.
    pub(crate) remark: String,
}

impl Figure {
    pub(crate) fn at_most(name: &'static str, value: f64, unit: &'static str, goal: f64) -> Self {
        Self { name, value, unit, goal, remark: String::new() }
    }

    pub(crate) fn remark(self, remark: impl Into<String>) -> Self {
        Self { remark: remark.into(), ..self }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.value <= self.goal { "ok" } else { "short" };
        let Self { name, value, unit, goal, remark } = self;
        write!(f, "figure {name} {value:.2} {unit} goal <= {goal} {verdict}")?;
        if remark.is_empty() { Ok(()) } else { write!(f, " ({remark})") }
    }
}

/// The value that `percent` of `values` do not exceed (nearest rank).
pub(crate) fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}
