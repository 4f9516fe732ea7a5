//! Why a cluster is in or out, and why a binding is not placed: decisions, in Karmada's words where
//! it has words for them (`spec/placement.md` §3.5, §3.6).

use std::collections::BTreeMap;
use std::fmt;

use crate::api::toleration::Taint;

/// What one filter, or all of them, say about one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The cluster will do.
    Accept,
    /// The cluster is out.
    Reject(Reason),
}

/// Why a cluster is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not serve the template's API.
    ApiNotEnabled,
    /// It carries a taint that the placement does not tolerate; the first such.
    Taint(Taint),
    /// It is outside the placement's cluster affinity.
    ClusterAffinity,
    /// The placement spreads by provider and it names none.
    NoProvider,
    /// The placement spreads by region and it names none.
    NoRegion,
    /// The placement spreads by zone and it names none.
    NoZones,
    /// The binding is being moved away from it.
    BeingEvicted,
    /// Another workload of the affinity group does not run there.
    AffinityGroupElsewhere,
    /// Another workload of the anti-affinity group runs there.
    AntiAffinityGroupHere,
    /// It is about to leave the fleet.
    Deleting,
}

impl Reason {
    /// The plugin that gives it; `None` for what is looked at before any plugin.
    #[must_use]
    pub const fn plugin(&self) -> Option<&'static str> {
        match self {
            Self::ApiNotEnabled => Some("APIEnablement"),
            Self::Taint(_) => Some("TaintToleration"),
            Self::ClusterAffinity => Some("ClusterAffinity"),
            Self::NoProvider | Self::NoRegion | Self::NoZones => Some("SpreadConstraint"),
            Self::BeingEvicted => Some("ClusterEviction"),
            Self::AffinityGroupElsewhere => Some("WorkloadAffinity"),
            Self::AntiAffinityGroupHere => Some("WorkloadAntiAffinity"),
            Self::Deleting => None,
        }
    }
}

/// What it was about a cluster that a plugin rejected it for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// What was asked of it; the same for many clusters.
    pub wanted: String,
    /// What it has instead, which may be its very own; empty where there is nothing to say.
    pub found: String,
}

/// `label tier=core is wanted, it has edge`.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wanted)?;
        if !self.found.is_empty() {
            write!(f, ", {}", self.found)?;
        }
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiNotEnabled => f.write_str("cluster(s) did not have the API resource"),
            Self::Taint(taint) => write!(f, "cluster(s) had untolerated taint {{{taint}}}"),
            Self::ClusterAffinity => {
                f.write_str("cluster(s) did not match the placement cluster affinity constraint")
            }
            Self::NoProvider => f.write_str("cluster(s) did not have provider property"),
            Self::NoRegion => f.write_str("cluster(s) did not have region property"),
            Self::NoZones => f.write_str("cluster(s) did not have zones property"),
            Self::BeingEvicted => f.write_str("cluster(s) is in the process of eviction"),
            Self::AffinityGroupElsewhere => f.write_str(
                "ResourceBinding with the same affinity group does not target this cluster",
            ),
            Self::AntiAffinityGroupHere => {
                f.write_str("cluster already has workload with the same anti-affinity group")
            }
            Self::Deleting => f.write_str("cluster(s) is being deleted"),
        }
    }
}

/// Which step of dividing found too little room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More replicas than before.
    ScaleUp,
    /// Fewer replicas than before.
    ScaleDown,
    /// All replicas afresh.
    Fresh,
}

/// Why a binding is not placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Every cluster is out; each says why.
    NoClusterFits {
        /// What was said about every cluster, in the order of their names.
        verdicts: Vec<Verdict>,
    },
    /// Fewer groups than the placement wants at least.
    TooFewGroups(Groups),
    /// The clusters that may be chosen have too little room together.
    NotEnoughRoom {
        /// The number of clusters that may be chosen.
        n_clusters: usize,
    },
    /// The constraints name neither clusters nor regions, and only those select.
    CannotSpread,
    /// Nothing was selected, so there is nothing to divide among.
    NoClusterSelected,
    /// The clusters have too little room for the replicas.
    Unschedulable {
        /// What was being done; `None` when the tiers of an affinity group were filled.
        step: Option<Step>,
        /// The replicas that would fit.
        available: i64,
    },
    /// The binding has no placement, so there is nothing to decide by.
    NoPlacement,
}

/// What there are too few of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// Clusters that will do.
    Clusters,
    /// Regions that have such clusters.
    Regions,
    /// Clusters in any choice of as many regions as are allowed.
    ClustersInRegions,
}

impl Refusal {
    /// `reason` of the condition where no cluster passes the filters.
    pub const NO_CLUSTER_FIT: &str = "NoClusterFit";

    /// `reason` of the condition `Scheduled`.
    #[must_use]
    pub const fn condition_reason(&self) -> &'static str {
        match self {
            Self::NoClusterFits { .. } => Self::NO_CLUSTER_FIT,
            Self::Unschedulable { .. } => "Unschedulable",
            Self::TooFewGroups(_)
            | Self::NotEnoughRoom { .. }
            | Self::CannotSpread
            | Self::NoClusterSelected
            | Self::NoPlacement => "SchedulerError",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClusterFits { verdicts } => {
                let n_clusters = verdicts.len();
                write!(f, "0/{n_clusters} clusters are available: {}.", histogram(verdicts))
            }
            Self::TooFewGroups(groups) => f.write_str(match groups {
                Groups::Clusters => {
                    "failed to select clusters: the number of feasible clusters is less than spreadConstraint.MinGroups"
                }
                Groups::Regions => {
                    "failed to select clusters: the number of feasible region is less than spreadConstraint.MinGroups"
                }
                Groups::ClustersInRegions => {
                    "failed to select clusters: the number of clusters is less than the cluster spreadConstraint.MinGroups"
                }
            }),
            Self::NotEnoughRoom { n_clusters } => write!(
                f,
                "failed to select clusters: no enough resource when selecting {n_clusters} clusters"
            ),
            Self::CannotSpread => f.write_str(
                "failed to select clusters: just support cluster and region spread constraint",
            ),
            Self::NoClusterSelected => {
                f.write_str("failed to assign replicas: no clusters available to schedule")
            }
            Self::Unschedulable { step: None, .. } => f.write_str(
                "failed to assign replicas: Clusters available replicas are not enough to schedule.",
            ),
            Self::Unschedulable { step: Some(step), available } => {
                let step = match step {
                    Step::ScaleUp => "scale up",
                    Step::ScaleDown => "scale down",
                    Step::Fresh => "do fresh scale",
                };
                write!(
                    f,
                    "failed to assign replicas: failed to {step}: Clusters available replicas {available} are not enough to schedule."
                )
            }
            Self::NoPlacement => f.write_str("the binding has no placement"),
        }
    }
}

/// `2 cluster(s) had …, 3 cluster(s) did …`, sorted as text.
fn histogram(verdicts: &[Verdict]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for verdict in verdicts {
        match verdict {
            Verdict::Accept | Verdict::Reject(Reason::Deleting) => {}
            Verdict::Reject(reason) => *counts.entry(reason.to_string()).or_default() += 1,
        }
    }
    if counts.is_empty() {
        return "no cluster exists".to_owned();
    }
    let mut lines: Vec<String> =
        counts.into_iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    lines.sort();
    lines.join(", ")
}
