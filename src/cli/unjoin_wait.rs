//! How far a cluster has come on its way out, as the results and its reports tell it.

use std::time::{Duration, Instant};

use super::results::stored;
use super::source::Source;
use crate::api::cluster::{Cluster, Departure};
use crate::api::names::ClusterName;
use crate::api::report::Health;
use crate::daemon::ledger::{Ledger, Recorded};
use crate::plan::Binding;

/// How often the record is looked at.
const POLL: Duration = Duration::from_millis(300);

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

/// What keeps a goal from being reached, in words; empty when it is.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// What takes time only.
    pub(super) pending: Vec<String>,
    /// What has nowhere else to go.
    pub(super) stuck: Vec<String>,
}

impl Left {
    fn pending(why: String) -> Self {
        Self { pending: vec![why], stuck: Vec::new() }
    }

    fn is_over(&self) -> bool {
        self.pending.is_empty()
    }
}

/// Waits until the goal is reached, nothing is left but what cannot be, or the time is over.
pub(super) fn wait(
    ledger: &Ledger,
    source: &Source,
    cluster: &ClusterName,
    goal: Goal,
    timeout: Duration,
) -> anyhow::Result<Left> {
    let until = Instant::now() + timeout;
    loop {
        source.refresh(ledger)?;
        let left = look(ledger, cluster, goal)?;
        if left.is_over() || Instant::now() >= until {
            return Ok(left);
        }
        std::thread::sleep(POLL);
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
        Goal::Removed | Goal::Left => removed(ledger, &recorded, cluster),
    }
}

/// What does not run elsewhere yet, of what runs there.
fn moved(ledger: &Ledger, recorded: &Recorded, cluster: &ClusterName) -> anyhow::Result<Left> {
    let mut left = Left::default();
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
        if chosen.contains_key(cluster) || others.is_empty() {
            let why = binding.undecided().unwrap_or("no other cluster has it");
            left.stuck.push(format!("{name}: {why}"));
            continue;
        }
        for other in others {
            let items = &binding.status.aggregated_status;
            let item = items.iter().find(|item| item.cluster_name == *other);
            let is_workload = binding.spec.replicas > 0 || !binding.spec.components.is_empty();
            let is_well = item.is_some_and(|item| {
                item.applied
                    && (item.health == Health::Healthy
                        || item.health == Health::Unknown && !is_workload)
            });
            if !is_well {
                left.pending.push(format!("{name} is not well in {other} yet"));
            }
        }
    }
    Ok(left)
}

/// What is still there.
fn removed(ledger: &Ledger, recorded: &Recorded, cluster: &ClusterName) -> anyhow::Result<Left> {
    let work = format!("work/{cluster}/");
    if recorded.paths(&work).any(|path| !path[work.len()..].starts_with('_')) {
        return Ok(Left::pending(format!("the plan still has work for {cluster}")));
    }
    let reported = ledger.reported(std::slice::from_ref(cluster))?;
    let objects = reported.get(cluster).into_iter().flat_map(|report| &report.objects);
    let pending = objects.map(|(key, report)| match &*report.message {
        "" => format!("{key} is still there"),
        message => format!("{key} is still there: {message}"),
    });
    Ok(Left { pending: pending.collect(), stuck: Vec::new() })
}
