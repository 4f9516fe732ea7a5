//! When what is no longer of the work leaves the member.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{PATIENCE, World, config_map, key, namespace, work};

#[tokio::test]
async fn nothing_is_removed_while_something_is_not_in_place() {
    let mut world = World::new();
    let before = work(&[namespace(), config_map("a", "1"), config_map("b", "1")]);
    world.run(before.clone()).await;
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": "shop"}});
    let mut after = work(&[namespace(), config_map("a", "1"), unknown.clone()]);
    after.held.extend(before.held.clone());
    let round = world.run(after).await;
    assert_eq!((round.n_failed, round.n_prune_held, round.is_settled), (1, 1, false));
    assert!(world.objects[&key(&unknown)].message.contains("does not serve Gadget.example.com"));
    world.live(&world.config_maps(), "b", |live| !live.is_null()).await;

    let mut after = work(&[namespace(), config_map("a", "1")]);
    after.held = before.held;
    let round = world.run(after).await;
    assert_eq!(round.released.len(), 1);
    world.live(&world.config_maps(), "b", Value::is_null).await;
}

/// What can never be applied does not keep what was removed from the source running.
#[tokio::test]
async fn a_removal_waits_for_what_fails_for_a_while_only() {
    let mut world = World::new();
    let before = work(&[namespace(), config_map("a", "1"), config_map("b", "1")]);
    world.run(before.clone()).await;
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": "shop"}});
    let mut after = work(&[namespace(), config_map("a", "1"), unknown]);
    after.held.extend(before.held);
    let begun = std::time::Instant::now();
    world.run(after).await;
    world.live(&world.config_maps(), "b", Value::is_null).await;
    assert!(begun.elapsed() >= PATIENCE, "it waited {:?} only", begun.elapsed());
    world.live(&world.config_maps(), "a", |live| !live.is_null()).await;
}

/// What has a finalizer goes when that is taken off; nothing waits for it, and somebody is told.
#[tokio::test]
async fn an_object_that_does_not_go_away_is_told_and_holds_nothing_up() {
    let mut world = World::new();
    let kept = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kept", "namespace": "shop", "finalizers": ["example.com/guard"]},
    });
    world.run(work(&[namespace(), kept.clone(), config_map("a", "1")])).await;
    let mut without = work(&[]);
    without.held = [namespace(), kept.clone(), config_map("a", "1")].iter().map(key).collect();
    let round = world.run(without.clone()).await;
    assert_eq!(round.n_pruned, 3, "{round:?}");
    assert!(!round.is_settled, "it is not over yet");
    assert!(!round.released.contains(&key(&kept)), "{round:?}");

    let is_told = |world: &World| {
        world.objects.get(&key(&kept)).is_some_and(|one| one.message.starts_with("DELETE_STUCK "))
    };
    world.until("it is told", is_told).await;
    let message = &world.objects[&key(&kept)].message;
    assert!(message.contains("it waits for finalizer example.com/guard; "), "{message}");

    let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    world.config_maps().patch("kept", &PatchParams::default(), &none).await.unwrap();
    world.until("it is gone", |world| !world.objects.contains_key(&key(&kept))).await;
}
