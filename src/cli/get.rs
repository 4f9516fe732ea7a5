//! `get`: what the repository says of the fleet, and what runs in its clusters. It computes nothing.
//!
//! Four words mean the repository: no cluster is asked for them. Any other is a kind of the clusters.

mod members;
mod templates;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::PathBuf;

use clap::ValueEnum as _;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use serde::Serialize;
use serde_json::Value;

use super::absent::{self, member};
use super::fan_out::{RequestTimeout, Which};
use super::kind_name::{TypedName, lives_in, pick, within};
use super::output::{ListFormat, Table, json, yaml};
use super::render::{RUNS_ON, place};
use super::results::stored;
use super::session::Allowed;
use super::{Exit, Repository, usage};
use crate::api::cluster::Cluster;
use crate::api::condition::{self, Condition, ConditionStatus};
use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::{Health, ObjectReport};
use crate::daemon::Fault;
use crate::daemon::ledger::{Ledger, Recorded};
use crate::plan::{Binding, Reasons};

/// List what the fleet has, or what its clusters run
///
/// `clusters`, `bindings`, `work` and `templates` are as the repository has them, and no cluster is asked.
/// Any other kind, such as pods, deploy or crontabs.example.com, or several with commas between them, is
/// asked of the clusters: of each that there is a kubeconfig for in --credentials.
#[derive(clap::Args, Debug)]
pub(super) struct GetArgs {
    /// What to list: one of these, or a kind of the clusters such as pods or deploy
    #[arg(value_parser = AnyKind)]
    what: String,
    /// Only those of this name; of bindings, work and templates also as KIND/NAME, e.g. deploy/shop
    name: Option<TypedName>,
    /// Only this namespace
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// All namespaces
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Only what is of this cluster, or placed in it
    #[arg(long, value_name = "NAME")]
    cluster: Option<ClusterName>,
    /// Print in this format instead of a table
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<ListFormat>,
    #[command(flatten)]
    repository: Repository,
    /// Only objects of the clusters with these labels, e.g. app=web,tier!=cache
    #[arg(long, short = 'l', value_name = "SELECTOR", help_heading = ACROSS)]
    selector: Option<String>,
    /// Only objects of the clusters with these fields, e.g. status.phase=Running
    #[arg(long, value_name = "SELECTOR", help_heading = ACROSS)]
    field_selector: Option<String>,
    /// Ask only these clusters: names with commas between them, or all that have a kubeconfig
    #[arg(long, value_name = "NAMES", conflicts_with = "cluster", help_heading = ACROSS)]
    clusters: Option<Which>,
    /// How long to wait for one answer of a cluster, e.g. 5s; 0: without end [default: 35s]
    #[arg(long, value_name = "DURATION", help_heading = ACROSS)]
    request_timeout: Option<RequestTimeout>,
    /// Directory with one kubeconfig for each cluster, named CLUSTER.yaml
    #[arg(long, value_name = "DIR", help_heading = ACROSS)]
    credentials: Option<PathBuf>,
    #[command(flatten, next_help_heading = ACROSS)]
    allowed: Allowed,
}

/// What counts only where the clusters are asked.
const ACROSS: &str = "For kinds of the clusters";

/// Takes any word, and names those that mean the repository: for the help, and for shells that complete.
#[derive(Clone)]
struct AnyKind;

impl TypedValueParser for AnyKind {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(What::value_variants().iter().filter_map(What::to_possible_value)))
    }
}

/// What the repository has lists of.
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
    let Ok(what) = What::from_str(&args.what, false) else {
        let mut words = args.what.split(',');
        if let Some(word) = words.find(|word| What::from_str(word, false).is_ok()) {
            usage(format_args!("{word} are read from the repository: write them alone"));
        }
        return members::run(args);
    };
    for (flag, is_given) in [
        ("--selector", args.selector.is_some()),
        ("--field-selector", args.field_selector.is_some()),
        ("--clusters", args.clusters.is_some()),
        ("--request-timeout", args.request_timeout.is_some()),
        ("--credentials", args.credentials.is_some()),
    ] {
        if is_given {
            let what = &args.what;
            usage(format_args!(
                "{flag} is for kinds of the clusters; {what} are read from the repository"
            ));
        }
    }
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
    let exit = match what {
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
        let bound = || recorded.paths("bindings/").filter_map(bound_key);
        match What::from_str(&self.what, false).expect("only these are looked up in the repository")
        {
            What::Clusters => absent::cluster(&typed.name, recorded, &within),
            What::Bindings => {
                let there: Vec<ObjectKey> = bound().collect();
                let remedy = "`git fleet get bindings` lists those that there are";
                absent::object("binding", typed, &within, &there, remedy)
            }
            What::Work => {
                let key = |path: &str| {
                    ObjectKey::from_file(path.strip_prefix("work/")?.split_once('/')?.1)
                };
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
        rows.push(cluster_row(&stored(ledger, recorded, path)?)?);
    }
    let wide = ["ZONES", "REGION", "PROVIDER", "API-ENDPOINT", "PROXY-URL"];
    print(args, recorded, &["NAME", "VERSION", "MODE", "READY"], &wide, rows)
}

fn cluster_row(cluster: &Cluster) -> anyhow::Result<Row> {
    let (name, spec, status) = (&cluster.metadata.name, &cluster.spec, &cluster.status);
    let ready = match condition::find(&status.conditions, "Ready").map(|c| c.status) {
        Some(ConditionStatus::True) => "True",
        Some(ConditionStatus::False) => "False",
        Some(ConditionStatus::Unknown) => "Unknown",
        None => "never reported",
    };
    Ok(Row {
        name: format!("cluster/{name}"),
        cells: vec![
            name.clone(),
            status.kubernetes_version.clone(),
            spec.sync_mode.to_string(),
            ready.to_owned(),
        ],
        wide: vec![
            spec.zones.join(","),
            spec.region.clone().unwrap_or_default(),
            spec.provider.clone().unwrap_or_default(),
            spec.api_endpoint.clone(),
            spec.proxy_url.clone(),
        ],
        value: serde_json::to_value(cluster)?,
    })
}

fn bindings(args: &GetArgs, ledger: &mut Ledger, recorded: &Recorded) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    let paths: BTreeMap<&str, &str> =
        recorded.paths("clusters/").filter_map(|path| Some((member(path)?, path))).collect();
    let mut members = Members::new();
    for (path, key) in bound(args, ledger, recorded)? {
        let binding: Binding = stored(ledger, recorded, path)?;
        let places = binding.places();
        if !args.is_placed(&places) {
            continue;
        }
        for name in places.into_keys() {
            let Some(path) = paths.get(name.as_str()) else { continue };
            if let Entry::Vacant(new) = members.entry(name) {
                let cluster: Cluster = stored(ledger, recorded, path)?;
                new.insert(not_ready(&cluster.status.conditions).is_none());
            }
        }
        let is_whole = args.is_whole();
        let value = if is_whole { stored(ledger, recorded, path)? } else { Value::Null };
        rows.push(binding_row(&key, &binding, &members, value));
    }
    let headers = ["NAMESPACE", "KIND", "NAME", "SCHEDULED", "APPLIED", "HEALTHY", "CLUSTERS"];
    print(args, recorded, &headers, &["POLICY"], rows)
}

/// The clusters of the fleet that matter; false where one last said that it is not ready.
type Members = BTreeMap<ClusterName, bool>;

fn binding_row(key: &ObjectKey, binding: &Binding, members: &Members, value: Value) -> Row {
    let clusters = binding.places();
    let scheduled = match condition::find(&binding.status.conditions, "Scheduled") {
        Some(condition) if condition.status == ConditionStatus::True => "True".to_owned(),
        Some(condition) => condition.reason.clone(),
        None => String::new(),
    };
    let items = &binding.status.aggregated_status;
    let applied = items.iter().filter(|item| item.applied).count();
    let healthy = items.iter().filter(|item| item.health == Health::Healthy).count();
    // Nothing is heard any more of those that left the fleet.
    let n = clusters.keys().filter(|name| members.contains_key(*name)).count();
    let placed = clusters.iter().map(|(name, n)| placed(&binding.reasons, members, name, *n));
    Row {
        name: name_of(key),
        cells: cells_of(key)
            .into_iter()
            .chain([
                scheduled,
                format!("{applied}/{n}"),
                format!("{healthy}/{n}"),
                placed.collect::<Vec<_>>().join(" "),
            ])
            .collect(),
        wide: vec![binding.reasons.policy.clone()],
        value,
    }
}

/// One cluster of a binding, with replicas and what is special of it.
fn placed(reasons: &Reasons, members: &Members, name: &ClusterName, replicas: i32) -> String {
    let Some(is_ready) = members.get(name) else { return format!("{name}(left)") };
    let runs_on = reasons.runs_on.iter().any(|target| target.name == *name);
    let not_yet = || reasons.unmade.contains(name).then_some("not-yet");
    // What is told of it is what it last said.
    let not_ready = || (!is_ready).then_some("not-ready");
    let mark = runs_on.then_some(RUNS_ON).or_else(not_yet).or_else(not_ready);
    place(name.as_str(), replicas, mark)
}

fn work(args: &GetArgs, ledger: &mut Ledger, recorded: &Recorded) -> anyhow::Result<Exit> {
    let place_of = |path: &str| {
        let (cluster, file) = path.strip_prefix("work/")?.split_once('/')?;
        let key = ObjectKey::from_file(file)?;
        let is_wanted = args.is_of(cluster) && is_wanted(args, recorded, &key);
        is_wanted.then_some((ClusterName::new(cluster).ok()?, key))
    };
    let places = recorded.paths("work/").filter_map(|path| Some((path, place_of(path)?)));
    let mut places: Vec<(&str, (ClusterName, ObjectKey))> = places.collect();
    let picked = picked(args, ledger, recorded, places.iter().map(|(_, (_, key))| key.clone()))?;
    places.retain(|(_, (_, key))| picked.contains(key));
    let clusters = recorded.paths("clusters/").filter_map(member).filter(|name| args.is_of(name));
    let clusters: Vec<ClusterName> = clusters.flat_map(ClusterName::new).collect();
    let reported = ledger.reported(&clusters)?;
    let mut rows = Vec::new();
    for (path, (cluster, key)) in &places {
        let of_cluster = reported.get(cluster);
        let report = of_cluster.and_then(|report| report.objects.get(key)).map(|one| &**one);
        let manifest: Manifest = stored(ledger, recorded, path)?;
        let mut row = work_row(cluster, key, recorded.blob(path), report, manifest);
        // Nobody can say of the object why it is not applied; of its cluster, somebody did.
        let why = of_cluster.and_then(|report| not_ready(&report.cluster.conditions));
        if let (Some(message), Some(why)) = (row.wide.last_mut(), why)
            && message.is_empty()
            && !report.is_some_and(|report| report.applied && report.work == recorded.blob(path))
        {
            why.clone_into(message);
        }
        rows.push(row);
    }
    // What is to leave and is still there is no work, and not to be overlooked by a person.
    for (cluster, report) in reported.iter().filter(|_| args.is_table()) {
        let is_work =
            |key: &ObjectKey| recorded.has(&format!("work/{cluster}/{}.yaml", key.path()));
        let left = report.objects.iter().filter(|(key, one)| {
            !one.message.is_empty() && is_wanted(args, recorded, key) && !is_work(key)
        });
        rows.extend(left.map(|(key, one)| leaving_row(cluster, key, one)));
    }
    let headers = ["CLUSTER", "NAMESPACE", "KIND", "NAME", "APPLIED", "HEALTH"];
    print(args, recorded, &headers, &["APIVERSION", "MESSAGE"], rows)
}

/// `work` is the file of what the cluster is to run, `report` what it last said of it.
fn work_row(
    cluster: &ClusterName,
    key: &ObjectKey,
    work: Option<ObjectId>,
    report: Option<&ObjectReport>,
    manifest: Manifest,
) -> Row {
    // As in the binding: an object that an earlier work made says nothing of this one.
    let (applied, health) = match report {
        None => ("Unknown", String::new()),
        Some(report) if report.applied && report.work == work => {
            ("True", report.health.to_string())
        }
        Some(_) => ("False", Health::Unknown.to_string()),
    };
    Row {
        name: format!("{cluster}/{}", name_of(key)),
        cells: [cluster.to_string()]
            .into_iter()
            .chain(cells_of(key))
            .chain([applied.to_owned(), health])
            .collect(),
        wide: vec![
            manifest.api_version().to_owned(),
            report.map(|report| report.message.clone()).unwrap_or_default(),
        ],
        value: manifest.into_value(),
    }
}

/// Why a cluster is not ready; `None` when it is, or has not said.
fn not_ready(conditions: &[Condition]) -> Option<&str> {
    let ready = condition::find(conditions, "Ready")?;
    (ready.status != ConditionStatus::True).then_some(&*ready.message)
}

/// What is no work any more, and does not go away.
fn leaving_row(cluster: &ClusterName, key: &ObjectKey, report: &ObjectReport) -> Row {
    Row {
        name: format!("{cluster}/{}", name_of(key)),
        cells: [cluster.to_string()]
            .into_iter()
            .chain(cells_of(key))
            .chain(["Leaving".to_owned(), String::new()])
            .collect(),
        wide: vec![String::new(), report.message.clone()],
        value: Value::Null,
    }
}

/// The name that is printed for `-o name`, as kubectl writes it.
fn name_of(key: &ObjectKey) -> String {
    format!("{}/{}", key.group_kind.to_string().to_lowercase(), key.name)
}

/// The cells that name it: namespace, kind, name.
fn cells_of(key: &ObjectKey) -> [String; 3] {
    let namespace = key.namespace.as_deref().unwrap_or_default();
    [namespace.to_owned(), key.group_kind.kind.to_string(), key.name.to_string()]
}

/// The bindings that are asked for: path and template of each.
fn bound<'r>(
    args: &GetArgs,
    ledger: &mut Ledger,
    recorded: &'r Recorded,
) -> anyhow::Result<Vec<(&'r str, ObjectKey)>> {
    let keys = recorded.paths("bindings/").filter_map(|path| Some((path, bound_key(path)?)));
    let mut bound: Vec<(&str, ObjectKey)> =
        keys.filter(|(_, key)| is_wanted(args, recorded, key)).collect();
    let picked = picked(args, ledger, recorded, bound.iter().map(|(_, key)| key.clone()))?;
    bound.retain(|(_, key)| picked.contains(key));
    Ok(bound)
}

/// The template whose binding is at this path.
fn bound_key(path: &str) -> Option<ObjectKey> {
    ObjectKey::from_file(path.strip_prefix("bindings/")?)
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
