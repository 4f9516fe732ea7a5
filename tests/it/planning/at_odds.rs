//! Decisions that depend on each other and do not come to agree within one plan.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use git_fleet::interpret::Bundled;
use git_fleet::plan::{Explanation, Inputs, Memo, Plan, Previous, make};

use super::case;

/// Deployments, each in the cluster of its number plus `shift`, where no other one has room.
fn source(n: usize, shift: usize) -> String {
    let mut text = String::new();
    for at in 0..=n {
        writeln!(text, "---\n{{apiVersion: cluster.karmada.io/v1alpha1, kind: Cluster, metadata: {{name: c{at:02}}}, spec: {{syncMode: Push}}}}").unwrap();
    }
    for at in 0..n {
        let cluster = at + shift;
        writeln!(
            text,
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: d{at:02}, namespace: web}}
spec: {{replicas: 4, template: {{spec: {{containers: [{{name: main}}]}}}}}}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {{name: p{at:02}, namespace: web}}
spec:
  resourceSelectors: [{{apiVersion: apps/v1, kind: Deployment, name: d{at:02}}}]
  placement:
    clusterAffinity: {{clusterNames: [c{cluster:02}]}}
    replicaScheduling:
      replicaSchedulingType: Divided
      weightPreference: {{dynamicWeight: AvailableReplicas}}"
        )
        .unwrap();
    }
    text
}

/// Each can move only when the next one has: one a try, and there are more than tries.
#[test]
fn what_still_changes_when_the_tries_run_out_says_so() {
    const N: usize = 12;
    let report = "cluster:
  apiEnablements: [{groupVersion: apps/v1, resources: [{name: deployments, kind: Deployment}]}]
  resourceSummary: {allocatable: {pods: 5}}
";
    let report = Arc::new(case::report(report));
    let reports: BTreeMap<_, _> =
        (0..=N).map(|at| (format!("c{at:02}").parse().unwrap(), Arc::clone(&report))).collect();
    let mut memo = Memo::default();
    let mut plan = |text: &str, previous: &Previous| {
        let fleet = case::fleet(text);
        let (reports, interpreter, now) = (&reports, &Bundled, case::now());
        make(&Inputs { fleet: &fleet, reports, previous, interpreter, now }, &mut memo)
    };
    let waiting = |plan: &Plan| {
        plan.bindings.values().filter(|one| one.binding().undecided().is_some()).count()
    };
    let noted = |plan: &Plan| {
        let told =
            plan.bindings.values().flat_map(|one| Explanation::of(&one.binding(), None).notes);
        told.filter(|note| note.contains("the tries of this plan ran out")).count()
    };
    let first = plan(&source(N, 0), &Previous::default());
    assert_eq!((waiting(&first), noted(&first)), (0, 0));
    let second = plan(&source(N, 1), &Previous::from(&first));
    assert_eq!((waiting(&second), noted(&second)), (4, 1));
    let third = plan(&source(N, 1), &Previous::from(&second));
    assert_eq!((waiting(&third), noted(&third)), (0, 0));
}
