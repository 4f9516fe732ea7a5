//! How clusters are chosen and replicas divided, in words: what takes part in the decision, and
//! nothing that it ignores (`spec/placement.md` §3.9.2).

use super::binding::Binding;
use super::dependents::is_attached;
use crate::api::placement::{Placement, SpreadConstraint, SpreadField};
use crate::schedule::divide::{Strategy, has_replicas_to_assign, strategy};
use crate::schedule::select::in_force;

/// The method of a binding.
pub(super) fn method(binding: &Binding) -> String {
    match &binding.spec.placement {
        Some(placement) => by_placement(placement, has_replicas_to_assign(&binding.spec)),
        None if is_attached(binding) => "it goes along with what needs it".to_owned(),
        None => "every member gets it".to_owned(),
    }
}

fn by_placement(placement: &Placement, has_replicas: bool) -> String {
    let mut parts = vec![match strategy(placement) {
        _ if !has_replicas => "each chosen cluster gets it".to_owned(),
        Strategy::Duplicated => "each chosen cluster runs all replicas".to_owned(),
        Strategy::StaticWeight => "replicas are divided by fixed weights".to_owned(),
        Strategy::DynamicWeight => {
            "replicas are divided by the room that the clusters have".to_owned()
        }
        Strategy::Aggregated => "replicas go to as few clusters as have room".to_owned(),
    }];
    let selecting: Vec<&SpreadConstraint> = in_force(placement).collect();
    parts.extend(selecting.iter().filter_map(|constraint| bounds(constraint)));
    let selects =
        |field: SpreadField| selecting.iter().any(|one| one.spread_by_field == Some(field));
    let asked = placement.spread_constraints.iter().filter_map(|one| one.spread_by_field);
    let asked = asked.filter(|field| *field != SpreadField::Cluster && !selects(*field));
    let asked: Vec<String> = asked.map(|field| format!("a {}", field.noun())).collect();
    if !asked.is_empty() {
        parts.push(format!("of clusters that name {}", asked.join(" and ")));
    }
    parts.join(", ")
}

/// `in 1 to 2 clusters`.
fn bounds(constraint: &SpreadConstraint) -> Option<String> {
    let what = constraint.spread_by_field?.noun();
    let (min, max) = (constraint.min_groups.max(1), constraint.max_groups);
    let plural = if min.max(max) == 1 { "" } else { "s" };
    Some(match max {
        0 => format!("in at least {min} {what}{plural}"),
        max if max == min => format!("in {min} {what}{plural}"),
        max => format!("in {min} to {max} {what}{plural}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(placement: &str, has_replicas: bool) -> String {
        by_placement(&crate::api::yaml::from_str(placement).unwrap(), has_replicas)
    }

    #[test]
    fn one_cluster_is_told_in_the_singular() {
        let told = |min: i64, max: i64| {
            let constraint =
                format!("{{spreadByField: cluster, minGroups: {min}, maxGroups: {max}}}");
            told(&format!("{{spreadConstraints: [{constraint}]}}"), false)
        };
        assert_eq!(told(1, 1), "each chosen cluster gets it, in 1 cluster");
        assert_eq!(told(1, 0), "each chosen cluster gets it, in at least 1 cluster");
        assert_eq!(told(1, 2), "each chosen cluster gets it, in 1 to 2 clusters");
        assert_eq!(told(2, 2), "each chosen cluster gets it, in 2 clusters");
    }

    /// Fixed weights ignore constraints, but for the property that they ask for; zones and providers
    /// never select.
    #[test]
    fn only_what_takes_part_is_told() {
        let constraints = "spreadConstraints: [{spreadByField: zone, minGroups: 2}, \
                           {spreadByField: cluster, minGroups: 1, maxGroups: 1}, \
                           {spreadByField: region, minGroups: 2, maxGroups: 3}]";
        let placement = |scheduling: &str| format!("{{{constraints}{scheduling}}}");
        assert_eq!(
            told(&placement(""), true),
            "each chosen cluster runs all replicas, in 2 to 3 regions, in 1 cluster, \
             of clusters that name a zone"
        );
        let weighted = ", replicaScheduling: {replicaSchedulingType: Divided, \
                        replicaDivisionPreference: Weighted}";
        assert_eq!(
            told(&placement(weighted), true),
            "replicas are divided by fixed weights, of clusters that name a zone and a region"
        );
        // Karmada honours them beside a preference that is there and empty.
        let empty = ", replicaScheduling: {replicaSchedulingType: Divided, \
                     replicaDivisionPreference: Weighted, weightPreference: {}}";
        assert!(told(&placement(empty), true).contains("in 2 to 3 regions, in 1 cluster"));
    }
}
