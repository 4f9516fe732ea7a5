//! `run`: the controller.

use std::io::Write as _;

use super::session::timing;
use super::{Connection, Exit, Repository};
use crate::daemon::controller::{self, Until};

/// Run the controller until it is stopped
#[derive(clap::Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    repository: Repository,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let credentials = args.connection.credentials()?;
    let mut ledger = args.repository.ledger()?;
    // A first look, for the settings alone: what is wrong with the source is found again, and
    // reported, by the loop itself.
    let _ = ledger.load();
    ledger.refuse_clone()?;
    let (timing, poll) = timing(ledger.fleet().map(AsRef::as_ref), !ledger.store().has_remotes());
    let options = args.connection.member_options();
    writeln!(std::io::stderr(), "running the fleet of {}; stop with Ctrl-C", args.repository.repo)?;
    let run = controller::run(ledger, credentials, options, timing, poll, Until::Stopped, |_| {});
    runtime()?.block_on(run)?;
    Ok(Exit::Clean)
}

/// The async runtime of the verbs that talk to clusters.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()
}
