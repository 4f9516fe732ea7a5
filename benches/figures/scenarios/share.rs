//! How much of what an API server can take the executor makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::kube as servers;
use crate::figure::Figure;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::member::{
    self, AppliedRound, Bundled, DesiredObject, DesiredWork, MemberReport, Options, intent,
    kubeconfig,
};
use git_fleet::plan::blob_id;

const MEMBER: &str = "member1";
/// Objects of one round, half of them Deployments and half ConfigMaps.
const N_OBJECTS: usize = 5_000;
/// Objects by which the best concurrency of the bare loop is found.
const N_TRIED: usize = 1_000;
const CONCURRENCIES: [usize; 4] = [8, 16, 32, 64];
/// Each party in its turn, so that a machine that is slow for a while is slow for both.
const N_ROUNDS: usize = 2;
const LIMIT: Duration = Duration::from_mins(3);

/// One real API server; the bare loop and the executor in turn.
pub(crate) fn real(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let options = servers::Options { servers: &[MEMBER], controllers: servers::Controllers::None };
    let Some(kube) = servers::start(&options) else { return Ok(Vec::new()) };
    let text = kube.server(MEMBER).kubeconfig().to_owned();
    let config = || kubeconfig::parse(text.as_bytes(), kubeconfig::Allow::default());
    let _entered = runtime.enter();
    let client = kube::Client::try_from(config()?)?;
    runtime.block_on(async {
        let mut best = (0.0, 0);
        for concurrency in CONCURRENCIES {
            let objects = objects(&client, &format!("tried-{concurrency}"), N_TRIED).await?;
            let rate = N_TRIED as f64 / bare(&client, &objects, concurrency).await?;
            if rate > best.0 {
                best = (rate, concurrency);
            }
        }
        let mut executor = Executor::start(config()?)?;
        let mut seconds = [0.0; 2];
        for round in 0..N_ROUNDS {
            let theirs = objects(&client, &format!("bare-{round}"), N_OBJECTS).await?;
            seconds[0] += bare(&client, &theirs, best.1).await?;
            let ours = objects(&client, &format!("ours-{round}"), N_OBJECTS).await?;
            seconds[1] += executor.apply(&ours).await?;
        }
        let [theirs, ours] = seconds.map(|seconds| (N_ROUNDS * N_OBJECTS) as f64 / seconds);
        let remark = format!("{ours:.0} objects a second; a bare loop of {} {theirs:.0}", best.1);
        Ok(vec![Figure::at_least("apply.share", ours / theirs, "", 0.8).remark(remark)])
    })
}

/// Objects of a namespace that there is.
async fn objects(
    client: &kube::Client,
    namespace: &str,
    n: usize,
) -> anyhow::Result<Vec<Manifest>> {
    let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let request = http::Request::post("/api/v1/namespaces").body(made.to_string().into_bytes())?;
    client.request_text(request).await?;
    (0..n).map(|i| object(namespace, i).context("the object is a map")).collect()
}

fn object(namespace: &str, i: usize) -> Option<Manifest> {
    let name = format!("app-{}", i / 2);
    let metadata = json!({
        "name": name, "namespace": namespace,
        "labels": {"app": name, "karmada.io/managed": "true"},
    });
    Manifest::from_value(if i.is_multiple_of(2) {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{
                        "name": "shop", "image": "registry.example.com/shop:v1",
                        "ports": [{"containerPort": 8080}],
                        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
                    }]},
                },
            },
        })
    } else {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
            "data": {"greeting": format!("hello from app {i}"), "level": "info"},
        })
    })
}

const SOURCE: ObjectId = ObjectId::from_bytes([7; 20]);

fn work_of(manifest: &Manifest) -> ObjectId {
    blob_id(Value::Object(manifest.0.clone()).to_string().as_bytes())
}

/// Sends the very requests that the executor sends, so many at a time; seconds until all are answered.
async fn bare(
    client: &kube::Client,
    objects: &[Manifest],
    concurrency: usize,
) -> anyhow::Result<f64> {
    let requests: Arc<[(String, Vec<u8>)]> = objects
        .iter()
        .map(|manifest| {
            let mut body = intent::body(manifest, SOURCE, work_of(manifest));
            intent::only_where_absent(&mut body);
            let (prefix, plural) = match manifest.kind() {
                "Deployment" => ("/apis/apps/v1", "deployments"),
                _ => ("/api/v1", "configmaps"),
            };
            let namespace = manifest.namespace().unwrap_or_default();
            let (name, manager) = (manifest.name(), "git-fleet");
            let path =
                format!("{prefix}/namespaces/{namespace}/{plural}/{name}?fieldManager={manager}");
            (path, body.into_value().to_string().into_bytes())
        })
        .collect();
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (client, requests, next) = (client.clone(), Arc::clone(&requests), Arc::clone(&next));
        workers.spawn(async move {
            while let Some((path, body)) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let request = http::Request::patch(path)
                    .header(CONTENT_TYPE, "application/apply-patch+yaml")
                    .body(body.clone())?;
                client.request_text(request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// The executor, with what it holds so far.
struct Executor {
    handle: member::MemberHandle,
    reports: mpsc::Receiver<MemberReport>,
    held: BTreeMap<git_fleet::api::manifest::ObjectKey, DesiredObject>,
    n_works: u8,
}

impl Executor {
    fn start(config: kube::Config) -> anyhow::Result<Self> {
        let (sender, reports) = mpsc::channel(64);
        let name = ClusterName::new(MEMBER)?;
        let handle = member::spawn(name, config, sender, Options::default(), [].into())?;
        Ok(Self { handle, reports, held: BTreeMap::new(), n_works: 0 })
    }

    /// Hands it these objects beside those that it holds; seconds until it says that all are in place.
    async fn apply(&mut self, objects: &[Manifest]) -> anyhow::Result<f64> {
        self.held.extend(objects.iter().map(|manifest| {
            let work = work_of(manifest);
            (manifest.key(), DesiredObject { manifest: manifest.into(), work })
        }));
        self.n_works += 1;
        let commit = ObjectId::from_bytes([self.n_works; 20]);
        let work = DesiredWork {
            source: SOURCE,
            commit,
            objects: self.held.clone(),
            held: BTreeSet::new(),
            leaves: false,
            models: [].into(),
            meaning: Arc::new(Bundled),
        };
        let begun = Instant::now();
        self.handle.desire(Arc::new(work));
        let round = tokio::time::timeout(LIMIT, self.round_of(commit)).await??;
        let seconds = begun.elapsed().as_secs_f64();
        ensure!((round.n_applied, round.n_failed) == (objects.len(), 0), "{round:?}");
        Ok(seconds)
    }

    async fn round_of(&mut self, commit: ObjectId) -> anyhow::Result<AppliedRound> {
        while let Some(report) = self.reports.recv().await {
            match report {
                MemberReport::Identity(_, identity) => self.handle.admit(Some(identity)),
                MemberReport::Applied(_, round) if round.commit == commit => return Ok(round),
                MemberReport::Applied(..)
                | MemberReport::Cluster(..)
                | MemberReport::Objects(..) => {}
            }
        }
        bail!("the executor has ended")
    }
}
