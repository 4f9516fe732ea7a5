//! `interpret`.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Exit, unreadable};
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::api::problem::{Problem, Severity};
use crate::api::resource_interpreter_customization::Operation;
use crate::api::yaml;
use crate::customize::{self, Failure, Interpreter, Limits, Printed, Program, Rules, Webhooks};
use crate::daemon::Fault;
use crate::fleet::{Fleet, parse_file};

/// Check customizations and webhooks, or try one operation on objects in files
#[derive(clap::Args, Debug)]
pub(super) struct InterpretArgs {
    /// File with ResourceInterpreterCustomizations and ResourceInterpreterWebhookConfigurations (can be
    /// repeated); `-` is standard input. Without it the native rules answer
    #[arg(long, short, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Check them, run nothing and call nobody
    #[arg(long, requires = "filename", conflicts_with = "operation")]
    check: bool,
    /// The operation to try
    #[arg(long, value_enum, ignore_case = true, required_unless_present = "check")]
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
    #[arg(long, value_name = "N")]
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
    let program = Program { printed: Printed::Shown, ..Program::this() };
    let time = Duration::from_millis(args.timeout_ms);
    let mut interpreter = Interpreter::new(program, Limits { time, ..Limits::default() });
    let (fleet, mut problems) = customizations(&args.filename)?;
    problems.extend(customize::check(&fleet, &interpreter));
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
    let Some(operation) = args.operation else {
        told(&fleet)?;
        return Ok(Exit::Clean);
    };
    interpreter.load(Arc::new(Rules::of(&fleet)));
    let result = answer(&interpreter, operation.into(), args)?;
    let mut out = std::io::stdout().lock();
    match args.output {
        Format::Json => super::output::json(&mut out, &result)?,
        Format::Yaml => super::output::yaml(&mut out, &result)?,
    }
    Ok(Exit::Clean)
}

/// The customizations of these files, and what is wrong with them.
fn customizations(files: &[PathBuf]) -> anyhow::Result<(Fleet, Vec<Problem>)> {
    let mut parsed = Vec::new();
    for path in files {
        let blob = crate::plan::RenderedFile::new(read(path)?);
        let shown = path.to_string_lossy();
        parsed.push(Arc::new(parse_file(shown.trim_start_matches("./"), blob.id, &blob.bytes)));
    }
    let (fleet, across) = Fleet::assemble(ObjectId::from_bytes([0; 20]), &parsed);
    let alone = parsed.iter().flat_map(|file| file.problems.iter().cloned());
    // Without a file the native rules are asked, and there is nothing to check.
    let across = across.into_iter().filter(|problem| problem.code != "FLEET_EMPTY");
    let mut problems: Vec<Problem> = alone.chain(across).collect();
    let is_sound = problems.iter().all(|problem| problem.severity != Severity::Error);
    let is_nothing = fleet.customizations.is_empty() && fleet.webhook_configurations.is_empty();
    if is_nothing && is_sound && !files.is_empty() {
        let kinds = "ResourceInterpreterCustomization or ResourceInterpreterWebhookConfiguration";
        let text = format!("no {kinds} in {}", files[0].display());
        return Err(Fault::new("CONFIG_READ", text, "name a file with one by --filename").into());
    }
    problems.sort();
    problems.dedup();
    Ok((fleet, problems))
}

/// Lists what was checked.
fn told(fleet: &Fleet) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
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
    args: &InterpretArgs,
) -> anyhow::Result<Value> {
    let desired = || object(args.desired_file.as_deref(), operation, "--desired-file");
    let observed = || object(args.observed_file.as_deref(), operation, "--observed-file");
    let now = Timestamp::now();
    Ok(match operation {
        Operation::Retain => {
            let (mut desired, observed) = (desired()?, observed()?);
            interpreter.retain(&mut desired, &observed).map_err(failed)?;
            desired.into_value()
        }
        Operation::InterpretReplica => match interpreter.replicas(&desired()?).map_err(failed)? {
            None => json!({"replica": null, "requires": null}),
            Some(replicas) => {
                json!({"replica": replicas.count, "requires": replicas.requirements})
            }
        },
        Operation::InterpretComponent => {
            json!({"components": interpreter.components(&desired()?).map_err(failed)?})
        }
        Operation::ReviseReplica => {
            let Some(count) = args.desired_replica else {
                missing(operation, "--desired-replica");
            };
            let mut desired = desired()?;
            interpreter.revise_replicas(&mut desired, count).map_err(failed)?;
            desired.into_value()
        }
        Operation::InterpretStatus => {
            json!({"status": interpreter.reflect(&observed()?, now).map_err(failed)?})
        }
        Operation::AggregateStatus => {
            let mut desired = desired()?;
            let items = items(args.status_file.as_deref())?;
            if let Some(status) = interpreter.aggregate(&desired, &items, now).map_err(failed)? {
                desired.0.insert("status".to_owned(), status);
            }
            desired.into_value()
        }
        Operation::InterpretHealth => {
            json!({"health": interpreter.health(&observed()?, now).map_err(failed)?})
        }
        Operation::InterpretDependency => {
            json!({"dependencies": interpreter.dependencies(&desired()?).map_err(failed)?})
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

fn object(path: Option<&Path>, operation: Operation, flag: &str) -> anyhow::Result<Manifest> {
    let Some(path) = path else { missing(operation, flag) };
    let value: Value = document(&read(path)?, path)?;
    Manifest::from_value(value).filter(|object| !object.kind().is_empty()).ok_or_else(|| {
        let text = format!("{} holds no Kubernetes object", path.display());
        Fault::new("CONFIG_READ", text, "write apiVersion, kind and metadata into it").into()
    })
}

/// What each cluster reflected, in order of their names: a list, or one document each.
fn items(path: Option<&Path>) -> anyhow::Result<Vec<AggregatedStatusItem>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut items: Vec<AggregatedStatusItem> = Vec::new();
    for part in text.split("\n---").filter(|part| !part.trim().is_empty()) {
        match document(part.as_bytes(), path)? {
            Value::Null => {}
            list @ Value::Array(_) => items.extend(item::<Vec<AggregatedStatusItem>>(list, path)?),
            one => items.push(item(one, path)?),
        }
    }
    items.sort_by(|a, b| a.cluster_name.cmp(&b.cluster_name));
    Ok(items)
}

fn item<T: serde::de::DeserializeOwned>(value: Value, path: &Path) -> anyhow::Result<T> {
    serde_json::from_value(value).map_err(|error| {
        let text = format!("{} holds no status of a cluster", path.display());
        let hint = "write clusterName and status for each, as `status.aggregatedStatus` of a binding has them";
        Fault::new("CONFIG_READ", text, hint).because(&error).into()
    })
}

fn document(bytes: &[u8], path: &Path) -> anyhow::Result<Value> {
    yaml::from_bytes(bytes).map_err(|error| unreadable(path, &error).into())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let told = |error| unreadable(path, &error);
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(told)?;
        return Ok(bytes);
    }
    Ok(std::fs::read(path).map_err(told)?)
}
