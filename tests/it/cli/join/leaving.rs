//! A cluster leaves, and what it runs runs elsewhere before.

use std::process::Command;

use git_fleet::sim::{Faults, Workloads};

use super::super::terminal::Terminal;
use super::{Running, SHOP, TEMPLATES, World, commit, done, refused, until};

/// Joins both, has the shop run in one of them, and tells which.
fn shop_of_two(world: &World) -> (&'static str, &'static str) {
    done(&world.join("one", "one", &[]));
    done(&world.join("two", "two", &[]));
    done(&world.fleet(&["apply", "--credentials", "../credentials"]));
    match world.get("one", SHOP) {
        Some(_) => ("one", "two"),
        None => ("two", "one"),
    }
}

#[test]
fn a_cluster_leaves_after_what_it_runs_runs_elsewhere() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let (leaving, staying) = shop_of_two(&world);
    let _controller = world.controller();
    let told = done(&world.unjoin(leaving, &["--delete"]));
    let shop = world.get(staying, SHOP).expect("it runs in the other one");
    assert_eq!(shop["status"]["readyReplicas"], 2, "{shop}");
    assert!(world.get(leaving, SHOP).is_none(), "{told}");
    assert!(world.get(leaving, "/api/v1/namespaces/web").is_none(), "{told}");
    assert_eq!(world.account(leaving), [""; 0]);
    assert!(!world.path(&format!("credentials/{leaving}.yaml")).exists());
    assert!(!world.path(&format!("fleet/clusters/{leaving}.yaml")).exists());
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    let subjects = world.git(&["log", "-3", "--format=%s"]);
    let expected = ["", ": what it has goes", ": what it runs moves"];
    assert_eq!(subjects, expected.map(|what| format!("unjoin {leaving}{what}")).join("\n"));
    // The Namespace takes everything in it along: that it may was said by who asked for it.
    let approved =
        world.git(&["log", "--skip=1", "-1", "--format=%(trailers:key=Fleet-Approve-Removal)"]);
    assert!(!approved.is_empty());
    // Again: there is nothing left to do, and that is no failure.
    done(&world.unjoin(leaving, &[]));
}

#[test]
fn a_cluster_leaves_with_what_it_runs_where_that_is_asked_for() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let (leaving, staying) = shop_of_two(&world);
    let uid = world.get(leaving, SHOP).unwrap()["metadata"]["uid"].clone();
    let _controller = world.controller();
    done(&world.unjoin(leaving, &["--orphan"]));
    assert_eq!(world.get(leaving, SHOP).unwrap()["metadata"]["uid"], uid);
    assert!(world.get(staying, SHOP).is_some());
    assert_eq!(world.account(leaving), [""; 0]);
    let subjects = world.git(&["log", "--format=%s", "-3"]);
    let expected = ["", ": what it runs moves"].map(|what| format!("unjoin {leaving}{what}\n"));
    assert_eq!(subjects, expected.concat() + "join two");
    // And it can come back.
    done(&world.join(leaving, leaving, &[]));
}

#[test]
fn what_has_nowhere_to_go_stops_it_and_it_goes_on_where_it_stopped() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let bound = TEMPLATES
        .replace("  placement:\n", "  placement:\n    clusterAffinity: {clusterNames: [one]}\n");
    commit(&world.path("fleet"), &[("apps/shop.yaml", &bound)]);
    let (leaving, _) = shop_of_two(&world);
    assert_eq!(leaving, "one");
    // Nobody says what becomes of it.
    let output = world.unjoin("one", &[]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--delete removes it, --orphan leaves it as it is"), "{told}");
    let head = world.git(&["rev-parse", "HEAD"]);
    let dry = world.unjoin("one", &["--delete", "--dry-run"]);
    let steps = String::from_utf8(dry.stdout).unwrap();
    assert!(steps.starts_with("1. commit to main: a taint in clusters/one.yaml"), "{steps}");
    assert!(steps.contains("remove ClusterRoleBinding git-fleet\n"), "{steps}");
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
    // No controller takes it up: it stops after the first commit.
    let told = refused(&world.unjoin("one", &["--delete", "--timeout", "1s"]), "UNJOIN_UNFINISHED");
    assert!(told.contains("no controller has taken up that one leaves"), "{told}");
    assert_eq!(world.git(&["rev-list", "--count", &format!("{head}..")]), "1");
    let mut controller = world.controller();
    let told = refused(&world.unjoin("one", &["--delete"]), "UNJOIN_STUCK");
    assert!(told.contains("left: Deployment web/shop: 0/2 clusters are available"), "{told}");
    assert_eq!(world.git(&["rev-list", "--count", &format!("{head}..")]), "1");
    assert!(world.get("one", SHOP).is_some(), "it runs on");
    // Killed in the middle of the removal, with the cluster out of reach.
    world.host.stop("one").unwrap();
    let kubeconfig =
        ["unjoin", "one", "--kubeconfig", "../one.admin", "--credentials", "../credentials"];
    let told = refused(
        &world.fleet(&[&kubeconfig[..], &["--delete", "--force"]].concat()),
        "JOIN_CLUSTER",
    );
    assert!(told.contains("cannot be asked which cluster it is"), "{told}");
    let force = ["unjoin", "one", "--delete", "--force", "--credentials", "../credentials"];
    let mut half = Running::start(&world.path("fleet"), &world.path("half"), &force);
    until(
        "the removal is in the source",
        || world.git(&["log", "-1", "--format=%s"]).ends_with("what it has goes"),
        || half.errors(),
    );
    half.kill();
    controller.kill();
    world.host.restart("one").unwrap();
    let _controller = world.controller();
    done(&world.unjoin("one", &["--delete"]));
    assert!(world.get("one", SHOP).is_none());
    assert_eq!(world.account("one"), [""; 0]);
    assert_eq!(world.git(&["rev-list", "--count", &format!("{head}..")]), "3");
}

/// The agent of a cluster that is out of the controller's reach removes what is to go.
#[test]
fn an_agent_s_cluster_leaves_too() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let told = done(&world.join("one", "one", &["--sync-mode", "Pull"]));
    assert!(told.contains("start its agent: git fleet agent --remote URL --cluster one"), "{told}");
    let _controller = world.controller();
    let agent = ["agent", "--remote", ".", "--cluster", "one", "--credentials", "../credentials"];
    let agent = Running::start(&world.path("fleet"), &world.path("agent"), &agent);
    until("the agent applies it", || world.get("one", SHOP).is_some(), || agent.errors());
    done(&world.join("two", "two", &[]));
    let told = done(&world.unjoin("one", &["--delete"]));
    assert!(told.contains("stop the agent of one"), "{told}");
    assert!(world.get("one", SHOP).is_none() && world.get("two", SHOP).is_some());
    assert_eq!(world.account("one"), [""; 0]);
}

/// Its policy is gone, so the decision that has both clusters holds.
#[test]
fn a_decision_that_holds_is_no_hindrance_where_each_cluster_has_all_of_it() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let divided = TEMPLATES.replace(
        "    spreadConstraints: [{spreadByField: cluster, minGroups: 1, maxGroups: 1}]\n",
        "    replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Weighted}\n",
    );
    assert_ne!(divided, TEMPLATES);
    let held = |text: &str| text.split_once("---\napiVersion: policy").unwrap().0.to_owned();
    let each = divided.replace("Divided, replicaDivisionPreference: Weighted", "Duplicated");
    commit(&world.path("fleet"), &[("apps/shop.yaml", &divided)]);
    shop_of_two(&world);
    assert!(world.get("one", SHOP).is_some() && world.get("two", SHOP).is_some());
    let _controller = world.controller();
    // A share of the replicas is nowhere else.
    commit(&world.path("fleet"), &[("apps/shop.yaml", &held(&divided))]);
    let told = refused(&world.unjoin("one", &["--delete"]), "UNJOIN_STUCK");
    assert!(told.contains("left: Deployment web/shop: "), "{told}");
    // All of them are.
    let off = ["revert", "--no-edit", "HEAD"];
    world.git(&off);
    commit(&world.path("fleet"), &[("apps/shop.yaml", &each)]);
    let both = |n: u32| {
        ["one", "two"].iter().all(|name| world.get(name, SHOP).unwrap()["spec"]["replicas"] == n)
    };
    until("each has all of it", || both(2), String::new);
    commit(&world.path("fleet"), &[("apps/shop.yaml", &held(&each))]);
    let told = done(&world.unjoin("one", &["--delete"]));
    assert!(
        told.ends_with("one has left the fleet; what the fleet had there was removed\n"),
        "{told}"
    );
    assert!(world.get("one", SHOP).is_none() && world.get("two", SHOP).is_some());
}

/// What a person at a terminal says is done, and nothing else.
#[test]
fn a_person_is_asked_what_becomes_of_what_the_fleet_has_there() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    shop_of_two(&world);
    let asks = |name: &str, answer: &str| {
        let mut terminal = Terminal::open();
        let mut unjoin = Command::new(env!("CARGO_BIN_EXE_git-fleet"));
        unjoin
            .args(["unjoin", name, "--force", "--timeout", "1s"])
            .current_dir(world.path("fleet"));
        let mut unjoin = unjoin.stdin(terminal.stdio()).stderr(terminal.stdio()).spawn().unwrap();
        terminal.answer("to leave them as they are: ", answer);
        let code = unjoin.wait().unwrap().code();
        (code, terminal.shown())
    };
    let head = world.git(&["rev-parse", "HEAD"]);
    let (leaving, staying) =
        if world.get("one", SHOP).is_some() { ("one", "two") } else { ("two", "one") };
    for answer in ["yes\n", "\n", "\u{4}"] {
        let (code, shown) = asks(leaving, answer);
        assert_eq!(code, Some(2), "{answer:?}: {shown}");
        // The Namespace and the Deployment.
        assert!(shown.contains(&format!("The fleet has 2 objects in {leaving}. ")), "{shown}");
        assert_eq!(world.git(&["rev-parse", "HEAD"]), head, "{answer:?}");
    }
    let subjects = || world.git(&["log", "--format=%s", &format!("{head}..")]);
    let (code, shown) = asks(staying, "orphan\n");
    assert!(code == Some(0) && shown.contains("The fleet has 1 object in "), "{shown}");
    let orphan = ["", ": what it runs moves"].map(|what| format!("unjoin {staying}{what}"));
    assert_eq!(subjects(), orphan.join("\n"));
    done(&world.fleet(&["apply", "--credentials", "../credentials"]));
    let (code, shown) = asks(leaving, "delete\n");
    assert_eq!(code, Some(0), "{shown}");
    let delete = ["", ": what it has goes", ": what it runs moves"];
    let delete = delete.map(|what| format!("unjoin {leaving}{what}"));
    assert_eq!(subjects(), [&delete[..], &orphan].concat().join("\n"));
}

/// What lives in the account's namespace is of any kind.
#[test]
fn a_namespace_that_is_in_use_stays() {
    let world = World::new(&["one"], Workloads::Progress);
    done(&world.join("one", "one", &[]));
    let namespace = "/api/v1/namespaces/git-fleet-system";
    let service = serde_json::json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "metrics"}, "spec": {"ports": [{"port": 80}]}});
    world.create("one", &format!("{namespace}/services"), &service);
    done(&world.unjoin("one", &["--orphan", "--force", "--timeout", "1s"]));
    assert_eq!(world.account("one"), ["namespaces /git-fleet-system"]);
    assert!(world.get("one", &format!("{namespace}/services/metrics")).is_some());
    // Once it is gone the namespace goes as well, long after the registration.
    world.delete("one", &format!("{namespace}/services/metrics"));
    done(&world.unjoin("one", &[]));
    assert_eq!(world.account("one"), [""; 0]);
}

/// A name with a slip in it is not told to have left.
#[test]
fn what_is_no_member_is_said_to_be_none() {
    let world = World::new(&["one"], Workloads::Progress);
    done(&world.join("one", "one", &[]));
    let head = world.git(&["rev-parse", "HEAD"]);
    let slip = ["unjoin", "onne", "--delete", "--credentials", "../credentials"];
    let told = refused(&world.fleet(&slip), "NOT_FOUND");
    assert!(told.contains("cluster onne not found\n"), "{told}");
    assert!(told.contains("did you mean `one`?"), "{told}");
    assert!(!told.contains("removed") && !told.contains("waiting"), "{told}");
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
    // A kubeconfig of another cluster is not its own, though the registration names no id.
    let text = std::fs::read_to_string(world.path("fleet/clusters/one.yaml")).unwrap();
    let without: String =
        text.split_inclusive('\n').filter(|line| !line.contains("  id: ")).collect();
    commit(&world.path("fleet"), &[("clusters/one.yaml", &without)]);
    done(&world.fleet(&["apply", "--credentials", "../credentials"]));
    let other = World::new(&["two"], Workloads::Progress);
    std::fs::copy(other.path("two.admin"), world.path("two.admin")).unwrap();
    let unjoin = ["unjoin", "one", "--orphan", "--kubeconfig", "../two.admin"];
    refused(&world.fleet(&unjoin), "JOIN_NAME");
}

/// Deployments in both clusters, and the controller that sees to them.
fn shop_in_both(world: &World) -> Running {
    let both = TEMPLATES.replace(
        "    spreadConstraints: [{spreadByField: cluster, minGroups: 1, maxGroups: 1}]\n",
        "    clusterAffinity: {clusterNames: [one, two]}\n",
    );
    assert_ne!(both, TEMPLATES);
    commit(&world.path("fleet"), &[("apps/shop.yaml", &both)]);
    done(&world.join("one", "one", &[]));
    done(&world.join("two", "two", &[]));
    let controller = world.controller();
    let is_well =
        |name| world.get(name, SHOP).is_some_and(|shop| shop["status"]["readyReplicas"] == 2);
    until("both have it", || is_well("one") && is_well("two"), || controller.errors());
    controller
}

fn waits_until_silent(world: &World, name: &str) {
    let is_silent = || {
        let shown = world.fleet(&["get", "clusters", name, "-o", "json"]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        shown.contains(r#""type": "Ready""#) && !shown.contains("ClusterReady")
    };
    until("it is known to be silent", is_silent, String::new);
}

/// What a dead cluster said last is no reason to take the same from the one that runs.
#[test]
fn nothing_has_moved_to_a_cluster_that_is_not_ready() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let _controller = shop_in_both(&world);
    world.host.stop("two").unwrap();
    waits_until_silent(&world, "two");
    let told = refused(&world.unjoin("one", &["--delete", "--timeout", "3s"]), "UNJOIN_UNFINISHED");
    assert!(told.contains("web/shop would be left to two, which is not ready"), "{told}");
    assert!(world.get("one", SHOP).is_some(), "it runs on");
    world.host.restart("two").unwrap();
    done(&world.unjoin("one", &["--delete"]));
    assert!(world.get("one", SHOP).is_none());
}

/// A cluster that accepts requests and answers none has removed nothing that anybody knows of.
#[test]
fn nothing_is_said_to_be_removed_from_a_cluster_that_does_not_answer() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let _controller = shop_in_both(&world);
    let paused = |paused| {
        world.host.faults("two", Faults { paused, ..Faults::default() }).unwrap();
    };
    paused(true);
    let unjoin = ["unjoin", "two", "--delete", "--timeout", "3s"];
    let told = refused(&world.fleet(&unjoin), "UNJOIN_UNFINISHED");
    assert!(told.contains("left: two "), "{told}");
    let forced = done(&world.fleet(&[&unjoin[..], &["--force"]].concat()));
    assert!(forced.contains("left: two "), "{forced}");
    assert!(!forced.contains("was removed"), "{forced}");
    paused(false);
    assert!(world.get("two", SHOP).is_some() || world.get("one", SHOP).is_some());
}

/// It was there before the fleet, or others have something in it: that stays, and is told.
#[test]
fn what_others_have_in_a_namespace_stays_and_is_told() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let _controller = shop_in_both(&world);
    let theirs = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "precious"}});
    world.create("one", "/api/v1/namespaces/web/configmaps", &theirs);
    let told = done(&world.unjoin("one", &["--delete"]));
    let expected = "stays there: NAMESPACE_KEPT Namespace web has ConfigMap precious, which is not the fleet's\n";
    assert!(told.contains(expected), "{told}");
    assert!(told.ends_with("was removed, but for what is named above\n"), "{told}");
    assert!(world.get("one", "/api/v1/namespaces/web/configmaps/precious").is_some());
    assert!(world.get("one", SHOP).is_none());
}

/// A commit below waits for a person: nothing on top of it is ever taken up.
#[test]
fn an_unjoin_says_that_another_commit_waits() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    let _controller = shop_in_both(&world);
    let (_, rest) = TEMPLATES.split_once("---\n").unwrap();
    commit(&world.path("fleet"), &[("apps/shop.yaml", rest)]);
    let head = world.git(&["rev-parse", "HEAD"]);
    let told = refused(&world.unjoin("one", &["--delete"]), "UNJOIN_HELD");
    assert!(told.contains("main waits for an approval: DELETE_GUARD this would"), "{told}");
    assert!(told.contains("git fleet approve "), "{told}");
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
}
