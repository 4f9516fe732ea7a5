//! `explain`: why a template runs where it does. It reads what the plan stored, and computes nothing.

use std::io::Write as _;

use super::explain_text::tell;
use super::kind_name::{TypedName, lives_in, pick, within};
use super::output::{json, yaml};
use super::results::stored;
use super::{Exit, Repository, absent};
use crate::api::manifest::ObjectKey;
use crate::api::names::ClusterName;
use crate::daemon::Fault;
use crate::daemon::ledger::{Ledger, Recorded};
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
    let (mut ledger, recorded) = args.repository.look()?;
    let mut explanation = explanation(args, &mut ledger, &recorded)?;
    if let Some(cluster) = &args.cluster {
        let is_known = recorded.has(&format!("clusters/{cluster}.yaml"));
        let missing =
            || absent::cluster(cluster.as_str(), &recorded, " in the fleet when this was decided");
        explanation = explanation.only(cluster, is_known).ok_or_else(missing)?;
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
fn explanation(
    args: &ExplainArgs,
    ledger: &mut Ledger,
    recorded: &Recorded,
) -> anyhow::Result<Explanation> {
    let typed = &args.template;
    let is_there = |key: &ObjectKey| {
        let namespace = args.namespace.as_deref();
        typed.name == *key.name && namespace.is_none_or(|one| lives_in(recorded, key, one))
    };
    let bound = recorded.paths("bindings/");
    let mut there: Vec<ObjectKey> =
        bound.filter_map(|path| ObjectKey::from_file(path.strip_prefix("bindings/")?)).collect();
    let mut keys: Vec<ObjectKey> = there.iter().filter(|key| is_there(key)).cloned().collect();
    let mut unplaced = Vec::new();
    if recorded.has(UnplacedFile::PATH) {
        let file: UnplacedFile = stored(ledger, recorded, UnplacedFile::PATH)?;
        there.extend(file.reasons().map(|(key, _)| key));
        let reasons = file.reasons().filter(|(key, _)| is_there(key));
        unplaced.extend(reasons.map(|(key, why)| (key, why.to_owned())));
    }
    keys.extend(unplaced.iter().map(|(key, _)| key.clone()));
    let found = pick(ledger, recorded, typed, keys)?;
    let key = match found.as_slice() {
        [key] => key,
        [] => {
            let within = within(args.namespace.as_deref(), None);
            let lists = || {
                "`git fleet get bindings` lists what was decided on, `git fleet plan` says what would become of a template that is new".to_owned()
            };
            let remedy = ledger.how_to_fetch()?.unwrap_or_else(lists);
            return Err(absent::object("a decision on", typed, &within, &there, &remedy).into());
        }
        several => {
            let keys: Vec<String> = several.iter().map(ToString::to_string).collect();
            let text = format!("{typed} is not the name of one template: {}", keys.join(", "));
            let hint = "choose by -n NAMESPACE or KIND.GROUP/NAME";
            return Err(Fault::new("NAME_AMBIGUOUS", text, hint).into());
        }
    };
    if let Some((_, why)) = unplaced.iter().find(|(one, _)| one == key) {
        return Ok(Explanation::of_unplaced(key, why));
    }
    let binding: Binding = stored(ledger, recorded, &format!("bindings/{}.yaml", key.path()))?;
    let survey = match binding.reasons.survey.map(SurveyFile::path) {
        None => None,
        Some(path) => Some(stored::<SurveyFile>(ledger, recorded, &path)?),
    };
    Ok(Explanation::of(&binding, survey.as_ref()))
}
