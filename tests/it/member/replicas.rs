//! Whose the number of replicas is: ours, an autoscaler's, or the member's own.

use std::sync::Arc;

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::meanings::KeepsMetadata;
use super::{World, deployment, key, namespace, work};

const RETAIN: &str = "resourcetemplate.karmada.io/retain-replicas";

#[tokio::test]
async fn replicas_that_an_autoscaler_owns_are_left_to_it() {
    let mut world = World::new();
    world.run(work(&[namespace(), deployment("a:1")])).await;
    let scale = json!({"spec": {"replicas": 7}});
    let autoscaler = PatchParams {
        field_manager: Some("kube-controller-manager".into()),
        ..PatchParams::default()
    };
    world.deployments().patch_scale("web", &autoscaler, &Patch::Merge(scale)).await.unwrap();
    let left = "spec.replicas are left to kube-controller-manager";
    let is_told = |world: &World| world.objects[&key(&deployment("a:1"))].message == left;
    world.until("the report says whose the replicas are", is_told).await;
    let round = world.run(work(&[namespace(), deployment("a:2")])).await;
    assert_eq!(round.n_failed, 0);
    let live = world.live(&world.deployments(), "web", |live| !live.is_null()).await;
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "a:2");
    assert_eq!(live["spec"]["replicas"], 7);
}

#[tokio::test]
async fn replicas_that_anybody_else_sets_through_scale_are_put_back() {
    let mut world = World::new();
    world.run(work(&[namespace(), deployment("a:1")])).await;
    let scale = json!({"spec": {"replicas": 7}});
    let k9s = PatchParams { field_manager: Some("k9s".into()), ..PatchParams::default() };
    world.deployments().patch_scale("web", &k9s, &Patch::Merge(scale)).await.unwrap();
    world.live(&world.deployments(), "web", |live| live["spec"]["replicas"] == 2).await;
}

/// The label means what it means in Karmada: of a Deployment, and only where no rule of the user's says
/// what a member keeps.
#[tokio::test]
async fn replicas_are_retained_of_labelled_deployments_alone() {
    let mut world = World::new();
    let objects = |image: &str| {
        let mut deployment = deployment(image);
        deployment["metadata"]["labels"][RETAIN] = json!("true");
        let mut stateful_set = deployment.clone();
        stateful_set["kind"] = json!("StatefulSet");
        stateful_set["spec"]["serviceName"] = json!("web");
        [namespace(), deployment, stateful_set]
    };
    world.run(work(&objects("a:1"))).await;
    let changed_image = |image: &'static str| {
        move |live: &Value| live["spec"]["template"]["spec"]["containers"][0]["image"] == image
    };
    world.run(work(&objects("a:2"))).await;
    let live = world.live(&world.deployments(), "web", changed_image("a:2")).await;
    assert_eq!(live["spec"]["replicas"], 2, "nobody has scaled it yet");

    let scale = json!({"spec": {"replicas": 7}});
    let k9s = PatchParams { field_manager: Some("k9s".into()), ..PatchParams::default() };
    let stateful_sets = world.api("apps/v1", "StatefulSet", "statefulsets", Some("shop"));
    for api in [&world.deployments(), &stateful_sets] {
        api.patch_scale("web", &k9s, &Patch::Merge(&scale)).await.unwrap();
    }
    world.live(&stateful_sets, "web", |live| live["spec"]["replicas"] == 2).await;
    let round = world.run(work(&objects("a:3"))).await;
    assert_eq!(round.n_failed, 0);
    let live = world.live(&world.deployments(), "web", changed_image("a:3")).await;
    assert_eq!(live["spec"]["replicas"], 7);

    let mut by_rule = work(&objects("a:4"));
    by_rule.meaning = Arc::new(KeepsMetadata { kind: "Deployment" });
    world.run(by_rule).await;
    world.live(&world.deployments(), "web", |live| live["spec"]["replicas"] == 2).await;
}
