//! Workloads that stay together or apart (`spec/placement.md` §3.6, WorkloadAffinity).

use std::collections::BTreeMap;

use crate::api::names::ClusterName;

/// How many workloads of one group run in each cluster. Joining and leaving costs what one workload
/// has clusters, however many others there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    n_workloads: usize,
    by_cluster: BTreeMap<ClusterName, usize>,
}

impl Crowd {
    /// Takes in a workload that runs in these clusters, each of them named once; one that runs
    /// nowhere does not count.
    pub fn join(&mut self, clusters: &[ClusterName]) {
        self.n_workloads += usize::from(!clusters.is_empty());
        for name in clusters {
            *self.by_cluster.entry(name.clone()).or_default() += 1;
        }
    }

    /// Takes a workload out that joined with these clusters.
    pub fn leave(&mut self, clusters: &[ClusterName]) {
        self.n_workloads -= usize::from(!clusters.is_empty());
        for name in clusters {
            if let Some(n) = self.by_cluster.get_mut(name) {
                *n -= 1;
            }
        }
    }

    /// Whether all of its workloads run in the cluster; so while there are none.
    pub(super) fn is_whole_in(&self, name: &ClusterName) -> bool {
        self.in_cluster(name) == self.n_workloads
    }

    /// Whether some workload runs in the cluster.
    pub(super) fn is_partly_in(&self, name: &ClusterName) -> bool {
        self.in_cluster(name) > 0
    }

    fn in_cluster(&self, name: &ClusterName) -> usize {
        self.by_cluster.get(name).copied().unwrap_or(0)
    }
}

/// The other workloads of a binding's groups; the default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Companions<'a> {
    /// Those of its affinity group.
    pub together: Option<&'a Crowd>,
    /// Those of its anti-affinity group.
    pub apart: Option<&'a Crowd>,
}
