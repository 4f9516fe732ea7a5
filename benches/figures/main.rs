//! The figures: `cargo bench --bench figures -- [NAME…]`.
//!
//! Each scenario does the whole work that its name says, anew every time, and prints a line a
//! figure: `figure NAME VALUE UNIT goal OP VALUE ok|short`. A name picks all scenarios that measure
//! a figure which begins with it; without names all run. Timings are no tests: the exit code says
//! only whether the scenarios could run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are printed")]

#[path = "../../tests/support/kube/mod.rs"]
mod kube;

mod figure;
mod live;
mod scenarios;
mod world;

use std::process::ExitCode;

use scenarios::SCENARIOS;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts allocations, for the figures that report them.
#[global_allocator]
pub(crate) static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    match scenarios::plan::weigh() {
        Ok(None) => {}
        Ok(Some(peak)) => {
            println!("{peak}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    }
    // cargo passes `--bench`; what does not begin with `-` is a name.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let picks = |figures: &[&str]| {
        wanted.is_empty()
            || wanted.iter().any(|name| figures.iter().any(|f| f.starts_with(name.as_str())))
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let mut failed = false;
    let mut n_run = 0;
    for scenario in SCENARIOS {
        if !picks(scenario.figures) {
            continue;
        }
        n_run += 1;
        match (scenario.run)(&runtime) {
            Ok(figures) => figures.iter().for_each(|figure| println!("{figure}")),
            Err(error) => {
                failed = true;
                eprintln!("{}: {error:#}", scenario.figures.join(" "));
            }
        }
    }
    if n_run == 0 {
        let names: Vec<&str> =
            SCENARIOS.iter().flat_map(|scenario| scenario.figures).copied().collect();
        eprintln!("no such figure; there are: {}", names.join(" "));
    }
    if failed || n_run == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
