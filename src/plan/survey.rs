//! What the filters say of every cluster, shared by all bindings of one placement and kind.
//!
//! In a large fleet most clusters are out for most templates. Their names stand once, in a file of
//! the results that all bindings with the same answer refer to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::binding::Binding;
use super::reasons::{ClusterGroup, group_rejected};
use super::rendered::{RenderedFile, blob_id};
use crate::api::cluster::Cluster;
use crate::api::names::ObjectId;
use crate::api::placement::Placement;
use crate::schedule::divide::is_workload;
use crate::schedule::{Companions, Context, Profile, Reason, Snapshot, Verdict, assigned, filter};

/// Up to this many clusters that are out are named in the binding itself.
const INLINE_MAX: usize = 50;

/// A file under `surveys/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyFile {
    /// Clusters that will not do, grouped by why.
    pub out: Vec<ClusterGroup>,
}

impl SurveyFile {
    /// Path in the results of the file with this id.
    #[must_use]
    pub fn path(id: ObjectId) -> String {
        format!("surveys/{id}.yaml")
    }
}

/// What the filters say of every cluster.
#[derive(Debug)]
pub(super) struct Survey {
    /// By index of the snapshot.
    pub(super) verdicts: Vec<Verdict>,
    /// Indices of the clusters that will do.
    pub(super) feasible: Vec<usize>,
    /// The others, grouped by why.
    pub(super) out: Vec<ClusterGroup>,
    /// The file, when they are many.
    pub(super) file: Option<Arc<RenderedFile>>,
    /// Changes iff which clusters will do, or their regions, change.
    pub(super) choice: ObjectId,
}

/// What the scheduler looks at.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The members.
    pub snapshot: &'a Snapshot<'a>,
    /// Where the other workloads of its groups run.
    pub companions: Companions<'a>,
    /// The plugins that take part.
    pub profile: &'a Profile,
}

/// The surveys of one plan.
#[derive(Debug, Default)]
pub(super) struct Surveys {
    by_placement: BTreeMap<([String; 4], bool), Arc<Survey>>,
}

impl Surveys {
    /// The survey for a binding as it stands, and as if it ran nowhere: so that no filter lets a
    /// cluster pass because it was chosen before.
    pub(super) fn of(&mut self, binding: &Binding, sight: Sight<'_>) -> Arc<Survey> {
        let spec = &binding.spec;
        let is_alone =
            !spec.graceful_eviction_tasks.is_empty() || spec.workload_affinity_groups.is_some();
        if is_alone {
            return Arc::new(Survey::new(binding, sight));
        }
        let key = [
            &binding.reasons.policy,
            &binding.status.scheduler_observed_affinity_name,
            &spec.resource.api_version,
            &spec.resource.kind,
        ];
        // Overflow tiers are for workloads only.
        let key = (key.map(Clone::clone), is_workload(spec));
        let new = || Arc::new(Survey::new(binding, sight));
        Arc::clone(self.by_placement.entry(key).or_insert_with(new))
    }
}

impl Survey {
    fn new(binding: &Binding, sight: Sight<'_>) -> Self {
        let Sight { snapshot, companions, profile } = sight;
        let mut spec = binding.spec.clone();
        spec.clusters.clear();
        let everywhere = Placement::default();
        let placement = binding.spec.placement.as_ref().unwrap_or(&everywhere);
        let group = binding.status.scheduler_observed_affinity_name.as_str();
        let term = Some(group).filter(|group| !group.is_empty());
        let ctx = Context { spec: &spec, placement, term, companions, profile };
        let verdicts = filter(&ctx, snapshot, &assigned(&spec, snapshot));
        let (mut feasible, mut rejected) = (Vec::new(), Vec::new());
        for (at, verdict) in verdicts.iter().enumerate() {
            match verdict {
                Verdict::Accept => feasible.push(at),
                Verdict::Reject(reason) => {
                    let member = &snapshot.members()[at];
                    let why = with_fact(reason, &ctx, member.cluster);
                    rejected.push((member.name.clone(), reason.plugin().unwrap_or_default(), why));
                }
            }
        }
        let is_large = rejected.len() > INLINE_MAX;
        let out = group_rejected(rejected);
        let file = is_large.then(|| RenderedFile::yaml(&SurveyFile { out: out.clone() }));
        let mut choice = Vec::new();
        for at in &feasible {
            let member = &snapshot.members()[*at];
            let region = member.cluster.spec.region.as_deref().unwrap_or_default();
            choice.extend_from_slice(format!("{} {region}\n", member.name).as_bytes());
        }
        Self { verdicts, feasible, out, file, choice: blob_id(&choice) }
    }
}

/// The reason with what it was about the cluster, where the reason alone does not say.
fn with_fact(reason: &Reason, ctx: &Context<'_>, cluster: &Cluster) -> String {
    if *reason != Reason::ClusterAffinity {
        return reason.to_string();
    }
    let (affinity, beyond) = match (&ctx.placement.cluster_affinity, ctx.group()) {
        (Some(affinity), _) => (affinity, ""),
        (None, Some(group)) if group.overflow_affinities.is_empty() => (&group.affinity, ""),
        (None, Some(group)) => (&group.affinity, ", and no overflow affinity takes it"),
        (None, None) => return reason.to_string(),
    };
    match affinity.mismatch(cluster) {
        Some(fact) => format!("{reason}: {fact}{beyond}"),
        None => reason.to_string(),
    }
}
