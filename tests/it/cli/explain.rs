//! What `explain`, `get` and `plan` tell a person of a decision, and of what has none.

use git_fleet::daemon::ledger::{Ledger, Overrides};

use super::{FLEET, TWO, World, approve};
use crate::store::git::commit;

/// A second policy and cluster, templates that run nowhere, a definition and its resource.
const MORE: &str = "---
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
---
apiVersion: v1
kind: Service
metadata: {name: orphan, namespace: default}
spec: {ports: [{port: 80}]}
---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: widgets}
spec:
  resourceSelectors:
    - {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}
    - {apiVersion: example.com/v1, kind: Goose}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: geese.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Goose, plural: geese, singular: goose, shortNames: [gs]}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: example.com/v1
kind: Goose
metadata: {name: akka, namespace: default}
";

fn told(world: &World, arguments: &[&str]) -> String {
    let output = world.run("fleet", arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn templates_are_named_as_in_kubectl_and_have_a_reason_without_a_decision() {
    let world = World::applied();
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{FLEET}{MORE}"))]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);

    for (typed, expected) in [
        ("cm/greeting", "ConfigMap default/greeting: "),
        ("configmaps/greeting", "ConfigMap default/greeting: "),
        ("gs/akka", "Goose.example.com default/akka: "),
        ("geese.example.com/akka", "Goose.example.com default/akka: "),
        ("crd/geese.example.com", "CustomResourceDefinition.apiextensions.k8s.io geese."),
        ("svc/orphan", "Service default/orphan: it runs nowhere\n  no policy selects it\n"),
        (
            "cm/coredns",
            "ConfigMap kube-system/coredns: it runs nowhere\n  namespace kube-system belongs to \
             each cluster's own control plane\n",
        ),
    ] {
        let told = told(&world, &["explain", typed]);
        assert!(told.starts_with(expected), "{typed}: {told}");
    }
    let json = told(&world, &["explain", "service/orphan", "--cluster", "one", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["held"], "no policy selects it");
    assert_eq!(value["clusters"][0]["why"], "no policy selects it");
    let refused = world.run("fleet", &["explain", "service/orphan", "--cluster", "onne"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let plan = told(&world, &["plan"]);
    assert!(plan.contains("not placed: Service default/orphan: no policy selects it"), "{plan}");

    for (arguments, expected) in [
        (["get", "bindings", "cm/greeting", "-o", "name"], "configmap/greeting\n"),
        (["get", "bindings", "gs/akka", "-o", "name"], "goose.example.com/akka\n"),
        (["get", "work", "geese/akka", "-o", "name"], "one/goose.example.com/akka\n"),
        (["get", "bindings", "akka", "-o", "name"], "goose.example.com/akka\n"),
    ] {
        assert_eq!(told(&world, &arguments), expected, "{arguments:?}");
    }
    assert_eq!(world.code("fleet", &["get", "bindings", "svc/akka"]), 4, "akka is a Goose");

    // A definition that goes nowhere says all the same what its kind is called.
    let nothing = MORE
        .replace("{apiVersion: apiextensions.k8s.io/v1, kind: Cust", "{apiVersion: v1, kind: Cust")
        .replace("{apiVersion: example.com/v1, kind: Goose}", "{apiVersion: v1, kind: Goose}");
    let other = World::of(&format!("{FLEET}{nothing}"));
    let told_of = told(&other, &["explain", "gs/akka"]);
    assert_eq!(
        told_of,
        "Goose.example.com default/akka: it runs nowhere\n  no policy selects it\n"
    );

    // What is gone from the source is gone from what runs nowhere.
    let less = MORE.replace("name: orphan", "name: another");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{FLEET}{less}"))]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    let refused = world.run("fleet", &["explain", "svc/orphan"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
}

#[test]
fn a_plan_shows_who_takes_over() {
    let world = World::applied();
    let other = "---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: greeting, namespace: default}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: greeting}]
  placement: {clusterAffinity: {clusterNames: [one]}}
";
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{FLEET}{other}"))]);
    let plan = told(&world, &["plan", "--exit-code"]);
    assert_eq!(
        plan,
        "no difference in what runs\n= ConfigMap default/greeting: stays where it is   now by \
         PropagationPolicy default/greeting, not PropagationPolicy default/all\n"
    );
    let page = told(&world, &["plan", "-o", "markdown"]);
    assert!(
        page.contains(
            "There is no difference in what runs.\n\n- ConfigMap default/greeting stays where it \
             is, now by PropagationPolicy default/greeting, not PropagationPolicy default/all\n"
        ),
        "{page}"
    );
}

/// A cluster that left is named as such where a template is held.
#[test]
fn a_cluster_that_left_is_not_told_as_running() {
    let world = World::applied();
    let both = FLEET.replace("[one]", "[one, two]");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{both}{TWO}"))]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    let kinds = FLEET.replace("kind: ConfigMap}]", "kind: Secret}]");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &kinds)]);
    let held = world.run("fleet", &["apply", "--credentials", "../credentials"]);
    approve(&world.path("fleet"), &held);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    let told = told(&world, &["explain", "cm/greeting", "--cluster", "two"]);
    assert!(told.contains("held: no policy selects it"), "{told}");
    let (_, out) = told.split_once("It does not run in").expect(&told);
    assert!(out.contains("two       has left the fleet"), "{told}");
    let listed = self::told(&world, &["get", "bindings", "cm/greeting"]);
    assert!(listed.contains("1/1") && listed.contains("one two(left)"), "{listed}");
}

/// What is read of the results belongs to one commit, also when the next one comes meanwhile.
#[test]
fn the_results_are_read_at_one_commit() {
    let world = World::applied();
    let location = world.path("fleet").display().to_string().parse().unwrap();
    let ledger = Ledger::open(&location, world.dir.path(), Overrides::default()).unwrap();
    let recorded = ledger.recorded().unwrap();
    let renamed = FLEET.replace("name: greeting", "name: farewell");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &renamed)]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);

    let path = |name: &str| format!("bindings/default/ConfigMap/{name}.yaml");
    let (before, after) = (path("greeting"), path("farewell"));
    let now = ledger.recorded().unwrap();
    assert!(now.has(&after) && !now.has(&before));
    assert_eq!(recorded.paths("bindings/default/").collect::<Vec<_>>(), [before.as_str()]);
    assert!(ledger.recorded_file(&recorded, &before).unwrap().is_some());
    assert!(ledger.recorded_file(&recorded, &after).unwrap().is_none());
    let source = |recorded| ledger.recorded_source(recorded).unwrap().unwrap();
    assert_ne!(source(&recorded), source(&now));
}

/// A kind that nobody defines may live in a namespace, and the template may leave `default` out.
#[test]
fn the_default_namespace_may_be_left_out() {
    let more = "---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: wide}
spec:
  resourceSelectors:
    - {apiVersion: other.io/v1, kind: Widget}
    - {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole}
---
apiVersion: other.io/v1
kind: Widget
metadata: {name: bare}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: []
";
    let world = World::applied();
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{FLEET}{more}"))]);
    // No member serves the kind; the decision is recorded all the same.
    world.code("fleet", &["apply", "--credentials", "../credentials"]);
    let explained = told(&world, &["explain", "widget/bare", "-n", "default"]);
    assert!(explained.starts_with("Widget.other.io bare: "), "{explained}");
    let listed = told(&world, &["get", "bindings", "-n", "default", "-o", "name"]);
    assert_eq!(listed, "widget.other.io/bare\nconfigmap/greeting\n");
    assert_eq!(told(&world, &["get", "bindings", "-n", "web", "-o", "name"]), "");
}

/// One Deployment in the cluster `one`, beside a cluster that pulls.
const SHOP: &str = "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Pull}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: shop, namespace: default}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement: {clusterAffinity: {clusterNames: [one]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: default}
spec:
  replicas: 6
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'nginx:1.29'}]}
";

fn applied(world: &World, source: &str) {
    commit(&world.path("fleet"), &[("fleet/all.yaml", source)]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
}

/// One that is to move, and cannot be made where it is to go, is told where it runs.
#[test]
fn what_is_to_leave_is_told_as_running_until_it_leaves() {
    let world = World::of(SHOP);
    let broken = "---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: broken, namespace: default}
spec:
  overrideRules:
    - overriders: {plaintext: [{path: /spec/nosuch/0, operator: replace, value: x}]}
";
    let source = format!("{}{broken}", SHOP.replace("[one]", "[two]"));
    commit(&world.path("fleet"), &[("fleet/all.yaml", &source)]);
    let plan = told(&world, &["plan"]);
    assert!(
        plan.starts_with("~ Deployment.apps default/shop: one(6) → one(6,runs-on) two(6)   by "),
        "{plan}"
    );
    let json = told(&world, &["plan", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let change = &value["templates"][0];
    assert_eq!(change["after"], serde_json::json!({"one": 6, "two": 6}));
    assert_eq!(change["runsOn"], serde_json::json!(["one"]));

    applied(&world, &source);
    let told_of = told(&world, &["explain", "deploy/shop"]);
    let (_, tables) = told_of.split_once("It runs in\n").expect(&told_of);
    assert!(
        tables.starts_with(
            "CLUSTER   REPLICAS   WHY\none       6          runs on here, though it is to leave, \
             until two has its work; ClusterAffinity: cluster(s) did not match the placement \
             cluster affinity constraint: clusterNames does not name it\n\nIt is to run in\n\
             CLUSTER   REPLICAS   WHY\ntwo       6          fits the placement; not heard of yet, \
             so taken to be ready and to serve every API; nothing was made there yet: "
        ),
        "{tables}"
    );
    assert!(!told_of.contains("It does not run in"), "{told_of}");
    let json = told(&world, &["explain", "deploy/shop", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let of = |at: usize| {
        let one = &value["clusters"][at];
        (one["cluster"].as_str().unwrap(), one["runs"] == true, one["chosen"] == true)
    };
    assert_eq!((of(0), of(1)), (("one", true, false), ("two", false, true)));
    assert_eq!(value["clusters"][0]["replicas"], 6);
    let listed = told(&world, &["get", "bindings", "deploy/shop"]);
    assert!(listed.contains("True        1/2 "), "{listed}");
    assert!(listed.contains("one(6,runs-on) two(6,not-yet)"), "{listed}");
    assert!(told(&world, &["get", "bindings", "--cluster", "one", "-o", "name"]).contains("shop"));
}

/// A slip in an affinity stops nothing, and nothing tells that it did.
#[test]
fn what_no_cluster_fits_any_more_is_told_as_running() {
    let world = World::of(SHOP);
    let slip = SHOP.replace("{clusterNames: [one]}", "{labelSelector: {matchLabels: {a: b}}}");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &slip)]);
    let why = "Deployment.apps default/shop: 0/2 clusters are available: 2 cluster(s) did not \
               match the placement cluster affinity constraint.\n";
    let kept = "Deployment.apps default/shop in one: runs on here, though no cluster fits any more";
    let plan = told(&world, &["plan", "--exit-code"]);
    assert_eq!(plan, format!("no difference\nnot decided anew: {why}not up to date: {kept}\n"));
    let page = told(&world, &["plan", "-o", "markdown"]);
    assert!(page.contains("There is no difference.") && !page.contains("nowhere"), "{page}");

    applied(&world, &slip);
    let listed = told(&world, &["get", "bindings", "deploy/shop"]);
    assert!(listed.contains("NoClusterFit   1/1 "), "{listed}");
    assert!(listed.ends_with(" one(6)\n"), "{listed}");
    let told_of = told(&world, &["explain", "deploy/shop", "--cluster", "one"]);
    let runs = "It runs in\nCLUSTER   REPLICAS   WHY\none       6          stays because it was there before: ";
    assert!(told_of.contains("runs on here, though no cluster fits any more"), "{told_of}");
    assert!(told_of.contains(runs), "{told_of}");
}

/// What could not be placed has one row in a plan, with its reason.
#[test]
fn what_has_no_place_is_not_told_as_moving_from_nowhere_to_nowhere() {
    let world = World::of(FLEET);
    let slip = SHOP.replace("{clusterNames: [one]}", "{labelSelector: {matchLabels: {a: b}}}");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &slip)]);
    let page = told(&world, &["plan", "-o", "markdown"]);
    assert!(page.contains("Not placed:\n\n- Deployment.apps default/shop: 0/2 "), "{page}");
    assert!(!page.contains("| Deployment.apps default/shop |"), "{page}");
}

/// With fixed weights each cluster has its weight, what share that made, and lacks none unsaid.
#[test]
fn weights_and_their_shares_are_told() {
    let weights = "    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference:
        staticWeightList:
          - {targetCluster: {clusterNames: [one]}, weight: 20}
          - {targetCluster: {clusterNames: [two]}, weight: 10}
          - {targetCluster: {labelSelector: {matchLabels: {size: few}}}, weight: 1}
";
    let pull = |name: &str, size: &str| {
        format!(
            "---\napiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster
metadata: {{name: {name}, labels: {{size: {size}}}}}
spec: {{syncMode: Pull, region: eu}}\n"
        )
    };
    let divided = SHOP.replace("  placement: {clusterAffinity: {clusterNames: [one]}}\n", "");
    let policy = "resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]\n";
    let divided = divided.replace(policy, &format!("{policy}  placement:\n{weights}"));
    let source = format!("{divided}{}{}", pull("few", "few"), pull("plain", "many"));
    let world = World::of(&source);
    let told_of = told(&world, &["explain", "deploy/shop"]);
    for line in [
        "one       4          fits the placement; weight 20 of 31: 4 of 6 replicas; when it was",
        "so taken to be ready and to serve every API; weight 10 of 31: 2 of 6 replicas; when it",
        "few       would fit; its weight makes no replica; weight 1 of 31: 0 of 6 replicas; when \
         it was decided: region eu, score 0\n",
        "plain     would fit; no weight is given to it\n",
    ] {
        assert!(told_of.contains(line), "{line}: {told_of}");
    }
    let json = told(&world, &["explain", "deploy/shop", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let weight = &value["clusters"][0]["standing"]["weight"];
    assert_eq!(*weight, serde_json::json!({"own": 20, "total": 31, "replicas": 6}));

    // One that comes later has its weight, and its share only when replicas are dealt out again.
    applied(&world, &format!("{source}{}", pull("late", "few")));
    let told_of = told(&world, &["explain", "deploy/shop", "--cluster", "late"]);
    let line = "late      would fit; its weight counts once replicas are dealt out again\n";
    assert!(told_of.ends_with(line), "{told_of}");
}
