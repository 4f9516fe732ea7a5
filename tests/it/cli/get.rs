//! `get` of names: what is there, and what is not.

use super::{FLEET, World, hint};
use crate::store::git::{commit, git};

#[test]
fn a_name_that_nothing_has_is_an_error_that_knows_what_was_meant() {
    let world = World::applied();
    for (arguments, text, remedy) in [
        (&["clusters", "onne"][..], "cluster onne not found", "did you mean `one`? "),
        (
            &["clusters", "elsewhere"],
            "cluster elsewhere not found",
            "`git fleet get clusters` lists",
        ),
        (&["bindings", "greetings"], "binding greetings not found", "did you mean `greeting`? "),
        (&["bindings", "cm/greetin"], "binding cm/greetin not found", "did you mean `greeting`? "),
        (
            &["bindings", "deploy/greeting"],
            "binding deploy/greeting not found",
            "there is ConfigMap default/greeting; ",
        ),
        (
            &["bindings", "greeting", "-n", "web"],
            "binding greeting not found in namespace web",
            "there is ConfigMap default/greeting; ",
        ),
        (&["work", "nope"], "work nope not found", "`git fleet get work` lists"),
        (&["work", "nope", "--cluster", "one"], "work nope not found in cluster one", "`git"),
        (&["work", "--cluster", "onw"], "cluster onw not found", "did you mean `one`? "),
        (
            &["bindings", "--cluster", "two"],
            "cluster two not found",
            "`git fleet get clusters` lists",
        ),
        (&["templates", "greting"], "template greting not found", "did you mean `greeting`? "),
    ] {
        for format in [&[][..], &["-o", "json"], &["-o", "name"]] {
            let arguments = [&["get"], arguments, format].concat();
            let refused = world.run("fleet", &arguments);
            assert_eq!(refused.status.code(), Some(4), "{arguments:?}: {refused:?}");
            assert!(refused.stdout.is_empty(), "{arguments:?}: {refused:?}");
            let told = String::from_utf8(refused.stderr.clone()).unwrap();
            assert!(told.starts_with(&format!("error[NOT_FOUND]: {text}\n")), "{told}");
            assert!(hint(&refused).starts_with(remedy), "{told}");
        }
    }
}

#[test]
fn a_list_of_nothing_is_no_error() {
    let world = World::applied();
    for (arguments, told) in [
        (["get", "bindings", "-n", "web"], "No resources found in web namespace.\n"),
        (["get", "work", "-n", "web"], "No resources found in web namespace.\n"),
    ] {
        let empty = world.run("fleet", &arguments);
        assert_eq!((empty.status.code(), &*empty.stdout), (Some(0), &b""[..]), "{arguments:?}");
        assert_eq!(String::from_utf8(empty.stderr).unwrap(), told);
    }
    let empty = world.run("fleet", &["get", "bindings", "-n", "web", "-o", "json"]);
    assert!(empty.status.success() && empty.stderr.is_empty(), "{empty:?}");
    assert!(String::from_utf8(empty.stdout).unwrap().contains("\"items\": []"));
    // Before anything was written at all.
    commit(&crate::store::git::init(&world.path("new")), &[("all.yaml", FLEET)]);
    let empty = world.run("new", &["get", "clusters"]);
    assert_eq!(empty.status.code(), Some(0));
    let told = String::from_utf8(empty.stderr).unwrap();
    assert!(told.starts_with("No resources found: there is no branch fleet/results"), "{told}");
    assert_eq!(world.code("new", &["get", "clusters", "one"]), 4);
}

#[test]
fn a_cluster_narrows_every_list() {
    let two = "---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Pull}
";
    let world = World::of(&format!("{FLEET}{two}"));
    for (list, in_one, in_two) in [
        ("clusters", "cluster/one\n", "cluster/two\n"),
        ("bindings", "configmap/greeting\n", ""),
        ("templates", "configmap/greeting\n", ""),
        ("work", "one/configmap/greeting\n", ""),
    ] {
        for (cluster, expected) in [("one", in_one), ("two", in_two)] {
            let names = world.run("fleet", &["get", list, "--cluster", cluster, "-o", "name"]);
            assert_eq!(names.status.code(), Some(0), "{names:?}");
            assert_eq!(String::from_utf8(names.stdout).unwrap(), expected, "{list} of {cluster}");
        }
    }
}

/// The branch that is named says where the record is, so it has to be there.
#[test]
fn a_source_branch_that_is_named_counts_for_every_verb_that_looks() {
    let world = World::applied();
    let fleet = world.path("fleet");
    git(&fleet, &["checkout", "-q", "-b", "staging"]);
    let settings = "apiVersion: git-fleet.io/v1alpha1
kind: FleetSettings
metadata: {name: fleet}
spec: {refs: {prefix: staging-fleet}}
";
    commit(&fleet, &[("fleet.yaml", settings), ("fleet/all.yaml", "kind: [")]);
    git(&fleet, &["checkout", "-q", "main"]);
    for verb in [&["get", "clusters"][..], &["explain", "cm/greeting"], &["plan"], &["validate"]] {
        let refused = world.run("fleet", &[verb, &["--source-branch", "nope"]].concat());
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(4), "{verb:?}: {told}");
        assert!(told.starts_with("error[REF_MISSING]: "), "{verb:?}: {told}");
    }
    let other = world.run("fleet", &["get", "clusters", "--source-branch", "staging"]);
    let told = String::from_utf8(other.stderr).unwrap();
    assert!(told.contains("there is no branch staging-fleet/results here yet"), "{told}");
    assert_eq!(world.code("fleet", &["validate", "--source-branch", "staging"]), 3);
    assert_eq!(world.code("fleet", &["validate"]), 0);
}

/// A change that a member refuses is told by every verb: what runs there says nothing of it.
#[test]
fn a_work_that_is_refused_is_told_with_the_reason() {
    let world = World::of(&FLEET.replace("\ndata:", "\nimmutable: true\ndata:"));
    let wide = || world.run("fleet", &["get", "work", "-o", "wide"]).stdout;
    let before = String::from_utf8(wide()).unwrap();
    assert!(before.contains("True") && before.contains("Healthy"), "{before}");
    let changed = FLEET.replace("\ndata:", "\nimmutable: true\ndata:").replace("hello", "hi");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &changed)]);
    // What the member reports is folded by the next pass.
    for _ in 0..2 {
        assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 4);
    }
    let refused = String::from_utf8(wide()).unwrap();
    let row = refused.lines().find(|row| row.contains("greeting")).unwrap();
    assert!(row.contains("False") && row.contains("Unknown"), "{row}");
    assert!(!row.contains("Healthy") && row.contains("is immutable when"), "{row}");
    let explained = world.run("fleet", &["explain", "configmap/greeting"]).stdout;
    let explained = String::from_utf8(explained).unwrap();
    let row = explained.lines().find(|row| row.starts_with("one ")).unwrap();
    assert!(row.contains("its work is not applied: OBJECT_REFUSED "), "{row}");
    assert!(row.contains("is immutable when"), "{row}");
}
