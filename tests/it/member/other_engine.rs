//! Two engines that write to one member, one of them with a commit that the other does not have yet.

use std::time::Instant;

use git_fleet::api::names::ObjectId;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::fight::Log;
use super::{OTHER_ENGINE_PATIENCE, World, config_map, namespace, work};

/// Work that another engine applies to the member.
async fn applied_elsewhere(world: &World, value: &str) {
    let object = config_map("a", value);
    let desired = work(std::slice::from_ref(&object));
    let mut body = object;
    body["metadata"]["labels"] = json!({"karmada.io/managed": "true"});
    body["metadata"]["annotations"] = json!({
        "git-fleet.io/work": desired.objects.values().next().unwrap().work.to_string(),
        "git-fleet.io/source-commit": ObjectId::from_bytes([9; 20]).to_string(),
    });
    let params = PatchParams::apply("git-fleet").force();
    world.config_maps().patch("a", &params, &Patch::Apply(body)).await.unwrap();
}

fn runs(value: &str) -> impl Fn(&Value) -> bool {
    move |live| live["data"]["k"] == value
}

#[tokio::test]
async fn the_work_of_another_engine_is_not_rolled_back_before_its_commit_had_time_to_arrive() {
    let log = Log::default();
    let _guard = log.catch(tracing::Level::INFO);
    let mut world = World::new();
    world.run(work(&[namespace(), config_map("a", "1")])).await;
    let begun = Instant::now();
    applied_elsewhere(&world, "2").await;
    world.live(&world.config_maps(), "a", runs("1")).await;
    let waited = begun.elapsed();
    assert!(waited >= OTHER_ENGINE_PATIENCE, "put back after {waited:?}");
    let lines = log.lines_with("another engine has applied its work");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["INFO", "cluster=one", "object=ConfigMap shop/a", "commit=0909090909"] {
        assert!(lines[0].contains(part), "{lines:?}");
    }
}

#[tokio::test]
async fn the_commit_that_arrives_in_time_costs_no_write() {
    let mut world = World::new();
    world.run(work(&[namespace(), config_map("a", "1")])).await;
    applied_elsewhere(&world, "2").await;
    let seen = |world: &World| world.objects.values().any(|report| !report.applied);
    world.until("the other work is seen", seen).await;
    let before = world.writes();
    let round = world.run(work(&[namespace(), config_map("a", "2")])).await;
    assert_eq!((round.n_applied, round.n_failed), (0, 0));
    tokio::time::sleep(OTHER_ENGINE_PATIENCE).await;
    assert_eq!(world.writes(), before);
    world.live(&world.config_maps(), "a", runs("2")).await;
}

#[tokio::test]
async fn what_a_person_changes_is_put_back_at_once() {
    let mut world = World::new();
    world.run(work(&[namespace(), config_map("a", "1")])).await;
    let begun = Instant::now();
    let change = Patch::Merge(json!({"data": {"k": "2"}}));
    world.config_maps().patch("a", &PatchParams::default(), &change).await.unwrap();
    world.live(&world.config_maps(), "a", runs("1")).await;
    assert!(begun.elapsed() < OTHER_ENGINE_PATIENCE, "it took {:?}", begun.elapsed());
}
