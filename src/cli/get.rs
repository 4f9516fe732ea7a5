//! `get`: what the repository says of the fleet. It asks no cluster and computes nothing.

mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::absent::{self, member};
use super::kind_name::{TypedName, lives_in, pick, within};
use super::output::{ListFormat, Table, json, yaml};
use super::render::{RUNS_ON, place};
use super::{Exit, Repository, unreadable_results};
use crate::api::cluster::Cluster;
use crate::api::condition::{self, ConditionStatus};
use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::names::ClusterName;
use crate::api::report::{Health, ObjectReport};
use crate::daemon::Fault;
use crate::daemon::ledger::{Ledger, Recorded};
use crate::plan::Binding;

/// List clusters, bindings, work or templates, as the repository has them
#[derive(clap::Args, Debug)]
pub(super) struct GetArgs {
    /// What to list
    #[arg(value_enum)]
    what: What,
    /// Only those of this name; all but clusters also as KIND/NAME, e.g. deploy/shop
    name: Option<TypedName>,
    /// Only this namespace
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Only what is of this cluster, or placed in it
    #[arg(long, value_name = "NAME")]
    cluster: Option<ClusterName>,
    /// Print in this format instead of a table
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<ListFormat>,
    #[command(flatten)]
    repository: Repository,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum What {
    /// Members of the fleet and their state
    #[value(alias = "cluster")]
    Clusters,
    /// Where each template is placed, and how it fares
    #[value(alias = "binding", alias = "rb")]
    Bindings,
    /// What each cluster is to run
    #[value(alias = "works")]
    Work,
    /// What is placed, each with its own status as an API server would show it; `-o json` and
    /// `-o yaml` print the whole object
    #[value(alias = "template", alias = "tpl")]
    Templates,
}

pub(super) fn run(args: &GetArgs) -> anyhow::Result<Exit> {
    let (mut ledger, recorded) = args.repository.look()?;
    if recorded.is_absent() && (args.is_table() || args.is_of_one()) {
        let results = ledger.layout().results();
        let branch = format!("there is no branch {} here yet", results.short());
        let written = || "`git fleet run` and `git fleet apply` write it".to_owned();
        let remedy = ledger.how_to_fetch()?.unwrap_or_else(written);
        if args.is_of_one() {
            return Err(Fault::new("NOT_FOUND", branch, remedy).into());
        }
        writeln!(std::io::stderr(), "No resources found: {branch}; {remedy}")?;
        return Ok(Exit::Clean);
    }
    if let Some(cluster) = &args.cluster
        && !recorded.has(&format!("clusters/{cluster}.yaml"))
    {
        return Err(absent::cluster(cluster.as_str(), &recorded, "").into());
    }
    let exit = match args.what {
        What::Clusters => clusters(args, &ledger, &recorded),
        What::Bindings => bindings(args, &mut ledger, &recorded),
        What::Work => work(args, &mut ledger, &recorded),
        What::Templates => templates::run(args, &mut ledger, &recorded),
    }?;
    // A list of what is in force does not show what waits. Without the note there is nothing to say.
    if args.is_table()
        && let Ok(Some((commit, word))) = ledger.waiting()
    {
        let (layout, commit) = (ledger.layout(), commit.short());
        writeln!(
            std::io::stderr(),
            "commit {commit} of {} is {word} and not in force; `git notes --ref {} show {commit}` says why",
            layout.source().short(),
            layout.prefix()
        )?;
    }
    Ok(exit)
}

impl GetArgs {
    /// Whether a person is to read it.
    fn is_table(&self) -> bool {
        matches!(self.output, None | Some(ListFormat::Wide))
    }

    /// Whether the objects themselves are printed.
    fn is_whole(&self) -> bool {
        matches!(self.output, Some(ListFormat::Json | ListFormat::Yaml))
    }

    /// Whether something is named that has to be there.
    fn is_of_one(&self) -> bool {
        self.name.is_some() || self.cluster.is_some()
    }

    /// Whether no other cluster is asked for.
    fn is_of(&self, cluster: &str) -> bool {
        self.cluster.as_ref().is_none_or(|wanted| wanted.as_str() == cluster)
    }

    /// Whether what is placed so is asked for.
    fn is_placed(&self, clusters: &BTreeMap<ClusterName, i32>) -> bool {
        self.cluster.as_ref().is_none_or(|wanted| clusters.contains_key(wanted))
    }

    /// That nothing has the name that was typed.
    fn not_found(&self, typed: &TypedName, recorded: &Recorded) -> Fault {
        let within = within(self.namespace.as_deref(), self.cluster.as_ref());
        let bound = || recorded.paths("bindings/").filter_map(|path| key_of(path, "bindings/"));
        match self.what {
            What::Clusters => absent::cluster(&typed.name, recorded, &within),
            What::Bindings => {
                let there: Vec<ObjectKey> = bound().collect();
                let remedy = "`git fleet get bindings` lists those that there are";
                absent::object("binding", typed, &within, &there, remedy)
            }
            What::Work => {
                let key = |path: &str| key_of(path.strip_prefix("work/")?.split_once('/')?.1, "");
                let there: Vec<ObjectKey> = recorded.paths("work/").filter_map(key).collect();
                let remedy = "`git fleet get work` lists all of it";
                absent::object("work", typed, &within, &there, remedy)
            }
            What::Templates => {
                let there: Vec<ObjectKey> = bound().collect();
                let remedy = "`git fleet get templates` lists those that are placed, `git fleet explain` tells why one runs nowhere";
                absent::object("template", typed, &within, &there, remedy)
            }
        }
    }
}

/// A list as kubectl prints it for `-o json` and `-o yaml`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Value>,
}

/// One line of any of the lists.
struct Row {
    name: String,
    value: Value,
    cells: Vec<String>,
    wide: Vec<String>,
}

fn print(
    args: &GetArgs,
    recorded: &Recorded,
    headers: &[&'static str],
    wide: &[&'static str],
    rows: Vec<Row>,
) -> anyhow::Result<Exit> {
    if let Some(typed) = args.name.as_ref().filter(|_| rows.is_empty()) {
        return Err(args.not_found(typed, recorded).into());
    }
    let mut out = std::io::stdout().lock();
    let is_wide = args.output == Some(ListFormat::Wide);
    match args.output {
        Some(ListFormat::Json | ListFormat::Yaml) => {
            let items = rows.into_iter().map(|row| row.value).collect();
            let list = List { api_version: "v1", kind: "List", items };
            if args.output == Some(ListFormat::Json) {
                json(&mut out, &list)?;
            } else {
                yaml(&mut out, &list)?;
            }
        }
        Some(ListFormat::Name) => {
            for row in rows {
                writeln!(out, "{}", row.name)?;
            }
        }
        Some(ListFormat::Wide) | None if rows.is_empty() => {
            // In kubectl's words: scripts look for them.
            let within = args.namespace.as_ref().map(|one| format!(" in {one} namespace"));
            let within = within.unwrap_or_default();
            writeln!(std::io::stderr(), "No resources found{within}.")?;
        }
        Some(ListFormat::Wide) | None => {
            let extra = if is_wide { wide } else { &[] };
            let mut table = Table::new(&[headers, extra].concat());
            for row in rows {
                let extra = if is_wide { row.wide } else { Vec::new() };
                table.row(row.cells.into_iter().chain(extra));
            }
            table.write(&mut out)?;
        }
    }
    Ok(Exit::Clean)
}

fn clusters(args: &GetArgs, ledger: &Ledger, recorded: &Recorded) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    for (path, name) in recorded.paths("clusters/").filter_map(|path| Some((path, member(path)?))) {
        if !args.is_of(name) || args.name.as_ref().is_some_and(|wanted| wanted.name != name) {
            continue;
        }
        let cluster: Cluster = read(ledger, recorded, path)?;
        let name = cluster.metadata.name.clone();
        let status = cluster.status.clone();
        let ready = match condition::find(&status.conditions, "Ready").map(|c| c.status) {
            Some(ConditionStatus::True) => "True",
            Some(ConditionStatus::False) => "False",
            Some(ConditionStatus::Unknown) => "Unknown",
            None => "never reported",
        };
        let spec = &cluster.spec;
        let mode = format!("{:?}", spec.sync_mode);
        rows.push(Row {
            name: format!("cluster/{name}"),
            cells: vec![name, status.kubernetes_version.clone(), mode, ready.to_owned()],
            wide: vec![
                spec.zones.join(","),
                spec.region.clone().unwrap_or_default(),
                spec.provider.clone().unwrap_or_default(),
                spec.api_endpoint.clone(),
            ],
            value: serde_json::to_value(&cluster)?,
        });
    }
    let wide = ["ZONES", "REGION", "PROVIDER", "API-ENDPOINT"];
    print(args, recorded, &["NAME", "VERSION", "MODE", "READY"], &wide, rows)
}

fn bindings(args: &GetArgs, ledger: &mut Ledger, recorded: &Recorded) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    let fleet: BTreeSet<&str> = recorded.paths("clusters/").filter_map(member).collect();
    for (path, key) in bound(args, ledger, recorded)? {
        let binding: Binding = read(ledger, recorded, path)?;
        let (clusters, reasons) = (binding.places(), &binding.reasons);
        if !args.is_placed(&clusters) {
            continue;
        }
        let placed: Vec<String> = clusters
            .iter()
            .map(|(name, replicas)| {
                let mark = if !fleet.contains(name.as_str()) {
                    return format!("{name}(left)");
                } else if reasons.runs_on.iter().any(|target| target.name == *name) {
                    Some(RUNS_ON)
                } else if reasons.unmade.contains(name) {
                    Some("not-yet")
                } else {
                    None
                };
                place(name.as_str(), *replicas, mark)
            })
            .collect();
        let scheduled = condition::find(&binding.status.conditions, "Scheduled");
        let scheduled = match scheduled {
            Some(condition) if condition.status == ConditionStatus::True => "True".to_owned(),
            Some(condition) => condition.reason.clone(),
            None => String::new(),
        };
        let items = &binding.status.aggregated_status;
        let applied = items.iter().filter(|item| item.applied).count();
        let healthy = items.iter().filter(|item| item.health == Health::Healthy).count();
        // Nothing is heard any more of those that left the fleet.
        let n = clusters.keys().filter(|name| fleet.contains(name.as_str())).count();
        rows.push(Row {
            name: format!("{}/{}", key.group_kind.to_string().to_lowercase(), key.name),
            cells: vec![
                key.namespace.as_deref().unwrap_or_default().to_owned(),
                key.group_kind.kind.to_string(),
                key.name.to_string(),
                scheduled,
                format!("{applied}/{n}"),
                format!("{healthy}/{n}"),
                placed.join(" "),
            ],
            wide: vec![reasons.policy.clone()],
            value: if args.is_whole() { read(ledger, recorded, path)? } else { Value::Null },
        });
    }
    let headers = ["NAMESPACE", "KIND", "NAME", "SCHEDULED", "APPLIED", "HEALTHY", "CLUSTERS"];
    print(args, recorded, &headers, &["POLICY"], rows)
}

fn work(args: &GetArgs, ledger: &mut Ledger, recorded: &Recorded) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    let mut applied = BTreeMap::new();
    let place_of = |path: &'_ str| {
        let (cluster, rest) = path.strip_prefix("work/")?.split_once('/')?;
        let key =
            key_of(rest, "").filter(|key| args.is_of(cluster) && is_wanted(args, recorded, key))?;
        Some((cluster.to_owned(), key))
    };
    let places = recorded.paths("work/").filter_map(|path| Some((path, place_of(path)?)));
    let places: Vec<(&str, (String, ObjectKey))> = places.collect();
    let keys = places.iter().map(|(_, (_, key))| key.clone());
    let picked = picked(args, ledger, recorded, keys)?;
    for (path, (cluster, key)) in places {
        if !picked.contains(&key) {
            continue;
        }
        if !applied.contains_key(&cluster) {
            applied.insert(cluster.clone(), ledger.reported(&ClusterName::new(&cluster)?)?);
        }
        let report = applied[&cluster].as_ref().and_then(|report| report.objects.get(&key));
        let manifest: Manifest = read(ledger, recorded, path)?;
        // As in the binding: an object that an earlier work made says nothing of this one.
        let is_in_force =
            |report: &ObjectReport| report.applied && report.work == recorded.blob(path);
        let (state, health) = match report {
            None => ("Unknown", String::new()),
            Some(report) if is_in_force(report) => ("True", format!("{:?}", report.health)),
            Some(_) => ("False", format!("{:?}", Health::Unknown)),
        };
        let message = report.map(|report| report.message.clone()).unwrap_or_default();
        rows.push(Row {
            name: format!("{cluster}/{}/{}", key.group_kind.to_string().to_lowercase(), key.name),
            cells: vec![
                cluster,
                key.namespace.as_deref().unwrap_or_default().to_owned(),
                key.group_kind.kind.to_string(),
                key.name.to_string(),
                state.to_owned(),
                health,
            ],
            wide: vec![manifest.api_version().to_owned(), message],
            value: manifest.into_value(),
        });
    }
    let headers = ["CLUSTER", "NAMESPACE", "KIND", "NAME", "APPLIED", "HEALTH"];
    print(args, recorded, &headers, &["APIVERSION", "MESSAGE"], rows)
}

/// The bindings that are asked for: path and template of each.
fn bound<'r>(
    args: &GetArgs,
    ledger: &mut Ledger,
    recorded: &'r Recorded,
) -> anyhow::Result<Vec<(&'r str, ObjectKey)>> {
    let keys =
        recorded.paths("bindings/").filter_map(|path| Some((path, key_of(path, "bindings/")?)));
    let mut bound: Vec<(&str, ObjectKey)> =
        keys.filter(|(_, key)| is_wanted(args, recorded, key)).collect();
    let picked = picked(args, ledger, recorded, bound.iter().map(|(_, key)| key.clone()))?;
    bound.retain(|(_, key)| picked.contains(key));
    Ok(bound)
}

fn key_of(path: &str, prefix: &str) -> Option<ObjectKey> {
    ObjectKey::from_path(path.strip_prefix(prefix)?.strip_suffix(".yaml")?)
}

/// Those of the keys that are of the kind that was typed, if one was.
fn picked(
    args: &GetArgs,
    ledger: &mut Ledger,
    recorded: &Recorded,
    keys: impl Iterator<Item = ObjectKey>,
) -> anyhow::Result<BTreeSet<ObjectKey>> {
    let keys: BTreeSet<ObjectKey> = keys.collect();
    let Some(typed) = &args.name else { return Ok(keys) };
    Ok(pick(ledger, recorded, typed, keys.into_iter().collect())?.into_iter().collect())
}

fn is_wanted(args: &GetArgs, recorded: &Recorded, key: &ObjectKey) -> bool {
    args.name.as_ref().is_none_or(|typed| typed.name == *key.name)
        && args.namespace.as_ref().is_none_or(|one| lives_in(recorded, key, one))
}

/// Reads a file of the results that is there.
fn read<T: serde::de::DeserializeOwned>(
    ledger: &Ledger,
    recorded: &Recorded,
    path: &str,
) -> anyhow::Result<T> {
    let bytes = ledger.recorded_file(recorded, path)?.unwrap_or_default();
    crate::api::yaml::from_bytes(&bytes)
        .map_err(|error| unreadable_results(format!("`{path}` of the results: {error}")).into())
}
