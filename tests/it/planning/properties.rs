//! What holds for every division and every plan.

use std::collections::BTreeMap;

use git_fleet::plan::{Memo, Previous};
use git_fleet::schedule::divide::dispense;
use git_fleet::schedule::select::{Group, best_groups};
use proptest::prelude::*;

use super::case;
use crate::any_fleet;

/// The slow and obvious way: each seat to the party that deserves it most.
fn seat_by_seat(n_seats: i64, weights: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let mut seats: BTreeMap<String, i64> = weights.keys().map(|name| (name.clone(), 0)).collect();
    for _ in 0..n_seats {
        let quotient = |name: &String| weights[name] as f64 / (2 * seats[name] + 1) as f64;
        let mut best: Option<&String> = None;
        for name in weights.keys() {
            let is_better = best.is_none_or(|best| {
                let (ours, theirs) = (quotient(name), quotient(best));
                ours > theirs || (ours.total_cmp(&theirs).is_eq() && seats[name] < seats[best])
            });
            if is_better {
                best = Some(name);
            }
        }
        *seats.get_mut(best.unwrap()).unwrap() += 1;
    }
    seats
}

fn weights() -> impl Strategy<Value = BTreeMap<String, i64>> {
    proptest::collection::btree_map("[a-z]{1,6}", 1..100_i64, 1..20)
}

/// All choices of groups, one by one: what [`best_groups`] finds without looking at all of them.
fn best_of_all(groups: &[Group], min: usize, max: usize, target: i64) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|at| {
        (groups[*at].n_clusters, std::cmp::Reverse(groups[*at].weight), groups[*at].rank)
    });
    let n_clusters = |choice: &[usize]| choice.iter().map(|at| groups[*at].n_clusters).sum::<i64>();
    let weight = |choice: &[usize]| choice.iter().map(|at| groups[*at].weight).sum::<i64>();
    let is_enough =
        |choice: &[usize]| (min..=max).contains(&choice.len()) && n_clusters(choice) >= target;
    // Choices in the order in which a search from small to large finds them; what is enough is not
    // made larger.
    fn extend(
        order: &[usize],
        choice: &mut Vec<usize>,
        is_enough: &dyn Fn(&[usize]) -> bool,
        found: &mut Vec<Vec<usize>>,
    ) {
        if is_enough(choice) {
            found.push(choice.clone());
            return;
        }
        for (at, group) in order.iter().enumerate() {
            choice.push(*group);
            extend(&order[at + 1..], choice, is_enough, found);
            choice.pop();
        }
    }
    let mut found = Vec::new();
    if !groups.is_empty() {
        extend(&order, &mut Vec::new(), &is_enough, &mut found);
    }
    for choice in &mut found {
        choice.sort_by_key(|at| (std::cmp::Reverse(groups[*at].weight), groups[*at].rank));
    }
    // Stable: of equals the one that was found first.
    found.sort_by_key(|choice| std::cmp::Reverse((weight(choice), n_clusters(choice))));
    let mut choices = found.into_iter();
    let mut best = choices.next()?;
    for choice in choices {
        if choice.len() < best.len() && best.starts_with(&choice) {
            best = choice;
        }
    }
    Some(best)
}

proptest! {
    #[test]
    fn groups_are_chosen_as_if_all_choices_were_looked_at(
        pairs in proptest::collection::vec((0..6_i64, prop_oneof![0..4_i64, 0..9_000_i64]), 0..8),
        min in 1..4_usize,
        more in 0..4_usize,
        target in 0..14_i64,
    ) {
        let group = |(at, (n_clusters, weight)): (usize, &(i64, i64))| Group {
            rank: at as u32,
            n_clusters: *n_clusters,
            weight: *weight,
        };
        let groups: Vec<Group> = pairs.iter().enumerate().map(group).collect();
        let max = min + more;
        prop_assert_eq!(
            best_groups(&groups, min, max, target),
            best_of_all(&groups, min, max, target)
        );
    }

    #[test]
    fn division_keeps_every_replica(n_seats in 0..500_i64, weights in weights()) {
        let shares = dispense(n_seats, &weights, &BTreeMap::new(), "");
        prop_assert_eq!(shares.values().sum::<i64>(), n_seats);
        prop_assert_eq!(shares, seat_by_seat(n_seats, &weights));
    }

    #[test]
    fn many_replicas_are_divided_as_if_one_by_one(
        n_seats in 300..4_000_i64,
        weights in proptest::collection::btree_map(
            "[a-z]{1,3}",
            prop_oneof![0..4_i64, 1..1_000_000_i64],
            1..12,
        ),
    ) {
        prop_assume!(weights.values().sum::<i64>() > 0);
        let shares = dispense(n_seats, &weights, &BTreeMap::new(), "");
        prop_assert_eq!(shares, seat_by_seat(n_seats, &weights));
    }

    #[test]
    fn more_replicas_take_none_away(n_seats in 0..200_i64, weights in weights()) {
        let fewer = dispense(n_seats, &weights, &BTreeMap::new(), "");
        let more = dispense(n_seats + 1, &weights, &BTreeMap::new(), "");
        for (name, seats) in fewer {
            prop_assert!(more[&name] >= seats);
        }
    }

    #[test]
    fn the_order_of_documents_is_irrelevant(
        order in Just((0..DOCUMENTS.len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let text = |order: &[usize]| {
            let documents: Vec<&str> = order.iter().map(|nth| DOCUMENTS[*nth]).collect();
            format!("### commit\n{}", documents.join("\n---\n"))
        };
        let straight: Vec<usize> = (0..DOCUMENTS.len()).collect();
        prop_assert_eq!(case::tell(&text(&order)), case::tell(&text(&straight)));
    }

    #[test]
    fn divided_replicas_add_up(replicas in 0..200_i32, weights in (1..9_i64, 1..9_i64)) {
        let source = DOCUMENTS.join("\n---\n")
            .replace("replicas: 5", &format!("replicas: {replicas}"))
            .replace("weight: 2", &format!("weight: {}", weights.0))
            .replace("weight: 1", &format!("weight: {}", weights.1));
        let steps = case::steps(&format!("### commit\n{source}"));
        let plan = case::plan(&steps[0], &Previous::default(), &mut Memo::default());
        let shop = plan.bindings.iter().find(|(key, _)| &*key.group_kind.kind == "Deployment").unwrap().1;
        prop_assert_eq!(shop.binding().replicas_by_cluster().values().sum::<i32>(), replicas);
    }
}

proptest! {
    // Each is a dozen plans and more; the fuzz target makes many.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_fleet_that_validates_is_planned(
        bytes in proptest::collection::vec(any::<u8>(), 0..4_000),
    ) {
        any_fleet::check(&bytes);
    }
}

/// As many replicas as a field can hold, among thousands of clusters, and dozens of regions: neither
/// takes long.
#[test]
fn large_numbers_are_no_trouble() {
    let weights: BTreeMap<String, i64> = (0..3_000).map(|n| (format!("c{n}"), n % 97)).collect();
    let shares = dispense(i64::from(i32::MAX), &weights, &BTreeMap::new(), "");
    assert_eq!(shares.values().sum::<i64>(), i64::from(i32::MAX));

    let group = |n: u32| Group {
        rank: n,
        n_clusters: i64::from(n * 7 % 31 + 1),
        weight: i64::from(n * 7_919 % 1_009),
    };
    let groups: Vec<Group> = (0..60).map(group).collect();
    let chosen = best_groups(&groups, 20, 30, 450).expect("there is a choice");
    let n_clusters: i64 = chosen.iter().map(|at| groups[*at].n_clusters).sum();
    assert!((20..=30).contains(&chosen.len()) && n_clusters >= 450);
}

const DOCUMENTS: &[&str] = &[
    "{apiVersion: cluster.karmada.io/v1alpha1, kind: Cluster, metadata: {name: member1}, spec: {syncMode: Push}}",
    "{apiVersion: cluster.karmada.io/v1alpha1, kind: Cluster, metadata: {name: member2}, spec: {syncMode: Push}}",
    "{apiVersion: v1, kind: Namespace, metadata: {name: web}}",
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop, namespace: web}, spec: {replicas: 5}}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: shop, namespace: web}, data: {a: b}}",
    r"
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: shop, namespace: web}
spec:
  resourceSelectors:
    - {apiVersion: apps/v1, kind: Deployment}
  placement:
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference:
        staticWeightList:
          - {targetCluster: {clusterNames: [member1]}, weight: 2}
          - {targetCluster: {clusterNames: [member2]}, weight: 1}
",
    r"
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: everything}
spec:
  resourceSelectors:
    - {apiVersion: apps/v1, kind: Deployment}
    - {apiVersion: v1, kind: ConfigMap}
",
    r"
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: mirror, namespace: web}
spec:
  overrideRules:
    - targetCluster: {clusterNames: [member2]}
      overriders:
        labelsOverrider: [{operator: add, value: {tier: far}}]
",
];
