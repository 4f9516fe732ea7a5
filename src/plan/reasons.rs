//! Why a binding is as it is: stored beside it, so that "why is it there?" has an answer that nobody
//! needs to compute again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::binding::TargetCluster;
use crate::api::names::{ClusterName, ObjectId};

/// Most lost policies that are named.
pub(super) const LOST_POLICIES_MAX: usize = 10;

/// Why a binding is as it is, for a person who asks "why is it there?".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasons {
    /// The policy that decided.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// Policies that select the template too, and why each lost: those that came nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beats: Vec<LostPolicy>,
    /// Why an earlier decision stays in force, or why there is none; empty when it is fresh.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub held: String,
    /// What its policy would decide otherwise, and waits with; empty when nothing is pending.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pending: String,
    /// Whether it and bindings that depend on each other were still changing when the tries of the plan
    /// ran out: it is decided on again at every plan.
    #[serde(default, rename = "atOdds", skip_serializing_if = "std::ops::Not::not")]
    pub is_at_odds: bool,
    /// What else there is to say of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Clusters that it runs in, grouped by why.
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<ClusterGroup>,
    /// Clusters that it does not run in, grouped by why.
    #[serde(default, rename = "out", skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<ClusterGroup>,
    /// The file under `surveys/` that says why more clusters are out, when they are many; one that
    /// is named here under `in` is in all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<ObjectId>,
    /// Why every cluster that is named nowhere is out, when they are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// Affinity groups that were tried before the one in use, or before all were refused, and why each
    /// does not fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedGroup>,
    /// How the clusters that would do stood when it was last tried in vain, best first; empty once a
    /// decision is in force again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempt: Vec<Standing>,
    /// How many clusters would have done then, and for how many replicas; absent once a decision is in
    /// force again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// How clusters stood when it was decided, best first, where that decided: all that were chosen,
    /// and the best of those that were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standings: Vec<Standing>,
    /// What clusters were chosen among, of what is chosen for afresh whenever that changes: the same
    /// while the same clusters of the same regions will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<ObjectId>,
    /// Override policies that changed the manifest, in the order in which they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideGroup>,
    /// Why the template's status is an earlier one; empty when it is what the members report now.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Clusters whose work is not what the template says now, grouped by why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<ClusterGroup>,
    /// Clusters that are not chosen and run it all the same, with the replicas that they were given, by
    /// name; why stands under `stale`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs_on: Vec<TargetCluster>,
    /// Clusters that are chosen and have no work of it yet, by name; why stands under `stale`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmade: Vec<ClusterName>,
}

impl Reasons {
    /// Why what was decided before is in force, though a policy wants something else, or none selects
    /// the template.
    #[must_use]
    pub fn kept(&self) -> Option<&str> {
        [&self.held, &self.pending].into_iter().find(|why| !why.is_empty()).map(String::as_str)
    }
}

/// A policy that another one beat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostPolicy {
    /// The policy, by its label.
    pub policy: String,
    /// Why it lost.
    pub why: String,
}

/// An affinity group that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedGroup {
    /// Its name.
    pub group: String,
    /// Why it does not fit.
    pub why: String,
}

/// The clusters that passed the filters when nothing could be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// How many they are.
    #[serde(rename = "clusters")]
    pub n_clusters: usize,
    /// The replicas that they have room for or run already, all of them together; absent when
    /// replicas do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<i64>,
}

/// Clusters that have one reason in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterGroup {
    /// The plugin of the scheduler that rejects them, if it is one that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Arc<str>>,
    /// The reason.
    pub why: Arc<str>,
    /// What it was about these clusters, where the reason alone does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<Arc<str>>,
    /// The clusters, by name.
    pub clusters: Vec<ClusterName>,
}

impl ClusterGroup {
    /// These clusters, with their answer.
    pub(super) fn new(answer: Answer, clusters: Vec<ClusterName>) -> Self {
        let Answer { why, plugin, fact } = answer;
        Self { plugin, why, fact, clusters }
    }
}

/// What the clusters of one group have in common. Cheap to clone: its texts are shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Answer {
    pub(super) why: Arc<str>,
    pub(super) plugin: Option<Arc<str>>,
    pub(super) fact: Option<Arc<str>>,
}

impl Answer {
    /// A reason that no plugin gives.
    pub(super) fn new(why: &str) -> Self {
        Self { why: Arc::from(why), plugin: None, fact: None }
    }
}

/// All clusters that are not named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rest {
    /// The reason.
    pub why: String,
    /// How many there are.
    #[serde(rename = "clusters")]
    pub n_clusters: usize,
}

/// How one cluster stood when it was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its region; empty when it names none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Tier of the affinity group; 0 for the group's own clusters.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tier: u32,
    /// Score of the plugins.
    pub score: i64,
    /// Replicas that it had room for; absent when they do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<i64>,
    /// Replicas that it had already; absent when it was not chosen before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub had: Option<i32>,
    /// Whether the spread constraints selected it.
    pub selected: bool,
    /// Its weight; absent unless replicas were divided by fixed weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
}

/// A fixed weight, and what was divided by it. The share that it made is what the cluster runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// Of the cluster.
    pub own: i64,
    /// Of all clusters that took part.
    pub total: i64,
    /// Replicas that were dealt out.
    pub replicas: i32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Clusters whose work got the same overrides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideGroup {
    /// The policies in the order in which they were applied, one entry a rule.
    pub policies: Vec<String>,
    /// The clusters, by name.
    pub clusters: Vec<ClusterName>,
}

/// Groups clusters by their reason: groups in the order of the reasons' text, clusters by name.
#[must_use]
pub(super) fn group_clusters(
    reasons: impl IntoIterator<Item = (ClusterName, Answer)>,
) -> Vec<ClusterGroup> {
    let mut groups: BTreeMap<Answer, Vec<ClusterName>> = BTreeMap::new();
    for (name, answer) in reasons {
        groups.entry(answer).or_default().push(name);
    }
    groups
        .into_iter()
        .map(|(answer, mut clusters)| {
            clusters.sort();
            ClusterGroup::new(answer, clusters)
        })
        .collect()
}
