//! `apply`: one pass of the controller.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::progress::Bar;
use super::run::runtime;
use super::session::timing;
use super::{Connection, Exit, Repository};
use crate::api::cluster::SyncMode;
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::period::Period;
use crate::daemon::chain;
use crate::daemon::controller::{self, Progress, Terms, Until};

/// Bring the fleet to what the source says, once
#[derive(clap::Args, Debug)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    repository: Repository,
    #[command(flatten)]
    connection: Connection,
    /// How long to wait until every cluster has its work
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    timeout: Period,
    /// Only if the source is at this commit, and at no newer one
    #[arg(long, value_name = "COMMIT")]
    expect: Option<ObjectId>,
    /// Only show what would change, as `git fleet plan` does
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &ApplyArgs) -> anyhow::Result<Exit> {
    if args.dry_run {
        return super::plan::show(&args.repository, &super::plan::Which::Source(args.expect));
    }
    let credentials = args.connection.credentials()?;
    let bar = Bar::new("reading the repository");
    let mut ledger = args.repository.ledger()?;
    if let Some(commit) = args.expect {
        ledger.expect(commit);
    }
    let loaded = ledger.load()?;
    ledger.refuse_clone()?;
    let source = ledger.layout().source().short().to_owned();
    let members = ledger.members().into_iter();
    let pulled: Vec<ClusterName> =
        members.filter(|(_, mode)| *mode == SyncMode::Pull).map(|(name, _)| name).collect();
    drop(bar);
    let (timing, poll) = timing(ledger.fleet().map(AsRef::as_ref), !ledger.store().has_remotes());
    let mut err = std::io::stderr();
    for problem in &loaded.problems {
        writeln!(err, "{problem}")?;
    }
    let options = args.connection.member_options();
    let until = Until::Converged(args.timeout.duration());
    let bar = Bar::new("planning");
    let show = |progress: &Progress| bar.show(progress);
    let terms = Terms { options, timing, poll, until, clock: jiff::Timestamp::now };
    let run = controller::run(ledger, credentials, terms, show);
    let summary = runtime()?.block_on(run)?;
    drop(bar);
    let mut exit = if summary.failures.is_empty() { Exit::Clean } else { Exit::Failed };
    // While one commit is brought into force, a newer one may come and be stopped.
    if let Some(refused) = summary.refused {
        let changed = summary.in_force.map_or("nothing was changed", |_| "it changed nothing");
        writeln!(err, "commit {} does not validate: {changed}", refused.short())?;
        exit = Exit::Invalid;
    } else if let Some(hold) = &summary.held {
        let changed =
            summary.in_force.map_or("nothing was changed", |_| "the next plan changed nothing");
        writeln!(err, "{changed}: {hold}")?;
        exit = Exit::Failed;
    } else if let Some(fault) = summary.broken {
        return Err(fault.into());
    }
    let Some(commit) = summary.in_force else { return Ok(exit) };
    for (cluster, failure) in &summary.failures {
        writeln!(err, "cluster {cluster}: {failure}")?;
    }
    // The pass is over, and was what it was.
    if let Err(error) = tell_pulled(&args.repository, &pulled) {
        let told = chain(error.as_ref());
        writeln!(err, "what the agents have reported cannot be read: {told}")?;
    }
    writeln!(
        err,
        "commit {} of {source}: {} objects applied, {} pruned, {} clusters with failures",
        commit.short(),
        summary.n_applied,
        summary.n_pruned,
        summary.failures.len()
    )?;
    Ok(exit)
}

/// Names the clusters that nobody waited for, since their agents apply the work when they find it, and
/// what these have reported so far.
fn tell_pulled(repository: &Repository, pulled: &[ClusterName]) -> anyhow::Result<()> {
    if pulled.is_empty() {
        return Ok(());
    }
    let (ledger, recorded) = repository.look()?;
    let reported = ledger.reported(pulled)?;
    for cluster in pulled {
        let told = match reported.get(cluster) {
            None => "it has reported nothing yet".to_owned(),
            Some(report) => {
                let dir = format!("work/{cluster}/");
                let work: BTreeMap<ObjectKey, ObjectId> = recorded
                    .paths(&dir)
                    .filter_map(|path| {
                        let key = ObjectKey::from_file(path.strip_prefix(&dir)?)?;
                        Some((key, recorded.blob(path)?))
                    })
                    .collect();
                let is_in_force = |(key, blob): &(&ObjectKey, &ObjectId)| {
                    let report = report.objects.get(key);
                    report.is_some_and(|report| report.applied && report.work == Some(**blob))
                };
                let n_applied = work.iter().filter(is_in_force).count();
                let n_left = report.objects.keys().filter(|key| !work.contains_key(key)).count();
                let left = match n_left {
                    0 => String::new(),
                    n => format!(", {n} more have to go"),
                };
                format!("it has reported {n_applied} of {} objects as applied{left}", work.len())
            }
        };
        writeln!(
            std::io::stderr(),
            "cluster {cluster}: its agent applies the work, and is not waited for; {told}"
        )?;
    }
    Ok(())
}
