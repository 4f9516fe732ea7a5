//! What goes along with what needs it, when users' rules say what that is.

use git_fleet::api::manifest::ObjectKey;
use git_fleet::interpret::Dependency;
use git_fleet::plan::{Memo, Plan, Previous};

use super::rules::{Rules, plan};

const STORY: &str = "### commit
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Push}
---
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: root, namespace: kube-public}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: web, labels: {app: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: web}
spec: {replicas: 3}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: shop, namespace: web}
spec:
  propagateDeps: true
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement: {clusterAffinity: {clusterNames: [one]}}
";

fn reference(kind: &str, namespace: Option<&str>, name: &str) -> Dependency {
    Dependency {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        label_selector: None,
    }
}

fn clusters(plan: &Plan, key: &ObjectKey) -> Vec<String> {
    let planned = plan.bindings.get(key);
    planned.into_iter().flat_map(|one| one.works.keys()).map(ToString::to_string).collect()
}

/// A Namespace is in every member anyway: that somebody needs it takes it away from nobody.
#[test]
fn a_namespace_that_is_needed_stays_everywhere() {
    let refers =
        Rules { refers_to: Some(vec![reference("Namespace", None, "web")]), ..Rules::default() };
    let namespace = ObjectKey::new("", "Namespace", None, "web");
    let (mut memo, mut previous) = (Memo::default(), Previous::default());
    for _ in 0..3 {
        let plan = plan(STORY, &refers, &previous, &mut memo);
        assert_eq!(clusters(&plan, &namespace), ["one", "two"]);
        previous = Previous::from(&plan);
    }
}

#[test]
fn what_is_reserved_goes_nowhere() {
    let refers = Rules {
        refers_to: Some(vec![reference("ConfigMap", Some("kube-public"), "root")]),
        ..Rules::default()
    };
    let plan = plan(STORY, &refers, &Previous::default(), &mut Memo::default());
    let root = ObjectKey::new("", "ConfigMap", Some("kube-public"), "root");
    assert_eq!(clusters(&plan, &root), [""; 0]);
    assert!(plan.unplaced.contains_key(&root));
}

/// Whatever changes, what goes along is what a plan without a memory would send along.
#[test]
fn what_goes_along_follows_every_change() {
    let selector = git_fleet::api::yaml::from_str("{matchLabels: {app: shop}}").unwrap();
    let by_label =
        Dependency { label_selector: Some(selector), ..reference("ConfigMap", Some("web"), "") };
    let by_name = reference("ConfigMap", Some("web"), "b");
    let refers = Rules { refers_to: Some(vec![by_label, by_name]), ..Rules::default() };
    let b = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: web}\n";
    let both = format!("{STORY}{b}");
    let stories = [
        STORY.to_owned(),
        both.clone(),
        both.replace("labels: {app: shop}", "labels: {app: blog}"),
        both.replace("clusterNames: [one]", "clusterNames: [two]"),
        both.replace("  propagateDeps: true\n", ""),
        both.clone(),
        STORY.to_owned(),
        STORY.replace(
            "metadata: {name: shop, namespace: web}\nspec: {replicas: 3}",
            "metadata: {name: gone, namespace: web}\nspec: {replicas: 3}",
        ),
    ];
    let key = |name| ObjectKey::new("", "ConfigMap", Some("web"), name);
    let (mut memo, mut previous) = (Memo::default(), Previous::default());
    let mut told = Vec::new();
    for story in &stories {
        let warm = plan(story, &refers, &previous, &mut memo);
        let cold = plan(story, &refers, &previous, &mut Memo::default());
        assert_eq!(warm.bindings, cold.bindings);
        assert_eq!(warm.unplaced, cold.unplaced);
        told.push([key("a"), key("b")].map(|key| clusters(&warm, &key).join(" ")));
        previous = Previous::from(&warm);
    }
    let expected = [
        ["one", ""],
        ["one", "one"],
        ["", "one"],
        ["two", "two"],
        ["", ""],
        ["one", "one"],
        ["one", ""],
        ["one", ""],
    ];
    assert_eq!(told, expected.map(|pair| pair.map(str::to_owned)));
}
