//! The executor where users' rules say what live objects mean.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use git_fleet::api::manifest::Manifest;
use git_fleet::member::{Bundled, Meaning, Observing};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{World, config_map, key, namespace, work};

const PRESERVE: &str = "git-fleet.io/preserve-on-deletion";

/// Keeps all labels and annotations of live objects.
#[derive(Debug)]
struct KeepsMetadata;

impl Meaning for KeepsMetadata {
    fn observe(&self, live: &Value) -> Observing {
        Bundled.observe(live)
    }

    fn retains(&self, desired: &Manifest) -> bool {
        desired.kind() == "ConfigMap"
    }

    fn retain(
        &self,
        mut desired: Manifest,
        live: Manifest,
    ) -> BoxFuture<'static, Result<Manifest, String>> {
        for field in ["labels", "annotations"] {
            let kept = live.0["metadata"].get(field).cloned().unwrap_or(Value::Null);
            desired.metadata_mut().insert(field.to_owned(), kept);
        }
        std::future::ready(Ok(desired)).boxed()
    }
}

#[tokio::test]
async fn what_a_member_keeps_takes_no_mark_off_and_keeps_no_old_one() {
    let mut world = World::new();
    let object = |value: &str, preserved: bool| {
        let mut object = config_map("a", value);
        if preserved {
            object["metadata"]["annotations"] = json!({PRESERVE: "true"});
        }
        let mut work = work(&[namespace(), object]);
        work.meaning = Arc::new(KeepsMetadata);
        work
    };
    world.run(object("1", false)).await;
    let theirs = json!({"metadata": {"labels": {"karmada.io/managed": null, "theirs": "1"}}});
    let someone = PatchParams { field_manager: Some("someone".into()), ..PatchParams::default() };
    world.config_maps().patch("a", &someone, &Patch::Merge(theirs)).await.unwrap();
    let is_marked = |live: &Value| live["metadata"]["labels"]["karmada.io/managed"] == "true";
    world.live(&world.config_maps(), "a", is_marked).await;

    world.run(object("2", true)).await;
    let live = world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "2").await;
    assert_eq!(live["metadata"]["annotations"][PRESERVE], "true");
    assert_eq!(live["metadata"]["labels"]["theirs"], "1");

    world.run(object("3", false)).await;
    let live = world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "3").await;
    assert_eq!(live["metadata"]["annotations"].get(PRESERVE), None);
    assert!(world.objects[&key(&config_map("a", "3"))].applied);
}
