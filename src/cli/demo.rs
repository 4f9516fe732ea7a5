//! `demo`: the whole story on one machine.
//!
//! The controller and the agent are processes of their own, started with the very commands that are
//! printed; only the three clusters are simulated, by this process.

mod scene;
mod stage;

use std::path::PathBuf;
use std::time::Duration;

use scene::Scene;
use stage::Stage;

use super::Exit;

/// Show the whole thing on simulated clusters: a push, what follows from it, and an outage
#[derive(clap::Args, Debug)]
pub(super) struct DemoArgs {
    /// Keep everything running at the end, until Ctrl-C
    #[arg(long)]
    stay: bool,
    /// Directory for the demonstration; it must not exist yet [default: one in the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The members of the example fleet.
const PUSH: [&str; 2] = ["edge-eu-1", "edge-us-1"];
const PULL: &str = "factory-eu-2";

/// Longest that any step may take before the demonstration calls itself broken.
const STEP_MAX: Duration = Duration::from_secs(20);

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let mut stage = Stage::build(args.dir.as_deref(), &PUSH, PULL)?;
    let mut scene = Scene::new(&mut stage)?;
    scene.act_one_first_push()?;
    scene.act_two_change()?;
    scene.act_three_outage()?;
    scene.farewell(args.stay)?;
    Ok(Exit::Clean)
}
