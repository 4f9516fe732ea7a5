//! Why a cluster is in or out, and why a binding is not placed: decisions, in Karmada's words where
//! it has words for them (`spec/placement.md` §3.5, §3.6).

use std::collections::BTreeMap;
use std::fmt;

use crate::api::names::ClusterName;
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
    /// It is about to leave the fleet.
    Deleting,
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
            Self::Deleting => f.write_str("cluster(s) is being deleted"),
        }
    }
}

/// What this version cannot decide yet; each is one issue, and then one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotYet {
    /// Weights by available replicas.
    DynamicWeight,
    /// As few clusters as will do.
    Aggregated,
    /// A bound on the number of clusters, regions, zones or providers.
    SpreadConstraints,
    /// Tiers of clusters that take what the first cannot.
    Overflow,
}

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::DynamicWeight => "division by available replicas (dynamicWeight)",
            Self::Aggregated => "aggregated division",
            Self::SpreadConstraints => "spread constraints",
            Self::Overflow => "overflow affinities",
        };
        write!(f, "not yet decided by this version: {what}")
    }
}

/// Why a binding is not placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Every cluster is out; each says why.
    NoClusterFits {
        /// Number of clusters of the fleet.
        n_clusters: usize,
        /// Why each is out; those about to leave are not in it.
        verdicts: BTreeMap<ClusterName, Verdict>,
    },
    /// The policy asks for what is not built yet: what was decided before stays.
    NotYet(NotYet),
    /// The binding has no placement, so there is nothing to decide by.
    NoPlacement,
}

impl Refusal {
    /// `reason` of the condition `Scheduled`.
    #[must_use]
    pub const fn condition_reason(&self) -> &'static str {
        match self {
            Self::NoClusterFits { .. } => "NoClusterFit",
            Self::NotYet(_) | Self::NoPlacement => "SchedulerError",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClusterFits { n_clusters, verdicts } => {
                write!(f, "0/{n_clusters} clusters are available: {}.", histogram(verdicts))
            }
            Self::NotYet(missing) => missing.fmt(f),
            Self::NoPlacement => f.write_str("the binding has no placement"),
        }
    }
}

/// `2 cluster(s) had …, 3 cluster(s) did …`, sorted as text.
fn histogram(verdicts: &BTreeMap<ClusterName, Verdict>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for verdict in verdicts.values() {
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
