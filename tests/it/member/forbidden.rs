//! Credentials that are for some namespaces only.

use git_fleet::sim::Faults;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::{World, config_map, key, namespace, work};

/// The ConfigMap `a` in another namespace.
fn in_namespace(name: &str) -> Value {
    let mut object = config_map("a", "1");
    object["metadata"]["namespace"] = name.into();
    object
}

fn forbid(world: &World, paths: &[&str]) {
    let forbidden = paths.iter().map(|path| (*path).to_owned()).collect();
    world.host.faults("one", Faults { forbidden, ..Faults::default() }).unwrap();
}

#[tokio::test]
async fn what_may_not_be_listed_as_a_whole_is_watched_in_each_namespace() {
    let mut world = World::new();
    forbid(&world, &["/api/v1/configmaps", "/api/v1/namespaces/default"]);
    let mut objects = vec![namespace(), config_map("a", "1"), in_namespace("default")];
    let round = world.run(work(&objects)).await;
    assert_eq!((round.n_applied, round.n_failed), (2, 1));
    let message = &world.objects[&key(&objects[2])].message;
    assert!(message.starts_with("CLUSTER_FORBIDDEN: "), "{message}");

    // Somebody else's changes are seen, and put back.
    let theirs = PatchParams { field_manager: Some("someone".into()), ..PatchParams::default() };
    let change = Patch::Merge(json!({"data": {"k": "2"}}));
    world.config_maps().patch("a", &theirs, &change).await.unwrap();
    world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "1").await;
    world.config_maps().delete("a", &DeleteParams::default()).await.unwrap();
    world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "1").await;

    // So are those in a namespace that comes later.
    objects.push(in_namespace("kube-public"));
    world.run(work(&objects)).await;
    let later = world.api("v1", "ConfigMap", "configmaps", Some("kube-public"));
    later.patch("a", &theirs, &change).await.unwrap();
    world.live(&later, "a", |live| live["data"]["k"] == "1").await;

    // A restart finds all of it in place, and one that may do more watches it as a whole.
    world.restart().await;
    let before = world.writes();
    let round = world.run(work(&objects)).await;
    assert_eq!((round.n_applied, round.n_failed), (0, 1));
    forbid(&world, &[]);
    world.restart().await;
    let round = world.run(work(&objects)).await;
    assert_eq!((round.n_applied, round.n_failed), (1, 0));
    // One was refused at each attempt, and is there now.
    assert!(world.writes() > before);
}

/// Nobody knows whether it is there, so nobody forgets that it is to go.
#[tokio::test]
async fn what_cannot_be_seen_any_more_is_not_taken_to_be_gone() {
    let mut world = World::new();
    let before = work(&[namespace(), config_map("a", "1"), in_namespace("kube-public")]);
    world.run(before.clone()).await;
    forbid(&world, &["/api/v1/configmaps", "/api/v1/namespaces/kube-public"]);
    world.restart().await;
    let mut after = work(&[namespace(), config_map("a", "1")]);
    after.held.extend(before.held.clone());
    let round = world.run(after.clone()).await;
    assert_eq!((round.released.len(), round.is_settled), (0, false));

    forbid(&world, &[]);
    let hidden = world.api("v1", "ConfigMap", "configmaps", Some("kube-public"));
    world.restart().await;
    let round = world.run(after).await;
    assert_eq!((round.released.len(), round.is_settled), (1, true));
    world.live(&hidden, "a", Value::is_null).await;
}

/// What the account was never let near is not the fleet's to remove: nobody waits for it.
#[tokio::test]
async fn what_could_never_be_applied_is_forgotten() {
    let mut world = World::new();
    forbid(&world, &["/api/v1/configmaps", "/api/v1/namespaces/default"]);
    let outside = in_namespace("default");
    let round = world.run(work(&[namespace(), outside.clone()])).await;
    assert_eq!((round.n_applied, round.n_failed), (1, 1));
    let mut after = work(&[namespace()]);
    after.held.insert(key(&outside));
    let round = world.run(after).await;
    assert_eq!((round.released, round.is_settled), (vec![key(&outside)], true));
    world.until("it is in no report", |world| !world.objects.contains_key(&key(&outside))).await;
}

/// What nobody can look at later is not made: it would be there for good.
#[tokio::test]
async fn what_may_be_written_and_not_seen_is_not_made() {
    let mut world = World::new();
    let unreadable = ["/api/v1/configmaps", "/api/v1/namespaces/default"].map(str::to_owned).into();
    world.host.faults("one", Faults { unreadable, ..Faults::default() }).unwrap();
    let objects = [namespace(), config_map("a", "1"), in_namespace("default")];
    let round = world.run(work(&objects)).await;
    assert_eq!((round.n_applied, round.n_failed), (2, 1));
    let message = &world.objects[&key(&objects[2])].message;
    assert!(message.starts_with("CLUSTER_FORBIDDEN: "), "{message}");
    forbid(&world, &[]);
    let hidden = world.api("v1", "ConfigMap", "configmaps", Some("default"));
    assert!(hidden.get_opt("a").await.unwrap().is_none());
}
