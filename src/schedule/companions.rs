//! Workloads that stay together or apart (`spec/placement.md` §3.6, WorkloadAffinity).

use std::collections::BTreeSet;

use crate::api::names::ClusterName;

/// Where the other workloads of a binding's groups run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Companions {
    /// Clusters that every other workload of its affinity group runs in; `None` while there is no
    /// other one that runs anywhere.
    pub together: Option<BTreeSet<ClusterName>>,
    /// Clusters that some other workload of its anti-affinity group runs in.
    pub apart: BTreeSet<ClusterName>,
}

/// No other workload.
pub(super) static NONE: Companions = Companions { together: None, apart: BTreeSet::new() };
