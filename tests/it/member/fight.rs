//! Two that want the same field: what a person learns of it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::{World, config_map, deployment, key, namespace, work};

/// What was logged.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Catches what this thread logs of this level and above, as text, until the guard is dropped.
    pub(super) fn catch(&self, level: tracing::Level) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let lines = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || log.clone());
        tracing::subscriber::set_default(lines.finish())
    }

    pub(super) fn lines_with(&self, needle: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(needle)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_fight_names_the_object_the_field_and_the_other_manager() {
    let log = Log::default();
    let _guard = log.catch(tracing::Level::WARN);
    let mut world = World::new();
    world.run(work(&[namespace(), deployment("a:1")])).await;
    let theirs = PatchParams { field_manager: Some("argocd".into()), ..PatchParams::default() };
    let change = Patch::Merge(json!({"spec": {"replicas": 7}}));
    for _ in 0..6 {
        world.deployments().patch("web", &theirs, &change).await.unwrap();
        world.live(&world.deployments(), "web", |live| live["spec"]["replicas"] == 2).await;
    }
    world.deployments().patch("web", &theirs, &change).await.unwrap();
    let object = key(&deployment("a:1"));
    let is_told = |world: &World| {
        world.objects.get(&object).is_some_and(|one| one.message.starts_with("DRIFT_FIGHT"))
    };
    world.until("the fight is told of", is_told).await;
    let message = &world.objects[&object].message;
    let told = "DRIFT_FIGHT field manager argocd keeps changing .spec.replicas: it was put back 6 times within ";
    assert!(message.starts_with(told), "{message}");
    assert!(message.contains(", so from now on that waits longer and longer"), "{message}");
    let lines = log.lines_with("DRIFT_FIGHT");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["WARN", "cluster=one", "object=Deployment.apps shop/web", told] {
        assert!(lines[0].contains(part), "{lines:?}");
    }
}

#[tokio::test]
async fn who_deletes_again_and_again_is_told_as_that() {
    let log = Log::default();
    let _guard = log.catch(tracing::Level::WARN);
    let mut world = World::new();
    world.run(work(&[namespace(), config_map("a", "1")])).await;
    for _ in 0..6 {
        let api = world.config_maps();
        let uid = |live: &serde_json::Value| live["metadata"]["uid"].clone();
        let before = uid(&world.live(&api, "a", |live| !live.is_null()).await);
        api.delete("a", &DeleteParams::default()).await.unwrap();
        world.live(&api, "a", |live| !live.is_null() && uid(live) != before).await;
    }
    world.config_maps().delete("a", &DeleteParams::default()).await.unwrap();
    let object = key(&config_map("a", "1"));
    let is_told = |world: &World| {
        world.objects.get(&object).is_some_and(|one| one.message.starts_with("DRIFT_FIGHT"))
    };
    world.until("the fight is told of", is_told).await;
    let message = &world.objects[&object].message;
    assert!(message.starts_with("DRIFT_FIGHT somebody keeps deleting it; "), "{message}");
    assert_eq!(log.lines_with("object=ConfigMap shop/a").len(), 1);
}
