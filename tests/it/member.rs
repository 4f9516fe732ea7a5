//! The executor against a simulated member: what it writes, what it leaves alone, what it repairs.

mod fight;
mod forbidden;
mod identity;
mod making;
mod meanings;
mod other_engine;
mod removal;
mod replicas;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use git_fleet::api::cluster::ClusterStatus;
use git_fleet::api::cluster::default_resource_models;
use git_fleet::api::condition::ConditionStatus;
use git_fleet::api::manifest::{Manifest, ObjectKey};
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::report::{Health, ObjectReport};
use git_fleet::member::{
    self, AppliedRound, Bundled, DesiredObject, DesiredWork, MemberHandle, MemberReport, Options,
    kubeconfig,
};
use git_fleet::sim::{Failure, Faults, Host, MemberSpec, Strikes, Throttle};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const LIMIT: Duration = Duration::from_secs(20);
/// How long removals wait for what fails.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the work of another engine stays.
const OTHER_ENGINE_PATIENCE: Duration = Duration::from_secs(2);

/// A member, its executor, and what the executor reported.
struct World {
    host: Host,
    client: kube::Client,
    executor: Option<MemberHandle>,
    reports: mpsc::Receiver<MemberReport>,
    objects: BTreeMap<ObjectKey, Arc<ObjectReport>>,
    cluster: Option<ClusterStatus>,
    n_sources: u8,
}

fn start(host: &Host, prune_patience: Duration) -> (MemberHandle, mpsc::Receiver<MemberReport>) {
    let text = host.kubeconfig("one").unwrap();
    let config = kubeconfig::parse(text.as_bytes(), kubeconfig::Allow::default()).unwrap();
    let (sender, receiver) = mpsc::channel(64);
    let options = Options {
        report_interval: Duration::from_millis(20),
        cluster_interval: Duration::from_millis(100),
        ready_threshold: Duration::ZERO,
        prune_patience,
        deletion_patience: Duration::from_secs(1),
        other_engine_patience: OTHER_ENGINE_PATIENCE,
    };
    let name = ClusterName::new("one").unwrap();
    (
        member::spawn(name, config, sender, options, default_resource_models().into()).unwrap(),
        receiver,
    )
}

impl World {
    fn new() -> Self {
        let host = Host::start(vec![MemberSpec::new("one")]).unwrap();
        let text = host.kubeconfig("one").unwrap();
        let config = kubeconfig::parse(text.as_bytes(), kubeconfig::Allow::default()).unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let (executor, reports) = start(&host, PATIENCE);
        let objects = BTreeMap::new();
        Self {
            host,
            client,
            executor: Some(executor),
            reports,
            objects,
            cluster: None,
            n_sources: 0,
        }
    }

    async fn restart(&mut self) {
        if let Some(executor) = self.executor.take() {
            executor.stop().await;
        }
        let (executor, reports) = start(&self.host, PATIENCE);
        (self.executor, self.reports) = (Some(executor), reports);
        self.objects.clear();
    }

    /// Waits for the next report and takes it in; gives a round that has ended.
    async fn next(&mut self) -> Option<AppliedRound> {
        match tokio::time::timeout(LIMIT, self.reports.recv()).await.unwrap().unwrap() {
            MemberReport::Applied(_, round) => return Some(round),
            MemberReport::Identity(_, identity) => {
                self.executor.as_ref().unwrap().admit(Some(identity));
            }
            MemberReport::Cluster(_, status) => self.cluster = Some(status),
            MemberReport::Objects(_, changed) => {
                for (key, report) in changed {
                    match report {
                        Some(report) => self.objects.insert(key, report),
                        None => self.objects.remove(&key),
                    };
                }
            }
        }
        None
    }

    /// Desires `work` and waits for the round to end.
    async fn run(&mut self, mut work: DesiredWork) -> AppliedRound {
        self.n_sources += 1;
        work.source = ObjectId::from_bytes([self.n_sources; 20]);
        let source = work.source;
        self.executor.as_ref().unwrap().desire(Arc::new(work));
        loop {
            if let Some(round) = self.next().await
                && round.source == source
            {
                return round;
            }
        }
    }

    async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let ends_at = tokio::time::Instant::now() + LIMIT;
        while !holds(self) {
            assert!(
                tokio::time::Instant::now() < ends_at,
                "not in time: {what}; {:#?}",
                self.objects
            );
            self.next().await;
        }
    }

    fn api(
        &self,
        version: &str,
        kind: &str,
        plural: &str,
        namespace: Option<&str>,
    ) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }

    fn config_maps(&self) -> Api<DynamicObject> {
        self.api("v1", "ConfigMap", "configmaps", Some("shop"))
    }

    fn deployments(&self) -> Api<DynamicObject> {
        self.api("apps/v1", "Deployment", "deployments", Some("shop"))
    }

    fn writes(&self) -> u64 {
        self.host.requests("one").unwrap().writes()
    }

    /// Waits until the live object is as `holds` says.
    async fn live(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let ends_at = tokio::time::Instant::now() + LIMIT;
        loop {
            let live = serde_json::to_value(api.get_opt(name).await.unwrap()).unwrap();
            if holds(&live) {
                return live;
            }
            assert!(tokio::time::Instant::now() < ends_at, "{name} is {live:#}");
            tokio::task::yield_now().await;
        }
    }

    /// Makes the namespace as somebody else.
    async fn namespace(&self) {
        let namespace =
            object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
        let namespaces = self.api("v1", "Namespace", "namespaces", None);
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    }
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

fn key(value: &Value) -> ObjectKey {
    Manifest::from_value(value.clone()).unwrap().key()
}

/// Work with these objects, each with our label; the work's id follows from the object.
fn work(objects: &[Value]) -> DesiredWork {
    let objects: BTreeMap<ObjectKey, DesiredObject> = objects
        .iter()
        .map(|value| {
            let mut manifest = Manifest::from_value(value.clone()).unwrap();
            manifest.set_label("karmada.io/managed", "true");
            let mut id = [7_u8; 20];
            for (idx, byte) in value.to_string().bytes().enumerate() {
                id[idx % 20] = id[idx % 20].wrapping_mul(31) ^ byte;
            }
            let work = ObjectId::from_bytes(id);
            (manifest.key(), DesiredObject { manifest: (&manifest).into(), work })
        })
        .collect();
    let held: BTreeSet<ObjectKey> = objects.keys().cloned().collect();
    let id = ObjectId::from_bytes([0; 20]);
    let (models, meaning) = (default_resource_models().into(), Arc::new(Bundled));
    DesiredWork { source: id, commit: id, objects, held, leaves: false, models, meaning }
}

fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"},
        "data": {"k": value}})
}

fn deployment(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image,
            "ports": [{"containerPort": 80}]}]}}}})
}

#[tokio::test]
async fn applies_in_order_marks_what_it_applies_and_writes_nothing_twice() {
    let mut world = World::new();
    let desired = work(&[deployment("a:1"), config_map("a", "1"), namespace()]);
    let round = world.run(desired.clone()).await;
    assert_eq!((round.n_applied, round.n_failed), (3, 0));
    let live = world.live(&world.deployments(), "web", |live| !live.is_null()).await;
    let annotations = &live["metadata"]["annotations"];
    assert_eq!(annotations["git-fleet.io/source-commit"], "01".repeat(20));
    assert_eq!(annotations["git-fleet.io/work"].as_str().unwrap().len(), 40);

    assert_eq!(world.writes(), 3);
}

#[tokio::test]
async fn a_restart_with_everything_in_place_lists_and_writes_nothing() {
    let mut world = World::new();
    let mut objects = vec![namespace(), deployment("a:1")];
    objects.extend((0..40).map(|idx| config_map(&format!("c{idx}"), "1")));
    let desired = work(&objects);
    world.run(desired.clone()).await;
    world.restart().await;
    let before = world.host.requests("one").unwrap();
    let round = world.run(desired.clone()).await;
    let after = world.host.requests("one").unwrap();
    assert_eq!((round.n_applied, round.n_failed, round.released.len()), (0, 0, 0));
    assert_eq!(after.writes(), before.writes());
    assert!(world.objects.len() == 42 && world.objects.values().all(|report| report.applied));

    // A change of one object is one write, whatever else is there.
    objects[1] = deployment("a:2");
    let round = world.run(work(&objects)).await;
    assert_eq!(round.n_applied, 1);
    assert_eq!(world.host.requests("one").unwrap().writes(), after.writes() + 1);
}

#[tokio::test]
async fn what_another_changes_or_deletes_is_put_back() {
    let mut world = World::new();
    world.run(work(&[namespace(), deployment("a:1"), config_map("a", "1")])).await;
    let theirs = PatchParams { field_manager: Some("someone".into()), ..PatchParams::default() };
    let image = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "c", "image": "evil:1", "ports": [{"containerPort": 80}]}]}}}});
    world.deployments().patch("web", &theirs, &Patch::Merge(image)).await.unwrap();
    let is_ours =
        |live: &Value| live["spec"]["template"]["spec"]["containers"][0]["image"] == "a:1";
    world.live(&world.deployments(), "web", is_ours).await;

    world.config_maps().delete("a", &DeleteParams::default()).await.unwrap();
    world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "1").await;

    let unlabel = json!({"metadata": {"labels": {"karmada.io/managed": null}}});
    world.config_maps().patch("a", &theirs, &Patch::Merge(unlabel)).await.unwrap();
    let is_marked = |live: &Value| live["metadata"]["labels"]["karmada.io/managed"] == "true";
    world.live(&world.config_maps(), "a", is_marked).await;

    // A field that we do not set is nobody's business.
    let extra = json!({"data": {"theirs": "1"}});
    world.config_maps().patch("a", &theirs, &Patch::Merge(extra)).await.unwrap();
    let writes = world.writes();
    world.run(work(&[namespace(), deployment("a:1"), config_map("a", "1")])).await;
    assert_eq!(world.writes(), writes);
}

#[tokio::test]
async fn prunes_what_earlier_work_held_and_nothing_else() {
    let mut world = World::new();
    let [a, mut b, c, d] = ["a", "b", "c", "d"].map(|name| config_map(name, "1"));
    let stays = json!({"git-fleet.io/preserve-on-deletion": "true"});
    b["metadata"]["annotations"] = stays;
    let before = work(&[namespace(), a.clone(), b, c.clone(), d]);
    world.run(before.clone()).await;
    let mut stranger = config_map("z", "1");
    stranger["metadata"]["labels"] = json!({"karmada.io/managed": "true"});
    world.config_maps().create(&PostParams::default(), &object(stranger)).await.unwrap();
    let unlabel = json!({"metadata": {"labels": {"karmada.io/managed": null},
        "annotations": {"git-fleet.io/work": null}, "managedFields": [{}]}});
    let _ = world.config_maps().patch("d", &PatchParams::default(), &Patch::Merge(unlabel)).await;

    let mut after = work(&[namespace(), a]);
    after.held = before.held.clone();
    after.held.insert(key(&config_map("never", "1")));
    let round = world.run(after).await;
    let pruned: Vec<&str> = round.released.iter().map(|key| &*key.name).collect();
    for name in ["b", "c", "never"] {
        assert!(pruned.contains(&name), "{pruned:?}");
    }
    assert_eq!(
        (round.n_pruned, round.is_settled),
        (2, true),
        "`never` was not there to be removed"
    );
    let live = world.live(&world.config_maps(), "c", Value::is_null).await;
    assert!(live.is_null());
    let kept = world.live(&world.config_maps(), "b", |live| !live.is_null()).await;
    assert_eq!(kept["metadata"]["labels"]["karmada.io/managed"], Value::Null);
    assert_eq!(kept["metadata"]["annotations"]["git-fleet.io/work"], Value::Null);
    assert_eq!(kept["data"]["k"], "1");
    world.live(&world.config_maps(), "z", |live| !live.is_null()).await;
    assert!(!world.objects.contains_key(&key(&c)));
}

fn gadget_definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {
                    "size": {"type": "integer"}}}}}}}]}})
}

fn gadget() -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": "shop"}, "spec": {"size": 3}})
}

/// The definition is established while the resource still waits for its namespace.
#[tokio::test]
async fn a_resource_whose_namespace_comes_last_is_applied_at_once() {
    let mut world = World::new();
    world.namespace().await;
    let held_back = object(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "last", "namespace": "shop", "finalizers": ["example.com/hold"]}}));
    let config_maps = world.config_maps();
    config_maps.create(&PostParams::default(), &held_back).await.unwrap();
    let namespaces = world.api("v1", "Namespace", "namespaces", None);
    namespaces.delete("shop", &DeleteParams::default()).await.unwrap();

    let desired = work(&[namespace(), gadget_definition(), gadget()]);
    world.run(desired).await;
    world
        .until("the definition is in place and the resource waits", |world| {
            let applied = |value: &Value| world.objects.get(&key(value)).map(|r| r.applied);
            applied(&gadget_definition()) == Some(true) && applied(&gadget()) == Some(false)
        })
        .await;
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    config_maps.patch("last", &PatchParams::default(), &release).await.unwrap();
    world
        .until("the resource is in place", |world| {
            world.objects.get(&key(&gadget())).is_some_and(|report| report.applied)
        })
        .await;
}

#[tokio::test]
async fn a_crd_and_its_resources_go_in_one_work_and_leave_in_one() {
    let mut world = World::new();
    let (crd, gadget) = (gadget_definition(), gadget());
    let before = work(&[namespace(), crd, gadget.clone()]);
    world.run(before.clone()).await;
    world
        .until("the resource is in place", |world| {
            world.objects.get(&key(&gadget)).is_some_and(|report| report.applied)
        })
        .await;
    let gadgets = world.api("example.com/v1", "Gadget", "gadgets", Some("shop"));
    world.live(&gadgets, "g", |live| live["spec"]["size"] == 3).await;

    let mut after = work(&[namespace()]);
    after.held = before.held;
    world.run(after).await;
    let crds = world.api(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        None,
    );
    world.live(&crds, "gadgets.example.com", Value::is_null).await;
}

#[tokio::test]
async fn the_status_of_live_objects_is_reported() {
    let mut world = World::new();
    world.run(work(&[namespace(), deployment("a:1")])).await;
    let status = json!({"status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2,
        "readyReplicas": 2, "availableReplicas": 2}});
    world
        .deployments()
        .patch_status("web", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
    let web = key(&deployment("a:1"));
    world
        .until("the status is reported", |world| {
            world
                .objects
                .get(&web)
                .and_then(|report| report.status.as_ref())
                .is_some_and(|status| status.value()["readyReplicas"] == 2)
        })
        .await;
    assert_eq!(world.objects[&web].health, Health::Healthy);
}

#[tokio::test]
async fn the_cluster_reports_what_it_serves_and_when_it_is_away() {
    let mut world = World::new();
    let nodes = world.api("v1", "Node", "nodes", None);
    let status = json!({"status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}]}});
    for name in ["one-node-1", "one-node-2"] {
        let patch = Patch::Merge(&status);
        nodes.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }
    world
        .until("the nodes are counted", |world| {
            let resources =
                world.cluster.as_ref().and_then(|cluster| cluster.resource_summary.as_ref());
            resources.is_some_and(|resources| {
                resources.allocatable.get("cpu").is_some_and(|cpu| cpu.value() == 16)
            })
        })
        .await;
    let status = world.cluster.clone().unwrap();
    assert!(status.serves("apps/v1", "Deployment") && status.kubernetes_version.starts_with('v'));
    assert_eq!(status.node_summary.unwrap().ready_num, 2);
    assert_eq!(status.resource_summary.unwrap().allocatable["memory"].as_written(), "64Gi");
    let is_ready = |world: &World, status: ConditionStatus| {
        world.cluster.as_ref().is_some_and(|cluster| {
            cluster.conditions.iter().any(|c| c.type_ == "Ready" && c.status == status)
        })
    };
    assert!(is_ready(&world, ConditionStatus::True));
    world.run(work(&[namespace()])).await;
    let grades = |world: &World| -> Vec<(u32, i64)> {
        let room = world.cluster.as_ref().and_then(|cluster| cluster.resource_summary.as_ref());
        let counts = room.into_iter().flat_map(|room| &room.allocatable_modelings);
        counts.filter(|of| of.count > 0).map(|of| (of.grade, of.count)).collect()
    };
    world.until("8 CPUs with 32 GiB are grade 3", |world| grades(world) == [(3, 2)]).await;
    let mut other_models = work(&[namespace()]);
    other_models.models = other_models.models[..2].into();
    world.run(other_models).await;
    world.until("there are two grades only", |world| grades(world) == [(1, 2)]).await;

    world.host.stop("one").unwrap();
    world.until("the cluster is away", |world| is_ready(world, ConditionStatus::False)).await;
    let reasons: Vec<String> =
        world.cluster.as_ref().unwrap().conditions.iter().map(|c| c.reason.clone()).collect();
    assert!(reasons.contains(&"ClusterNotReachable".to_owned()), "{reasons:?}");
    let mut desired = work(&[namespace(), config_map("a", "1")]);
    desired.source = ObjectId::from_bytes([9; 20]);
    world.executor.as_ref().unwrap().desire(Arc::new(desired));

    world.host.restart("one").unwrap();
    world.until("the cluster is back", |world| is_ready(world, ConditionStatus::True)).await;
    world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "1").await;
}

#[tokio::test]
async fn throttling_failures_and_lost_watches_delay_and_lose_nothing() {
    let mut world = World::new();
    world.run(work(&[namespace()])).await;
    let throttle = Some(Throttle { strikes: Strikes::Next(3), retry_after_s: 0 });
    let failure = Some(Failure { strikes: Strikes::Next(4), code: 503 });
    world.host.faults("one", Faults { throttle, failure, ..Faults::default() }).unwrap();
    let objects: Vec<Value> =
        (0..30).map(|idx| config_map(&format!("c{idx}"), "1")).chain([namespace()]).collect();
    let desired = work(&objects);
    world.run(desired.clone()).await;
    world
        .until("everything is in place", |world| {
            desired
                .objects
                .keys()
                .all(|key| world.objects.get(key).is_some_and(|report| report.applied))
        })
        .await;

    // The watch expires while objects are deleted: the next list tells.
    world.host.expire_watches("one").unwrap();
    world.config_maps().delete("c7", &DeleteParams::default()).await.unwrap();
    world.host.drop_watches("one").unwrap();
    world.live(&world.config_maps(), "c7", |live| live["data"]["k"] == "1").await;
}

#[tokio::test]
async fn wrong_credentials_are_named() {
    let spec = MemberSpec { token: Some("right".to_owned()), ..MemberSpec::new("one") };
    let host = Host::start(vec![spec]).unwrap();
    let text = host.kubeconfig("one").unwrap().replace("right", "wrong");
    let config = kubeconfig::parse(text.as_bytes(), kubeconfig::Allow::default()).unwrap();
    let (sender, mut reports) = mpsc::channel(64);
    let options = Options::default();
    let executor =
        member::spawn(ClusterName::new("one").unwrap(), config, sender, options, [].into())
            .unwrap();
    let report = tokio::time::timeout(LIMIT, reports.recv()).await.unwrap().unwrap();
    let MemberReport::Cluster(_, status) = report else { panic!("{report:?}") };
    assert!(status.conditions.iter().any(|c| c.message.starts_with("CLUSTER_AUTH")), "{status:?}");
    executor.stop().await;
}
