//! `interpret-worker`: the child in which scripts run. Not for people.

use std::time::Duration;

use super::Exit;
use crate::customize::{Limits, serve};

/// Run scripts for the parent process, on standard input and output
#[derive(clap::Args, Debug)]
pub(super) struct WorkerArgs {
    /// Most time of one call, in milliseconds
    #[arg(long)]
    time_ms: u64,
    /// Most memory of one call's values
    #[arg(long)]
    memory_bytes: usize,
}

pub(super) fn run(args: &WorkerArgs) -> anyhow::Result<Exit> {
    let time = Duration::from_millis(args.time_ms);
    serve(Limits { time, memory_bytes: args.memory_bytes, ..Limits::default() })?;
    Ok(Exit::Clean)
}
