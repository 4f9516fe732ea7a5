//! A running controller goes on when others take its branches away, send it elsewhere, or a cluster is away.

use super::running::{Running, until};
use super::{FLEET, World};
use crate::store::git::{commit, git};

const RUN: [&str; 5] = ["run", "--log-level", "info", "--credentials", "../credentials"];

/// Waits until the newest work is recorded as applied.
fn is_recorded(world: &World, running: &Running, value: &str) {
    let fleet = world.path("fleet");
    let work = || git(&fleet, &["show", "fleet/results:work/one/default/ConfigMap/greeting.yaml"]);
    let listed = || String::from_utf8(world.run("fleet", &["get", "work"]).stdout).unwrap();
    let is_applied = || work().contains(value) && listed().contains("True");
    until(value, is_applied, || format!("{}\n{}", listed(), running.errors()));
}

#[test]
fn a_status_branch_that_is_deleted_is_written_again() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let running = Running::start(&fleet, &world.path("log"), &RUN);
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("hello", "first"))]);
    is_recorded(&world, &running, "first");
    let objects = ["ls-tree", "-r", "--name-only", "fleet/status/one"];
    let before = git(&fleet, &objects);
    git(&fleet, &["update-ref", "-d", "refs/heads/fleet/status/one"]);
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("hello", "second"))]);
    is_recorded(&world, &running, "second");
    assert_eq!(git(&fleet, &objects), before, "all of it, not only what is new");
}

#[test]
fn a_source_branch_that_is_mistyped_is_told_and_mended_where_it_was_said() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let running = Running::start(&fleet, &world.path("log"), &RUN);
    let settings =
        "apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nspec: {source: {branch: mian}}\n";
    commit(&fleet, &[("fleet.yaml", settings)]);
    let note = || {
        let refs = git(&fleet, &["for-each-ref", "refs/notes/fleet"]);
        let has_notes = !refs.is_empty();
        let notes = || git(&fleet, &["log", "-1", "--format=%N", "--notes=fleet", "main"]);
        if has_notes { notes() } else { String::new() }
    };
    until("the note", || note().contains("error[REF_MISSING]"), || running.errors());
    std::fs::remove_file(fleet.join("fleet.yaml")).unwrap();
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("hello", "mended"))]);
    is_recorded(&world, &running, "mended");
}

#[test]
fn a_cluster_that_is_away_is_told_in_the_log_and_beside_its_work() {
    let world = World::applied();
    let fleet = world.path("fleet");
    world.host.stop("one").unwrap();
    let running =
        Running::start(&fleet, &world.path("log"), &["run", "--credentials", "../credentials"]);
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("hello", "unheard"))]);
    running.wait("the warning", |said| {
        said.contains("WARN the cluster is not ready cluster=one reason=CLUSTER_UNREACHABLE")
    });
    let told = |args: &[&str]| String::from_utf8(world.run("fleet", args).stdout).unwrap();
    let listed = || told(&["get", "work", "-o", "wide"]);
    until("its row", || listed().contains("CLUSTER_UNREACHABLE"), || listed() + &running.errors());
    let bound = || told(&["get", "bindings"]);
    until("its mark", || bound().contains("one(not-ready)"), || bound() + &running.errors());
}

/// The results that a removal is judged by are then others, or none; what runs is the same.
#[test]
fn another_prefix_takes_no_removal_past_the_guard() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let running =
        Running::start(&fleet, &world.path("log"), &["run", "--credentials", "../credentials"]);
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("hello", "seen"))]);
    is_recorded(&world, &running, "seen");
    let settings =
        "apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nspec: {refs: {prefix: others}}\n";
    let renamed = FLEET.replace("name: greeting", "name: other");
    commit(&fleet, &[("fleet.yaml", settings), ("fleet/all.yaml", &renamed)]);
    let held = "would remove ConfigMap default/greeting, which the clusters were given by results that are lost";
    until("the refusal", || running.errors().contains(held), || running.errors());
}

#[test]
fn an_agent_writes_its_status_branch_again() {
    let world = World::of(&FLEET.replace("Push", "Pull"));
    let fleet = world.path("fleet");
    let agent = ["agent", "--remote", ".", "--cluster", "one", "--poll", "200ms"];
    let agent = [&agent[..], &["--credentials", "../credentials"]].concat();
    let running = Running::start(&fleet, &world.path("log"), &agent);
    let is_there = || {
        let branch = git(&fleet, &["for-each-ref", "refs/heads/fleet/status/one"]);
        let files = || git(&fleet, &["ls-tree", "-r", "--name-only", "fleet/status/one"]);
        !branch.is_empty() && files().contains("objects/default/ConfigMap/greeting.yaml")
    };
    until("its report", is_there, || running.errors());
    let id = || git(&fleet, &["show", "fleet/status/one:cluster.yaml"]).contains("  id: ");
    until("its id", id, || running.errors());
    git(&fleet, &["update-ref", "-d", "refs/heads/fleet/status/one"]);
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("Push", "Pull").replace("hello", "again"))]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    until("its report again", is_there, || running.errors());
    until("its id again", id, || running.errors());
}
