//! What `apply` says of a pass, whatever happens beside it.

use std::time::Duration;

use git_fleet::sim::Faults;

use super::running::{Running, until};
use super::{FLEET, TWO, World, approve};
use crate::store::git::{commit, git};

const APPLY: [&str; 3] = ["apply", "--credentials", "../credentials"];

/// While one commit is brought into force, somebody pushes another one that is stopped: that the first
/// is in force is told all the same.
#[test]
fn a_pass_that_is_overtaken_tells_what_it_did() {
    let whole = format!("{FLEET}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n");
    let world = World::of(&whole);
    let fleet = world.path("fleet");
    for (text, newer, exit, word, line) in [
        ("hi", "kind: [", 3, "refused", "does not validate: it changed nothing\n"),
        ("hey", FLEET, 4, "held", "the next plan changed nothing: "),
    ] {
        let results = || git(&fleet, &["rev-parse", "fleet/results"]);
        let before = results();
        let first = commit(&fleet, &[("fleet/all.yaml", &whole.replace("hello", text))]);
        // Slow enough that the pass is not over at once, and then for as long as the test likes.
        let slow = Faults { latency: Duration::from_secs(1), ..Faults::default() };
        world.host.faults("one", slow).unwrap();
        let mut running = Running::start(&fleet, &world.path(word), &APPLY);
        until("the first is in force", || results() != before, || running.errors());
        world.host.faults("one", Faults { paused: true, ..Faults::default() }).unwrap();
        commit(&fleet, &[("fleet/all.yaml", newer)]);
        let listed = || String::from_utf8(world.run("fleet", &["get", "bindings"]).stderr).unwrap();
        until(
            "the next is stopped",
            || listed().contains(&format!("is {word} and")),
            || listed() + &running.errors(),
        );
        world.host.faults("one", Faults::default()).unwrap();
        let status = running.end();
        let told = running.errors();
        assert_eq!(status.code(), Some(exit), "{told}");
        assert!(told.contains(line) && !told.contains("nothing was changed"), "{told}");
        let told_last = told.lines().last().unwrap();
        let expected = format!("commit {} of main: 1 objects applied, 0 pruned", &first[..10]);
        assert!(told_last.starts_with(&expected), "{told}");
    }
}

/// Whether the reports of those that nobody waits for can be read is nothing to the pass.
#[test]
fn a_pass_is_told_although_no_report_can_be_read() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let settings = format!(
        "apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nspec: {{remotes: {{status: 'file://{}'}}}}\n",
        world.path("nowhere.git").display()
    );
    let pulls = FLEET.split_once("---\n").unwrap().1.replace("[one]", "[two]") + TWO;
    commit(&fleet, &[("fleet.yaml", &settings), ("fleet/all.yaml", &pulls)]);
    approve(&fleet, &world.run("fleet", &APPLY));
    let applied = world.run("fleet", &APPLY);
    let told = String::from_utf8(applied.stderr).unwrap();
    assert_eq!(applied.status.code(), Some(0), "{told}");
    assert!(told.contains("what the agents have reported cannot be read: "), "{told}");
    assert!(told.lines().last().unwrap().contains(" of main: 0 objects applied"), "{told}");
}

/// Who looks before a commit is applied is told that it is another one by now.
#[test]
fn a_dry_run_looks_at_the_expected_commit_only() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let planned = git(&fleet, &["rev-parse", "main"]).trim().to_owned();
    let dry = [&APPLY[..], &["--dry-run", "--expect", &planned]].concat();
    assert_eq!(world.code("fleet", &dry), 0);
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("hello", "hi"))]);
    let refused = world.run("fleet", &dry);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(4), 0), "{told}");
    assert!(told.contains("error[REF_MOVED]: main is at "), "{told}");
}
