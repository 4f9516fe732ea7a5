//! What is known of a cluster, and what one that fails does to the others.

use std::time::Duration;

use crate::kube::{self, Controllers, Options};
use crate::members::{Key, Member};
use crate::stage::{CLUSTERS, CONFIG_MAPS, Stage, config_map, policy};
use crate::world::{ONE_AT_A_TIME, World, until};

#[tokio::test]
async fn the_state_of_a_cluster_is_recorded() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.push("clusters only");
    for cluster in CLUSTERS {
        let words = [
            "kubernetesVersion: v1.36",
            "type: Ready",
            "reason: ClusterReady",
            "type: CompleteAPIEnablements",
            "groupVersion: apps/v1",
            "kind: Deployment",
            "nodeSummary:",
            "totalNum: 2",
            "readyNum: 2",
            "allocatable:",
            "cpu: \"64\"",
            "allocatableModelings:",
        ];
        stage.is_told(&format!("clusters/{cluster}.yaml"), &words).await;
    }
}

#[tokio::test]
async fn a_kind_that_a_cluster_comes_to_serve_opens_it_for_its_objects() {
    let Some(mut stage) = Stage::new().await else { return };
    let kind = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: maps.NS.example.io}
spec:
  group: NS.example.io
  names: {plural: maps, singular: map, kind: Map}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
";
    stage.push("clusters only");
    stage.is_told("clusters/west.yaml", &["reason: ClusterReady"]).await;
    stage.write(
        "map.yaml",
        "apiVersion: NS.example.io/v1\nkind: Map\nmetadata: {name: a, namespace: NS}\n",
    );
    let selector = "{apiVersion: NS.example.io/v1, kind: Map}";
    stage.write("policy.yaml", &policy("p", selector, "  placement: {}\n"));
    stage.push("nobody serves it");
    let path = "bindings/NS/Map.NS.example.io/a.yaml";
    stage.is_told(path, &["cluster(s) did not have the API resource"]).await;
    // Somebody installs the kind in one of them.
    stage.kubectl_apply("west", kind);
    let map = format!("{}.example.io/v1/Map", stage.namespace);
    stage
        .until("it is there", async || {
            let there = stage.live("west", &map, "a").await;
            there.map(|_| ()).ok_or_else(|| stage.result(path))
        })
        .await;
}

/// A server that accepts connections and never answers delays nobody, and is told of.
#[tokio::test]
async fn a_cluster_that_hangs_delays_no_other_and_catches_up() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let servers = ["sick", "well"];
    let options = Options { servers: &servers, controllers: Controllers::None };
    let Some(mut kube) = kube::start(&options) else { return };
    let mut world = World::new(&kube);
    for name in servers {
        world.write(
            &format!("{name}.yaml"),
            &format!("apiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{syncMode: Push}}\n"),
        );
    }
    let in_default = |text: String| text.replace("NS", "default");
    world.write("policy.yaml", &in_default(policy("p", CONFIG_MAPS, "  placement: {}\n")));
    world.write("a.yaml", &in_default(config_map("a", "one")));
    world.push("both are well");
    let _controller = world.run();
    let key = Key {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: "default".to_owned(),
        name: "a".to_owned(),
    };
    let well = tokio::sync::Mutex::new(Member::new(kube.server("well").client().await));
    let sick = tokio::sync::Mutex::new(Member::new(kube.server("sick").client().await));
    let has = async |member: &tokio::sync::Mutex<Member>, value: &str| {
        let live = member.lock().await.get(&key).await.unwrap_or_default();
        if live["data"]["key"] == value { Ok(()) } else { Err(format!("{live:#}")) }
    };
    until(&world, "both", async || has(&well, "one").await.and(has(&sick, "one").await)).await;

    kube.server_mut("sick").process().signal("STOP");
    world.write("a.yaml", &in_default(config_map("a", "two")));
    let pushed = std::time::Instant::now();
    world.push("one of them hangs");
    until(&world, "the other one", async || has(&well, "two").await).await;
    assert!(pushed.elapsed() < Duration::from_secs(20), "{:?}", pushed.elapsed());
    until(&world, "it is told", async || {
        let text = world.read("refs/heads/fleet/status/sick", "cluster.yaml").unwrap_or_default();
        if text.contains("ClusterNotReachable") { Ok(()) } else { Err(text) }
    })
    .await;
    kube.server_mut("sick").process().signal("CONT");
    until(&world, "it catches up", async || has(&sick, "two").await).await;
}
