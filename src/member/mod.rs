//! The executor of one cluster: makes it match its work, and observes it.
//!
//! In push mode it runs inside the controller and is handed the work in memory; in pull mode it
//! runs inside the agent, beside the cluster. It chooses nothing: names, replicas and which
//! objects may be removed are in the [`DesiredWork`]; it decides only what the world decides: in
//! which order requests can succeed, when to try again, and what it saw.

pub mod account;
mod backoff;
mod capacity;
mod contents;
mod customized;
pub mod discovery;
pub mod drift;
mod executor;
mod identity;
pub mod intent;
pub mod kubeconfig;
mod live;
mod meaning;
mod observer;
mod watch;
pub mod websocket;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch as latest};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::cluster::{ClusterStatus, ResourceModel};
use crate::api::manifest::{ObjectKey, PackedManifest};
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::ObjectReport;

pub use customized::Customized;
pub use identity::{Identity, which};
pub use meaning::{Bundled, Meaning, Observed, Observing};

/// Everything that one cluster is to run, from one source commit. The newest wins.
#[derive(Clone, Debug)]
pub struct DesiredWork {
    /// Source commit that the work was computed from.
    pub source: ObjectId,
    /// Commit of the results, or of the work branch, since which it is what it is.
    pub commit: ObjectId,
    /// The objects.
    pub objects: BTreeMap<ObjectKey, DesiredObject>,
    /// Keys that earlier works held. The only candidates for pruning: those of them that are not in
    /// `objects` are deleted, if they carry our mark; what says of itself that it outlives its template is let go.
    /// Keys long gone cost nothing.
    pub held: BTreeSet<ObjectKey>,
    /// Whether the cluster leaves the fleet: what it had before it came is let go, not deleted.
    pub leaves: bool,
    /// Grades that the nodes' free room is counted in: in order, each with the same resources in the same
    /// order.
    pub models: Arc<[ResourceModel]>,
    /// What live objects mean. Another value than before has everything looked at again.
    pub meaning: Arc<dyn Meaning>,
}

/// One object as one cluster is to run it.
#[derive(Clone, Debug)]
pub struct DesiredObject {
    /// The object, with our label and the policy's annotations.
    pub manifest: PackedManifest,
    /// Blob id of the work file that it was read from.
    pub work: ObjectId,
}

/// What an executor has to say.
#[derive(Clone, Debug)]
pub enum MemberReport {
    /// Which cluster it is: when it was connected, and whenever it answers again after it did not. Its
    /// executor writes nothing before it is told that this one is meant ([`MemberHandle::admit`]).
    Identity(ClusterName, Identity),
    /// State of the cluster itself: at the start, then whenever it changed.
    Cluster(ClusterName, ClusterStatus),
    /// Objects whose report changed; `None`: no longer held.
    Objects(ClusterName, BTreeMap<ObjectKey, Option<Arc<ObjectReport>>>),
    /// A round of writes has ended: nothing is in flight or waiting for its turn.
    Applied(ClusterName, AppliedRound),
}

/// What happened since the round before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedRound {
    /// Source commit of the newest work that the executor holds.
    pub source: ObjectId,
    /// Its commit.
    pub commit: ObjectId,
    /// Whether nothing that earlier works held is left to be removed: a later start need not look
    /// further back than this work.
    pub is_settled: bool,
    /// Objects applied: created, changed or repaired.
    pub n_applied: usize,
    /// Applied because the live object had drifted, of `n_applied`.
    pub n_repaired: usize,
    /// Objects that are not as they should be; each says why in its report and is tried again.
    pub n_failed: usize,
    /// Objects removed or let go.
    pub n_pruned: usize,
    /// Keys that need not be held any longer: removed or let go, not there, or not ours.
    pub released: Vec<ObjectKey>,
    /// Objects whose removal waits, for some time at most, until nothing fails any more.
    pub n_prune_held: usize,
    /// What was let go of in place of being deleted, and why, for a person.
    pub kept: Vec<String>,
}

/// What a caller can set.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Changed reports are gathered this long before they are sent.
    pub report_interval: Duration,
    /// The cluster itself is looked at this often.
    pub cluster_interval: Duration,
    /// A change of the Ready condition is reported when it has held this long; the first state of
    /// a cluster is reported at once.
    pub ready_threshold: Duration,
    /// A removal waits this long at most while something is not in place: what replaces it goes first,
    /// and what fails for good holds nothing else up.
    pub prune_patience: Duration,
    /// An object that was deleted and is still there after this long is told of.
    pub deletion_patience: Duration,
    /// What another engine applied stays this long before it is put back: its commit may be on its way here.
    pub other_engine_patience: Duration,
}

/// How long the work of another engine is left alone: longer than a remote is polled, shorter than a person
/// waits. See [`Options::other_engine_patience`].
const OTHER_ENGINE_PATIENCE: Duration = Duration::from_secs(30);

impl Default for Options {
    fn default() -> Self {
        Self {
            report_interval: Duration::from_millis(250),
            cluster_interval: Duration::from_secs(10),
            ready_threshold: Duration::from_secs(30),
            prune_patience: Duration::from_secs(30),
            deletion_patience: Duration::from_secs(30),
            other_engine_patience: OTHER_ENGINE_PATIENCE,
        }
    }
}

/// No client can be made from a configuration: a key or certificate that cannot be read, or a
/// credential plugin that fails.
#[derive(Debug, thiserror::Error)]
#[error("no client for cluster {cluster} can be made from its credentials")]
pub struct SpawnError {
    /// The cluster.
    pub cluster: ClusterName,
    /// Why.
    pub source: kube::Error,
}

impl SpawnError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "KUBECONFIG_CLIENT"
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "see the message; give the cluster a token or a client certificate that can be read"
    }
}

/// Starts the executor of `cluster`, as one task of the running runtime. It does nothing to the
/// cluster's objects before it is told what is desired, and that the cluster is the one that is meant. Its
/// nodes' room is counted by `models` until work comes that has its own.
///
/// # Errors
/// When no client can be made from `config`.
pub fn spawn(
    cluster: ClusterName,
    config: kube::Config,
    reports: mpsc::Sender<MemberReport>,
    options: Options,
    models: Arc<[ResourceModel]>,
) -> Result<MemberHandle, SpawnError> {
    let client = kube::Client::try_from(config)
        .map_err(|source| SpawnError { cluster: cluster.clone(), source })?;
    let (desired, receiver) = latest::channel(None);
    let (admitted, admission) = latest::channel(None);
    let stop = CancellationToken::new();
    let api = wire::Api::new(client);
    let orders = executor::Orders { desired: receiver, admitted: admission, stop: stop.clone() };
    let task = executor::run(cluster, api, orders, reports, options, models);
    Ok(MemberHandle { desired, admitted, stop, task: tokio::spawn(task) })
}

/// A running executor. Dropping it does not stop it: what was desired stays in force.
#[derive(Debug)]
pub struct MemberHandle {
    desired: latest::Sender<Option<Arc<DesiredWork>>>,
    admitted: latest::Sender<Option<Identity>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl MemberHandle {
    /// Makes `work` what the cluster is to run. Returns at once; only the newest counts.
    pub fn desire(&self, work: Arc<DesiredWork>) {
        self.desired.send_replace(Some(work));
    }

    /// Says which cluster may be written to; `None`: none. While another one answers, nothing is applied,
    /// repaired, removed or told of its objects.
    pub fn admit(&self, identity: Option<Identity>) {
        self.admitted.send_replace(identity);
    }

    /// Stops after the requests that are on their way, and some seconds at most.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}
