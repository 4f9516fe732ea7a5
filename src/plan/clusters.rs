//! The state of each member: the source's spec, the taints that are in force, and what it reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::rendered::{RenderedFile, blob_id};
use crate::api::cluster::Cluster;
use crate::api::condition::{self, ConditionStatus};
use crate::api::marks;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::report::ClusterReport;
use crate::api::toleration::{Taint, TaintEffect};
use crate::schedule::{Capacity, Member, Snapshot};

/// One member as plans see it, and its file under `clusters/`.
#[derive(Clone, Debug)]
pub struct ClusterState {
    /// Spec with the taints in force, status as reported.
    pub cluster: Cluster,
    /// Whether it ever reported; one that did not is taken to be ready and to serve every API.
    pub is_reported: bool,
    /// What is free in it.
    pub(super) capacity: Capacity,
    /// Its file.
    pub file: Arc<RenderedFile>,
    /// Changes iff something that decisions look at changes: capacity alone does not.
    pub(super) basis: ObjectId,
}

impl ClusterState {
    /// The state of a registered cluster with its newest report.
    #[must_use]
    pub fn new(source: &Cluster, report: Option<&ClusterReport>) -> Arc<Self> {
        let mut cluster = source.clone();
        cluster.status = report.map(|report| report.cluster.clone()).unwrap_or_default();
        put_taints(&mut cluster);
        let file = RenderedFile::yaml(&cluster);
        let basis = basis(&cluster, report.is_some());
        let capacity = Capacity::of(&cluster);
        Arc::new(Self { cluster, is_reported: report.is_some(), capacity, file, basis })
    }

    /// Whether the cluster said that it is ready; `Unknown` for one that never reported.
    #[must_use]
    pub fn readiness(&self) -> ConditionStatus {
        condition::find(&self.cluster.status.conditions, marks::CONDITION_READY)
            .map_or(ConditionStatus::Unknown, |ready| ready.status)
    }
}

/// Puts on and takes off the taints that follow from the condition `Ready`.
fn put_taints(cluster: &mut Cluster) {
    let ready = condition::find(&cluster.status.conditions, marks::CONDITION_READY);
    let wanted = match ready.map(|ready| ready.status) {
        Some(ConditionStatus::False) => Some(marks::TAINT_NOT_READY),
        Some(ConditionStatus::Unknown) => Some(marks::TAINT_UNREACHABLE),
        Some(ConditionStatus::True) | None => None,
    };
    let ours = |taint: &Taint| {
        taint.effect == TaintEffect::NoSchedule
            && (taint.key == marks::TAINT_NOT_READY || taint.key == marks::TAINT_UNREACHABLE)
    };
    cluster.spec.taints.retain(|taint| !ours(taint));
    cluster.spec.taints.extend(wanted.map(|key| Taint {
        key: key.to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        time_added: None,
    }));
}

fn basis(cluster: &Cluster, is_reported: bool) -> ObjectId {
    #[derive(Serialize)]
    struct Basis<'a> {
        name: &'a str,
        labels: &'a BTreeMap<String, String>,
        is_leaving: bool,
        is_reported: bool,
        spec: &'a crate::api::cluster::ClusterSpec,
        apis: &'a [crate::api::cluster::ApiEnablement],
    }
    let basis = Basis {
        name: &cluster.metadata.name,
        labels: &cluster.metadata.labels,
        is_leaving: cluster.metadata.deletion_timestamp.is_some(),
        is_reported,
        spec: &cluster.spec,
        apis: &cluster.status.api_enablements,
    };
    blob_id(&serde_json::to_vec(&basis).expect("texts, lists and maps of texts have a JSON form"))
}

/// The members as the scheduler sees them.
#[must_use]
pub fn snapshot(clusters: &BTreeMap<ClusterName, Arc<ClusterState>>) -> Snapshot<'_> {
    Snapshot::prepared(clusters.iter().map(|(name, state)| {
        let is_reported = state.is_reported;
        (Member { name, cluster: &state.cluster, is_reported }, &state.capacity)
    }))
}
