//! The scenarios, in the order in which they run.

mod cold;
mod hostile;
mod interpret;
mod large;
pub(crate) mod plan;
mod program;
mod pull;
mod push;
mod schedule;
mod share;
mod works;

use tokio::runtime::Runtime;

use crate::figure::Figure;

/// One scenario and the figures that it measures.
pub(crate) struct Scenario {
    pub(crate) figures: &'static [&'static str],
    pub(crate) run: fn(&Runtime) -> anyhow::Result<Vec<Figure>>,
}

/// All scenarios.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { figures: schedule::FIGURES, run: schedule::recorded },
    Scenario { figures: &["plan.cold", "plan.one"], run: plan::whole },
    Scenario { figures: &["plan.memory"], run: plan::memory },
    Scenario { figures: &["works.20000"], run: works::constructed },
    Scenario { figures: &["interpret.native"], run: interpret::native },
    Scenario { figures: &["interpret.lua"], run: interpret::lua },
    Scenario { figures: &["hostile.time", "hostile.rss", "hostile.left"], run: hostile::scripts },
    Scenario { figures: &["binary.size"], run: program::binary_size },
    Scenario { figures: &["demo.time"], run: program::demo_time },
    Scenario { figures: &["push.p50", "push.p99", "controller.rss"], run: push::simulated },
    Scenario { figures: &["pull.p99"], run: pull::simulated },
    Scenario { figures: &["cold.1000", "restart.1000"], run: cold::simulated },
    Scenario { figures: &["join.p99", "member.rss"], run: large::joins },
    Scenario { figures: &["fleet.rss"], run: large::fleet },
    Scenario { figures: &["push.real.p50", "push.real.p99"], run: push::real },
    Scenario { figures: &["cold.real.1000"], run: cold::real },
    Scenario { figures: &["apply.share"], run: share::real },
    Scenario { figures: &["cold.5000", "cold.5000.cpu", "cold.5000.rss"], run: cold::large },
];
