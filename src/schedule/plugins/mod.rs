//! One file a filter plugin. To add one: write `<name>.rs`, list it here, add a golden case.

mod api_enablement;
mod cluster_affinity;
mod cluster_eviction;
mod spread_constraint;
mod taint_toleration;

use super::filter::Filter;

/// Every filter. The order is the order of evaluation, so of two reasons the earlier is given.
pub(super) const FILTERS: &[&dyn Filter] = &[
    &cluster_affinity::ClusterAffinity,
    &taint_toleration::TaintToleration,
    &api_enablement::ApiEnablement,
    &spread_constraint::SpreadConstraint,
    &cluster_eviction::ClusterEviction,
];
