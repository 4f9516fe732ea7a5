//! `explain`: why a template runs where it does. It reads what the plan stored, and computes nothing.

use std::io::Write as _;

use super::explain_text::tell;
use super::kind_name::{TypedName, pick};
use super::output::{json, yaml};
use super::{Exit, Repository};
use crate::api::manifest::ObjectKey;
use crate::api::names::ClusterName;
use crate::daemon::ledger::Ledger;
use crate::plan::{Binding, Explanation, SurveyFile, UnplacedFile};

/// Tell why a template runs where it does, and why not elsewhere
#[derive(clap::Args, Debug)]
pub(super) struct ExplainArgs {
    /// The template, e.g. deployment/shop, deploy/shop or gateway.networking.istio.io/edge
    #[arg(value_name = "KIND/NAME", value_parser = template_name)]
    template: TypedName,
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

fn template_name(text: &str) -> Result<TypedName, String> {
    let typed: TypedName = text.parse()?;
    let untold = || "write it as KIND/NAME, e.g. deployment/shop".to_owned();
    typed.has_kind().then_some(typed).ok_or_else(untold)
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let mut ledger = args.repository.ledger()?;
    ledger.read_only();
    // Without a readable source the refs are where they are by default.
    let _ = ledger.find_refs();
    let mut explanation = explanation(args, &mut ledger)?;
    // What runs nowhere has the same reason for every cluster.
    if let Some(cluster) = args.cluster.as_ref().filter(|_| !explanation.policy.is_empty()) {
        let is_known = !ledger.result_files(&format!("clusters/{cluster}.yaml"))?.is_empty();
        // A cluster that has left is named, and no longer known.
        let is_named = explanation.clusters.iter().any(|one| one.cluster == *cluster);
        explanation = explanation.only(cluster);
        if explanation.clusters.is_empty() || !(is_named || is_known) {
            anyhow::bail!(
                "the fleet had no cluster {cluster} when this was decided; `git fleet get clusters` lists those that it has"
            );
        }
    }
    let mut out = std::io::stdout().lock();
    match args.output {
        Some(Format::Json) => json(&mut out, &explanation)?,
        Some(Format::Yaml) => yaml(&mut out, &explanation)?,
        None => out.write_all(tell(&explanation).as_bytes())?,
    }
    Ok(Exit::Clean)
}

/// What is recorded of the one template that the name fits.
fn explanation(args: &ExplainArgs, ledger: &mut Ledger) -> anyhow::Result<Explanation> {
    let typed = &args.template;
    let is_there = |key: &ObjectKey| {
        let namespace = args.namespace.as_deref();
        typed.name == *key.name && namespace.is_none_or(|one| key.namespace.as_deref() == Some(one))
    };
    let bindings =
        ledger.result_files_if(|path| key_of_binding(path).is_some_and(|key| is_there(&key)))?;
    let mut unplaced = Vec::new();
    for (path, bytes) in ledger.result_files(UnplacedFile::PATH)? {
        let file: UnplacedFile = read(&path, &bytes)?;
        let reasons = file.reasons().filter(|(key, _)| is_there(key));
        unplaced.extend(reasons.map(|(key, why)| (key, why.to_owned())));
    }
    let bound = bindings.iter().filter_map(|(path, _)| key_of_binding(path));
    let keys = bound.chain(unplaced.iter().map(|(key, _)| key.clone())).collect();
    let found = pick(ledger, typed, keys)?;
    let key = match found.as_slice() {
        [key] => key,
        [] => anyhow::bail!(
            "no decision on {typed} is recorded: `git fleet plan` says of every template of the source what would become of it, `git fleet get bindings` lists those that have one"
        ),
        several => {
            let keys: Vec<String> = several.iter().map(ToString::to_string).collect();
            anyhow::bail!(
                "{typed} is not the name of one template: {}; choose by -n NAMESPACE or KIND.GROUP/NAME",
                keys.join(", ")
            )
        }
    };
    if let Some((_, why)) = unplaced.iter().find(|(one, _)| one == key) {
        return Ok(Explanation::of_unplaced(key, why));
    }
    let binding = bindings.iter().find(|(path, _)| key_of_binding(path).as_ref() == Some(key));
    let (path, bytes) = binding.expect("it is one of those that were found");
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
    Ok(Explanation::of(&binding, survey.as_ref()))
}

fn key_of_binding(path: &str) -> Option<ObjectKey> {
    let stem = path.strip_prefix("bindings/")?.strip_suffix(".yaml")?;
    ObjectKey::from_path(stem)
}

fn read<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> anyhow::Result<T> {
    crate::api::yaml::from_bytes(bytes)
        .map_err(|error| anyhow::anyhow!("RESULTS_UNREADABLE `{path}` of the results: {error}"))
}
