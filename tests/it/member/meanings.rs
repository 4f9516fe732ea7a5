//! The executor where users' rules say what live objects mean.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::report::Health;
use git_fleet::interpret::NoAnswer;
use git_fleet::member::{Bundled, Meaning, Observed, Observing};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{World, config_map, key, namespace, work};

const PRESERVE: &str = "git-fleet.io/preserve-on-deletion";

/// Keeps all labels and annotations of live objects of one kind, and nothing else.
#[derive(Debug)]
pub(super) struct KeepsMetadata {
    pub(super) kind: &'static str,
}

impl Meaning for KeepsMetadata {
    fn observe(&self, live: &Manifest) -> Observing {
        Bundled.observe(live)
    }

    fn retains(&self, desired: &Manifest) -> bool {
        desired.kind() == self.kind
    }

    fn retain(
        &self,
        mut desired: Manifest,
        live: Manifest,
    ) -> BoxFuture<'static, Result<Manifest, NoAnswer>> {
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
        work.meaning = Arc::new(KeepsMetadata { kind: "ConfigMap" });
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

/// Has no answer the first time, for a reason that may pass.
#[derive(Debug, Default)]
struct AwayAtFirst(AtomicBool);

impl Meaning for AwayAtFirst {
    fn observe(&self, live: &Manifest) -> Observing {
        Bundled.observe(live)
    }

    fn retains(&self, desired: &Manifest) -> bool {
        desired.kind() == "ConfigMap"
    }

    fn retain(
        &self,
        desired: Manifest,
        _: Manifest,
    ) -> BoxFuture<'static, Result<Manifest, NoAnswer>> {
        let away = NoAnswer {
            code: "AWAY",
            message: "no answer".to_owned(),
            hint: "wait".to_owned(),
            is_passing: true,
        };
        let is_back = self.0.swap(true, Ordering::SeqCst);
        std::future::ready(if is_back { Ok(desired) } else { Err(away) }).boxed()
    }
}

#[tokio::test]
async fn an_apply_that_waits_for_an_answer_is_tried_again_soon() {
    let mut world = World::new();
    world.run(work(&[namespace(), config_map("a", "1")])).await;
    let mut changed = work(&[namespace(), config_map("a", "2")]);
    changed.meaning = Arc::new(AwayAtFirst::default());
    let began = Instant::now();
    world.run(changed).await;
    world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "2").await;
    assert!(began.elapsed() < Duration::from_secs(5), "after {:?}", began.elapsed());
}

/// What a test makes of one object: its health, and whether a failure may pass.
type Answers = dyn Fn(Value) -> BoxFuture<'static, Observed> + Send + Sync;

/// Answers for ConfigMaps, after a while.
#[derive(Clone)]
struct Slow(Arc<Answers>);

impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slow")
    }
}

impl Slow {
    fn new<F>(answers: impl Fn(Value) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Observed> + Send + 'static,
    {
        Arc::new(Self(Arc::new(move |live| answers(live).boxed())))
    }
}

impl Meaning for Slow {
    fn observe(&self, live: &Manifest) -> Observing {
        if live.kind() == "ConfigMap" {
            Observing::UnderWay(self.0(live.clone().into_value()))
        } else {
            Bundled.observe(live)
        }
    }

    fn retains(&self, _: &Manifest) -> bool {
        false
    }

    fn retain(
        &self,
        desired: Manifest,
        _: Manifest,
    ) -> BoxFuture<'static, Result<Manifest, NoAnswer>> {
        std::future::ready(Ok(desired)).boxed()
    }
}

fn found(health: Health) -> Observed {
    Observed { health, ..Observed::default() }
}

#[tokio::test]
async fn a_failure_that_may_pass_is_observed_again_and_so_is_a_panic() {
    let mut world = World::new();
    let (a, b) = (config_map("a", "1"), config_map("b", "1"));
    let is_back = Arc::new(AtomicBool::new(false));
    let mut desired = work(&[namespace(), a.clone(), b.clone()]);
    let now_back = Arc::clone(&is_back);
    desired.meaning = Slow::new(move |live| {
        let is_away = !now_back.load(Ordering::SeqCst);
        async move {
            match live["metadata"]["name"].as_str() {
                Some("a") if is_away => {
                    let failure = "away".to_owned();
                    Observed { failure, is_passing: true, ..Observed::default() }
                }
                _ if is_away => panic!("as the test wants"),
                _ => found(Health::Healthy),
            }
        }
    });
    world.run(desired).await;
    let is = |world: &World, object: &Value, health| {
        world.objects.get(&key(object)).is_some_and(|report| report.health == health)
    };
    world
        .until("both fail, and say so", |world| {
            [&a, &b].into_iter().all(|object| {
                let report = world.objects.get(&key(object));
                report.is_some_and(|report| !report.message.is_empty())
            })
        })
        .await;
    is_back.store(true, Ordering::SeqCst);
    world
        .until("both are healthy", |world| {
            is(world, &a, Health::Healthy) && is(world, &b, Health::Healthy)
        })
        .await;
    assert_eq!(world.objects[&key(&a)].message, "");
}

#[tokio::test]
async fn no_more_than_some_observations_are_under_way_and_none_is_left_out() {
    let mut world = World::new();
    let objects: Vec<Value> = (0..120).map(|idx| config_map(&format!("c{idx}"), "1")).collect();
    let mut desired = work(&objects);
    world.namespace().await;
    let (n_now, n_most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::clone(&n_most);
    desired.meaning = Slow::new(move |_| {
        let (n_now, n_most) = (Arc::clone(&n_now), Arc::clone(&n_most));
        async move {
            n_most.fetch_max(n_now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            n_now.fetch_sub(1, Ordering::SeqCst);
            found(Health::Healthy)
        }
    });
    world.run(desired).await;
    world
        .until("all are healthy", |world| {
            let reports = objects.iter().map(|object| world.objects.get(&key(object)));
            reports.flatten().filter(|report| report.health == Health::Healthy).count() == 120
        })
        .await;
    let most = most.load(Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most} at a time");
}

#[tokio::test]
async fn an_object_that_is_wanted_again_gets_no_answer_about_the_old_one() {
    let mut world = World::new();
    let object = config_map("a", "1");
    let (release, _) = watch::channel(0_usize);
    let (again, mut asked_again) = watch::channel(false);
    let (n_asked, releases) = (AtomicUsize::new(0), release.clone());
    let meaning = Slow::new(move |live| {
        let is_other = live["metadata"]["name"] == "other";
        let is_marked = live["metadata"]["labels"]["marked"] == "yes";
        let is_old = !is_other && n_asked.fetch_add(1, Ordering::SeqCst) == 0;
        again.send_if_modified(|again| !is_other && is_marked && !std::mem::replace(again, true));
        let gate = match (is_old, is_marked && !is_other) {
            (true, _) => 1,
            (_, true) => 2,
            _ => 0,
        };
        let mut released = releases.subscribe();
        async move {
            released.wait_for(|released| *released >= gate).await.unwrap();
            let is_healthy = if is_other { is_marked } else { !is_old };
            found(if is_healthy { Health::Healthy } else { Health::Unhealthy })
        }
    });
    let other = config_map("other", "1");
    let mut with = work(&[namespace(), object.clone(), other.clone()]);
    with.meaning = meaning.clone();
    let mut without = work(&[namespace(), other.clone()]);
    (without.meaning, without.held) = (meaning.clone(), with.held.clone());
    world.run(with.clone()).await;
    world.run(without).await;
    world.live(&world.config_maps(), "a", Value::is_null).await;
    world.run(with).await;
    world
        .until("it is in place again", |world| {
            world.objects.get(&key(&object)).is_some_and(|report| report.applied)
        })
        .await;
    let mark = Patch::Merge(json!({"metadata": {"labels": {"marked": "yes"}}}));
    world.config_maps().patch("a", &PatchParams::default(), &mark).await.unwrap();
    let asked = asked_again.wait_for(|again| *again);
    tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap().unwrap();
    // While the question about the new one is open, the one about the old one is answered.
    release.send_replace(1);
    // What happens to the other one after that is reported after it.
    world.config_maps().patch("other", &PatchParams::default(), &mark).await.unwrap();
    let health = |world: &World, of: &Value| world.objects.get(&key(of)).map(|one| one.health);
    world
        .until("the other one is seen", |world| {
            let old = Some(Health::Unhealthy);
            assert_ne!(health(world, &object), old, "that is the answer about the old one");
            health(world, &other) == Some(Health::Healthy)
        })
        .await;
    release.send_replace(2);
    let is_healthy = |world: &World| health(world, &object) == Some(Health::Healthy);
    world.until("the new one is healthy", is_healthy).await;
}
