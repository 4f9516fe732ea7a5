//! Division by fixed weights (`spec/placement.md` §3.10.3).

use std::collections::BTreeMap;

use super::webster::dispense;
use crate::api::binding::{BindingSpec, TargetCluster};
use crate::api::names::ClusterName;
use crate::api::placement::Placement;
use crate::schedule::Member;

/// Deals all replicas out by weight: what was placed before and what a cluster can take play no
/// part.
pub(super) fn assign(
    selected: &[Member<'_>],
    spec: &BindingSpec,
    placement: &Placement,
) -> Vec<TargetCluster> {
    let weights = weights(selected, placement);
    let uid = spec.resource.uid.as_deref().unwrap_or_default();
    dispense(i64::from(spec.replicas), &weights, &BTreeMap::new(), uid)
        .into_iter()
        .filter(|(_, replicas)| *replicas > 0)
        .map(|(name, replicas)| {
            let replicas = i32::try_from(replicas).expect("a share of an i32 is an i32");
            TargetCluster::new(name, replicas)
        })
        .collect()
}

/// The weight of each selected cluster: the greatest of the entries that match it, and clusters
/// that no entry gives any are left out. Without a list, or when nobody has any weight, all weigh 1.
#[must_use]
pub fn weights(selected: &[Member<'_>], placement: &Placement) -> BTreeMap<ClusterName, i64> {
    let list = placement
        .replica_scheduling
        .as_ref()
        .and_then(|scheduling| scheduling.weight_preference.as_ref())
        .map_or(&[][..], |preference| &preference.static_weight_list);
    let weighed: BTreeMap<ClusterName, i64> = selected
        .iter()
        .filter_map(|member| {
            let matching = list.iter().filter(|entry| entry.target_cluster.matches(member.cluster));
            let weight = matching.map(|entry| entry.weight).max()?;
            (weight > 0).then(|| (member.name.clone(), weight))
        })
        .collect();
    if weighed.is_empty() {
        return selected.iter().map(|member| (member.name.clone(), 1)).collect();
    }
    weighed
}
