//! What `interpret` reads from the files of its command line, as the fleet's own reader reads them.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::unreadable;
use super::validate::collect;
use crate::api::binding::AggregatedStatusItem;
use crate::api::decode::decode_part;
use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::api::problem::{Place, Problem, Severity};
use crate::daemon::Fault;
use crate::fleet::{Fleet, Positions, parse_file, parse_objects, parse_values};
use crate::plan::RenderedFile;

/// How a directory among the files is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directories {
    /// The manifests that lie in it.
    Flat,
    /// Those in directories below it, too.
    Recursive,
}

/// The customizations of these files and directories, and what is wrong with them.
pub(super) fn customizations(
    named: &[PathBuf],
    directories: Directories,
) -> anyhow::Result<(Fleet, Vec<Problem>)> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let mut found = Vec::new();
            collect(path, &mut found)?;
            if directories == Directories::Flat {
                found.retain(|file| file.parent() == Some(path));
            }
            found.sort();
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    let mut parsed = Vec::new();
    for path in &files {
        let blob = RenderedFile::new(read(path)?);
        parsed.push(Arc::new(parse_file(&shown(path), blob.id, &blob.bytes)));
    }
    let (fleet, across) = Fleet::assemble(ObjectId::from_bytes([0; 20]), &parsed);
    let alone = parsed.iter().flat_map(|file| file.problems.iter().cloned());
    // Without a file the native rules are asked, and there is nothing to check.
    let across = across.into_iter().filter(|problem| problem.code != "FLEET_EMPTY");
    let mut problems: Vec<Problem> = alone.chain(across).collect();
    let is_sound = problems.iter().all(|problem| problem.severity != Severity::Error);
    let is_nothing = fleet.customizations.is_empty() && fleet.webhook_configurations.is_empty();
    if is_nothing && is_sound && !named.is_empty() {
        let kinds = "ResourceInterpreterCustomization or ResourceInterpreterWebhookConfiguration";
        let text = format!("no {kinds} in {}", named[0].display());
        let hint = match directories {
            Directories::Flat if named[0].is_dir() => {
                "name a file or directory with one by --filename, or read those below with --recursive"
            }
            _ => "name a file with one by --filename",
        };
        return Err(Fault::new("CONFIG_READ", text, hint).into());
    }
    problems.sort();
    problems.dedup();
    Ok((fleet, problems))
}

/// The one object of a file, with all of its fields. `None` if the Problems say why there is none.
pub(super) fn object(path: &Path, problems: &mut Vec<Problem>) -> anyhow::Result<Option<Manifest>> {
    let (mut objects, found) = parse_objects(&shown(path), &read(path)?);
    let is_sound = found.iter().all(|problem| problem.severity != Severity::Error);
    problems.extend(found);
    let (text, hint) = match objects.as_slice() {
        _ if !is_sound => return Ok(None),
        [_] => return Ok(objects.pop()),
        [] => {
            let hint = "write apiVersion, kind and metadata into it".to_owned();
            (format!("{} holds no Kubernetes object", path.display()), hint)
        }
        several => {
            let keys: Vec<String> = several.iter().map(|one| one.key().to_string()).collect();
            let hint = format!("leave one of them in it: {}", keys.join(", "));
            let text = format!(
                "{} holds {} objects, and one is asked about",
                path.display(),
                several.len()
            );
            (text, hint)
        }
    };
    Err(Fault::new("CONFIG_READ", text, hint).into())
}

/// What each cluster reflected, in order of their names: a list, or one document each.
pub(super) fn items(
    path: &Path,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Vec<AggregatedStatusItem>> {
    let file = shown(path);
    let (values, found) = parse_values(&file, &read(path)?);
    problems.extend(found);
    let mut items = Vec::new();
    for (value, positions) in values {
        match value {
            Value::Array(list) => {
                for (n, value) in list.into_iter().enumerate() {
                    match item(value, &format!("/{n}"), &file, &positions) {
                        Ok(item) => items.push(item),
                        Err(problem) => problems.push(*problem),
                    }
                }
            }
            value => match item(value, "", &file, &positions) {
                Ok(item) => items.push(item),
                Err(problem) => problems.push(*problem),
            },
        }
    }
    items.sort_by(|a, b| a.cluster_name.cmp(&b.cluster_name));
    Ok(items)
}

/// The status of one cluster, which stands at `pointer`.
fn item(
    value: Value,
    pointer: &str,
    file: &str,
    positions: &Positions,
) -> Result<AggregatedStatusItem, Box<Problem>> {
    decode_part(value).map_err(|path| {
        let at = positions.value(&format!("{pointer}{}", path.pointer()));
        let message = match path.to_string() {
            path if path.is_empty() => "this is no status of a cluster".to_owned(),
            path => format!("`{path}` is not what the status of a cluster has there"),
        };
        let hint = "write clusterName and status for each, as `status.aggregatedStatus` of a binding has them";
        let place = Place { file: file.into(), line: at.line, column: at.column };
        Box::new(Problem::error(place, "TYPE_MISMATCH", message, hint))
    })
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().trim_start_matches("./").to_owned()
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
