//! When what is no longer of the work leaves the member.

use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{PATIENCE, World, config_map, key, namespace, object, work};

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

/// A ConfigMap that stays until somebody takes its finalizer off.
fn guarded() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kept", "namespace": "shop", "finalizers": ["example.com/guard"]},
    })
}

/// What has a finalizer goes when that is taken off; nothing waits for it, and somebody is told.
#[tokio::test]
async fn an_object_that_does_not_go_away_is_told_and_holds_nothing_up() {
    let mut world = World::new();
    let kept = guarded();
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

/// The half minute of patience is that of the deletion, however long it was waited for.
#[tokio::test]
async fn an_object_is_not_told_to_be_stuck_before_it_had_time_to_go() {
    let mut world = World::new();
    let kept = guarded();
    world.run(work(&[namespace(), kept.clone()])).await;
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": "shop"}});
    let mut after = work(&[namespace(), unknown]);
    after.held.insert(key(&kept));
    world.run(after).await;
    let is_going = |live: &Value| !live["metadata"]["deletionTimestamp"].is_null();
    world.live(&world.config_maps(), "kept", is_going).await;
    let deleted = std::time::Instant::now();
    let is_told = |world: &World| {
        world.objects.get(&key(&kept)).is_some_and(|one| one.message.starts_with("DELETE_STUCK "))
    };
    world.until("it is told", is_told).await;
    let elapsed = deleted.elapsed();
    assert!(elapsed >= std::time::Duration::from_millis(800), "told after {elapsed:?}");
}

/// A Namespace goes with all that is in it, so one that has something of somebody else's does not go.
#[tokio::test]
async fn a_namespace_stays_for_what_others_have_in_it() {
    let mut world = World::new();
    let ours = config_map("a", "1");
    world.run(work(&[namespace(), ours.clone()])).await;
    let theirs = object(config_map("precious", "1"));
    world.config_maps().create(&PostParams::default(), &theirs).await.unwrap();
    let mut after = work(&[]);
    after.held = [namespace(), ours.clone()].iter().map(key).collect();
    let round = world.run(after).await;
    let expected = "NAMESPACE_KEPT Namespace shop has ConfigMap precious, which is not the fleet's";
    assert_eq!((round.kept, round.is_settled), (vec![expected.to_owned()], true));
    let namespaces = world.api("v1", "Namespace", "namespaces", None);
    let left = serde_json::to_value(namespaces.get("shop").await.unwrap()).unwrap();
    assert_eq!(left["metadata"]["labels"]["karmada.io/managed"], Value::Null, "{left:#}");
    assert_eq!(left["metadata"]["deletionTimestamp"], Value::Null);
    world.live(&world.config_maps(), "precious", |live| !live.is_null()).await;
    world.live(&world.config_maps(), "a", Value::is_null).await;

    // Without it, and declared once more, it is still there from before: it stays.
    world.run(work(&[overwriting(namespace())])).await;
    let mut after = work(&[]);
    after.held.insert(key(&namespace()));
    let round = world.run(after).await;
    let expected = "NAMESPACE_KEPT Namespace shop was there before the fleet took it over";
    assert_eq!(round.kept, [expected]);
}

/// What is still to run in a Namespace does not go because the Namespace's own template has.
#[tokio::test]
async fn a_namespace_stays_for_what_is_to_run_on_in_it() {
    let mut world = World::new();
    let ours = config_map("a", "1");
    world.run(work(&[namespace(), ours.clone()])).await;
    let mut after = work(std::slice::from_ref(&ours));
    after.held.insert(key(&namespace()));
    let round = world.run(after).await;
    let expected = "NAMESPACE_KEPT Namespace shop has ConfigMap shop/a, which is to run on";
    assert_eq!(round.kept, [expected]);
    world.live(&world.config_maps(), "a", |live| !live.is_null()).await;
    // Nothing else is in it: once it is the fleet's again, it goes.
    let mut both = work(&[namespace(), ours.clone()]);
    both.held.clear();
    let round = world.run(both).await;
    assert_eq!(round.n_failed, 1, "somebody has to say that it is to be taken over");
}

fn overwriting(mut object: Value) -> Value {
    object["metadata"]["annotations"]["work.karmada.io/conflict-resolution"] = "overwrite".into();
    object
}

/// To take an object over is to own it: it is deleted when its template goes. A cluster that leaves the
/// fleet keeps what it had before it came.
#[tokio::test]
async fn what_was_there_before_stays_when_its_cluster_leaves() {
    for leaves in [false, true] {
        let mut world = World::new();
        world.namespace().await;
        let theirs = object(config_map("theirs", "1"));
        world.config_maps().create(&PostParams::default(), &theirs).await.unwrap();
        let (adopted, ours) = (overwriting(config_map("theirs", "2")), config_map("ours", "1"));
        world.run(work(&[adopted.clone(), ours.clone()])).await;
        // The mark outlives a change.
        let changed = overwriting(config_map("theirs", "3"));
        world.run(work(&[changed, ours.clone()])).await;
        world.restart().await;
        let mut after = work(&[]);
        after.held = [adopted, ours].iter().map(key).collect();
        after.leaves = leaves;
        let round = world.run(after).await;
        world.live(&world.config_maps(), "ours", Value::is_null).await;
        if leaves {
            let why = "OBJECT_KEPT ConfigMap shop/theirs was there before the fleet took it over";
            assert_eq!(round.kept, [why]);
            let live = world.live(&world.config_maps(), "theirs", |live| !live.is_null()).await;
            assert_eq!(live["metadata"]["labels"]["karmada.io/managed"], Value::Null);
            assert_eq!(live["metadata"]["annotations"]["git-fleet.io/adopted"], Value::Null);
        } else {
            assert_eq!(round.kept, [""; 0]);
            world.live(&world.config_maps(), "theirs", Value::is_null).await;
        }
    }
}

/// Somebody took the Namespace of an object away, and nobody declares it.
#[tokio::test]
async fn an_object_whose_namespace_is_not_there_says_so() {
    let mut world = World::new();
    let ours = config_map("a", "1");
    let round = world.run(work(std::slice::from_ref(&ours))).await;
    assert_eq!(round.n_failed, 1);
    let message = &world.objects[&key(&ours)].message;
    assert!(
        message.starts_with("HOME_MISSING its Namespace shop, or its kind, is not in the cluster"),
        "{message}"
    );
    world.namespace().await;
    world.live(&world.config_maps(), "a", |live| !live.is_null()).await;
}
