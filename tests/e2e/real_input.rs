//! Real input on real Kubernetes: manifests that public projects publish, two API servers, one repository.
//!
//! The manifests are read from `FLEET_REAL_MANIFESTS` (or `../shared/real` beside the repository): the folders
//! `online-boutique`, `sock-shop`, `kube-prometheus` and `karmada-samples`. Without them the scenario is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::kube::{self, Controllers, Options};
use crate::members::{Key, Member};
use crate::world::{ONE_AT_A_TIME, World, until};

const CLUSTERS: [&str; 2] = ["member1", "member2"];

/// How the second member is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    Controller,
    Agent,
}

#[tokio::test]
async fn a_push_runs_two_real_clusters() {
    scenario(Second::Controller).await;
}

#[tokio::test]
async fn a_push_runs_two_real_clusters_one_of_them_by_its_agent() {
    scenario(Second::Agent).await;
}

async fn scenario(second: Second) {
    let Some(real) = manifests() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(kube) = kube::start(&Options { servers: &CLUSTERS, controllers: Controllers::None })
    else {
        return;
    };
    let mut world = World::new(&kube);
    let placed = fill(&world, &real, second);
    let mut members = BTreeMap::new();
    for name in CLUSTERS {
        members.insert(name, Member::new(kube.server(name).client().await));
    }

    // The first push.
    world.push("the fleet");
    let mut controller = world.run();
    let _agent = (second == Second::Agent).then(|| world.agent("member2"));
    for (name, member) in &mut members {
        let keys = &placed[name];
        let member = tokio::sync::Mutex::new(member);
        until(&world, &format!("the objects of {name}"), async || {
            let mut member = member.lock().await;
            let there = member.uids(keys).await;
            let missing: Vec<&Key> = keys.iter().filter(|key| !there.contains_key(key)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            Err(format!("{} of {} missing, first {:?}", missing.len(), keys.len(), missing[0]))
        })
        .await;
    }
    let other: BTreeSet<Key> = placed["member1"].difference(&placed["member2"]).cloned().collect();
    let strays = members.get_mut("member2").expect("it is one of two").uids(&other).await;
    assert!(strays.is_empty(), "member2 has what no policy placed there: {:?}", strays.keys());

    // Status is in the refs.
    until(&world, "status in the refs", async || {
        for name in CLUSTERS {
            if world.paths(&format!("refs/heads/fleet/status/{name}")).is_empty() {
                return Err(format!("no status of {name}"));
            }
        }
        let binding = world
            .read("refs/heads/fleet/results", "bindings/sock-shop/Deployment.apps/front-end.yaml")
            .ok_or("no binding of the front end")?;
        let status = binding.split_once("aggregatedStatus").ok_or("no aggregated status")?.1;
        CLUSTERS
            .iter()
            .all(|name| status.contains(name))
            .then_some(())
            .ok_or("a cluster's status is missing".into())
    })
    .await;

    // A change of an image.
    set_image(&world, "example.com/front-end:1");
    world.push("another image");
    image_arrives(&world, &mut members, "example.com/front-end:1").await;

    // A file is deleted, another renamed.
    let before = uids(&mut members, &placed).await;
    let service = |name: &str| Key {
        api_version: "v1".into(),
        kind: "Service".into(),
        namespace: "sock-shop".into(),
        name: name.into(),
    };
    world.git(&["rm", "--quiet", "sock-shop/session-db-svc.yaml"]);
    world.git(&["mv", "sock-shop/orders-svc.yaml", "sock-shop/renamed.yaml"]);
    set_image(&world, "example.com/front-end:2");
    world.push("one file less, one under another name");
    image_arrives(&world, &mut members, "example.com/front-end:2").await;
    for (name, member) in &mut members {
        let member = tokio::sync::Mutex::new(member);
        until(&world, &format!("the deleted service of {name}"), async || {
            let there = member.lock().await.get(&service("session-db")).await;
            there.is_none().then_some(()).ok_or("there".into())
        })
        .await;
    }
    let mut placed = placed;
    for keys in placed.values_mut() {
        keys.remove(&service("session-db"));
    }
    let after = uids(&mut members, &placed).await;
    for (name, uids) in &after {
        for (key, uid) in uids {
            assert_eq!(before[name].get(key), Some(uid), "{name} has made {key:?} anew");
        }
        assert_eq!(uids.len(), placed[name].len(), "{name} has lost something");
    }

    // A commit that does not parse.
    world.write("sock-shop/broken.yaml", "apiVersion: v1\nkind: [\n");
    set_image(&world, "example.com/front-end:never");
    let refused = world.push("does not parse");
    until(&world, "the note on the refused commit", async || {
        let note = world.note(&refused).ok_or("no note")?;
        note.contains("broken.yaml")
            .then_some(())
            .ok_or(format!("a note that does not name the file: {note}"))
    })
    .await;
    for (name, member) in &mut members {
        assert_eq!(
            image(member).await.as_deref(),
            Some("example.com/front-end:2"),
            "{name} follows a refused commit"
        );
    }
    world.git(&["rm", "--quiet", "--force", "sock-shop/broken.yaml"]);

    // The controller is killed at ten random moments.
    for round in 0..10 {
        set_image(&world, &format!("example.com/front-end:killed-{round}"));
        world.push("while the controller dies");
        // The moment is the point, so this waits for time and not for a condition.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..400))).await;
        drop(controller);
        controller = world.run();
    }
    image_arrives(&world, &mut members, "example.com/front-end:killed-9").await;
    assert_eq!(uids(&mut members, &placed).await, after, "something was lost or made anew");
    drop(controller);
}

/// The folder of manifests, `None` after one line on stderr when there is none.
fn manifests() -> Option<PathBuf> {
    let dir = std::env::var_os("FLEET_REAL_MANIFESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real"),
        PathBuf::from,
    );
    if dir.join("sock-shop").is_dir() {
        return Some(dir);
    }
    kube::say(
        "the scenario of real manifests is left out: FLEET_REAL_MANIFESTS names no directory that holds them",
    );
    None
}

/// Fills the clone with the manifests, the clusters and the policies; returns what belongs where.
fn fill(world: &World, real: &Path, second: Second) -> BTreeMap<&'static str, BTreeSet<Key>> {
    let mut placed: BTreeMap<&'static str, BTreeSet<Key>> =
        CLUSTERS.map(|name| (name, BTreeSet::new())).into();
    let mut place = |clusters: &[&'static str], key: &Key| {
        for name in clusters {
            placed.get_mut(name).expect("it is one of two").insert(key.clone());
        }
    };

    for (folder, namespace) in [
        ("sock-shop", "sock-shop"),
        ("online-boutique", "boutique"),
        ("karmada-samples", "samples"),
    ] {
        for (path, text) in files(&real.join(folder)) {
            let text = with_namespace(&text, namespace);
            for manifest in documents(&path, &text) {
                let key = Key::of(&manifest);
                match (folder, key.kind.as_str()) {
                    (_, "PropagationPolicy" | "ClusterPropagationPolicy" | "OverridePolicy") => {}
                    // One replica each, two parts for the first member and one for the second.
                    ("online-boutique", "Deployment")
                    | (_, "CustomResourceDefinition" | "Guestbook") => {
                        place(&["member1"], &key);
                    }
                    _ => place(&CLUSTERS, &key),
                }
            }
            world.write(&format!("{folder}/{path}"), &text);
        }
        world.write(
            &format!("namespaces/{namespace}.yaml"),
            &format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        );
        place(
            &CLUSTERS,
            &Key {
                api_version: "v1".into(),
                kind: "Namespace".into(),
                namespace: String::new(),
                name: namespace.into(),
            },
        );
    }

    let mut selectors = BTreeSet::new();
    for (path, text) in files(&real.join("kube-prometheus")) {
        for manifest in documents(&path, &text) {
            let key = Key::of(&manifest);
            // Namespaces of a cluster's own control plane are never propagated, as in Karmada.
            if !key.namespace.starts_with("kube-") {
                place(&["member1"], &key);
            }
            selectors.insert(key);
        }
        world.write(&format!("kube-prometheus/{path}"), &text);
    }
    world.write("policies/monitoring.yaml", &monitoring_policy(&selectors));
    world.write("policies/apps.yaml", APPS);
    for name in CLUSTERS {
        let mode = if name == "member2" && second == Second::Agent { "Pull" } else { "Push" };
        world.write(
            &format!("clusters/{name}.yaml"),
            &format!("apiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{syncMode: {mode}}}\n"),
        );
    }
    placed
}

/// The policies of the applications: one copied to both members, one divided two to one.
const APPS: &str = "\
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: namespaces}
spec:
  resourceSelectors:
  - {apiVersion: v1, kind: Namespace, name: sock-shop}
  - {apiVersion: v1, kind: Namespace, name: boutique}
  - {apiVersion: v1, kind: Namespace, name: samples}
  placement: {clusterAffinity: {clusterNames: [member1, member2]}}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: everywhere, namespace: sock-shop}
spec:
  resourceSelectors:
  - {apiVersion: apps/v1, kind: Deployment}
  - {apiVersion: v1, kind: Service}
  - {apiVersion: networking.k8s.io/v1, kind: Ingress}
  placement: {clusterAffinity: {clusterNames: [member1, member2]}}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: divided, namespace: boutique}
spec:
  resourceSelectors:
  - {apiVersion: apps/v1, kind: Deployment}
  placement:
    clusterAffinity: {clusterNames: [member1, member2]}
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference:
        staticWeightList:
        - {targetCluster: {clusterNames: [member1]}, weight: 2}
        - {targetCluster: {clusterNames: [member2]}, weight: 1}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: everywhere, namespace: boutique}
spec:
  resourceSelectors:
  - {apiVersion: v1, kind: Service}
  - {apiVersion: v1, kind: ServiceAccount}
  placement: {clusterAffinity: {clusterNames: [member1, member2]}}
";

fn monitoring_policy(keys: &BTreeSet<Key>) -> String {
    let mut text = String::from(
        "apiVersion: policy.karmada.io/v1alpha1\nkind: ClusterPropagationPolicy\nmetadata: {name: monitoring}\nspec:\n  \
         placement: {clusterAffinity: {clusterNames: [member1]}}\n  resourceSelectors:\n",
    );
    for Key { api_version, kind, namespace, name } in keys {
        let namespace =
            if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
        writeln!(
            text,
            "  - {{apiVersion: {api_version}, kind: {kind}, name: {name:?}{namespace}}}"
        )
        .expect("a String takes everything");
    }
    text
}

/// Names and texts of the YAML files below a folder, sorted.
fn files(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(current) = dirs.pop() {
        for entry in
            std::fs::read_dir(&current).unwrap_or_else(|e| panic!("{}: {e}", current.display()))
        {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|it| it == "yaml") {
                let name =
                    path.strip_prefix(dir).expect("it was found below it").display().to_string();
                found.push((name, std::fs::read_to_string(&path).expect("manifests are UTF-8")));
            }
        }
    }
    found.sort();
    found
}

/// Puts every namespaced object of a file into `namespace`: these are published for `kubectl -n`.
fn with_namespace(text: &str, namespace: &str) -> String {
    let cluster_scoped = ["kind: CustomResourceDefinition", "kind: ClusterPropagationPolicy"];
    let mut out = String::new();
    for document in text.split_inclusive("\n---") {
        let add = !document.lines().any(|line| cluster_scoped.contains(&line.trim_end()));
        for line in document.split_inclusive('\n') {
            out.push_str(line);
            if add && line.trim_end() == "metadata:" {
                writeln!(out, "  namespace: {namespace}").expect("a String takes everything");
            }
        }
    }
    out
}

/// The objects of a file, lists taken apart.
fn documents(path: &str, text: &str) -> Vec<Value> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut objects = Vec::new();
    for document in documents {
        match document.get("items").and_then(Value::as_array) {
            Some(items) => objects.extend(items.iter().cloned()),
            None if document.is_object() => objects.push(document),
            None => {}
        }
    }
    objects
}

fn set_image(world: &World, image: &str) {
    world.edit("sock-shop/front-end-dep.yaml", |text| {
        let line = text
            .lines()
            .find(|line| line.trim_start().trim_start_matches("- ").starts_with("image:"))
            .expect("it has an image");
        let (before, _) = line.split_once("image:").expect("the line was found by it");
        text.replace(line, &format!("{before}image: {image}"))
    });
}

async fn image(member: &mut Member) -> Option<String> {
    let key = Key {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: "sock-shop".into(),
        name: "front-end".into(),
    };
    let object = member.get(&key).await?;
    Some(object.pointer("/spec/template/spec/containers/0/image")?.as_str()?.to_owned())
}

async fn image_arrives(world: &World, members: &mut BTreeMap<&'static str, Member>, wanted: &str) {
    for (name, member) in members {
        let member = tokio::sync::Mutex::new(member);
        until(world, &format!("{wanted} in {name}"), async || {
            let mut member = member.lock().await;
            let image = image(&mut member).await;
            (image.as_deref() == Some(wanted)).then_some(()).ok_or(format!("{image:?}"))
        })
        .await;
    }
}

async fn uids(
    members: &mut BTreeMap<&'static str, Member>,
    placed: &BTreeMap<&'static str, BTreeSet<Key>>,
) -> BTreeMap<&'static str, BTreeMap<Key, String>> {
    let mut all = BTreeMap::new();
    for (name, member) in members {
        all.insert(*name, member.uids(&placed[name]).await);
    }
    all
}
