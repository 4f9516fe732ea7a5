//! When what is no longer of the work leaves the member.

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
