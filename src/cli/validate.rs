//! `validate`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{Exit, Repository, unreadable};
use crate::api::names::ObjectId;
use crate::api::problem::{Problem, Severity};
use crate::api::settings::SETTINGS_PATH;
use crate::customize::{Interpreter, Limits, Program};
use crate::daemon::Fault;
use crate::daemon::ledger::{Origin, fleet_of};
use crate::fleet::{Fleet, is_manifest_path, parse_file};
use crate::plan::RenderedFile;

/// Check a commit, or files on disk, and list what is wrong
#[derive(clap::Args, Debug)]
pub(super) struct ValidateArgs {
    /// Files and directories on disk to check instead of a commit; links to files are followed, in a
    /// commit they are refused
    paths: Vec<PathBuf>,
    #[command(flatten)]
    repository: Repository,
    /// Commit to check [default: that of --source-branch, else HEAD]
    #[arg(long, value_name = "REVISION", conflicts_with = "paths")]
    commit: Option<String>,
    /// Print the problems in this format
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Format,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// One problem a paragraph
    Text,
    /// One JSON document
    Json,
}

pub(super) fn run(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let (what, fleet, problems) = if args.paths.is_empty() {
        let mut ledger = args.repository.ledger()?;
        ledger.look_only()?;
        let commit = match &args.commit {
            Some(revision) => ledger.resolve(revision)?,
            None if args.repository.source_branch.is_some() => ledger.source_head()?,
            None => ledger.resolve("HEAD")?,
        };
        let mut loaded = ledger.read(commit)?;
        loaded.problems.extend(ledger.missing_source(&loaded.fleet)?);
        (format!("commit {}", loaded.commit.short()), loaded.fleet, loaded.problems)
    } else {
        let (fleet, problems) = read_disk(&args.paths)?;
        ("these files".to_owned(), Arc::new(fleet), problems)
    };
    let mut out = std::io::stdout().lock();
    match args.output {
        Format::Json => super::output::json(&mut out, &problems)?,
        Format::Text => {
            for problem in &problems {
                writeln!(out, "{problem}")?;
            }
        }
    }
    let n_errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    let n_warnings = problems.len() - n_errors;
    let verdict = if n_errors == 0 { "valid" } else { "not valid" };
    writeln!(
        std::io::stderr(),
        "{what}: {verdict}, {}, {}, {}, {}",
        count(fleet.clusters.len(), "cluster"),
        count(fleet.templates.len(), "template"),
        count(n_errors, "error"),
        count(n_warnings, "warning")
    )?;
    Ok(if n_errors == 0 { Exit::Clean } else { Exit::Invalid })
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Reads manifests from disk. Only here, where a person named the paths, are files read at all.
fn read_disk(paths: &[PathBuf]) -> anyhow::Result<(Fleet, Vec<Problem>)> {
    let root = root_of(paths);
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    files.sort();
    files.dedup();
    let mut parsed = Vec::with_capacity(files.len());
    let mut shown = BTreeMap::new();
    for path in &files {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        let blob = RenderedFile::new(bytes);
        let mut name = name_of(root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path));
        // Two paths may have the same name without the way to them.
        while shown.contains_key(&name) {
            name.insert_str(0, "_/");
        }
        parsed.push(Arc::new(parse_file(&name, blob.id, &blob.bytes)));
        shown.insert(name, path.to_string_lossy().trim_start_matches("./").to_owned());
    }
    let interpreter = Interpreter::new(Program::this(), Limits::default());
    let no_commit = ObjectId::from_bytes([0; 20]);
    let (fleet, mut problems) =
        fleet_of(no_commit, &parsed, Origin::Here, &interpreter, Vec::new());
    let places = problems
        .iter_mut()
        .flat_map(|problem| std::iter::once(&mut problem.place).chain(problem.related.iter_mut()));
    for place in places {
        if let Some(path) = shown.get(&*place.file) {
            place.file = path.as_str().into();
        }
    }
    Ok((fleet, problems))
}

/// What a file would be called in a repository. Of the way to it that a person typed, `..` and the
/// dots of hidden folders say nothing of whether it counts.
fn name_of(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    let parts: Vec<String> = parts.map(|part| part.trim_start_matches('.').to_owned()).collect();
    parts.join("/")
}

/// The directory, if it is the only path and a fleet's root: what is in it is where it would be in
/// the repository.
fn root_of(paths: &[PathBuf]) -> Option<&Path> {
    let [directory] = paths else { return None };
    directory.join(SETTINGS_PATH).is_file().then_some(directory.as_path())
}

/// The file that a person named, or the manifests of the directory. A link that is named is followed, and
/// so is one to a file that lies in a directory: of a mounted ConfigMap each key is one.
pub(super) fn collect(named: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(named).map_err(|error| unreadable(named, &error))?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return below(named, files);
    }
    // A shell makes a pipe of `<(command)`.
    if !kind.is_file() && !kind.is_fifo() {
        let text = format!("{} is neither a file nor a directory", named.display());
        return Err(Fault::new("CONFIG_READ", text, "name a file or a directory").into());
    }
    files.push(named.to_owned());
    Ok(())
}

/// The manifests of a directory and of those below it, without what is hidden. A link to a directory
/// leads out of it, or back into it, and is not followed.
fn below(directory: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(directory).map_err(|error| unreadable(directory, &error))? {
        let entry = entry.map_err(|error| unreadable(directory, &error))?;
        let path = entry.path();
        let told = |error| unreadable(&path, &error);
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(told)?.is_dir() {
            below(&path, files)?;
        } else if is_manifest_path(&path.to_string_lossy())
            && std::fs::metadata(&path).map_err(told)?.is_file()
        {
            files.push(path);
        }
    }
    Ok(())
}
