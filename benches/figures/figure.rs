//! One measured value and its goal.

use std::fmt;

/// A value, its unit and the most or the least that it should be.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) goal: f64,
    /// Whether the goal is the least.
    pub(crate) is_floor: bool,
    /// What else a reader should know, e.g. the reference it is compared with.
    pub(crate) remark: String,
}

impl Figure {
    pub(crate) fn at_most(name: &'static str, value: f64, unit: &'static str, goal: f64) -> Self {
        Self { name, value, unit, goal, is_floor: false, remark: String::new() }
    }

    pub(crate) fn at_least(name: &'static str, value: f64, unit: &'static str, goal: f64) -> Self {
        Self { is_floor: true, ..Self::at_most(name, value, unit, goal) }
    }

    pub(crate) fn remark(self, remark: impl Into<String>) -> Self {
        Self { remark: remark.into(), ..self }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, goal, is_floor, remark } = self;
        let is_met = if *is_floor { value >= goal } else { value <= goal };
        let (verdict, op) =
            (if is_met { "ok" } else { "short" }, if *is_floor { ">=" } else { "<=" });
        write!(f, "figure {name} {value:.2} {unit} goal {op} {goal} {verdict}")?;
        if remark.is_empty() { Ok(()) } else { write!(f, " ({remark})") }
    }
}

/// The value that `percent` of `values` do not exceed (nearest rank).
pub(crate) fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}
