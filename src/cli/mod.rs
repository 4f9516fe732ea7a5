//! The command line: a verb parses, calls one function of the house, renders.
//!
//! stdout is data, stderr is messages. Exit codes: 0 done or no difference, 1 differences
//! (`plan --exit-code`), 2 usage, 3 the fleet does not validate, 4 the world failed or has not what
//! was named. `exec` ends as the command that it ran.

mod absent;
mod access;
mod agent;
mod apply;
mod approve;
mod completion;
mod demo;
mod describe;
mod exec;
mod explain;
mod explain_text;
mod fan_out;
mod get;
mod init;
mod interpret;
mod interpret_doc;
mod interpret_files;
mod interpret_worker;
mod join;
mod kind_name;
mod logs;
mod output;
mod plan;
mod plan_document;
mod progress;
mod render;
mod reports;
mod results;
mod run;
mod schema;
mod session;
mod source;
mod top;
mod unjoin;
mod validate;
mod version;

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use session::{Connection, Repository};

use crate::customize::Failure;
use crate::daemon::ledger::LedgerError;
use crate::daemon::{Fault, chain};
use crate::member::SpawnError;
use crate::store::{BadRefName, FetchError, LocationError, PublishError, StoreError, TriggerError};

/// `git X --help` is `git help X` to git, which looks for a manual page; an installation by cargo
/// has none.
const AFTER_HELP: &str = "\
More: `git fleet help`, and `git fleet COMMAND --help` for one of them.
`git fleet --help` asks git for a manual page, and there is none; `git-fleet --help` asks us.";

/// Multi-cluster orchestration for Kubernetes with a git repository as the control plane
#[derive(Parser, Debug)]
#[command(name = "git-fleet", bin_name = "git fleet", version, max_term_width = 100)]
#[command(after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    logging: Logging,
    #[command(subcommand)]
    verb: Verb,
}

impl Cli {
    /// What is to be logged, and how.
    #[must_use]
    pub fn logging(&self) -> &Logging {
        &self.logging
    }
}

/// What is logged, and how.
#[derive(Args, Debug, Clone)]
pub struct Logging {
    /// Write logs as text for people or as one JSON object a line
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Log this level and above: error, warn, info, debug or trace
    #[arg(
        long,
        global = true,
        default_value = "warn",
        value_name = "LEVEL",
        env = "GIT_FLEET_LOG"
    )]
    pub log_level: tracing::Level,
}

/// Shape of a log line.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Approve(approve::ApproveArgs),
    Join(join::JoinArgs),
    Unjoin(unjoin::UnjoinArgs),
    Run(run::RunArgs),
    Agent(agent::AgentArgs),
    Get(get::GetArgs),
    Describe(describe::DescribeArgs),
    Logs(logs::LogsArgs),
    Exec(exec::ExecArgs),
    Top(top::TopArgs),
    Explain(explain::ExplainArgs),
    Interpret(interpret::InterpretArgs),
    Schema(schema::SchemaArgs),
    Completion(completion::CompletionArgs),
    #[command(hide = true)]
    InterpretWorker(interpret_worker::WorkerArgs),
    Version(version::VersionArgs),
}

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or no difference.
    Clean,
    /// There are differences, and the user asked to be told by the exit code.
    Changes,
    /// The fleet does not validate.
    Invalid,
    /// The world failed.
    Failed,
    /// A command in a container ended with this code.
    Of(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Changes => 1,
            Exit::Invalid => 3,
            Exit::Failed => 4,
            Exit::Of(code) => code,
        })
    }
}

/// Runs the verb that was typed. Prints an error with all its causes.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    let format = cli.logging.log_format;
    // What they say is a log: whoever reads it as JSON reads nothing else.
    let is_logged = format == LogFormat::Json && matches!(cli.verb, Verb::Run(_) | Verb::Agent(_));
    let outcome = match cli.verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Validate(args) => validate::run(&args),
        Verb::Plan(args) => plan::run(&args),
        Verb::Apply(args) => apply::run(&args),
        Verb::Approve(args) => approve::run(&args),
        Verb::Join(args) => join::run(&args),
        Verb::Unjoin(args) => unjoin::run(&args),
        Verb::Run(args) => run::run(&args, format),
        Verb::Agent(args) => agent::run(&args, format),
        Verb::Get(args) => get::run(&args),
        Verb::Describe(args) => describe::run(&args),
        Verb::Logs(args) => logs::run(&args),
        Verb::Exec(args) => exec::run(&args),
        Verb::Top(args) => top::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Interpret(args) => interpret::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Completion(args) => completion::run(&args),
        Verb::InterpretWorker(args) => interpret_worker::run(&args),
        Verb::Version(args) => version::run(&args),
    };
    match outcome {
        Ok(exit) => exit.into(),
        // Whoever read our output has enough of it: that is no failure of ours.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let told = chain(error.as_ref());
            let (code, hint) = advice(&error);
            if is_logged {
                tracing::error!(code, error = told, hint, "it cannot run");
            } else {
                let _ = writeln!(std::io::stderr(), "error[{code}]: {told}\n  hint: {hint}");
            }
            Exit::Failed.into()
        }
    }
}

/// The stable code of an error and what to do about it, from the first cause that knows.
fn advice(error: &anyhow::Error) -> (&'static str, String) {
    let known = error.chain().find_map(|cause| {
        let ledger = cause.downcast_ref::<LedgerError>().map(|e| (e.code(), e.hint()));
        ledger
            .or_else(|| cause.downcast_ref::<Fault>().map(|e| (e.code, e.hint.clone())))
            .or_else(|| cause.downcast_ref::<StoreError>().map(|e| (e.code(), e.hint())))
            .or_else(|| cause.downcast_ref::<FetchError>().map(|e| (e.code(), e.hint())))
            .or_else(|| cause.downcast_ref::<PublishError>().map(|e| (e.code(), e.hint())))
            .or_else(|| cause.downcast_ref::<Failure>().map(|e| (e.code(), e.hint())))
            .or_else(|| {
                cause.downcast_ref::<LocationError>().map(|e| (e.code(), e.hint().to_owned()))
            })
            .or_else(|| cause.downcast_ref::<BadRefName>().map(|e| (e.code(), e.hint().to_owned())))
            .or_else(|| cause.downcast_ref::<SpawnError>().map(|e| (e.code(), e.hint().to_owned())))
            .or_else(|| {
                cause.downcast_ref::<TriggerError>().map(|e| (e.code(), e.hint().to_owned()))
            })
    });
    let is_full = |kind| matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    if known.is_none() && io_kinds(error).any(is_full) {
        return ("DISK_FULL", "make room where the output goes, and run it again".to_owned());
    }
    // A limit of the machine, or a fault of ours.
    known.unwrap_or_else(|| {
        ("UNFORESEEN", "see the message; if it does not help, please report it".to_owned())
    })
}

/// Ends the program as the parser of the command line does: what was typed does not say what to do, or cannot be
/// meant.
fn usage(told: impl std::fmt::Display) -> ! {
    use clap::CommandFactory as _;
    Cli::command().error(clap::error::ErrorKind::ArgumentConflict, told).exit()
}

/// A file or directory of the command line that cannot be read, and why.
fn unreadable(path: &Path, error: &(dyn std::error::Error + 'static)) -> Fault {
    let text = format!("{} cannot be read", path.display());
    Fault::new("CONFIG_READ", text, "correct the path, or what it says there").because(error)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    io_kinds(error).any(|kind| kind == ErrorKind::BrokenPipe)
}

/// What kinds of failures of the operating system are among the causes.
fn io_kinds(error: &anyhow::Error) -> impl Iterator<Item = ErrorKind> {
    error.chain().filter_map(|cause| Some(cause.downcast_ref::<std::io::Error>()?.kind()))
}
