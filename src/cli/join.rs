//! `join`: a cluster becomes a member of the fleet.
//!
//! Every step can be done again, and does nothing where it was done: that is how it survives whatever interrupts it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::json;

use super::access::{Keep, Place, Reached, account_fault, known_uid, reach};
use super::run::runtime;
use super::source::Source;
use super::{Exit, Repository};
use crate::api::cluster::SyncMode;
use crate::api::marks::TAINT_UNJOIN;
use crate::api::names::{ClusterName, is_dns_label};
use crate::daemon::Fault;
use crate::daemon::ledger::Ledger;
use crate::member::account::{self, Rights, Survey};
use crate::member::kubeconfig::with_token;
use crate::store::{Change, PathFilter};

/// Longest name of a Namespace (RFC 1123).
const NAMESPACE_LEN_MAX: usize = 63;

/// Register a cluster as a member of the fleet, and give the fleet an account there
#[derive(clap::Args, Debug)]
pub(super) struct JoinArgs {
    /// What the cluster is to be called in the fleet
    #[arg(value_name = "NAME")]
    name: ClusterName,
    /// Your own kubeconfig of the cluster; it is used now and not kept
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Context in it [default: its current one]
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    #[command(flatten)]
    keep: Keep,
    /// What the fleet may do in the cluster
    #[arg(long, value_enum, default_value = "cluster", value_name = "RIGHTS")]
    rights: RightsKind,
    /// Namespace in which it may do everything, with `--rights namespaced`; made if it is not there
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    namespace: Vec<String>,
    /// Who applies the cluster's work: the controller, or an agent beside the cluster
    #[arg(long, value_name = "MODE", default_value = "Push", value_parser = sync_mode)]
    sync_mode: SyncMode,
    /// Provider, for policies to select and spread by
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Region, for policies to select and spread by
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Zone of some of its nodes; may be given several times
    #[arg(long, value_name = "ZONE")]
    zone: Vec<String>,
    /// Label of the registration; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// File of the registration [default: clusters/NAME.yaml, or beside the other registrations]
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
    /// Only ask, and show what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    repository: Repository,
}

/// How far the account's rights reach.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum RightsKind {
    /// Everything in the cluster
    Cluster,
    /// Everything in the namespaces that `--namespace` names, and reading elsewhere, Secrets excepted
    Namespaced,
}

fn sync_mode(text: &str) -> Result<SyncMode, String> {
    match text {
        "Push" => Ok(SyncMode::Push),
        "Pull" => Ok(SyncMode::Pull),
        _ => Err("it is Push or Pull".to_owned()),
    }
}

fn namespace(text: &str) -> Result<String, String> {
    if is_dns_label(text) && text.len() <= NAMESPACE_LEN_MAX {
        return Ok(text.to_owned());
    }
    Err("it is at most 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit".to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn run(args: &JoinArgs) -> anyhow::Result<Exit> {
    if !args.keep.is_named() {
        let what = "name where the credential goes: --credentials DIR, or --credentials-secret NAMESPACE/NAME with \
                    --host-kubeconfig FILE";
        super::usage(what);
    }
    let rights = match (args.rights, &*args.namespace) {
        (RightsKind::Cluster, []) => Rights::Cluster,
        (RightsKind::Namespaced, [_, ..]) => {
            Rights::Namespaced(args.namespace.iter().cloned().collect::<BTreeSet<String>>())
        }
        (RightsKind::Cluster, _) => super::usage("--namespace goes with --rights namespaced"),
        (RightsKind::Namespaced, []) => {
            super::usage("--rights namespaced takes at least one --namespace")
        }
    };
    let mut ledger = args.repository.ledger()?;
    args.keep.refuse_source(&ledger, &args.name)?;
    let mut source = Source::open(&args.repository, &mut ledger)?;
    let runtime = runtime()?;
    let reached = runtime.block_on(reach(&args.kubeconfig, args.context.as_deref()))?;
    let is_registered = refuse_other(args, &ledger, &source, &reached)?;
    refuse_changes(args, &source)?;
    let path = path(args, &source)?;
    let (place, survey) = runtime.block_on(async {
        let place = args.keep.open(&args.name, &reached).await?;
        let fleet = source.first_commit()?;
        let survey = account::survey(&reached.api, &args.name, fleet.as_deref(), &rights).await;
        anyhow::Ok((place, survey.map_err(|error| account_fault(&error))?))
    })?;
    // What is wrong with it is said before anything is made, and in a dry run too.
    let drafted = if is_registered {
        None
    } else {
        let content = registration(args, &reached);
        let change = Change::write(&path, &content);
        Some(source.draft(&mut ledger, &[change], &format!("join {}", args.name))?)
    };
    let mut err = std::io::stderr();
    if args.dry_run {
        for part in survey.parts().filter(|part| part.is_new) {
            writeln!(err, "would make {} in {}", part.object, reached.server.url)?;
        }
        writeln!(err, "would write {}", args.keep.told(&args.name))?;
        if is_registered {
            writeln!(err, "{} is registered already", args.name)?;
        } else {
            writeln!(err, "would commit {path} to {}", source.short())?;
        }
        return Ok(Exit::Clean);
    }
    runtime.block_on(open_account(args, &survey, &reached, &place))?;
    match drafted {
        Some(drafted) => source.publish(drafted, &[&path])?,
        None => {
            writeln!(err, "{} is registered already; its registration stays as it is", args.name)?;
        }
    }
    let next = match args.sync_mode {
        SyncMode::Push => {
            "`git fleet run` takes it up by itself, `git fleet apply` when it is run".to_owned()
        }
        SyncMode::Pull => {
            format!(
                "start its agent: git fleet agent --remote URL --cluster {} --credentials DIR",
                args.name
            )
        }
    };
    writeln!(err, "{} has joined, with {}; {next}", args.name, rights.told())?;
    Ok(Exit::Clean)
}

/// Makes the account in the cluster, and keeps its credential.
async fn open_account(
    args: &JoinArgs,
    survey: &Survey,
    reached: &Reached,
    place: &Place,
) -> anyhow::Result<()> {
    let mut err = std::io::stderr();
    let made = account::make(&reached.api, &args.name, survey).await;
    made.map_err(|error| account_fault(&error))?;
    for part in survey.parts() {
        let how = if part.is_new { "made" } else { "was there already:" };
        writeln!(err, "{how} {}", part.object)?;
    }
    let token = account::token(&reached.api).await.map_err(|error| account_fault(&error))?;
    let content = with_token(args.name.as_str(), &reached.server, &token.secret);
    place.write(&args.name, &content).await?;
    writeln!(err, "wrote {}", args.keep.told(&args.name))?;
    if let Some(expires) = token.expires {
        writeln!(
            err,
            "the cluster has no token controller, so its token expires at {expires}; run this again before"
        )?;
    }
    Ok(())
}

/// Refuses a cluster that is registered under another name, and a name that is another cluster's. Gives whether
/// this cluster is registered under this name.
fn refuse_other(
    args: &JoinArgs,
    ledger: &Ledger,
    source: &Source,
    reached: &Reached,
) -> anyhow::Result<bool> {
    let clusters = &source.loaded.fleet.clusters;
    let recorded = ledger.recorded()?;
    let ids = clusters
        .iter()
        .map(|(name, cluster)| Ok((name, known_uid(ledger, &recorded, name, &cluster.value)?)));
    let ids = ids.collect::<anyhow::Result<BTreeMap<&ClusterName, String>>>()?;
    let uid = &reached.uid;
    if let Some((name, _)) = ids.iter().find(|(name, id)| **name != &args.name && *id == uid) {
        let text =
            format!("this cluster is a member already: {name} (its kube-system has the uid {uid})");
        let hint = format!("use it as {name}, or take it out first: git fleet unjoin {name}");
        return Err(Fault::new("CLUSTER_DUPLICATE", text, hint).into());
    }
    match ids.get(&args.name) {
        Some(id) if !id.is_empty() && id != uid => {
            let text = format!("{} is another cluster: {id}, and this one is {uid}", args.name);
            let hint = "choose another name, or take that one out first by `git fleet unjoin`";
            Err(Fault::new("JOIN_NAME", text, hint).into())
        }
        found => Ok(found.is_some()),
    }
}

/// Refuses what a registration that is there would not take in: it is a file that people change.
fn refuse_changes(args: &JoinArgs, source: &Source) -> anyhow::Result<()> {
    let Some(cluster) = source.loaded.fleet.clusters.get(&args.name) else { return Ok(()) };
    let (name, file) = (&args.name, &cluster.place.file);
    if cluster.value.departure().is_some() {
        let text = format!("{name} is leaving the fleet: `git fleet unjoin` was begun");
        let hint = format!(
            "finish it, and join it anew: git fleet unjoin {name}; or take the taint {TAINT_UNJOIN} out of {file} to keep it"
        );
        return Err(Fault::new("JOIN_LEAVING", text, hint).into());
    }
    let (spec, labels) = (&cluster.value.spec, &cluster.value.metadata.labels);
    let differs = |said: &Option<String>, known: &Option<String>| said.is_some() && said != known;
    let mut flags = Vec::new();
    if differs(&args.provider, &spec.provider) {
        flags.push("--provider");
    }
    if differs(&args.region, &spec.region) {
        flags.push("--region");
    }
    if args.zone.iter().any(|zone| !spec.zones.contains(zone)) {
        flags.push("--zone");
    }
    if args.label.iter().any(|(key, value)| labels.get(key) != Some(value)) {
        flags.push("--label");
    }
    // Push is what is said where nothing is said.
    if args.sync_mode == SyncMode::Pull && spec.sync_mode == SyncMode::Push {
        flags.push("--sync-mode");
    }
    if args.file.as_ref().is_some_and(|said| **said != **file) {
        flags.push("--file");
    }
    if flags.is_empty() {
        return Ok(());
    }
    let text =
        format!("{name} is registered already, and otherwise than {} says", flags.join(", "));
    let hint = format!("change {file} in a commit of yours, or leave the flag out");
    Err(Fault::new("JOIN_REGISTERED", text, hint).into())
}

/// Where the registration goes: where the fleet's settings let it count.
fn path(args: &JoinArgs, source: &Source) -> anyhow::Result<String> {
    let fleet = &source.loaded.fleet;
    let filter = PathFilter::from(&fleet.settings);
    let refused = |text: String| {
        let hint =
            "name one by --file that `spec.paths` of fleet.yaml includes, and that is not there";
        anyhow::Error::from(Fault::new("JOIN_PATH", text, hint))
    };
    let name = format!("{}.yaml", args.name);
    let beside = fleet.clusters.values().map(|cluster| {
        cluster
            .place
            .file
            .rsplit_once('/')
            .map_or_else(|| name.clone(), |(dir, _)| format!("{dir}/{name}"))
    });
    let candidates: Vec<String> = match &args.file {
        Some(path) => vec![path.clone()],
        None => std::iter::once(format!("clusters/{name}")).chain(beside).collect(),
    };
    let is_registered = fleet.clusters.contains_key(&args.name);
    let counts = candidates.into_iter().find(|path| filter.has_file(path));
    let path =
        counts.ok_or_else(|| refused("no file for the registration would count".to_owned()))?;
    let is_taken = !is_registered && source.has(&path);
    if is_taken { Err(refused(format!("{path} is there already"))) } else { Ok(path) }
}

/// The file of the registration.
fn registration(args: &JoinArgs, reached: &Reached) -> Vec<u8> {
    let mut metadata = json!({"name": args.name.as_str()});
    if !args.label.is_empty() {
        metadata["labels"] =
            args.label.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect();
    }
    let mut spec = json!({
        "syncMode": args.sync_mode.to_string(), "apiEndpoint": reached.server.url, "id": reached.uid,
    });
    if let Some(provider) = &args.provider {
        spec["provider"] = provider.as_str().into();
    }
    if let Some(region) = &args.region {
        spec["region"] = region.as_str().into();
    }
    if !args.zone.is_empty() {
        spec["zones"] = args.zone.clone().into();
    }
    crate::api::yaml::to_bytes(&json!({
        "apiVersion": "cluster.karmada.io/v1alpha1", "kind": "Cluster", "metadata": metadata, "spec": spec,
    }))
}
