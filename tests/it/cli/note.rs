//! What a source commit's note says of work that is not what the commit asks for.

use super::{FLEET, World};
use crate::store::git::{commit, git};

#[test]
fn a_note_names_work_that_cannot_be_made() {
    let world = World::applied();
    let broken = "---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: broken, namespace: default}
spec:
  overrideRules:
    - overriders: {plaintext: [{path: /data/list/0, operator: replace, value: x}]}
";
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{FLEET}{broken}"))]);
    world.run("fleet", &["apply", "--credentials", "../credentials"]);
    let note = git(&world.path("fleet"), &["notes", "--ref=fleet", "show", "main"]);
    let line = "not up to date: ConfigMap default/greeting in one: OVERRIDE_PATH OverridePolicy default/broken: ";
    assert!(note.contains(line), "{note}");
}

/// A commit that only moves files is told as that, and a new process takes nothing back of what the
/// one before said.
#[test]
fn a_note_says_what_the_commit_did_and_goes_on_saying_it() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let note = || git(&fleet, &["notes", "--ref=fleet", "show", "main"]);
    let first = note();
    assert!(first.starts_with("place default/greeting on one\n"), "{first}");
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    assert_eq!(note(), first);
    let results = git(&fleet, &["rev-parse", "fleet/results"]);
    git(&fleet, &["mv", "fleet/all.yaml", "moved.yaml"]);
    commit(&fleet, &[]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    let moved = note();
    assert!(moved.starts_with("no difference in what runs\n\nFleet-Results: "), "{moved}");
    assert_eq!(git(&fleet, &["rev-parse", "fleet/results"]), results, "there is nothing to record");
}

/// Policies that disagree on what the templates of both need are told of where the commit is looked at.
#[test]
fn a_conflict_between_policies_is_told_by_the_plan_and_the_note() {
    let needs = |name: &str, resolution: &str| {
        format!(
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  template: {{spec: {{volumes: [{{name: v, configMap: {{name: shared}}}}], containers: [{{name: c, image: c}}]}}}}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {{name: {name}, namespace: default}}
spec:
  propagateDeps: true
  conflictResolution: {resolution}
  resourceSelectors: [{{apiVersion: apps/v1, kind: Deployment, name: {name}}}]
"
        )
    };
    let shared =
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: default}\n";
    let fleet = FLEET.split("---\n").next().expect("the cluster comes first");
    let all = format!("{fleet}{shared}{}{}", needs("a", "Overwrite"), needs("b", "Abort"));
    let world = World::of(&all);
    let told = "ConfigMap default/shared: DependencyPolicyConflict: ";
    let note = git(&world.path("fleet"), &["notes", "--ref=fleet", "show", "main"]);
    assert!(note.contains(&format!("remark: {told}")), "{note}");
    let plan = world.run("fleet", &["plan"]).stdout;
    let plan = String::from_utf8(plan).unwrap();
    assert!(plan.contains(&format!("remark: {told}")), "{plan}");
}
