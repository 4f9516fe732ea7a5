//! `interpret`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Exit;
use super::interpret_doc::doc;
use super::interpret_files::{self, Directories, customizations};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::api::problem::{Problem, Severity};
use crate::api::resource_interpreter_customization::Operation;
use crate::customize::{self, Failure, Interpreter, Limits, Printed, Program, Rules, Webhooks};
use crate::fleet::Fleet;

/// Check customizations and webhooks, or try one operation on objects in files
#[derive(clap::Args, Debug)]
pub(super) struct InterpretArgs {
    /// File or directory with ResourceInterpreterCustomizations and
    /// ResourceInterpreterWebhookConfigurations (can be repeated); `-` is standard input. Without it the
    /// native rules answer
    #[arg(long, short, value_name = "PATH")]
    filename: Vec<PathBuf>,
    /// Read the directories below a directory of --filename, too
    #[arg(long, short = 'R', requires = "filename")]
    recursive: bool,
    /// Check them, run nothing and call nobody
    #[arg(long, requires = "filename", conflicts_with = "operation")]
    check: bool,
    /// Print what the function of --operation is given and returns, with an example; of all operations
    /// without it
    #[arg(long, conflicts_with_all = ["check", "filename"])]
    show_doc: bool,
    /// The operation to try
    #[arg(long, value_enum, ignore_case = true, required_unless_present_any = ["check", "show_doc"])]
    operation: Option<OperationName>,
    /// File with the object as it is wanted, for all operations on templates
    #[arg(long, value_name = "FILE")]
    desired_file: Option<PathBuf>,
    /// File with the object as a member has it, for operations on live objects
    #[arg(long, value_name = "FILE")]
    observed_file: Option<PathBuf>,
    /// File with what each cluster reflected, one document each, for AggregateStatus
    #[arg(long, value_name = "FILE")]
    status_file: Option<PathBuf>,
    /// Number of replicas, for ReviseReplica
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(0..))]
    desired_replica: Option<i32>,
    /// Most time that a script may take
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    timeout_ms: u64,
    /// Print the result in this format
    #[arg(long, short, value_enum, default_value = "yaml", value_name = "FORMAT")]
    output: Format,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// One YAML document
    Yaml,
    /// One JSON document
    Json,
}

/// The operations by Karmada's names, whatever their case.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
#[value(rename_all = "PascalCase")]
enum OperationName {
    /// Retain(desired, observed)
    Retain,
    /// GetReplicas(desired)
    InterpretReplica,
    /// GetComponents(desired)
    InterpretComponent,
    /// ReviseReplica(desired, replicas)
    ReviseReplica,
    /// ReflectStatus(observed)
    InterpretStatus,
    /// AggregateStatus(desired, items)
    AggregateStatus,
    /// InterpretHealth(observed)
    InterpretHealth,
    /// GetDependencies(desired)
    InterpretDependency,
}

impl From<OperationName> for Operation {
    fn from(name: OperationName) -> Self {
        match name {
            OperationName::Retain => Self::Retain,
            OperationName::InterpretReplica => Self::InterpretReplica,
            OperationName::InterpretComponent => Self::InterpretComponent,
            OperationName::ReviseReplica => Self::ReviseReplica,
            OperationName::InterpretStatus => Self::InterpretStatus,
            OperationName::AggregateStatus => Self::AggregateStatus,
            OperationName::InterpretHealth => Self::InterpretHealth,
            OperationName::InterpretDependency => Self::InterpretDependency,
        }
    }
}

pub(super) fn run(args: &InterpretArgs) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    if args.show_doc {
        let named: Vec<Operation> = args.operation.map(Operation::from).into_iter().collect();
        let docs = if named.is_empty() { Operation::ALL } else { &named };
        let docs: Vec<&str> = docs.iter().map(|operation| doc(*operation)).collect();
        write!(out, "{}", docs.join("\n"))?;
        return Ok(Exit::Clean);
    }
    let program = Program { printed: Printed::Shown, ..Program::this() };
    let time = Duration::from_millis(args.timeout_ms);
    let mut interpreter = Interpreter::new(program, Limits { time, ..Limits::default() });
    // The files are those of who asks, and so is the terminal.
    interpreter.tell_of_secrets();
    let directories = if args.recursive { Directories::Recursive } else { Directories::Flat };
    let (fleet, mut problems) = customizations(&args.filename, directories)?;
    problems.extend(customize::check(&fleet, &interpreter));
    let asked_about = AskedAbout::read(args, &mut problems)?;
    for problem in &problems {
        writeln!(std::io::stderr(), "{problem}")?;
    }
    // What only warns of a function would fail here: a script without it answers nothing.
    let is_invalid = |problem: &Problem| {
        problem.severity == Severity::Error || args.check && problem.code.starts_with("LUA_")
    };
    if problems.iter().any(is_invalid) {
        return Ok(Exit::Invalid);
    }
    let Some(operation) = args.operation.map(Operation::from) else {
        told(&mut out, &fleet)?;
        return Ok(Exit::Clean);
    };
    interpreter.load(Arc::new(Rules::of(&fleet)));
    let asked = asked_about.object(operation);
    if !args.filename.is_empty() && !interpreter.rules().answer(asked, operation) {
        let (api_version, kind) = (asked.api_version(), asked.kind());
        writeln!(
            std::io::stderr(),
            "note: no rule in these files answers {operation} of {api_version} {kind}; this is what git-fleet itself says"
        )?;
    }
    let result = answer(&interpreter, operation, &asked_about)?;
    match args.output {
        Format::Json => super::output::json(&mut out, &result)?,
        Format::Yaml => super::output::yaml(&mut out, &result)?,
    }
    Ok(Exit::Clean)
}

/// What a question is asked about, as far as the command line names it.
struct AskedAbout {
    desired: Option<Manifest>,
    observed: Option<Manifest>,
    items: Vec<AggregatedStatusItem>,
    replicas: Option<i32>,
}

impl AskedAbout {
    fn read(args: &InterpretArgs, problems: &mut Vec<Problem>) -> anyhow::Result<Self> {
        let mut object = |path: &Option<PathBuf>| match path {
            None => Ok(None),
            Some(path) => interpret_files::object(path, problems),
        };
        let (desired, observed) = (object(&args.desired_file)?, object(&args.observed_file)?);
        let items = match &args.status_file {
            None => Vec::new(),
            Some(path) => interpret_files::items(path, problems)?,
        };
        Ok(Self { desired, observed, items, replicas: args.desired_replica })
    }

    fn desired(&self, operation: Operation) -> &Manifest {
        self.desired.as_ref().unwrap_or_else(|| missing(operation, "--desired-file"))
    }

    fn observed(&self, operation: Operation) -> &Manifest {
        self.observed.as_ref().unwrap_or_else(|| missing(operation, "--observed-file"))
    }

    /// The object whose kind says who answers.
    fn object(&self, operation: Operation) -> &Manifest {
        match operation {
            Operation::InterpretStatus | Operation::InterpretHealth => self.observed(operation),
            Operation::Retain
            | Operation::InterpretReplica
            | Operation::InterpretComponent
            | Operation::ReviseReplica
            | Operation::AggregateStatus
            | Operation::InterpretDependency => self.desired(operation),
        }
    }
}

/// Lists what was checked.
fn told(out: &mut impl std::io::Write, fleet: &Fleet) -> anyhow::Result<()> {
    for (name, customization) in &fleet.customizations {
        let target = &customization.spec.target;
        for operation in customization.spec.customizations.operations() {
            let (api_version, kind) = (&target.api_version, &target.kind);
            writeln!(out, "{name}: {operation} of {api_version} {kind}: pass")?;
        }
    }
    for webhook in &Webhooks::of(fleet) {
        writeln!(out, "{}: {}: pass", webhook.name, webhook.url)?;
    }
    Ok(())
}

/// Asks one question about the objects of the command line.
fn answer(
    interpreter: &Interpreter,
    operation: Operation,
    about: &AskedAbout,
) -> anyhow::Result<Value> {
    let desired = || about.desired(operation);
    let observed = || about.observed(operation);
    let now = Timestamp::now();
    Ok(match operation {
        Operation::Retain => {
            let mut desired = desired().clone();
            interpreter.retain(&mut desired, observed()).map_err(failed)?;
            desired.into_value()
        }
        Operation::InterpretReplica => match interpreter.replicas(desired()).map_err(failed)? {
            None => json!({"replica": null, "requires": null}),
            Some(replicas) => {
                json!({"replica": replicas.count, "requires": replicas.requirements})
            }
        },
        Operation::InterpretComponent => {
            json!({"components": interpreter.components(desired()).map_err(failed)?})
        }
        Operation::ReviseReplica => {
            let Some(count) = about.replicas else {
                missing(operation, "--desired-replica");
            };
            let mut desired = desired().clone();
            interpreter.revise_replicas(&mut desired, count).map_err(failed)?;
            desired.into_value()
        }
        Operation::InterpretStatus => {
            json!({"status": interpreter.reflect(observed(), now).map_err(failed)?})
        }
        Operation::AggregateStatus => {
            let mut desired = desired().clone();
            let status = interpreter.aggregate(&desired, &about.items, now).map_err(failed)?;
            if let Some(status) = status {
                desired.0.insert("status".to_owned(), status);
            }
            desired.into_value()
        }
        Operation::InterpretHealth => {
            json!({"health": interpreter.health(observed(), now).map_err(failed)?})
        }
        Operation::InterpretDependency => {
            json!({"dependencies": interpreter.dependencies(desired()).map_err(failed)?})
        }
    })
}

fn failed(failure: Failure) -> anyhow::Error {
    anyhow::Error::new(failure)
}

fn missing(operation: Operation, flag: &str) -> ! {
    let told = format!("{operation} needs {flag}");
    super::Cli::command().error(ErrorKind::MissingRequiredArgument, told).exit();
}
