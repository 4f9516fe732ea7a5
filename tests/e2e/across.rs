//! What real API servers say when several are asked at once: the same as each says to kubectl.

use std::process::Output;

use serde_json::Value;

use crate::kube::{self, Controllers, Kube, Options};
use crate::world::{ONE_AT_A_TIME, World};

const SERVERS: [&str; 2] = ["member1", "member2"];

/// In both.
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: server, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {containers: [{name: server, image: web}]}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: shop}
stringData: {password: hunter2!}
---
apiVersion: v1
kind: Event
metadata: {name: web-0.1, namespace: shop}
involvedObject: {kind: Pod, namespace: shop, name: web-0, apiVersion: v1}
type: Warning
reason: FailedScheduling
message: no nodes available
source: {component: default-scheduler}
";

/// In the first only.
const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: CronTab, plural: crontabs, singular: crontab, shortNames: [ct]}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
      additionalPrinterColumns: [{name: Spec, type: string, jsonPath: .cron}]
";

const CRON_TAB: &str = "
apiVersion: example.com/v1
kind: CronTab
metadata: {name: nightly, namespace: shop}
cron: '0 3 * * *'
";

fn apply(kube: &Kube, server: &str, text: &str) {
    let path = kube::leash::scratch_dir("across").join("objects.yaml");
    std::fs::write(&path, text).expect("a fresh directory");
    // A client's own apply keeps all of an object in an annotation, values of a Secret too.
    let path = path.to_str().expect("temporary directories have plain names");
    kube.kubectl(server, &["apply", "-f", path]);
}

fn printed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// The words of a row without ages, which differ from one moment to the next.
fn ageless(row: &str) -> Vec<String> {
    let is_age =
        |word: &str| word.ends_with(['s', 'm']) && word.starts_with(|c: char| c.is_ascii_digit());
    row.split_whitespace().filter(|word| !is_age(word)).map(str::to_owned).collect()
}

#[tokio::test]
async fn several_clusters_are_seen_as_kubectl_sees_each() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut kube) =
        kube::start(&Options { servers: &SERVERS, controllers: Controllers::None })
    else {
        return;
    };
    let world = World::new(&kube);
    for server in SERVERS {
        apply(&kube, server, OBJECTS);
    }
    apply(&kube, "member1", DEFINITION);
    kube.kubectl("member1", &["wait", "--for=condition=Established", "crd/crontabs.example.com"]);
    apply(&kube, "member1", CRON_TAB);

    // Tables are those of the servers, with a column more.
    for (kind, extra) in [
        ("deploy", &[][..]),
        ("pods", &["-l", "app=web"]),
        ("ns", &[]),
        ("deploy", &["-o", "wide"]),
    ] {
        let scope: &[&str] = if kind == "ns" { &[] } else { &["-n", "shop"] };
        let arguments = [&["get", kind], scope, extra].concat();
        let across = printed(&world.ask(&arguments));
        let rows = |text: &str| -> Vec<Vec<String>> { text.lines().skip(1).map(ageless).collect() };
        let expected: Vec<Vec<String>> = SERVERS
            .iter()
            .flat_map(|server| {
                let mut rows = rows(&kube.kubectl(server, &arguments));
                for row in &mut rows {
                    row.insert(1, (*server).to_owned());
                }
                rows
            })
            .collect();
        let rows = rows(&across);
        assert_eq!(rows, expected, "{arguments:?}:\n{across}");
    }
    let only = printed(&world.ask(&["get", "ct", "-A"]));
    let rows: Vec<Vec<&str>> = only.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAMESPACE", "NAME", "CLUSTER", "SPEC"], "{only}");
    assert_eq!(rows[1][..3], ["shop", "nightly", "member1"], "{only}");

    // Objects are whole.
    let list = printed(&world.ask(&["get", "deploy/web", "-n", "shop", "-o", "json"]));
    let list: Value = serde_json::from_str(&list).expect("JSON");
    for (item, server) in list["items"].as_array().expect("a list").iter().zip(SERVERS) {
        let alone = kube.kubectl(server, &["get", "deploy", "web", "-n", "shop", "-o", "json"]);
        let mut alone: Value = serde_json::from_str(&alone).expect("JSON");
        alone["metadata"]["annotations"]["resource.karmada.io/cached-from-cluster"] = server.into();
        assert_eq!(*item, alone);
    }

    // A Secret keeps its values, in all that is shown.
    let secret = printed(&world.ask(&["describe", "secret/login", "-n", "shop"]));
    assert_eq!(secret.matches("Data:\n  password:  8 bytes\n").count(), 2, "{secret}");
    assert!(!secret.contains("hunter2") && !secret.contains("aHVudGVyMiE"), "{secret}");
    let pod =
        printed(&world.ask(&["describe", "pod", "web-0", "-n", "shop", "--clusters", "member2"]));
    assert!(pod.starts_with("Cluster:      member2\nName:         web-0\n"), "{pod}");
    assert!(pod.contains("FailedScheduling") && pod.contains("default-scheduler"), "{pod}");

    // Nothing runs here: a pod that is on no node has written nothing, and takes no command.
    assert_eq!(printed(&world.ask(&["logs", "web-0", "-n", "shop"])), "");
    let exec = ["exec", "web-0", "-n", "shop", "--cluster", "member1", "--", "true"];
    let refused = world.ask(&exec);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let expected = "error[CLUSTER_REFUSES]: pod web-0 does not have a host assigned\n";
    assert!(told(&refused).starts_with(expected), "{refused:?}");
    let top = world.ask(&["top", "pods", "-A"]);
    assert_eq!((top.status.code(), told(&top).matches("METRICS_MISSING").count()), (Some(4), 2));

    // One that has gone does not hide the other.
    kube.server_mut("member2").process().signal("KILL");
    let rest = world.ask(&["get", "deploy", "-n", "shop"]);
    assert_eq!(rest.status.code(), Some(4), "{rest:?}");
    assert!(told(&rest).starts_with("cluster member2: CLUSTER_UNREACHABLE: "), "{rest:?}");
    assert_eq!(told(&rest).lines().count(), 1, "{rest:?}");
    assert!(String::from_utf8_lossy(&rest.stdout).contains("web    member1"), "{rest:?}");
}
