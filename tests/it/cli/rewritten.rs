//! A source branch that does not go on from where it was.

use super::{FLEET, World};
use crate::store::git::{commit, git};

const APPLY: [&str; 3] = ["apply", "--credentials", "../credentials"];
const MORE: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: default}\ndata: {k: v}\n";

/// Moved back, or to a history of its own: nothing is applied or removed before somebody says that it is meant.
#[test]
fn a_rewritten_source_changes_nothing_until_it_is_accepted() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let first = git(&fleet, &["rev-parse", "main"]);
    commit(&fleet, &[("more.yaml", MORE)]);
    assert_eq!(world.code("fleet", &APPLY), 0);
    let second = git(&fleet, &["rev-parse", "main"]);
    let results = git(&fleet, &["rev-parse", "fleet/results"]);

    let refused = |what: &str| {
        let applied = world.run("fleet", &APPLY);
        assert_eq!(applied.status.code(), Some(3), "{what}: {applied:?}");
        assert_eq!(git(&fleet, &["rev-parse", "fleet/results"]), results, "{what}");
        let note = git(&fleet, &["notes", "--ref=fleet", "show", "main"]);
        assert!(note.contains("HISTORY_REWRITTEN"), "{what}: {note}");
        assert!(note.contains(&format!("Fleet-Accept-Rewrite: {second}")), "{what}: {note}");
        let planned = world.run("fleet", &["plan"]);
        assert_eq!(planned.status.code(), Some(3), "{what}: {planned:?}");
    };
    git(&fleet, &["reset", "-q", "--hard", &first]);
    refused("moved back");
    git(&fleet, &["checkout", "-q", "--orphan", "other"]);
    commit(&fleet, &[("fleet/all.yaml", FLEET)]);
    git(&fleet, &["rm", "-q", "--ignore-unmatch", "more.yaml"]);
    git(&fleet, &["branch", "-q", "-M", "other", "main"]);
    refused("a history of its own");

    let message = format!("a new beginning\n\nFleet-Accept-Rewrite: {second}");
    git(&fleet, &["commit", "-q", "--allow-empty", "-m", &message]);
    commit(&fleet, &[("README.md", "# and more\n")]);
    assert_eq!(world.code("fleet", &APPLY), 0);
    assert_ne!(git(&fleet, &["rev-parse", "fleet/results"]), results);
}

/// Going back by a commit is no rewrite.
#[test]
fn a_revert_is_carried_out() {
    let world = World::applied();
    let fleet = world.path("fleet");
    commit(&fleet, &[("more.yaml", MORE)]);
    assert_eq!(world.code("fleet", &APPLY), 0);
    git(&fleet, &["revert", "--no-edit", "HEAD"]);
    let reverted = world.run("fleet", &APPLY);
    assert!(String::from_utf8_lossy(&reverted.stderr).contains("1 pruned"), "{reverted:?}");
}
