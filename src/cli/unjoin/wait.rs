//! How far a cluster has come on its way out, as the results and its reports tell it.

use std::time::{Duration, Instant};

use crate::api::cluster::{Cluster, Departure, SyncMode};
use crate::api::condition::{self, ConditionStatus};
use crate::api::manifest::ObjectKey;
use crate::api::marks::CONDITION_READY;
use crate::api::names::ClusterName;
use crate::api::placement::{Placement, ReplicaSchedulingType};
use crate::api::report::{ClusterReport, Health};
use crate::cli::results::stored;
use crate::cli::source::Source;
use crate::daemon::ledger::{Ledger, Recorded};
use crate::plan::Binding;

/// How often the record is looked at: a look at this machine's repository is free, and one at a remote is a fetch.
const POLL: Duration = Duration::from_millis(300);
const POLL_REMOTE: Duration = Duration::from_secs(3);

/// What there is to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// What runs there runs elsewhere.
    Moved,
    /// Nothing of the fleet's is there.
    Removed,
    /// It is no member any more.
    Left,
}

impl Goal {
    /// What is so when it is reached.
    pub(super) fn told(self, cluster: &ClusterName) -> String {
        match self {
            Self::Moved => format!("what runs in {cluster} runs elsewhere"),
            Self::Removed => format!("nothing of the fleet's is in {cluster}"),
            Self::Left => format!("the controller has let {cluster} go"),
        }
    }
}

/// What keeps a goal from being reached, in words; empty when it is.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// What takes time only.
    pub(super) pending: Vec<String>,
    /// What has nowhere else to go.
    pub(super) stuck: Vec<String>,
    /// What the cluster keeps, and why.
    pub(super) kept: Vec<String>,
}

impl Left {
    fn pending(why: String) -> Self {
        Self { pending: vec![why], ..Self::default() }
    }

    fn is_over(&self) -> bool {
        self.pending.is_empty()
    }
}

/// Waits until the goal is reached, nothing is left but what cannot be, or the time is over.
///
/// # Errors
/// The record cannot be read; that a remote does not answer is one only when the time is over.
pub(super) fn wait(
    ledger: &Ledger,
    source: &Source,
    cluster: &ClusterName,
    goal: Goal,
    timeout: Duration,
) -> anyhow::Result<Left> {
    let until = Instant::now() + timeout;
    let poll = if source.follows_a_remote() { POLL_REMOTE } else { POLL };
    loop {
        let refreshed = source.refresh(ledger);
        let left = look(ledger, cluster, goal)?;
        if left.is_over() {
            return Ok(left);
        }
        if Instant::now() >= until {
            return refreshed.map(|()| left);
        }
        std::thread::sleep(poll);
    }
}

fn look(ledger: &Ledger, cluster: &ClusterName, goal: Goal) -> anyhow::Result<Left> {
    let recorded = ledger.recorded()?;
    let file = format!("clusters/{cluster}.yaml");
    let is_member = recorded.has(&file);
    if goal == Goal::Left {
        let waits = || Left::pending(format!("no controller has let {cluster} go yet"));
        return Ok(if is_member { waits() } else { Left::default() });
    }
    if !is_member {
        // It was never taken up: nothing of it can be anywhere.
        return Ok(if recorded.is_absent() {
            Left::default()
        } else {
            Left::pending(format!("no controller has taken up {cluster} yet"))
        });
    }
    let state: Cluster = stored(ledger, &recorded, &file)?;
    let wanted = if goal == Goal::Moved { Departure::Evict } else { Departure::Remove };
    if state.departure().is_none_or(|departure| departure < wanted) {
        return Ok(Left::pending(format!("no controller has taken up that {cluster} leaves")));
    }
    match goal {
        Goal::Moved => moved(ledger, &recorded, cluster),
        Goal::Removed | Goal::Left => removed(ledger, &recorded, cluster, state.spec.sync_mode),
    }
}

/// What does not run elsewhere yet, of what runs there.
fn moved(ledger: &Ledger, recorded: &Recorded, cluster: &ClusterName) -> anyhow::Result<Left> {
    let mut left = Left::default();
    let clusters = recorded.paths("clusters/").filter_map(|path| {
        let name = path.strip_prefix("clusters/")?.strip_suffix(".yaml")?;
        ClusterName::new(name).ok().filter(|name| name != cluster)
    });
    let reported = ledger.reported(&clusters.collect::<Vec<_>>())?;
    for path in recorded.paths("bindings/") {
        let binding: Binding = stored(ledger, recorded, path)?;
        if !binding.places().contains_key(cluster) {
            continue;
        }
        let template = &binding.spec.resource;
        let name = match &template.namespace {
            Some(namespace) => format!("{} {namespace}/{}", template.kind, template.name),
            None => format!("{} {}", template.kind, template.name),
        };
        let chosen = binding.replicas_by_cluster();
        let others: Vec<&ClusterName> = chosen.keys().filter(|name| *name != cluster).collect();
        if others.is_empty() || has_a_share(&binding, cluster) {
            let why = binding.undecided().unwrap_or("no other cluster has it");
            left.stuck.push(format!("{name}: {why}"));
            continue;
        }
        for other in others {
            let report = reported.get(other);
            if !report.is_some_and(|report| is_ready(report)) {
                left.pending.push(format!("{name} would be left to {other}, which is not ready"));
                continue;
            }
            // What the other cluster is to run by the results, and not what it ran before.
            let key = ObjectKey::from_file(&path["bindings/".len()..]);
            let object = key.and_then(|key| report?.objects.get(&key));
            let work = recorded.blob(&path.replacen("bindings/", &format!("work/{other}/"), 1));
            let is_workload = binding.spec.replicas > 0 || !binding.spec.components.is_empty();
            let is_well = object.is_some_and(|object| {
                object.applied
                    && object.work == work
                    && (object.health == Health::Healthy
                        || object.health == Health::Unknown && !is_workload)
            });
            if !is_well {
                left.pending.push(format!("{name} is not well in {other} yet"));
            }
        }
    }
    Ok(left)
}

/// Whether the cluster answered when it was asked last.
fn is_ready(report: &ClusterReport) -> bool {
    let ready = condition::find(&report.cluster.conditions, CONDITION_READY);
    ready.is_some_and(|ready| ready.status == ConditionStatus::True)
}

/// Whether a decision that holds counts on replicas there that no other cluster has: where each has all of them, the
/// others are enough.
fn has_a_share(binding: &Binding, cluster: &ClusterName) -> bool {
    let n_replicas = binding.replicas_by_cluster().get(cluster).copied().unwrap_or(0);
    let scheduling = binding.spec.placement.as_ref().map(Placement::scheduling_type);
    n_replicas > 0 && scheduling == Some(ReplicaSchedulingType::Divided)
}

/// How many objects a cluster is to run.
pub(super) fn count_works(recorded: &Recorded, cluster: &ClusterName) -> usize {
    let dir = format!("work/{cluster}/");
    // What goes along with them, as the rules for their kinds, is no object.
    recorded.paths(&dir).filter(|path| ObjectKey::from_file(&path[dir.len()..]).is_some()).count()
}

/// What is still there. That nothing is, is proven by a cluster that is ready and says so of the empty work: what it
/// has not answered yet is in no report.
fn removed(
    ledger: &Ledger,
    recorded: &Recorded,
    cluster: &ClusterName,
    mode: SyncMode,
) -> anyhow::Result<Left> {
    if count_works(recorded, cluster) > 0 {
        return Ok(Left::pending(format!("the plan still has work for {cluster}")));
    }
    let reported = ledger.reported(std::slice::from_ref(cluster))?;
    let report = reported.get(cluster);
    let objects = report.into_iter().flat_map(|report| &report.objects);
    let pending = objects.map(|(key, report)| match &*report.message {
        "" => format!("{key} is still there"),
        message => format!("{key} is still there: {message}"),
    });
    let mut pending: Vec<String> = pending.collect();
    let emptied = ledger.emptied(recorded, cluster, mode)?;
    if !report.is_some_and(|report| is_ready(report)) {
        pending.push(format!("{cluster} is not ready, so nobody can tell what is still there"));
    } else if emptied.is_none() && pending.is_empty() {
        pending.push(format!("{cluster} has not said yet that nothing is left"));
    }
    Ok(Left { pending, kept: emptied.unwrap_or_default(), ..Left::default() })
}
