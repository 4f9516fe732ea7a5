//! One file a plugin. To add one: write `<name>.rs`, list it here, add a golden case.

mod api_enablement;
mod cluster_affinity;
mod cluster_eviction;
mod cluster_locality;
mod spread_constraint;
mod taint_toleration;
mod workload_affinity;
mod workload_anti_affinity;

use super::filter::Filter;
use super::score::Score;

/// Every filter. The order is the order of evaluation, so of two reasons the earlier is given.
pub(super) const FILTERS: &[&dyn Filter] = &[
    &cluster_affinity::ClusterAffinity,
    &taint_toleration::TaintToleration,
    &api_enablement::ApiEnablement,
    &spread_constraint::SpreadConstraint,
    &cluster_eviction::ClusterEviction,
    &workload_affinity::WorkloadAffinity,
    &workload_anti_affinity::WorkloadAntiAffinity,
];

/// Every score.
pub(super) const SCORES: &[&dyn Score] = &[&cluster_locality::ClusterLocality];
