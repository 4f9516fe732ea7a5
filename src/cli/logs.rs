//! `logs`: what containers have written, from several clusters at once.

use std::io::Write as _;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::Exit;
use super::fan_out::pods::{self, Target, default_container, name_of};
use super::fan_out::{Failures, Member, Reach, Scope, each, fault, misuse};
use super::run::runtime;
use crate::api::names::ClusterName;
use crate::api::period::Period;
use crate::daemon::Fault;
use crate::member::wire::{RequestError, object_path};

/// Logs that are opened before their turn to be printed comes.
const OPEN_AHEAD: usize = 8;

/// Lines that wait to be printed while several logs are followed. More would only fill memory: whoever
/// reads is slower than what is written.
const WAITING_MAX: usize = 256;

/// Print what containers have written, from all clusters that have them
#[derive(clap::Args, Debug)]
pub(super) struct LogsArgs {
    /// A pod, or KIND/NAME for all pods of a workload, e.g. deploy/shop
    #[arg(value_name = "POD|KIND/NAME", required_unless_present = "selector")]
    target: Option<String>,
    /// All pods with these labels, e.g. app=web
    #[arg(long, short = 'l', value_name = "SELECTOR", conflicts_with = "target")]
    selector: Option<String>,
    /// In this namespace [default: that of each kubeconfig]
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Of this container [default: the one that the pod's annotation names, or the first]
    #[arg(long, short, value_name = "NAME")]
    container: Option<String>,
    /// Only the last lines of each
    #[arg(long, value_name = "N")]
    tail: Option<u64>,
    /// Only what is not older, e.g. 5m
    #[arg(long, value_name = "DURATION")]
    since: Option<Period>,
    /// Of the container that ran before the present one
    #[arg(long, short)]
    previous: bool,
    /// Begin each line with its time
    #[arg(long)]
    timestamps: bool,
    /// Go on as more is written, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Follow no more than so many containers at once
    #[arg(long, value_name = "N", default_value_t = 50)]
    max_log_requests: usize,
    #[command(flatten)]
    reach: Reach,
}

/// One log.
#[derive(Clone)]
struct Source {
    member: Member,
    /// `[eu-1 shop-0] `; nothing if there is one source only.
    prefix: String,
    path: String,
}

pub(super) fn run(args: &LogsArgs) -> anyhow::Result<Exit> {
    let target = match (&args.target, &args.selector) {
        (Some(text), _) => Target::named(text),
        (None, Some(labels)) => Target::Labelled(labels.clone()),
        (None, None) => misuse("name a pod, KIND/NAME, or labels with -l"),
    };
    runtime()?.block_on(async {
        let mut reached = args.reach.members()?;
        let scope = Scope::of(args.namespace.as_deref(), false);
        let found = each(&reached.members, &mut reached.failures, |member| {
            let namespace = scope.in_member(member).unwrap_or_default();
            pods::of(member, namespace, &target)
        })
        .await;
        let sources = sources(args, &scope, &found);
        if sources.is_empty() {
            reached.failures.tell()?;
            if found.is_empty() {
                return Ok(Exit::Failed);
            }
            let text = format!("{target} not found in any cluster that answered");
            let hint = "`git fleet get pods -A --credentials DIR` lists all that there are";
            return Err(Fault::new("NOT_FOUND", text, hint).into());
        }
        if args.follow && sources.len() > args.max_log_requests {
            let text = format!(
                "{} containers would be followed, and --max-log-requests is {}",
                sources.len(),
                args.max_log_requests
            );
            let hint = "name fewer of them or fewer clusters, or raise --max-log-requests";
            return Err(Fault::new("LOGS_TOO_MANY", text, hint).into());
        }
        if args.follow {
            // It may go on for ever: what is lacking is said first.
            reached.failures.tell()?;
            let mut later = Failures::default();
            follow(sources, &mut later).await?;
            let exit = later.tell()?;
            return Ok(if reached.failures.is_empty() { exit } else { Exit::Failed });
        }
        print(sources, &mut reached.failures).await?;
        Ok(reached.failures.tell()?)
    })
}

fn sources(args: &LogsArgs, scope: &Scope, found: &[(&Member, Vec<Value>)]) -> Vec<Source> {
    let is_one = found.iter().map(|(_, pods)| pods.len()).sum::<usize>() == 1;
    let sources = found.iter().flat_map(|(member, pods)| pods.iter().map(move |pod| (member, pod)));
    sources
        .map(|(member, pod)| {
            let prefix =
                if is_one { String::new() } else { format!("[{} {}] ", member.name, name_of(pod)) };
            let namespace = scope.in_member(member);
            let pod_path = object_path(&pods::resource(), namespace, name_of(pod));
            let path = format!("{pod_path}/log?{}", query(args, pod));
            Source { member: (*member).clone(), prefix, path }
        })
        .collect()
}

fn query(args: &LogsArgs, pod: &Value) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let container = args.container.as_deref().unwrap_or_else(|| default_container(pod));
    query.append_pair("container", container);
    for (name, is_set) in
        [("follow", args.follow), ("previous", args.previous), ("timestamps", args.timestamps)]
    {
        if is_set {
            query.append_pair(name, "true");
        }
    }
    if let Some(n_lines) = args.tail {
        query.append_pair("tailLines", &n_lines.to_string());
    }
    if let Some(since) = args.since {
        // A second at least: 0 would be refused.
        query.append_pair("sinceSeconds", &since.duration().as_secs().max(1).to_string());
    }
    query.finish()
}

/// Prints the logs one after the other.
async fn print(sources: Vec<Source>, failures: &mut Failures) -> anyhow::Result<()> {
    let mut opened = stream::iter(sources)
        .map(|source| async move {
            let lines = source.member.api.stream(&source.path).await;
            (source, lines)
        })
        .buffered(OPEN_AHEAD);
    while let Some((source, lines)) = opened.next().await {
        let mut lines = match lines {
            Ok(lines) => lines,
            Err(error) => {
                failures.add(&source.member.name, fault::of(error, "logs"));
                continue;
            }
        };
        loop {
            match lines.next().await {
                Ok(Some(line)) => write(&source.prefix, &line)?,
                Ok(None) => break,
                Err(error) => {
                    failures.add(&source.member.name, fault::of(error, "logs"));
                    break;
                }
            }
        }
        let rest = lines.rest();
        if !rest.is_empty() {
            write(&source.prefix, &rest)?;
        }
    }
    Ok(())
}

/// Prints the logs as they grow, until all have ended.
async fn follow(sources: Vec<Source>, failures: &mut Failures) -> anyhow::Result<()> {
    let (sender, mut receiver) = mpsc::channel(WAITING_MAX);
    for source in sources {
        let sender = sender.clone();
        tokio::spawn(async move {
            let ended = follow_one(&source, &sender).await;
            let failed = ended.err().map(|error| fault::of(error, "logs"));
            // Nobody listens only when what was printed could not be written.
            let _ = sender.send((source.member.name.clone(), Err(failed))).await;
        });
    }
    drop(sender);
    while let Some((cluster, said)) = receiver.recv().await {
        match said {
            Ok((prefix, line)) => write(&prefix, &line)?,
            Err(None) => {}
            Err(Some(fault)) => failures.add(&cluster, fault),
        }
    }
    Ok(())
}

type Said = Result<(String, Vec<u8>), Option<Fault>>;

async fn follow_one(
    source: &Source,
    sender: &mpsc::Sender<(ClusterName, Said)>,
) -> Result<(), RequestError> {
    let mut lines = source.member.api.stream(&source.path).await?;
    let say = |line: Vec<u8>| {
        sender.send((source.member.name.clone(), Ok((source.prefix.clone(), line))))
    };
    while let Some(line) = lines.next().await? {
        if say(line).await.is_err() {
            return Ok(());
        }
    }
    let rest = lines.rest();
    if !rest.is_empty() {
        let _ = say(rest).await;
    }
    Ok(())
}

/// Prints a line as the container wrote it, and ends it if it did not.
fn write(prefix: &str, line: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(prefix.as_bytes())?;
    out.write_all(line)?;
    if !line.ends_with(b"\n") {
        out.write_all(b"\n")?;
    }
    Ok(())
}
