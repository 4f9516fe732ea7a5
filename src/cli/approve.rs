//! `approve`: a person's word for a plan that waits for one.

use std::io::Write as _;
use std::path::Path;

use super::init::git;
use super::plan::{Which, load};
use super::{Exit, Repository, source};
use crate::daemon::Fault;
use crate::daemon::ledger::{Approval, Hold, Ledger};

/// Approve what a plan would remove: a commit in the source that says so, signed off by you
#[derive(clap::Args, Debug)]
pub(super) struct ApproveArgs {
    /// What the refusal calls the removal, as `git fleet plan` shows it
    #[arg(value_name = "PLAN")]
    id: String,
    #[command(flatten)]
    repository: Repository,
}

pub(super) fn run(args: &ApproveArgs) -> anyhow::Result<Exit> {
    let dir = Path::new(&args.repository.repo);
    if !dir.exists() {
        let text = format!("`{}` is no directory here, and a commit needs one", dir.display());
        let hint = "clone the repository, approve in the clone, and push";
        return Err(Fault::new("APPROVE_REMOTE", text, hint).into());
    }
    let mut ledger = args.repository.ledger()?;
    ledger.look_only()?;
    args.repository.find_refs(&mut ledger)?;
    let head = ledger.source_head()?;
    let source = ledger.layout().source();
    let here = git(dir, &["rev-parse", "--verify", "--quiet", source.as_str()]).unwrap_or_default();
    if here != head.to_string() {
        let text =
            format!("{} here is not at {}, where the fleet's is", source.short(), head.short());
        let hint = format!("bring it there first: git switch {} && git pull", source.short());
        return Err(Fault::new("APPROVE_BEHIND", text, hint).into());
    }
    let hold = waiting(&mut ledger)?;
    if hold.approval.0 != args.id {
        let text = format!("what waits is {}, not {}: {}", hold.approval.0, args.id, hold.reason);
        let hint = "look at `git fleet plan`; if that is meant, approve it by its name";
        return Err(Fault::new("APPROVE_OTHER", text, hint).into());
    }
    let commit = commit(dir, source.as_str(), &head.to_string(), &hold)?;
    writeln!(std::io::stdout(), "{commit}")?;
    let told = format!("approved {} in {} of {}", args.id, &commit[..12], source.short());
    let next = match git(dir, &["remote"])?.lines().next() {
        Some(remote) => {
            format!("; it counts once it is pushed: git push {remote} {}", source.short())
        }
        None => String::new(),
    };
    writeln!(std::io::stderr(), "{told}{next}")?;
    Ok(Exit::Clean)
}

/// What the plan for the source waits for.
fn waiting(ledger: &mut Ledger) -> anyhow::Result<Hold> {
    if let Some(remedy) = ledger.how_to_fetch()? {
        let text = "no results are known here, so nobody can tell what would be removed".to_owned();
        return Err(Fault::new("APPROVE_BLIND", text, remedy).into());
    }
    let loaded = load(ledger, &Which::Source(None))?;
    let head = loaded.commit;
    if !loaded.is_valid() {
        let text = format!("commit {} does not validate: there is no plan for it", head.short());
        return Err(Fault::new("APPROVE_NOTHING", text, "see `git fleet plan`").into());
    }
    ledger.adopt(&loaded)?;
    let preview = ledger.preview(&loaded, &[].into(), jiff::Timestamp::now())?;
    preview.hold.ok_or_else(|| {
        let text = format!("the plan for commit {} waits for nobody", head.short());
        let hint = "nothing needs to be done; what waits is shown by `git fleet plan`";
        Fault::new("APPROVE_NOTHING", text, hint).into()
    })
}

/// Commits the word for it: the same tree, so that no index or work tree differs from what it was.
fn commit(dir: &Path, branch: &str, head: &str, hold: &Hold) -> anyhow::Result<String> {
    let Hold { reason, approval } = hold;
    let message = format!(
        "approve removal {}\n\n{reason}\n\n{}: {}",
        approval.0,
        Approval::TRAILER,
        approval.0
    );
    let tree = format!("{head}^{{tree}}");
    let commit = source::signed_off(dir, &tree, head, &message)?;
    git(dir, &["update-ref", "-m", "git fleet approve", branch, &commit, head])?;
    Ok(commit)
}
