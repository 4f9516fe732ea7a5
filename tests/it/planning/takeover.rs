//! Who decides on a template, when nothing else changes.

use git_fleet::plan::{Memo, Previous, Takeover, subject};

use super::case;

const STORY: &str = "### commit
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: web}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: broad, namespace: web}
spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]}
";

const EXACT: &str = "---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: exact, namespace: web}
spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: settings}]}
";

#[test]
fn a_takeover_is_told_though_nothing_moves() {
    let step = case::steps(STORY).pop().unwrap();
    let before = case::plan(&step, &Previous::default(), &mut Memo::default());
    let step = case::steps(&format!("{STORY}{EXACT}")).pop().unwrap();
    let previous = Previous::from(&before);
    let diff = case::plan(&step, &previous, &mut Memo::default()).diff(&previous);
    assert!(diff.templates.is_empty());
    let [Takeover { template, from, to }] = diff.takeovers.as_slice() else { panic!("{diff:?}") };
    assert_eq!(template, "ConfigMap web/settings");
    assert_eq!(subject(&diff), "hand web/settings over to PropagationPolicy web/exact");
    assert_eq!((&**from, &**to), ("PropagationPolicy web/broad", "PropagationPolicy web/exact"));
}
