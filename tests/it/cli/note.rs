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
