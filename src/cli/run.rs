//! `run`: the controller.

use std::io::Write as _;

use rustix::process::{Signal, getpid, kill_process};

use super::session::timing;
use super::{Connection, Exit, LogFormat, Repository};
use crate::daemon::controller::{self, Terms, Until};

/// Run the controller until it is stopped
#[derive(clap::Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    repository: Repository,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    leash: Leash,
}

/// For a parent process that must leave nothing behind, however it ends.
#[derive(clap::Args, Debug)]
pub(super) struct Leash {
    /// End when standard input does: whoever holds its other end has gone
    #[arg(long, hide = true)]
    stop_at_eof: bool,
}

impl Leash {
    /// The flag that it is.
    pub(super) const FLAG: &str = "--stop-at-eof";

    /// From now on the end of standard input ends this process as SIGTERM does. A pipe closes on
    /// every system when the process at its other end dies, by whatever signal.
    pub(super) fn hold(&self) -> std::io::Result<()> {
        if !self.stop_at_eof {
            return Ok(());
        }
        std::thread::Builder::new().name("leash".to_owned()).spawn(|| {
            let _ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _sent = kill_process(getpid(), Signal::TERM);
        })?;
        Ok(())
    }
}

pub(super) fn run(args: &RunArgs, format: LogFormat) -> anyhow::Result<Exit> {
    args.leash.hold()?;
    let credentials = args.connection.credentials()?;
    let mut ledger = args.repository.ledger()?;
    // A first look, for the settings alone: what is wrong with the source is found again, and
    // reported, by the loop itself.
    let _ = ledger.load();
    ledger.refuse_clone()?;
    let (timing, poll) = timing(ledger.fleet().map(AsRef::as_ref), !ledger.store().has_remotes());
    let options = args.connection.member_options();
    let repository = &args.repository.repo;
    match format {
        LogFormat::Json => tracing::info!(repository, "running the fleet"),
        LogFormat::Text => {
            writeln!(std::io::stderr(), "running the fleet of {repository}; stop with Ctrl-C")?;
        }
    }
    let (until, clock) = (Until::Stopped, jiff::Timestamp::now);
    let terms = Terms { options, timing, poll, until, clock };
    let run = controller::run(ledger, credentials, terms, |_| {});
    runtime()?.block_on(run)?;
    Ok(Exit::Clean)
}

/// The async runtime of the verbs that talk to clusters.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()
}
