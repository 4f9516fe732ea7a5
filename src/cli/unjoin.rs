//! `unjoin`: a cluster leaves the fleet.
//!
//! Each step is a commit or can be done again, and where it stands is read from the source, the results and the
//! cluster: run again after an interruption, it goes on where it stopped.

mod registration;
mod wait;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use super::access::{Keep, Reached, account_fault, known_uid, reach};
use super::run::runtime;
use super::source::Source;
use super::{Exit, Repository, absent};
use crate::api::cluster::{Departure, SyncMode};
use crate::api::marks::{UNJOIN_EVICT, UNJOIN_REMOVE};
use crate::api::names::ClusterName;
use crate::api::period::Period;
use crate::daemon::Fault;
use crate::daemon::ledger::{Approval, Ledger, Loaded};
use crate::member::account::{self, AccountError};
use crate::store::Change;
use registration::{Edit, Edited};
use wait::{Goal, Left, count_works, wait};

/// How many of what is left are named.
const NAMED_MAX: usize = 20;

/// Take a cluster out of the fleet: what it runs moves, what it has goes or stays as you say, then it is forgotten
#[derive(clap::Args, Debug)]
pub(super) struct UnjoinArgs {
    /// The cluster
    #[arg(value_name = "NAME")]
    name: ClusterName,
    /// Leave what the fleet has there, as it is
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL",
        conflicts_with = "delete"
    )]
    orphan: Option<bool>,
    /// Remove what the fleet has there
    #[arg(long)]
    delete: bool,
    /// Your own kubeconfig of the cluster, to remove the fleet's account; without one the account stays
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context in it [default: its current one]
    #[arg(long, value_name = "CONTEXT", requires = "kubeconfig")]
    context: Option<String>,
    #[command(flatten)]
    keep: Keep,
    /// How long to wait, for each step, until the controller has done it
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    timeout: Period,
    /// Go on although something has nowhere else to go, or is not done in time
    #[arg(long)]
    force: bool,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    repository: Repository,
}

/// What becomes of what the fleet has in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remains {
    Stay,
    Go,
}

/// What a wait has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Reached,
    /// The cluster keeps what was not the fleet's to remove.
    ButForKept,
    /// Nobody knows, or it is not so, and whoever asked goes on all the same.
    Unproven,
}

/// One run of the verb.
struct Unjoin<'a> {
    args: &'a UnjoinArgs,
    ledger: Ledger,
    source: Source,
}

pub(super) fn run(args: &UnjoinArgs) -> anyhow::Result<Exit> {
    let mut ledger = args.repository.ledger()?;
    let source = Source::open(&args.repository, &mut ledger)?;
    let mut unjoin = Unjoin { args, ledger, source };
    let name = &args.name;
    let Some(remains) = unjoin.remains()? else {
        let what = "say what becomes of what the fleet has there: --delete removes it, --orphan leaves it as it is";
        super::usage(what);
    };
    if args.dry_run {
        unjoin.tell_steps(remains)?;
        return Ok(Exit::Clean);
    }
    unjoin.refuse_blind()?;
    unjoin.refuse_other_cluster()?;
    unjoin.refuse_unknown()?;
    let registered = unjoin.registered();
    let left = match &registered {
        Some(_) => {
            unjoin.refuse_held()?;
            unjoin.leave(remains)?
        }
        None if unjoin.is_recorded()? => {
            unjoin.reach_goal(Goal::Left)?;
            "has left the fleet"
        }
        None => "is no member of the fleet",
    };
    unjoin.close_account()?;
    let mut err = std::io::stderr();
    if registered.is_some_and(|cluster| cluster.sync_mode == SyncMode::Pull) {
        writeln!(
            err,
            "stop the agent of {name}: it is not told, and keeps its last work in force"
        )?;
    }
    writeln!(err, "{name} {left}")?;
    Ok(Exit::Clean)
}

/// What the source says of the cluster.
struct Registered {
    departure: Option<Departure>,
    sync_mode: SyncMode,
    file: String,
}

impl Unjoin<'_> {
    fn registered(&self) -> Option<Registered> {
        let cluster = self.source.loaded.fleet.clusters.get(&self.args.name)?;
        Some(Registered {
            departure: cluster.value.departure(),
            sync_mode: cluster.value.spec.sync_mode,
            file: cluster.place.file.to_string(),
        })
    }

    /// Whether the results have it as a member.
    fn is_recorded(&self) -> anyhow::Result<bool> {
        Ok(self.ledger.recorded()?.has(&format!("clusters/{}.yaml", self.args.name)))
    }

    /// What the flags say, or who asks at a terminal; `None` where nobody says it.
    fn remains(&self) -> anyhow::Result<Option<Remains>> {
        let args = self.args;
        let said = match (args.orphan, args.delete) {
            (Some(true), _) => Some(Remains::Stay),
            (Some(false), _) | (None, true) => Some(Remains::Go),
            (None, false) => None,
        };
        // There is nothing to decide any more.
        let said = said.or(self.registered().is_none().then_some(Remains::Stay));
        if said.is_some() || args.dry_run {
            return Ok(said.or(Some(Remains::Stay)));
        }
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return Ok(None);
        }
        let n_objects = count_works(&self.ledger.recorded()?, &args.name);
        let plural = if n_objects == 1 { "" } else { "s" };
        let mut err = std::io::stderr();
        write!(
            err,
            "The fleet has {n_objects} object{plural} in {}. Type `delete` to have them removed, `orphan` to leave them as they are: ",
            args.name
        )?;
        err.flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(match answer.trim() {
            "delete" => Some(Remains::Go),
            "orphan" => Some(Remains::Stay),
            _ => None,
        })
    }

    fn tell_steps(&self, remains: Remains) -> anyhow::Result<()> {
        let (name, short) = (&self.args.name, self.source.short());
        let mut steps = Vec::new();
        let registered = self.registered();
        let is_known = registered.is_some() || self.is_recorded()?;
        if let Some(Registered { departure, file, .. }) = registered {
            if departure.is_none() {
                steps.push(format!("commit to {short}: a taint in {file}, so that nothing is placed in {name} any more"));
            }
            steps.push(format!("wait until {}; meanwhile it stays there", Goal::Moved.told(name)));
            let says = self.args.orphan.is_some() || self.args.delete;
            if remains == Remains::Go || !says {
                let only = if says { "" } else { "with --delete: " };
                if departure != Some(Departure::Remove) {
                    steps.push(format!(
                        "{only}commit to {short}: what the fleet has in {name} may go, approved"
                    ));
                }
                steps.push(format!("{only}wait until {}", Goal::Removed.told(name)));
            }
            steps.push(format!("commit to {short}: the registration in {file} goes"));
        }
        if is_known {
            steps.push(format!("wait until {}", Goal::Left.told(name)));
        }
        if let Some(path) = &self.args.kubeconfig {
            let found = runtime()?.block_on(async {
                let reached = reach(path, self.args.context.as_deref()).await?;
                self.account(&reached).await
            })?;
            steps.extend(found.iter().map(|object| format!("remove {}", account::told(object))));
        }
        if self.args.keep.is_named() {
            steps.push(format!("remove {}", self.args.keep.told(name)));
        }
        let mut out = std::io::stdout();
        for (n, step) in steps.iter().enumerate() {
            writeln!(out, "{}. {step}", n + 1)?;
        }
        Ok(())
    }

    /// Where the results are not known nobody can tell what has moved.
    fn refuse_blind(&self) -> anyhow::Result<()> {
        if self.source.follows_a_remote() {
            return self.source.refresh(&self.ledger);
        }
        let Some(remedy) = self.ledger.how_to_fetch()? else { return Ok(()) };
        let text = "no results are known here, so nobody can tell what runs in the cluster";
        Err(Fault::new("UNJOIN_BLIND", text, remedy).into())
    }

    /// A kubeconfig that leads to another cluster would close that one's account.
    fn refuse_other_cluster(&self) -> anyhow::Result<()> {
        let name = &self.args.name;
        let registered = self.source.loaded.fleet.clusters.get(name);
        let (Some(path), Some(registered)) = (&self.args.kubeconfig, registered) else {
            return Ok(());
        };
        let uid = known_uid(&self.ledger, &self.ledger.recorded()?, name, &registered.value)?;
        let reached = runtime()?.block_on(reach(path, self.args.context.as_deref()));
        let reached = reached.map_err(|mut error| {
            if let Some(fault) = error.downcast_mut::<Fault>()
                && fault.code == "JOIN_CLUSTER"
            {
                "see the message; a cluster that is no more leaves with --orphan and without --kubeconfig, and its \
                 account stays there"
                    .clone_into(&mut fault.hint);
            }
            error
        })?;
        if uid.is_empty() || uid == reached.uid {
            return Ok(());
        }
        let text =
            format!("{name} is the cluster {uid}, and the kubeconfig leads to {}", reached.uid);
        Err(Fault::new("JOIN_NAME", text, "give its own kubeconfig, or another --context").into())
    }

    /// A slip in a name is no cluster that has left: of one that has, its work is in the repository, its account in
    /// the cluster, or its credential where it is kept.
    fn refuse_unknown(&self) -> anyhow::Result<()> {
        let (args, name) = (self.args, &self.args.name);
        if self.registered().is_some()
            || self.is_recorded()?
            || self.ledger.was_member(name)?
            || args.keep.has(name)
        {
            return Ok(());
        }
        if let Some(path) = &args.kubeconfig {
            let found = runtime()?.block_on(async {
                let reached = reach(path, args.context.as_deref()).await?;
                self.account(&reached).await
            })?;
            if !found.is_empty() {
                return Ok(());
            }
        }
        let names = self.source.loaded.fleet.clusters.keys().map(ClusterName::as_str);
        Err(absent::cluster_of(name.as_str(), names, "").into())
    }

    /// While a commit waits for a person, no controller takes up what comes on top of it.
    fn refuse_held(&mut self) -> anyhow::Result<()> {
        let head = self.source.loaded.clone();
        self.ledger.adopt(&head)?;
        let preview = self.ledger.preview(&head, &[].into(), jiff::Timestamp::now())?;
        let Some(hold) = preview.hold else { return Ok(()) };
        let text = format!("{} waits for an approval: {}", self.source.short(), hold.reason);
        let hint = format!(
            "if that is meant, approve it: git fleet approve {}; else revert it; then run this again",
            hold.approval.0
        );
        Err(Fault::new("UNJOIN_HELD", text, hint).into())
    }

    /// What the fleet's account has in its cluster, in the order in which it can be removed; nothing where it is
    /// another fleet's, and then says so.
    async fn account(&self, reached: &Reached) -> anyhow::Result<Vec<serde_json::Value>> {
        let fleet = self.source.first_commit()?;
        match account::find_all(&reached.api, &self.args.name, fleet.as_deref()).await {
            Ok(found) => Ok(found),
            Err(error @ AccountError::OtherFleet { .. }) => {
                writeln!(std::io::stderr(), "{error}, and stays")?;
                Ok(Vec::new())
            }
            Err(error) => Err(account_fault(&error).into()),
        }
    }

    /// Takes a registered cluster out, step by step. Gives what it has come to, in words.
    fn leave(&mut self, remains: Remains) -> anyhow::Result<&'static str> {
        self.evict()?;
        let left = match remains {
            Remains::Stay => "has left the fleet; what the fleet had there stays as it is",
            Remains::Go => match self.remove()? {
                Outcome::Reached => "has left the fleet; what the fleet had there was removed",
                Outcome::ButForKept => {
                    "has left the fleet; what the fleet had there was removed, but for what is named above"
                }
                Outcome::Unproven => "has left the fleet; what is left there of what it had stays",
            },
        };
        self.deregister()?;
        self.reach_goal(Goal::Left)?;
        Ok(left)
    }

    fn evict(&mut self) -> anyhow::Result<()> {
        let name = &self.args.name;
        if self.registered().is_some_and(|one| one.departure.is_none()) {
            let message = format!("unjoin {name}: what it runs moves");
            let (drafted, file) = self.draft(Edit::Leaves(UNJOIN_EVICT), &message)?;
            self.source.publish(drafted, &[&file])?;
        }
        // What may go already needs no other place.
        if self.registered().is_some_and(|one| one.departure == Some(Departure::Remove)) {
            return Ok(());
        }
        self.reach_goal(Goal::Moved)?;
        Ok(())
    }

    /// Removes what the fleet has there; `--force` does not wait until all of it has gone.
    fn remove(&mut self) -> anyhow::Result<Outcome> {
        let name = &self.args.name;
        if self.registered().is_some_and(|one| one.departure != Some(Departure::Remove)) {
            let subject = format!("unjoin {name}: what it has goes");
            self.publish_approved(Edit::Leaves(UNJOIN_REMOVE), &subject)?;
        }
        self.reach_goal(Goal::Removed)
    }

    fn deregister(&mut self) -> anyhow::Result<()> {
        // What stays there waits for a word as well, and this is it.
        self.publish_approved(Edit::Goes, &format!("unjoin {}", self.args.name))
    }

    /// Commits a change of the registration, with the word for what it takes along.
    fn publish_approved(&mut self, edit: Edit<'_>, subject: &str) -> anyhow::Result<()> {
        let (mut drafted, file) = self.draft(edit, subject)?;
        if let Some(trailer) = self.approval(&drafted)? {
            drafted = self.draft(edit, &format!("{subject}\n\n{trailer}"))?.0;
        }
        self.source.publish(drafted, &[&file])
    }

    /// A commit that changes the registration, and its file.
    fn draft(&mut self, edit: Edit<'_>, message: &str) -> anyhow::Result<(Loaded, String)> {
        let registered = self.registered().expect("asked for only while it is registered");
        let file = registered.file;
        let commit = self.source.loaded.commit;
        let bytes = self.ledger.store().file(commit, &file)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let Some(edited) = registration::edit(&text, self.args.name.as_str(), edit) else {
            let text = format!("the registration in {file} is no YAML document of its own");
            let hint =
                "give it a file of its own, as `git fleet join` writes it; then run this again";
            return Err(Fault::new("UNJOIN_FILE", text, hint).into());
        };
        let change = match &edited {
            Edited::Text(text) => Change::write(&file, text.as_bytes()),
            Edited::Empty => Change::delete(&file),
        };
        let drafted = self.source.draft(&mut self.ledger, &[change], message)?;
        Ok((drafted, file))
    }

    /// The trailer that lets the removal through, where a plan for the commit would wait for one.
    fn approval(&mut self, drafted: &Loaded) -> anyhow::Result<Option<String>> {
        self.ledger.adopt(drafted)?;
        let preview = self.ledger.preview(drafted, &[].into(), jiff::Timestamp::now())?;
        let Some(hold) = preview.hold else { return Ok(None) };
        let removes =
            |(_, works): &(&ClusterName, &crate::plan::WorkChanges)| !works.removed.is_empty();
        let removing = preview.diff.works.iter().filter(removes).map(|(cluster, _)| cluster);
        let mut touched = removing.chain(preview.diff.left.keys());
        if let Some(other) = touched.find(|cluster| **cluster != self.args.name) {
            let text = format!(
                "the plan would take something from {other} too, and waits for an approval: {}",
                hold.reason
            );
            let hint = "see to that first, by `git fleet plan` and `git fleet approve`; then run this again";
            return Err(Fault::new("UNJOIN_MIXED", text, hint).into());
        }
        Ok(Some(format!("{}: {}", Approval::TRAILER, hold.approval.0)))
    }

    /// Waits for it, and stops where it is not reached, unless that is to be no matter.
    fn reach_goal(&self, goal: Goal) -> anyhow::Result<Outcome> {
        let (args, name) = (self.args, &self.args.name);
        let timeout: Duration = args.timeout.duration();
        let mut err = std::io::stderr();
        writeln!(err, "waiting until {}, {} at most", goal.told(name), args.timeout)?;
        let Left { pending, stuck, kept } = wait(&self.ledger, &self.source, name, goal, timeout)?;
        for one in &kept {
            writeln!(err, "stays there: {one}")?;
        }
        if pending.is_empty() && stuck.is_empty() {
            return Ok(if kept.is_empty() { Outcome::Reached } else { Outcome::ButForKept });
        }
        let all: Vec<&String> = stuck.iter().chain(&pending).collect();
        for one in all.iter().take(NAMED_MAX) {
            writeln!(err, "left: {one}")?;
        }
        if let Some(n_more) = all.len().checked_sub(NAMED_MAX).filter(|n| *n > 0) {
            writeln!(err, "left: {n_more} more")?;
        }
        if args.force {
            return Ok(Outcome::Unproven);
        }
        if pending.is_empty() {
            let text = format!("{} of what runs in {name} have nowhere else to go", stuck.len());
            let hint = "change their policies, or go on without another place for them: --force";
            return Err(Fault::new("UNJOIN_STUCK", text, hint).into());
        }
        let text = format!("{} have passed, and not yet: {}", args.timeout, goal.told(name));
        let hint = "see that the controller runs (`git fleet run`, or `apply` meanwhile) and reaches the clusters, then run \
                    this again: it goes on where it stopped; --force does not wait for what is left";
        Err(Fault::new("UNJOIN_UNFINISHED", text, hint).into())
    }

    /// Removes the account from the cluster, and then the credential.
    fn close_account(&self) -> anyhow::Result<()> {
        let (args, name) = (self.args, &self.args.name);
        let mut err = std::io::stderr();
        let runtime = runtime()?;
        match &args.kubeconfig {
            Some(path) => runtime.block_on(async {
                let reached = reach(path, args.context.as_deref()).await?;
                for object in &self.account(&reached).await? {
                    account::remove(&reached.api, object)
                        .await
                        .map_err(|error| account_fault(&error))?;
                    writeln!(err, "removed {}", account::told(object))?;
                }
                anyhow::Ok(())
            })?,
            None => writeln!(
                err,
                "the fleet's account stays in the cluster; to remove it, run this again with --kubeconfig"
            )?,
        }
        if args.keep.is_named() {
            let what = args.keep.told(name);
            if runtime.block_on(args.keep.remove(name))? {
                writeln!(err, "removed {what}")?;
            }
        }
        Ok(())
    }
}
