//! The results tree, removal and refusal: what stays, what goes, and what a person is told.

use git_fleet::plan::{Lost, Memo, PlanDiff, Previous, subject};

use super::case;

const CLUSTERS: &str = "
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: member1}
spec: {syncMode: Push}
---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: member2}
spec: {syncMode: Push}
---
";

const SHOP: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: web}
spec: {replicas: 2}
---
";

const EVERYWHERE: &str = "
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: everywhere}
spec:
  resourceSelectors:
    - {apiVersion: apps/v1, kind: Deployment}
    - {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}
---
";

/// What a story changes in its last step.
fn last_diff(story: &str) -> PlanDiff {
    let mut previous = Previous::default();
    let mut last = PlanDiff::default();
    for step in case::steps(story) {
        let plan = case::plan(&step, &previous, &mut Memo::default());
        last = plan.diff(&previous);
        previous = Previous::from(&plan);
    }
    last
}

#[test]
fn a_template_that_leaves_the_source_leaves_its_clusters() {
    let diff = last_diff(&format!(
        "### commit\n{CLUSTERS}{SHOP}{EVERYWHERE}### commit\n{CLUSTERS}{EVERYWHERE}"
    ));
    assert_eq!(subject(&diff), "remove web/shop");
    assert_eq!(diff.removals.total(), Lost { n_before: 2, n_removed: 2, n_moved: 0 });
}

#[test]
fn a_policy_that_leaves_the_source_takes_nothing_with_it() {
    let diff =
        last_diff(&format!("### commit\n{CLUSTERS}{SHOP}{EVERYWHERE}### commit\n{CLUSTERS}{SHOP}"));
    assert!(diff.is_empty(), "{diff:?}");
    assert!(diff.is_any_binding_changed, "the binding says that its policy is gone");
}

#[test]
fn the_guard_is_told_which_namespaces_go() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n---\n";
    let diff = last_diff(&format!("### commit\n{CLUSTERS}{namespace}### commit\n{CLUSTERS}"));
    assert_eq!(diff.removals.namespaces.iter().collect::<Vec<_>>(), ["web"]);
    assert_eq!(diff.removals.total().n_removed, 2);
}

/// A volume that is made anew elsewhere has none of the data.
#[test]
fn the_guard_is_told_which_stores_leave_every_cluster_that_has_them() {
    let volume = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: web}\n---\n";
    let on = |clusters: &str| {
        format!(
            "### commit\n{CLUSTERS}{volume}
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {{name: volumes, namespace: web}}
spec:
  resourceSelectors: [{{apiVersion: v1, kind: PersistentVolumeClaim}}]
  placement: {{clusterAffinity: {{clusterNames: [{clusters}]}}}}
"
        )
    };
    let stores = |before: &str, after: &str| {
        let diff = last_diff(&format!("{}{}", on(before), on(after)));
        diff.removals.stores.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(stores("member1", "member2"), ["PersistentVolumeClaim web/data"]);
    assert_eq!(stores("member1, member2", "member2"), [""; 0], "one that has it keeps it");
    assert_eq!(stores("member1", "member1, member2"), [""; 0]);
}

#[test]
fn the_tree_names_every_file_by_what_it_is_about() {
    let steps = case::steps(&format!("### commit\n{CLUSTERS}{SHOP}{EVERYWHERE}"));
    let plan = case::plan(&steps[0], &Previous::default(), &mut Memo::default());
    let paths: Vec<String> = plan.files().into_keys().collect();
    assert_eq!(
        paths,
        [
            "README.md",
            "bindings/web/Deployment.apps/shop.yaml",
            "clusters/member1.yaml",
            "clusters/member2.yaml",
            "work/member1/web/Deployment.apps/shop.yaml",
            "work/member2/web/Deployment.apps/shop.yaml",
        ]
    );
    insta::assert_snapshot!(
        "results_readme",
        String::from_utf8(plan.files()["README.md"].bytes.clone()).unwrap()
    );
    insta::assert_snapshot!(
        "results_binding",
        String::from_utf8(plan.files()["bindings/web/Deployment.apps/shop.yaml"].bytes.clone())
            .unwrap()
    );
}
