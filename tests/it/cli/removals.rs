//! Nothing is removed that no plan showed and nobody approved.

use super::{FLEET, World, approve, trailer};
use crate::store::git::{commit, git};

const APPLY: [&str; 3] = ["apply", "--credentials", "../credentials"];
const SHOP: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

fn without_cluster() -> String {
    FLEET.split_once("---\n").expect("the cluster comes first").1.to_owned()
}

/// Nothing is removed from a cluster that leaves. When it comes back, what the source no longer has
/// is a removal like any other.
#[test]
fn a_cluster_that_comes_back_loses_nothing_unseen() {
    let world = World::of(&format!("{FLEET}---\n{SHOP}"));
    let fleet = world.path("fleet");
    commit(&fleet, &[("fleet/all.yaml", &format!("{}---\n{SHOP}", without_cluster()))]);
    let held = world.run("fleet", &APPLY);
    let told = String::from_utf8_lossy(&held.stderr);
    let expected = "DELETE_GUARD this would take out of the fleet, leaving there what they run: one (2 works)\n";
    assert!(told.contains(expected), "{told}");
    approve(&fleet, &held);
    assert_eq!(world.code("fleet", &APPLY), 0);
    commit(&fleet, &[("fleet/all.yaml", &without_cluster())]);
    assert_eq!(world.code("fleet", &APPLY), 0);

    commit(&fleet, &[("fleet/all.yaml", FLEET)]);
    for dir in ["fleet", "clone"] {
        if dir == "clone" {
            git(world.dir.path(), &["clone", "-q", "fleet", "clone"]);
        }
        let plan = world.run(dir, &["plan"]);
        let told = String::from_utf8(plan.stdout).unwrap();
        assert!(told.contains("cluster one: 1 added, 0 changed, 1 removed"), "{dir}: {told}");
        assert!(told.contains("- Namespace shop"), "{dir}: {told}");
    }
    let held = world.run("fleet", &APPLY);
    assert_eq!(held.status.code(), Some(4), "{held:?}");
    let told = String::from_utf8_lossy(&held.stderr);
    assert!(
        told.contains("DELETE_GUARD this would remove Namespace shop, and with them"),
        "{told}"
    );
    approve(&fleet, &held);
    let applied = world.run("fleet", &APPLY);
    let told = String::from_utf8_lossy(&applied.stderr);
    assert!(told.contains("1 pruned"), "{told}");
}

/// An approval may come by a pull request, or with other commits behind it; it counts once.
#[test]
fn an_approval_counts_in_any_commit_since_the_plan_in_force() {
    let more = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: default}\n";
    let world = World::of(&format!("{FLEET}{more}---\n{SHOP}"));
    let fleet = world.path("fleet");
    let without = format!("{FLEET}{more}");
    commit(&fleet, &[("fleet/all.yaml", &without)]);
    let held = world.run("fleet", &APPLY);
    assert_eq!(held.status.code(), Some(4), "{held:?}");
    let message = format!("meant\n\nFleet-Approve-Removal: {}", trailer(&held));
    git(&fleet, &["switch", "-q", "-c", "meant"]);
    git(&fleet, &["commit", "-q", "--allow-empty", "-m", &message]);
    git(&fleet, &["switch", "-q", "main"]);
    git(&fleet, &["merge", "-q", "--no-ff", "-m", "Merge pull request", "meant"]);
    commit(&fleet, &[("README.md", "# and more\n")]);
    assert_eq!(world.code("fleet", &APPLY), 0);

    // The same removal again is another one.
    commit(&fleet, &[("fleet/all.yaml", &format!("{without}---\n{SHOP}"))]);
    assert_eq!(world.code("fleet", &APPLY), 0);
    commit(&fleet, &[("fleet/all.yaml", &without)]);
    let again = world.run("fleet", &APPLY);
    assert_eq!(again.status.code(), Some(4), "{again:?}");
}

/// `approve` makes the commit that lets exactly one plan through.
#[test]
fn approve_commits_a_persons_word_for_exactly_what_waits() {
    let world = World::of(&format!("{FLEET}---\n{SHOP}"));
    let fleet = world.path("fleet");
    let told = |out: &std::process::Output| String::from_utf8_lossy(&out.stderr).into_owned();
    let early = world.run("fleet", &["approve", "0123abcd"]);
    assert_eq!(early.status.code(), Some(4), "{early:?}");
    assert!(told(&early).contains("error[APPROVE_NOTHING]"), "{early:?}");

    commit(&fleet, &[("fleet/all.yaml", FLEET)]);
    let held = world.run("fleet", &APPLY);
    let id = trailer(&held);
    let other = world.run("fleet", &["approve", "0123abcd"]);
    assert!(
        told(&other).contains(&format!("error[APPROVE_OTHER]: what waits is {id}")),
        "{other:?}"
    );

    // What is staged is nobody's word.
    std::fs::write(fleet.join("staged.yaml"), SHOP).unwrap();
    git(&fleet, &["add", "staged.yaml"]);
    let approved = world.run("fleet", &["approve", &id]);
    assert_eq!(approved.status.code(), Some(0), "{approved:?}");
    let made = String::from_utf8(approved.stdout).unwrap();
    assert_eq!(made.trim(), git(&fleet, &["rev-parse", "main"]).trim());
    let message = git(&fleet, &["log", "-1", "--format=%B"]);
    assert!(message.contains("would remove Namespace shop"), "{message}");
    assert!(
        message.contains(&format!("Fleet-Approve-Removal: {id}\nSigned-off-by: ")),
        "{message}"
    );
    assert_eq!(git(&fleet, &["diff", "--name-only", "HEAD~1", "HEAD"]), "");
    assert_eq!(git(&fleet, &["diff", "--cached", "--name-only"]).trim(), "staged.yaml");
    assert_eq!(world.code("fleet", &APPLY), 0);

    let remote = world.run("fleet", &["approve", &id, "--repo", "https://example.com/fleet.git"]);
    assert!(told(&remote).contains("error[APPROVE_REMOTE]"), "{remote:?}");
}

/// Without results nobody knows what was held, and why: what the clusters have beyond the new plan waits.
#[test]
fn nothing_is_removed_because_the_results_are_lost() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let kinds = FLEET.replace("kind: ConfigMap}]", "kind: Secret}]");
    commit(&fleet, &[("fleet/all.yaml", &kinds)]);
    assert_eq!(world.code("fleet", &APPLY), 0, "no policy selects it: it stays");
    git(&fleet, &["update-ref", "-d", "refs/heads/fleet/results"]);
    let held = world.run("fleet", &APPLY);
    let told = String::from_utf8_lossy(&held.stderr).into_owned();
    let expected = "would remove ConfigMap default/greeting, which the clusters were given by results that are lost";
    assert!(told.contains(expected), "{told}");
    approve(&fleet, &held);
    let applied = world.run("fleet", &APPLY);
    assert!(String::from_utf8_lossy(&applied.stderr).contains("1 pruned"), "{applied:?}");
}

/// With the work branches lost as well, what a cluster reports is all that is left of what it was given.
#[test]
fn nothing_is_removed_because_all_but_the_reports_is_lost() {
    let world = World::applied();
    let fleet = world.path("fleet");
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("name: greeting", "name: other"))]);
    for branch in ["results", "work/one"] {
        git(&fleet, &["update-ref", "-d", &format!("refs/heads/fleet/{branch}")]);
    }
    let held = world.run("fleet", &APPLY);
    let told = String::from_utf8_lossy(&held.stderr).into_owned();
    assert!(told.contains("would remove ConfigMap default/greeting"), "{told}");
}

/// A plan that moves an object is another one than that which loses it, and so is its approval.
#[test]
fn an_approval_of_a_move_does_not_approve_a_loss() {
    let two = "---\napiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster\nmetadata: {name: two}\nspec: {syncMode: Pull}\n";
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: default}\nspec: {}\n";
    let source = |cluster: &str, claim: &str| {
        let all = FLEET.replace(
            "[{apiVersion: v1, kind: ConfigMap}]",
            "[{apiVersion: v1, kind: ConfigMap}, {apiVersion: v1, kind: PersistentVolumeClaim}]",
        );
        let policy = "apiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata: {name: data, namespace: default}\nspec:\n  resourceSelectors: [{apiVersion: v1, kind: PersistentVolumeClaim, name: data}]\n";
        format!(
            "{all}{two}---\n{policy}  placement: {{clusterAffinity: {{clusterNames: [{cluster}]}}}}\n---\n{claim}"
        )
    };
    let world = World::of(&source("one", claim));
    let fleet = world.path("fleet");
    commit(&fleet, &[("fleet/all.yaml", &source("two", claim))]);
    // The other cluster is known by what is supposed of it.
    let reports = "two: {conditions: [{type: Ready, status: 'True', reason: ClusterReady, message: '', lastTransitionTime: '2026-01-01T00:00:00Z'}]}\n";
    std::fs::write(world.path("reports.yaml"), reports).unwrap();
    let plan = ["plan", "--reports", "../reports.yaml"];
    let moved = world.run("fleet", &plan);
    let told = String::from_utf8_lossy(&moved.stderr).into_owned();
    assert!(told.contains("PersistentVolumeClaim default/data from every cluster"), "{told}");
    let stdout = String::from_utf8_lossy(&moved.stdout).into_owned();
    assert!(stdout.contains("cluster two: 1 added"), "{stdout}");
    commit(&fleet, &[("fleet/all.yaml", &source("one", ""))]);
    let lost = world.run("fleet", &plan);
    assert_ne!(trailer(&moved), trailer(&lost), "{told}\n{lost:?}");
}

/// A commit that loosens the guards is judged by those that were in force before it.
#[test]
fn a_commit_cannot_let_itself_through() {
    let maps = |range: std::ops::Range<usize>| -> String {
        let map = |n| {
            format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{n}, namespace: default}}\n"
            )
        };
        range.map(map).collect()
    };
    let settings = "apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nspec: {guards: {maxRemovedPercent: 100, alwaysRemovable: 1000}}\n";
    let world = World::of(&format!("{FLEET}{}", maps(0..14)));
    let fleet = world.path("fleet");
    let fewer = format!("{FLEET}{}", maps(0..2));
    commit(&fleet, &[("fleet/all.yaml", &fewer), ("fleet.yaml", settings)]);
    for verb in [&["plan"][..], &APPLY] {
        let held = world.run("fleet", verb);
        let told = String::from_utf8_lossy(&held.stderr).into_owned();
        assert!(told.contains("would remove 12 of 15 works"), "{verb:?}: {told}");
    }
    // By itself the change of the guards counts at once, though nothing else is recorded of it.
    git(&fleet, &["revert", "--no-edit", "HEAD"]);
    commit(&fleet, &[("fleet.yaml", settings)]);
    assert_eq!(world.code("fleet", &APPLY), 0);
    commit(&fleet, &[("fleet/all.yaml", &fewer)]);
    assert_eq!(world.code("fleet", &APPLY), 0);
}
