//! `explain`: why a template runs where it does. It reads what the plan stored, and computes nothing.

use std::io::Write as _;

use super::kind_name::KindName;
use super::output::{Table, json, yaml};
use super::{Exit, Repository};
use crate::api::manifest::ObjectKey;
use crate::api::names::ClusterName;
use crate::plan::{Binding, ClusterExplanation, Explanation, Standing, SurveyFile, UnplacedFile};

/// Tell why a template runs where it does, and why not elsewhere
#[derive(clap::Args, Debug)]
pub(super) struct ExplainArgs {
    /// The template, e.g. deployment/shop or gateway.networking.istio.io/edge
    #[arg(value_name = "KIND/NAME")]
    template: TemplateName,
    /// Its namespace; only needed if there are several of this name
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Only what concerns this cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<ClusterName>,
    /// Print in this format instead of text
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    repository: Repository,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

/// Kind, maybe with its group, and name, as kubectl takes them.
#[derive(Clone, Debug)]
struct TemplateName {
    typed: String,
    kind: KindName,
    name: String,
}

impl std::str::FromStr for TemplateName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(Self {
                typed: text.to_owned(),
                kind: KindName::new(kind),
                name: name.to_owned(),
            }),
            _ => Err("write it as KIND/NAME, e.g. deployment/shop".to_owned()),
        }
    }
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let mut ledger = args.repository.ledger()?;
    ledger.read_only();
    // Without a readable source the refs are where they are by default.
    let _ = ledger.find_refs();
    let wanted = &args.template;
    let is_wanted = |key: &ObjectKey| {
        let is_there =
            args.namespace.as_ref().is_none_or(|one| key.namespace.as_deref() == Some(one));
        is_there && wanted.kind.is(&key.group_kind) && wanted.name == *key.name
    };
    let mut found = Vec::new();
    for (path, bytes) in ledger.result_files("bindings/")? {
        let stem = path.strip_prefix("bindings/").and_then(|path| path.strip_suffix(".yaml"));
        let Some(key) = stem.and_then(ObjectKey::from_path) else { continue };
        if is_wanted(&key) {
            found.push((key, Found::Binding(path, bytes)));
        }
    }
    for (path, bytes) in ledger.result_files(UnplacedFile::PATH)? {
        let unplaced: UnplacedFile = read(&path, &bytes)?;
        let reasons = unplaced.reasons().filter(|(key, _)| is_wanted(key));
        found.extend(reasons.map(|(key, why)| (key, Found::Unplaced(why.to_owned()))));
    }
    let (key, found) = match found.as_slice() {
        [(key, found)] => (key, found),
        [] => anyhow::bail!(
            "no decision on {} is recorded: `git fleet plan` says of every template of the source what would become of it, `git fleet get bindings` lists those that have one",
            wanted.typed
        ),
        several => {
            let keys: Vec<String> = several.iter().map(|(key, ..)| key.to_string()).collect();
            anyhow::bail!(
                "{} is not the name of one template: {}; choose by -n NAMESPACE or KIND.GROUP/NAME",
                wanted.typed,
                keys.join(", ")
            )
        }
    };
    let (path, bytes) = match found {
        Found::Binding(path, bytes) => (path, bytes),
        Found::Unplaced(why) => {
            print(args, &Explanation::of_unplaced(key, why))?;
            return Ok(Exit::Clean);
        }
    };
    let binding: Binding = read(path, bytes)?;
    let survey = match binding.reasons.survey.map(SurveyFile::path) {
        None => None,
        Some(path) => {
            let files = ledger.result_files(&path)?;
            let (path, bytes) = files.into_iter().next().ok_or_else(|| {
                anyhow::anyhow!("RESULTS_UNREADABLE the results have no `{path}`")
            })?;
            Some(read::<SurveyFile>(&path, &bytes)?)
        }
    };
    let mut explanation = Explanation::of(&binding, survey.as_ref());
    if let Some(cluster) = &args.cluster {
        let is_known = !ledger.result_files(&format!("clusters/{cluster}.yaml"))?.is_empty();
        explanation = explanation.only(cluster);
        if explanation.clusters.is_empty() || !is_known {
            anyhow::bail!(
                "the fleet had no cluster {cluster} when this was decided; `git fleet get clusters` lists those that it has"
            );
        }
    }
    print(args, &explanation)?;
    Ok(Exit::Clean)
}

/// What the results say of a template.
enum Found {
    /// The path and content of its binding.
    Binding(String, Vec<u8>),
    /// Why it has none.
    Unplaced(String),
}

fn print(args: &ExplainArgs, explanation: &Explanation) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match args.output {
        Some(Format::Json) => json(&mut out, explanation)?,
        Some(Format::Yaml) => yaml(&mut out, explanation)?,
        None => out.write_all(tell(explanation).as_bytes())?,
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> anyhow::Result<T> {
    crate::api::yaml::from_bytes(bytes)
        .map_err(|error| anyhow::anyhow!("RESULTS_UNREADABLE `{path}` of the results: {error}"))
}

/// The explanation in plain words.
fn tell(explanation: &Explanation) -> String {
    let mut told = Vec::new();
    write(explanation, &mut told).expect("a Vec takes everything");
    String::from_utf8(told).expect("it was text")
}

fn write(explanation: &Explanation, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Explanation { template, replicas, method, policy, affinity, .. } = explanation;
    match replicas {
        Some(1) => writeln!(out, "{template}, 1 replica: {method}")?,
        Some(n) => writeln!(out, "{template}, {n} replicas: {method}")?,
        None => writeln!(out, "{template}: {method}")?,
    }
    if policy.is_empty() {
        return writeln!(out, "  {}", explanation.held);
    }
    writeln!(out, "\nDecided by {policy}")?;
    for lost in &explanation.beats {
        writeln!(out, "  not by {}: {}", lost.policy, lost.why)?;
    }
    for one in &explanation.tried {
        writeln!(out, "  not with the affinity group {}: {}", one.group, one.why)?;
    }
    if !affinity.is_empty() {
        writeln!(out, "  with the affinity group {affinity}")?;
    }
    if !explanation.held.is_empty() {
        writeln!(out, "  held: {}", explanation.held)?;
    }
    for note in &explanation.notes {
        writeln!(out, "  note: {note}")?;
    }
    if let Some(scheduled) = &explanation.scheduled {
        let since = scheduled.last_transition_time;
        writeln!(out, "{}, since {since}: {}", scheduled.reason, scheduled.message)?;
    }
    let (runs, others): (Vec<&ClusterExplanation>, Vec<&ClusterExplanation>) =
        explanation.clusters.iter().partition(|one| one.runs);
    if !runs.is_empty() {
        writeln!(out, "\nIt runs in")?;
        table(&runs, explanation.replicas.is_some(), out)?;
    }
    if !others.is_empty() || explanation.rest.is_some() {
        writeln!(out, "\nIt does not run in")?;
        table(&others, false, out)?;
        if let Some(rest) = &explanation.rest {
            writeln!(out, "{} other clusters: {}", rest.n_clusters, rest.why)?;
        }
    }
    Ok(())
}

fn table(
    clusters: &[&ClusterExplanation],
    with_replicas: bool,
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    if clusters.is_empty() {
        return Ok(());
    }
    let headers: &[&'static str] =
        if with_replicas { &["CLUSTER", "REPLICAS", "WHY"] } else { &["CLUSTER", "WHY"] };
    let mut table = Table::new(headers);
    for one in clusters {
        let mut why = vec![match one.plugin.as_str() {
            "" => one.why.clone(),
            plugin => format!("{plugin}: {}", one.why),
        }];
        why.extend(one.standing.as_ref().map(|stood| standing("when it was decided", stood)));
        why.extend(one.attempt.as_ref().map(|stood| standing("when last tried", stood)));
        why.extend(one.stale.as_ref().map(|stale| format!("its work is not the newest: {stale}")));
        if !one.overrides.is_empty() {
            why.push(format!("changed by {}", one.overrides.join(", ")));
        }
        let replicas = with_replicas.then(|| one.replicas.unwrap_or(0).to_string());
        table.row([one.cluster.to_string()].into_iter().chain(replicas).chain([why.join("; ")]));
    }
    table.write(out)
}

/// How a cluster stood at some time.
fn standing(when: &str, standing: &Standing) -> String {
    let mut parts = Vec::new();
    if !standing.selected {
        parts.push("not selected by the spread constraints".to_owned());
    }
    if standing.tier > 0 {
        parts.push(format!("overflow tier {}", standing.tier));
    }
    if !standing.region.is_empty() {
        parts.push(format!("region {}", standing.region));
    }
    if let Some(room) = standing.room {
        parts.push(format!("room for {room} more"));
    }
    if let Some(had) = standing.had {
        parts.push(format!("had {had}"));
    }
    parts.push(format!("score {}", standing.score));
    format!("{when}: {}", parts.join(", "))
}
