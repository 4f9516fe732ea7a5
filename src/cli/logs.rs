//! `logs`: what containers have written, from several clusters at once.

use std::io::Write as _;

use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::fan_out::pods::{self, Target, default_container, name_of};
use super::fan_out::text::plain;
use super::fan_out::{Failures, Member, Reach, Scope, each, fault};
use super::run::runtime;
use super::{Exit, usage};
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
struct Log {
    member: Member,
    /// `[eu-1 shop-0] `; nothing if there is one log only.
    prefix: String,
    path: String,
}

pub(super) fn run(args: &LogsArgs) -> anyhow::Result<Exit> {
    let target = match (&args.target, &args.selector) {
        (Some(text), _) => Target::named(text),
        (None, Some(labels)) => Target::Labelled(labels.clone()),
        (None, None) => usage("name a pod, KIND/NAME, or labels with -l"),
    };
    runtime()?.block_on(async {
        let mut asked = args.reach.members()?;
        let scope = Scope::of(args.namespace.as_deref(), false);
        let found = each(&asked.members, &mut asked.failures, |member| {
            let namespace = scope.in_member(member).unwrap_or_default();
            pods::of(member, namespace, &target)
        })
        .await;
        let is_there = found.iter().any(|(_, pods)| pods.is_some());
        let n_answered = found.len();
        let found = found.into_iter().map(|(member, pods)| (member, pods.unwrap_or_default()));
        let found: Vec<(&Member, Vec<Value>)> = found.collect();
        let logs = logs(args, &scope, &found);
        if logs.is_empty() {
            asked.failures.tell()?;
            if n_answered == 0 {
                return Ok(Exit::Failed);
            }
            if is_there {
                return Err(pods::none_of(&target, "").into());
            }
            let text = format!("{target} not found in any cluster that answered");
            let hint = "`git fleet get pods -A --credentials DIR` lists all that there are";
            return Err(Fault::new("NOT_FOUND", text, hint).into());
        }
        if args.follow && logs.len() > args.max_log_requests {
            let text = format!(
                "{} containers would be followed, and --max-log-requests is {}",
                logs.len(),
                args.max_log_requests
            );
            let hint = "name fewer of them or fewer clusters, or raise --max-log-requests";
            return Err(Fault::new("LOGS_TOO_MANY", text, hint).into());
        }
        if args.follow {
            // It may go on for ever: what is lacking is said first.
            asked.failures.tell()?;
            let mut later = Failures::default();
            follow(logs, &mut later).await?;
            let exit = later.tell()?;
            return Ok(if asked.failures.is_empty() { exit } else { Exit::Failed });
        }
        print(logs, &mut asked.failures).await?;
        Ok(asked.failures.tell()?)
    })
}

fn logs(args: &LogsArgs, scope: &Scope, found: &[(&Member, Vec<Value>)]) -> Vec<Log> {
    let is_one = found.iter().map(|(_, pods)| pods.len()).sum::<usize>() == 1;
    let logs = found.iter().flat_map(|(member, pods)| pods.iter().map(move |pod| (member, pod)));
    logs.map(|(member, pod)| {
        let prefix = if is_one {
            String::new()
        } else {
            format!("[{} {}] ", member.name, plain(name_of(pod)))
        };
        let namespace = scope.in_member(member);
        let pod_path = object_path(&pods::resource(), namespace, name_of(pod));
        let path = format!("{pod_path}/log?{}", query(args, pod));
        Log { member: (*member).clone(), prefix, path }
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
async fn print(logs: Vec<Log>, failures: &mut Failures) -> anyhow::Result<()> {
    let mut opened = stream::iter(logs)
        .map(|log| async move {
            let lines = log.member.api.stream(&log.path).await;
            (log, lines)
        })
        .buffered(OPEN_AHEAD);
    while let Some((log, lines)) = opened.next().await {
        let mut lines = match lines {
            Ok(lines) => lines,
            Err(error) => {
                failures.add(&log.member.name, fault::of(error, "logs"));
                continue;
            }
        };
        loop {
            match log.member.api.in_time(lines.next()).await {
                Ok(Some(line)) => write(&log.prefix, &line)?,
                Ok(None) => break,
                Err(error) => {
                    failures.add(&log.member.name, fault::of(error, "logs"));
                    break;
                }
            }
        }
        let rest = lines.rest();
        if !rest.is_empty() {
            write(&log.prefix, &rest)?;
        }
    }
    Ok(())
}

/// Prints the logs as they grow, until all have ended.
async fn follow(logs: Vec<Log>, failures: &mut Failures) -> anyhow::Result<()> {
    let (sender, mut receiver) = mpsc::channel(WAITING_MAX);
    for log in logs {
        let sender = sender.clone();
        tokio::spawn(async move {
            if let Err(error) = follow_one(&log, &sender).await {
                let failed = Followed::Failed(log.member.name.clone(), fault::of(error, "logs"));
                // Nobody listens only when what was printed could not be written.
                let _ = sender.send(failed).await;
            }
        });
    }
    drop(sender);
    while let Some(followed) = receiver.recv().await {
        match followed {
            Followed::Line { prefix, line } => write(&prefix, &line)?,
            Followed::Failed(cluster, fault) => failures.add(&cluster, fault),
        }
    }
    Ok(())
}

/// What comes of a log that is followed.
enum Followed {
    Line { prefix: String, line: Vec<u8> },
    Failed(ClusterName, Fault),
}

async fn follow_one(log: &Log, sender: &mpsc::Sender<Followed>) -> Result<(), RequestError> {
    let mut lines = log.member.api.stream(&log.path).await?;
    let say = |line| sender.send(Followed::Line { prefix: log.prefix.clone(), line });
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
