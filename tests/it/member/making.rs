//! The first apply of an object: what is new is made, what was there before is not touched unasked.

use kube::api::PostParams;
use serde_json::json;

use super::{World, config_map, key, namespace, object, work};

#[tokio::test]
async fn what_is_new_costs_one_request_each() {
    let mut world = World::new();
    let mut objects = vec![namespace(), config_map("a", "1")];
    world.run(work(&objects)).await;
    let before = world.host.requests("one").unwrap();
    objects.extend((0..40).map(|idx| config_map(&format!("c{idx}"), "1")));
    assert_eq!(world.run(work(&objects)).await.n_applied, 40);
    let after = world.host.requests("one").unwrap();
    assert_eq!((after.writes(), after.of("get")), (before.writes() + 40, before.of("get")));
}

#[tokio::test]
async fn an_object_that_was_there_before_is_left_alone_unless_the_policy_says_otherwise() {
    let mut world = World::new();
    world.namespace().await;
    let theirs = object(config_map("a", "theirs"));
    world.config_maps().create(&PostParams::default(), &theirs).await.unwrap();
    // An apply of ours would meet no field of theirs here.
    let mut theirs = config_map("c", "");
    theirs["data"] = json!({"theirs": "1"});
    world.config_maps().create(&PostParams::default(), &object(theirs)).await.unwrap();
    let before = world.live(&world.config_maps(), "c", |live| !live.is_null()).await;
    let mut ours = config_map("a", "ours");
    let round = world.run(work(&[ours.clone(), config_map("b", "1"), config_map("c", "1")])).await;
    assert_eq!((round.n_applied, round.n_failed), (1, 2));
    assert_eq!(world.live(&world.config_maps(), "c", |live| !live.is_null()).await, before);
    let message = world.objects[&key(&ours)].message.clone();
    assert!(message.contains("conflictResolution: Overwrite"), "{message}");
    let live = world.live(&world.config_maps(), "a", |live| !live.is_null()).await;
    assert_eq!(live["data"]["k"], "theirs");

    ours["metadata"]["annotations"] = json!({"work.karmada.io/conflict-resolution": "overwrite"});
    let round = world.run(work(&[ours, config_map("b", "1")])).await;
    assert_eq!((round.n_applied, round.n_failed), (1, 0));
    world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "ours").await;
}

#[tokio::test]
async fn fields_of_others_are_named_when_a_marked_object_is_adopted() {
    let mut world = World::new();
    world.namespace().await;
    let mut theirs = config_map("a", "theirs");
    theirs["metadata"]["labels"] = json!({"karmada.io/managed": "true"});
    let post = PostParams { field_manager: Some("karmada".into()), ..PostParams::default() };
    world.config_maps().create(&post, &object(theirs)).await.unwrap();
    let ours = config_map("a", "ours");
    let round = world.run(work(std::slice::from_ref(&ours))).await;
    assert_eq!(round.n_failed, 1);
    let message = &world.objects[&key(&ours)].message;
    assert!(message.contains(".data.k (owned by karmada)"), "{message}");
}
