//! `plan`: what the next pass would change.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::plan_document::PlanDocument;
use super::{Exit, Repository, output};
use crate::api::names::{ClusterName, ObjectId};
use crate::api::problem::Severity;
use crate::daemon::ledger::{Ledger, Loaded, Preview};

/// Show what a commit would change in the fleet, without changing it
#[derive(clap::Args, Debug)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    repository: Repository,
    /// Commit to plan for
    #[arg(long, value_name = "REVISION", default_value = "HEAD")]
    commit: String,
    /// Ask webhooks what is not recorded: templates of the commit are sent to them
    #[arg(long)]
    call_webhooks: bool,
    /// Suppose that clusters report what this file says: a map from their names to the `status` that
    /// each would have, as `git fleet get clusters NAME -o yaml` shows it
    #[arg(long, value_name = "FILE")]
    reports: Option<PathBuf>,
    /// Print the plan in this format
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Format,
    /// Exit with 1 if there are differences
    #[arg(long)]
    exit_code: bool,
}

/// Formats of a plan.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For a terminal
    Text,
    /// For a pull request or a step summary
    Markdown,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

/// Which commit to plan for.
pub(super) enum Which<'a> {
    /// What the source branch shows; if a commit is expected, that one and no other.
    Source(Option<ObjectId>),
    /// What a person named.
    Revision(&'a str),
}

/// Which answers of webhooks count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// Those in the results.
    Recorded,
    /// Those too that they give now.
    Called,
}

pub(super) fn run(args: &PlanArgs) -> anyhow::Result<Exit> {
    let which = Which::Revision(&args.commit);
    let answers = if args.call_webhooks { Answers::Called } else { Answers::Recorded };
    let reports = args.reports.as_deref();
    let exit = print(&args.repository, &which, answers, reports, args.output)?;
    Ok(if exit == Exit::Changes && !args.exit_code { Exit::Clean } else { exit })
}

/// Prints the plan for a terminal; what `apply --dry-run` does.
pub(super) fn show(repository: &Repository, which: &Which<'_>) -> anyhow::Result<Exit> {
    let exit = print(repository, which, Answers::Recorded, None, Format::Text)?;
    Ok(if exit == Exit::Changes { Exit::Clean } else { exit })
}

fn print(
    repository: &Repository,
    which: &Which<'_>,
    answers: Answers,
    reports: Option<&Path>,
    format: Format,
) -> anyhow::Result<Exit> {
    let mut ledger = repository.ledger()?;
    ledger.look_only()?;
    if answers == Answers::Called {
        ledger.call_webhooks();
    }
    // The source says where the record is, not the commit that is looked at.
    repository.find_refs(&mut ledger)?;
    let loaded = load(&mut ledger, which)?;
    let mut out = std::io::stdout().lock();
    if !loaded.is_valid() {
        print_invalid(&mut out, &loaded, format)?;
        return Ok(Exit::Invalid);
    }
    ledger.adopt(&loaded)?;
    let supposed = match reports {
        Some(path) => super::reports::read(path, &loaded.fleet)?,
        None => BTreeMap::new(),
    };
    let preview = ledger.preview(&loaded, &supposed, jiff::Timestamp::now())?;
    let mut err = std::io::stderr();
    let Preview { plan, diff, hold } = &preview;
    if let Some(remedy) = ledger.how_to_fetch()? {
        writeln!(err, "no results are known here, so everything counts as new; {remedy}")?;
    }
    if let Some(path) = reports {
        let names = supposed.keys().map(ClusterName::as_str).collect::<Vec<_>>().join(", ");
        writeln!(
            err,
            "this is the plan as if {} were what is reported of {names}",
            path.display()
        )?;
    }
    let document = || PlanDocument::of(loaded.commit, &loaded.problems, &preview);
    match format {
        Format::Json => output::json(&mut out, &document())?,
        Format::Yaml => output::yaml(&mut out, &document())?,
        Format::Text => out.write_all(super::render::text(plan, diff).as_bytes())?,
        Format::Markdown => out.write_all(super::render::markdown(plan, diff).as_bytes())?,
    }
    if let Some(hold) = hold {
        writeln!(err, "this plan would wait for an approval: {hold}")?;
    }
    Ok(if diff.is_empty() { Exit::Clean } else { Exit::Changes })
}

/// Reads the commit. Says if it is not the one that the fleet follows, and if that cannot be followed.
pub(super) fn load(ledger: &mut Ledger, which: &Which<'_>) -> anyhow::Result<Loaded> {
    let commit = match which {
        Which::Source(expected) => {
            if let Some(commit) = expected {
                ledger.expect(*commit);
            }
            ledger.expected_head()?
        }
        Which::Revision(revision) => ledger.resolve(revision)?,
    };
    let mut loaded = ledger.read(commit)?;
    let missing_source = ledger.missing_source(&loaded.fleet)?;
    let mut err = std::io::stderr();
    match ledger.source_head() {
        Ok(head) if head == commit => loaded.problems.extend(ledger.rewritten(&loaded)?),
        Ok(head) => writeln!(
            err,
            "this is the plan for {}; the fleet follows {}, which is at {}",
            commit.short(),
            ledger.layout().source().short(),
            head.short()
        )?,
        Err(_) => {}
    }
    if let Some(problem) = &missing_source {
        writeln!(err, "{problem}")?;
    }
    loaded.problems.extend(missing_source);
    Ok(loaded)
}

/// Prints why there is no plan.
fn print_invalid(
    out: &mut impl std::io::Write,
    loaded: &Loaded,
    format: Format,
) -> anyhow::Result<()> {
    let document = PlanDocument::invalid(loaded.commit, &loaded.problems);
    let mut err = std::io::stderr();
    match format {
        Format::Json => output::json(out, &document)?,
        Format::Yaml => output::yaml(out, &document)?,
        Format::Text | Format::Markdown => {
            for problem in loaded.problems.iter().filter(|p| p.severity == Severity::Error) {
                writeln!(err, "{problem}")?;
            }
        }
    }
    writeln!(err, "commit {} does not validate: there is no plan for it", loaded.commit.short())?;
    Ok(())
}
