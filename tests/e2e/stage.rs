//! Three real clusters that all scenarios share, and a fleet of them for each scenario.
//!
//! The clusters have the real controllers, and kwok for nodes. A scenario has a repository, a controller and
//! a namespace of its own; what it makes cluster-wide bears the namespace's name.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use crate::kube::leash::Leashed;
use crate::kube::{self, Controllers, Kube, Options};
use crate::members::{Key, Member};
use crate::world::{World, within};

/// The clusters, in order of their names.
pub(crate) const CLUSTERS: [&str; 3] = ["east", "north", "west"];

/// How they are registered.
const REGISTRATIONS: [&str; 3] = [
    "{syncMode: Push, provider: aws, region: eu, zones: [eu-1]}",
    "{syncMode: Push, provider: gcp, region: eu, zones: [eu-2]}",
    "{syncMode: Push, provider: aws, region: us, zones: [us-1]}",
];

/// A fleet whose branches have not moved for so long has done what there was to do.
const QUIET: Duration = Duration::from_secs(2);

/// How long a step of a scenario may take.
const PATIENCE: Duration = Duration::from_secs(150);

/// Controllers that run at a time.
static TURNS: Semaphore = Semaphore::const_new(3);

fn clusters() -> Option<Arc<Kube>> {
    static KUBE: OnceLock<Option<Arc<Kube>>> = OnceLock::new();
    let start = || {
        let options = Options { servers: &CLUSTERS, controllers: Controllers::All };
        let kube = Arc::new(kube::start(&options)?);
        for cluster in CLUSTERS {
            for n in 0..2 {
                let node = node(&format!("{cluster}-{n}"));
                kube.kubectl_with(cluster, &["apply", "--server-side", "-f", "-"], &node);
            }
        }
        Some(kube)
    };
    KUBE.get_or_init(start).clone()
}

fn node(name: &str) -> String {
    let amounts = json!({"cpu": "32", "memory": "64Gi", "pods": "200"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": amounts, "capacity": amounts},
    })
    .to_string()
}

/// One scenario's fleet. Its controller runs until it is dropped.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) kube: Arc<Kube>,
    /// The scenario's own namespace.
    pub(crate) namespace: String,
    members: BTreeMap<&'static str, Mutex<Member>>,
    controller: Option<Leashed>,
    _turn: SemaphorePermit<'static>,
}

impl Stage {
    /// A fleet of the three clusters and the namespace, not pushed yet; `None` where there is no Kubernetes.
    pub(crate) async fn new() -> Option<Stage> {
        let turn = TURNS.acquire().await.expect("it is never closed");
        let kube = tokio::task::spawn_blocking(clusters).await.expect("the servers start")?;
        let mut members = BTreeMap::new();
        for cluster in CLUSTERS {
            members.insert(cluster, Mutex::new(Member::new(kube.server(cluster).client().await)));
        }
        let stage = Stage {
            world: World::new(&kube),
            namespace: kube::unique("scene"),
            kube,
            members,
            controller: None,
            _turn: turn,
        };
        for (cluster, spec) in CLUSTERS.iter().zip(REGISTRATIONS) {
            stage.register(cluster, "{}", spec);
        }
        stage.write("namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS}\n");
        Some(stage)
    }

    /// Writes a registration, with these labels and this spec.
    pub(crate) fn register(&self, cluster: &str, labels: &str, spec: &str) {
        let text = format!(
            "apiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster\nmetadata: {{name: {cluster}, labels: {labels}}}\nspec: {spec}\n"
        );
        self.world.write(&format!("clusters/{cluster}.yaml"), &text);
    }

    /// Writes a file; `NS` in it is the scenario's namespace.
    pub(crate) fn write(&self, path: &str, text: &str) {
        self.world.write(path, &text.replace("NS", &self.namespace));
    }

    /// Deletes a file.
    pub(crate) fn delete(&self, path: &str) {
        self.world.delete(path);
    }

    pub(crate) fn delete_registration(&self, cluster: &str) {
        self.delete(&format!("clusters/{cluster}.yaml"));
    }

    /// Commits and pushes all, and sees to it that a controller runs.
    pub(crate) fn push(&mut self, message: &str) -> String {
        let commit = self.world.push(message);
        if self.controller.is_none() {
            self.controller = Some(self.world.run());
        }
        commit
    }

    /// Ends the controller as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.controller = None;
    }

    fn key(&self, kind: &str, name: &str) -> Key {
        let (api_version, kind) = kind.rsplit_once('/').expect("VERSION/KIND");
        let is_wide = matches!(
            kind,
            "Namespace" | "ClusterRole" | "ClusterRoleBinding" | "CustomResourceDefinition"
        );
        Key {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: if is_wide { String::new() } else { self.namespace.clone() },
            name: name.replace("NS", &self.namespace),
        }
    }

    /// The live object of a cluster: `("apps/v1/Deployment", "shop")`.
    pub(crate) async fn live(&self, cluster: &str, kind: &str, name: &str) -> Option<Value> {
        let mut member = self.members[cluster].lock().await;
        member.get(&self.key(kind, name)).await
    }

    pub(crate) async fn uid(&self, cluster: &str, kind: &str, name: &str) -> String {
        let live = self.live(cluster, kind, name).await.unwrap_or_default();
        live["metadata"]["uid"].as_str().unwrap_or_else(|| panic!("no {kind} {name}")).to_owned()
    }

    /// Waits until the object is in these clusters, and in no others.
    pub(crate) async fn is_in(&self, kind: &str, name: &str, wanted: &[&str]) {
        self.until(&format!("{kind} {name} in {wanted:?}"), async || {
            let mut found = Vec::new();
            for cluster in CLUSTERS {
                let live = self.live(cluster, kind, name).await;
                if live.is_some_and(|live| live["metadata"]["deletionTimestamp"].is_null()) {
                    found.push(cluster);
                }
            }
            if found == wanted { Ok(()) } else { Err(format!("in {found:?}")) }
        })
        .await;
    }

    /// Waits until the value at a JSON pointer is this in each cluster, in order; null where there is no
    /// object.
    pub(crate) async fn is_at(&self, kind: &str, name: &str, at: &str, wanted: [Value; 3]) {
        self.until(&format!("{at} of {kind} {name}"), async || {
            let mut found = Vec::new();
            for cluster in CLUSTERS {
                let live = self.live(cluster, kind, name).await.unwrap_or_default();
                found.push(live.pointer(at).cloned().unwrap_or_default());
            }
            let is_as_wanted = found == wanted;
            if is_as_wanted { Ok(()) } else { Err(format!("{found:?}, not {wanted:?}")) }
        })
        .await;
    }

    /// Waits until a Deployment has so many replicas in each cluster; `None` where it is not.
    pub(crate) async fn replicas(&self, name: &str, wanted: [Option<u32>; 3]) {
        let wanted = wanted.map(|n| n.map_or(Value::Null, Value::from));
        self.is_at("apps/v1/Deployment", name, "/spec/replicas", wanted).await;
    }

    /// A file of the results; empty while there is none.
    pub(crate) fn result(&self, path: &str) -> String {
        let path = path.replace("NS", &self.namespace);
        self.world.read("refs/heads/fleet/results", &path).unwrap_or_default()
    }

    /// Waits until a file of the results says all of this.
    pub(crate) async fn is_told(&self, path: &str, words: &[&str]) {
        self.until(&format!("{words:?} in {path}"), async || {
            let text = self.result(path);
            let missing = words.iter().find(|word| !text.contains(**word));
            missing.map_or(Ok(()), |word| Err(format!("no `{word}` in:\n{text}")))
        })
        .await;
    }

    /// Waits until what a cluster reports of an object says all of this: `("east", "NS/ConfigMap/a", ..)`.
    pub(crate) async fn is_reported(&self, cluster: &str, object: &str, words: &[&str]) {
        let reference = format!("refs/heads/fleet/status/{cluster}");
        let path = format!("objects/{object}.yaml").replace("NS", &self.namespace);
        self.until(&format!("{words:?} of {path}"), async || {
            let text = self.world.read(&reference, &path).unwrap_or_default();
            let missing = words.iter().find(|word| !text.contains(**word));
            missing.map_or(Ok(()), |word| Err(format!("no `{word}` in:\n{text}")))
        })
        .await;
    }

    /// Waits until the commit's note says all of this.
    pub(crate) async fn is_noted(&self, commit: &str, words: &[&str]) {
        self.until(&format!("{words:?} in the note"), async || {
            let text = self.world.note(commit).unwrap_or_default();
            let missing = words.iter().find(|word| !text.contains(**word));
            missing.map_or(Ok(()), |word| Err(format!("no `{word}` in:\n{text}")))
        })
        .await;
    }

    /// Waits until what was pushed last is in force everywhere and reported: no branch moves any more.
    pub(crate) async fn settled(&self) {
        let started = Instant::now();
        let mut last = (self.world.refs(), Instant::now());
        while last.1.elapsed() < QUIET {
            assert!(started.elapsed() < PATIENCE, "never quiet: {}\n{}", last.0, self.world.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.world.refs();
            if now != last.0 {
                last = (now, Instant::now());
            }
        }
    }

    /// Runs kubectl on a cluster, in the scenario's namespace.
    pub(crate) fn kubectl(&self, cluster: &str, args: &[&str]) -> String {
        // Not in the midst of a word: base64 has any letters.
        let named = |arg: &&str| match *arg {
            "NS" => self.namespace.clone(),
            arg => arg.to_owned(),
        };
        let args: Vec<String> = args.iter().map(named).collect();
        let mut all = vec!["--namespace", &*self.namespace];
        all.extend(args.iter().map(String::as_str));
        self.kube.kubectl(cluster, &all)
    }

    /// Makes or changes an object as somebody of the cluster.
    pub(crate) fn kubectl_apply(&self, cluster: &str, manifest: &str) {
        let manifest = manifest.replace("NS", &self.namespace);
        let args = ["--namespace", &*self.namespace, "apply", "-f", "-"];
        self.kube.kubectl_with(cluster, &args, &manifest);
    }

    pub(crate) async fn until<F: Future<Output = Result<(), String>>>(
        &self,
        what: &str,
        look: impl FnMut() -> F,
    ) {
        within(PATIENCE, &self.world, what, look).await;
    }
}

/// A Deployment of the scenario's namespace.
pub(crate) fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: NS, labels: {{app: {name}}}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: main, image: 'registry.example.com/{name}:v1'}}]}}
"
    )
}

pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: NS}}\ndata: {{key: {value}}}\n"
    )
}

/// A PropagationPolicy of the namespace for what the selectors say, in flow style; `spec` is the rest.
pub(crate) fn policy(name: &str, selectors: &str, spec: &str) -> String {
    format!(
        "apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {{name: {name}, namespace: NS}}
spec:
  resourceSelectors: [{selectors}]
{spec}"
    )
}

pub(crate) const DEPLOYMENTS: &str = "{apiVersion: apps/v1, kind: Deployment}";
pub(crate) const CONFIG_MAPS: &str = "{apiVersion: v1, kind: ConfigMap}";

/// `placement:` on these clusters, as the rest of a policy's spec.
pub(crate) fn on(clusters: &[&str]) -> String {
    format!("  placement: {{clusterAffinity: {{clusterNames: [{}]}}}}\n", clusters.join(", "))
}
