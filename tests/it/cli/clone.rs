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

/// Every verb that would write is refused for being run in a clone; what the last of them says.
fn assert_refused(world: &World, clone: &str) -> String {
    assert_refused_with("REPO_CLONE", world, clone)
}

/// For being run in an old copy.
fn assert_stale(world: &World, copy: &str) -> String {
    assert_refused_with("REPO_STALE", world, copy)
}

/// They write nothing, either.
fn assert_refused_with(code: &str, world: &World, clone: &str) -> String {
    let refs = || git(&world.path(clone), &["for-each-ref"]);
    let before = refs();
    let mut last = String::new();
    for verb in ["apply", "run"] {
        let refused = world.run(clone, &[verb, "--credentials", "../credentials"]);
        last = String::from_utf8(refused.stderr.clone()).unwrap();
        assert_eq!(refused.status.code(), Some(4), "{clone} {verb}: {last}");
        assert!(last.contains(&format!("error[{code}]")), "{clone} {verb}: {last}");
        assert!(hint(&refused).starts_with("name the fleet repository itself: --repo "), "{last}");
    }
    assert_eq!(refs(), before, "{clone}: something was written");
    last
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
    // What it is a copy of may have results by now.
    git(&world.path("new"), &["remote", "set-url", "origin", "../gone"]);
    let told = assert_refused(&world, "new");
    assert!(told.trim_end().ends_with("git branch --unset-upstream main"), "{told}");
    git(&world.path("new"), &["branch", "--unset-upstream", "main"]);
    assert_eq!(world.code("new", &APPLY), 0, "its results are here, and it follows nobody");

    git(world.dir.path(), &["clone", "-q", "--single-branch", "fleet", "away"]);
    git(&world.path("away"), &["remote", "set-url", "origin", "https://u:secret@127.0.0.1:9/f"]);
    let told = assert_refused(&world, "away");
    assert!(!told.contains("secret"), "{told}");
    // Without results it may be the new home of a fleet that is run from there.
    git(&world.path("away"), &["branch", "--unset-upstream", "main"]);
    let told = assert_refused(&world, "away");
    assert!(told.trim_end().ends_with("git remote remove origin"), "{told}");
}

/// The fleet says something else from now on, and it is in force.
fn applied_anew(world: &World, text: &str) {
    let changed = FLEET.replace("hello", text);
    commit(&world.path("fleet"), &[("fleet/all.yaml", &changed)]);
    assert_eq!(world.code("fleet", &APPLY), 0);
}

/// From an old copy the clusters would be taken back to what they ran when it was made.
#[test]
fn an_old_copy_is_refused_however_it_was_made() {
    let world = World::applied();
    let root = world.dir.path();
    for (copy, options) in [("bare", &["--bare"][..]), ("mirror", &["--mirror"]), ("fetched", &[])]
    {
        git(root, &[&["clone", "-q"], options, &["fleet", copy]].concat());
    }
    git(root, &["clone", "-q", "fleet", "untracked"]);
    let fetch = ["fetch", "-q", "origin", "+refs/heads/fleet/*:refs/heads/fleet/*"];
    git(&world.path("fetched"), &fetch);
    let branch = ["branch", "-q", "--no-track", "fleet/results", "origin/fleet/results"];
    git(&world.path("untracked"), &branch);
    assert_eq!(
        world.code("bare", &APPLY),
        0,
        "as long as nothing is newer it may be the fleet's own"
    );

    let results = |dir: &str| git(&world.path(dir), &["rev-parse", "fleet/results"]);
    let old = results("fleet");
    applied_anew(&world, "good day");
    for copy in ["mirror", "fetched", "untracked"] {
        assert_eq!(results(copy), old, "{copy}");
        assert_refused(&world, copy);
    }
    assert_eq!(results("bare"), old);
    let told = assert_stale(&world, "bare");
    for known in [&old, &results("fleet")] {
        assert!(told.contains(&known[..7]), "it names {known}: {told}");
    }
    // The advice for a copy does not turn an old one into the fleet's own.
    git(&world.path("untracked"), &["branch", "--unset-upstream", "main"]);
    assert!(assert_stale(&world, "untracked").contains("an old copy"));
    git(&world.path("untracked"), &["branch", "-q", "-D", "fleet/results"]);
    assert!(assert_stale(&world, "untracked").contains("has no commit"));
    // Nor does a line that is down.
    git(&world.path("untracked"), &["fetch", "-q"]);
    git(&world.path("untracked"), &["branch", "-q", "--no-track", "fleet/results", &old]);
    git(&world.path("untracked"), &["remote", "set-url", "origin", "../gone"]);
    assert!(assert_stale(&world, "untracked").contains("an old copy"));
    let text = world.run("fleet", &["get", "work", "--cluster", "one", "-o", "yaml"]).stdout;
    assert!(String::from_utf8(text).unwrap().contains("good day"));
}

#[test]
fn a_backup_as_remote_is_in_nobodys_way() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let apply = |why: &str| {
        let applied = world.run("fleet", &APPLY);
        let told = String::from_utf8(applied.stderr).unwrap();
        assert_eq!(applied.status.code(), Some(0), "{why}: {told}");
        assert!(!told.contains("WARN") && !told.contains("remote"), "{why}: {told}");
    };
    for backup in ["backup", "mirror"] {
        git(world.dir.path(), &["init", "-q", "--bare", "-b", "main", backup]);
    }
    git(&fleet, &["remote", "add", "backup", "../backup"]);
    git(&fleet, &["remote", "add", "--mirror=push", "mirror", "../mirror"]);
    git(&fleet, &["push", "-q", "mirror"]);
    apply("the backup is empty");
    git(&fleet, &["push", "-q", "backup", "main", "fleet/results"]);
    apply("the backup has what is here");
    applied_anew(&world, "good day");
    apply("the backup is older");
    // Branches that start afresh leave their past behind.
    let settings = "apiVersion: git-fleet.io/v1alpha1
kind: FleetSettings
spec: {history: {maxCommits: 2}}
";
    commit(&fleet, &[("fleet.yaml", settings)]);
    for text in ["one", "two", "three", "four"] {
        applied_anew(&world, text);
    }
    let subjects = git(&fleet, &["log", "--format=%s", "fleet/results"]);
    assert!(subjects.contains("start fleet/results afresh"), "{subjects}");
    apply("the backup is from before the branch started afresh");

    git(&fleet, &["push", "-q", "-f", "-u", "backup", "main", "fleet/results"]);
    git(&fleet, &["branch", "--unset-upstream", "fleet/results"]);
    let told = assert_refused(&world, "fleet");
    assert!(told.trim_end().ends_with("git branch --unset-upstream main"), "{told}");
    git(&fleet, &["branch", "--unset-upstream", "main"]);
    git(&fleet, &["remote", "set-url", "backup", "../away"]);
    apply("the backup is away");
}
