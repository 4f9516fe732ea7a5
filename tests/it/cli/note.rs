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
    let line = "not up to date: ConfigMap default/greeting in one: OverridePolicy default/broken: ";
    assert!(note.contains(line), "{note}");
}
