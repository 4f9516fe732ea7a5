//! Clones of a fleet repository show what it shows, and nothing is run from them.

use super::{FLEET, World, hint};
use crate::store::git::{commit, git};

const APPLY: [&str; 3] = ["apply", "--credentials", "../credentials"];

#[test]
fn a_clone_shows_what_the_repository_shows() {
    let world = World::applied();
    git(world.dir.path(), &["clone", "-q", "fleet", "clone"]);
    for list in ["clusters", "bindings", "work", "templates"] {
        for format in ["wide", "yaml"] {
            let arguments = ["get", list, "-o", format];
            let (here, there) = (world.run("fleet", &arguments), world.run("clone", &arguments));
            assert!(here.status.success() && !here.stdout.is_empty(), "{list}: {here:?}");
            assert_eq!(here, there, "{list} -o {format}");
        }
    }
    assert_eq!(world.code("clone", &["plan", "--exit-code"]), 0, "nothing is left to do");
    let refused = world.run("clone", &["apply", "--credentials", "../credentials"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(hint(&refused).starts_with("name the fleet repository itself: --repo "), "{refused:?}");
    let changed = FLEET.replace("hello", "good day");
    commit(&world.path("clone"), &[("fleet/all.yaml", &changed)]);
    let plan = world.run("clone", &["plan", "--exit-code"]);
    assert_eq!(plan.status.code(), Some(1));
    let text = String::from_utf8(plan.stdout).unwrap();
    assert!(text.contains("cluster one: 0 added, 1 changed, 0 removed"), "{text}");
}

/// Every verb that would write, and what is said.
fn assert_refused(world: &World, clone: &str) {
    for verb in ["apply", "run"] {
        let refused = world.run(clone, &[verb, "--credentials", "../credentials"]);
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(4), "{clone} {verb}: {told}");
        assert!(told.contains("error[REPO_CLONE]"), "{clone} {verb}: {told}");
        assert!(hint(&refused).starts_with("name the fleet repository itself: --repo "), "{told}");
    }
    let ours = git(&world.path(clone), &["for-each-ref", "--format=%(refname)", "refs/notes"]);
    assert_eq!(ours, "", "{clone}: something was written");
}

#[test]
fn no_way_of_cloning_gets_around_the_refusal() {
    let world = World::applied();
    let url = format!("file://{}", world.path("fleet").display());
    for (clone, options) in [
        ("one-branch", &["--single-branch"][..]),
        ("shallow", &["--depth=1"]),
        ("named", &["--origin=upstream", "--single-branch"]),
    ] {
        let arguments = [&["clone", "-q"], options, &[&url, clone]].concat();
        git(world.dir.path(), &arguments);
        assert_refused(&world, clone);
        let told = String::from_utf8(world.run(clone, &["get", "bindings"]).stderr).unwrap();
        let refused = world.run(clone, &["explain", "configmap/greeting"]);
        for told in [told, hint(&refused)] {
            assert!(told.contains("if the fleet runs from file://"), "{clone}: {told}");
        }
    }

    // Who only looks at the results in a clone gets a branch with their name.
    git(world.dir.path(), &["clone", "-q", "fleet", "looked"]);
    git(&world.path("looked"), &["checkout", "-q", "fleet/results"]);
    git(&world.path("looked"), &["checkout", "-q", "main"]);
    assert_refused(&world, "looked");

    let changed = FLEET.replace("hello", "good day");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &changed)]);
    assert_eq!(world.code("fleet", &APPLY), 0);
    git(&world.path("looked"), &["pull", "-q"]);
    assert_eq!(world.code("looked", &["plan", "--exit-code"]), 0, "it is the newest that counts");
}

#[test]
fn a_remote_that_knows_no_results_is_a_copy_and_one_that_is_away_may_be_the_fleet() {
    let world = World::applied();
    git(world.dir.path(), &["init", "-q", "--bare", "-b", "main", "backup"]);
    git(world.dir.path(), &["clone", "-q", "fleet", "new"]);
    git(&world.path("new"), &["remote", "set-url", "origin", "../backup"]);
    git(&world.path("new"), &["update-ref", "-d", "refs/remotes/origin/fleet/results"]);
    let applied = world.run("new", &APPLY);
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");
    let told = String::from_utf8_lossy(&applied.stderr);
    assert!(told.contains("results are written to this repository only"), "{told}");
    // Its results are here now: nobody has to be asked again.
    git(&world.path("new"), &["remote", "set-url", "origin", "../gone"]);
    assert_eq!(world.code("new", &APPLY), 0);

    git(world.dir.path(), &["clone", "-q", "--single-branch", "fleet", "away"]);
    git(&world.path("away"), &["remote", "set-url", "origin", "https://u:secret@127.0.0.1:9/f"]);
    assert_refused(&world, "away");
    let refused = world.run("away", &APPLY);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!told.contains("secret"), "{told}");
    assert!(hint(&refused).ends_with("git remote remove origin"), "{told}");
}
