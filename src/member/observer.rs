//! Looks at the cluster itself: is it well, what does it serve, how much room has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::cluster::{ApiEnablement, ApiResource, ClusterStatus, ResourceModel};
use crate::api::condition::{self, Condition, ConditionStatus};
use crate::api::marks;

use super::Options;
use super::capacity::{self, Room};
use super::discovery::Discovery;
use super::wire::{Api, RequestError, json};

/// A probe without an answer after this long counts as no answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// A cluster's first status waits this long at most for its nodes and pods to be counted.
const ROOM_PATIENCE: Duration = Duration::from_secs(3);
/// The version is asked for again this often: clusters are upgraded.
const VERSION_INTERVAL: Duration = Duration::from_mins(10);

/// What was seen.
#[derive(Debug)]
pub(super) enum Observation {
    /// The cluster's status, whenever it changed.
    Status(Box<ClusterStatus>),
    /// The cluster answers again after it did not.
    Back,
}

/// What the executor knows of what the cluster serves.
#[derive(Clone, Debug, Default)]
pub(super) struct Discovered {
    /// The newest answer.
    pub discovery: Option<Arc<Discovery>>,
    /// Why the last question had none: a cluster that says it is well may still not let us in.
    pub failure: Option<String>,
}

/// Observes until the receiver is gone or the task is aborted.
pub(super) async fn observe(
    api: Api,
    mut discovered: watch::Receiver<Discovered>,
    models: watch::Receiver<Arc<[ResourceModel]>>,
    observations: mpsc::Sender<Observation>,
    options: Options,
) {
    let mut observer = Observer {
        api,
        ready_threshold: options.ready_threshold,
        status: ClusterStatus::default(),
        pending: None,
        version_due: Instant::now(),
    };
    let (room_sender, mut room) = watch::channel(None);
    let mut counting = JoinSet::new();
    counting.spawn(capacity::follow(
        observer.api.clone(),
        models,
        room_sender,
        options.cluster_interval,
    ));
    let mut sent: Option<ClusterStatus> = None;
    let mut was_reachable = true;
    loop {
        let Discovered { discovery, failure } = discovered.borrow_and_update().clone();
        let probe = match (observer.probe().await, failure) {
            // What it serves is part of its first status.
            (Probe::Well, None) if discovery.is_none() => {
                if discovered.changed().await.is_err() {
                    return;
                }
                continue;
            }
            (Probe::Well, Some(failure)) => Probe::Unwell(failure),
            (probe, _) => probe,
        };
        let is_reachable = !matches!(probe, Probe::Unreachable(_));
        if is_reachable && !was_reachable && observations.send(Observation::Back).await.is_err() {
            return;
        }
        was_reachable = is_reachable;
        if sent.is_none() && room.borrow().is_none() && matches!(probe, Probe::Well) {
            // Its room is part of its first status, unless that takes long or may not be known.
            let _ = tokio::time::timeout(ROOM_PATIENCE, room.changed()).await;
        }
        let is_well = matches!(probe, Probe::Well);
        observer.judge(probe, Instant::now());
        if is_well {
            observer.look().await;
            if let Some(Room { nodes, resources }) = room.borrow_and_update().clone() {
                observer.status.node_summary = Some(nodes);
                observer.status.resource_summary = Some(resources);
            }
        }
        if let Some(discovery) = discovery {
            observer.enablements(&discovery);
        }
        if sent.as_ref() != Some(&observer.status) {
            let status = Box::new(observer.status.clone());
            if observations.send(Observation::Status(status)).await.is_err() {
                return;
            }
            sent = Some(observer.status.clone());
        }
        let interval = options.cluster_interval.mul_f64(0.95 + fastrand::f64() / 10.0);
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            changed = discovered.changed() => if changed.is_err() { return },
            Ok(()) = room.changed() => {}
        }
    }
}

enum Probe {
    Well,
    Unwell(String),
    Unreachable(String),
    /// It asked us to be quiet: no news either way.
    Busy,
}

struct Observer {
    api: Api,
    ready_threshold: Duration,
    status: ClusterStatus,
    /// A change of the Ready condition that has not held long enough: its reason, and since when.
    pending: Option<(&'static str, Instant)>,
    version_due: Instant,
}

impl Observer {
    async fn probe(&self) -> Probe {
        let probe = async {
            match self.api.get_raw("/readyz", "*/*").await {
                Err(RequestError::NotFound(_)) => self.api.get_raw("/healthz", "*/*").await,
                answer => answer,
            }
        };
        match tokio::time::timeout(PROBE_TIMEOUT, probe).await {
            Ok(Ok(_)) => Probe::Well,
            Ok(Err(RequestError::Throttled { .. })) => Probe::Busy,
            Ok(Err(error @ (RequestError::Unreachable(_) | RequestError::Tls(_)))) => {
                Probe::Unreachable(error.to_string())
            }
            Ok(Err(error)) => Probe::Unwell(error.to_string()),
            Err(_) => {
                let reason = format!("no answer in {} s", PROBE_TIMEOUT.as_secs());
                Probe::Unreachable(RequestError::Unreachable(reason).to_string())
            }
        }
    }

    /// Sets the Ready condition. A change counts when it has held for the threshold; the first
    /// state counts at once.
    fn judge(&mut self, probe: Probe, now: Instant) {
        let (status, reason, message) = match probe {
            Probe::Well => (
                ConditionStatus::True,
                "ClusterReady",
                "the cluster answers that it is well".to_owned(),
            ),
            Probe::Unwell(message) => (ConditionStatus::False, "ClusterNotReady", message),
            Probe::Unreachable(message) => (ConditionStatus::False, "ClusterNotReachable", message),
            Probe::Busy => return,
        };
        let known = condition::find(&self.status.conditions, marks::CONDITION_READY);
        if known.is_some_and(|known| known.status != status) {
            let since = match self.pending {
                Some((_, since)) => since,
                None => now,
            };
            self.pending = Some((reason, since));
            if now.duration_since(since) < self.ready_threshold {
                return;
            }
        }
        self.pending = None;
        self.set_condition(marks::CONDITION_READY, status, reason, message);
    }

    fn set_condition(
        &mut self,
        type_: &str,
        status: ConditionStatus,
        reason: &str,
        message: String,
    ) {
        let condition = Condition {
            type_: type_.to_owned(),
            status,
            observed_generation: None,
            last_transition_time: Timestamp::now(),
            reason: reason.to_owned(),
            message,
        };
        condition::set(&mut self.status.conditions, condition);
    }

    /// The version. What cannot be had (no permission) is left as it was.
    async fn look(&mut self) {
        let now = Instant::now();
        if self.version_due <= now
            && let Ok(bytes) = self.api.get_raw("/version", "application/json").await
            && let Ok(version) = json::<BTreeMap<String, serde_json::Value>>(&bytes)
        {
            let version = version.get("gitVersion").and_then(serde_json::Value::as_str);
            version.unwrap_or_default().clone_into(&mut self.status.kubernetes_version);
            self.version_due = now + VERSION_INTERVAL;
        }
    }

    fn enablements(&mut self, discovery: &Discovery) {
        let mut found: BTreeMap<String, Vec<ApiResource>> = BTreeMap::new();
        for resource in discovery.resources() {
            let group_version = if resource.group.is_empty() {
                resource.version.to_string()
            } else {
                format!("{}/{}", resource.group, resource.version)
            };
            found.entry(group_version).or_default().push(ApiResource {
                name: resource.plural.to_string(),
                kind: resource.kind.to_string(),
            });
        }
        self.status.api_enablements = found
            .into_iter()
            .map(|(group_version, mut resources)| {
                resources.sort_by(|a, b| a.name.cmp(&b.name));
                ApiEnablement { group_version, resources }
            })
            .collect();
        let (status, reason, message) = if discovery.is_complete() {
            (ConditionStatus::True, "Complete", "every API group could be listed")
        } else {
            (ConditionStatus::False, "PartialAPIEnablements", "some API groups are down")
        };
        let type_ = marks::CONDITION_COMPLETE_API_ENABLEMENTS;
        self.set_condition(type_, status, reason, message.to_owned());
    }
}
