//! Clusters join with an account of their own, whose rights suffice and reach no further, and leave.

use serde_json::Value;

use crate::kube::servers::client;
use crate::kube::{self, Controllers, Kube, Options};
use crate::members::{Key, Member};
use crate::world::{ONE_AT_A_TIME, World, until};

const FLEET: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'shop:1'}]}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: web}
stringData: {key: value}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: web}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: web, namespace: web}
spec:
  resourceSelectors:
    - {apiVersion: apps/v1, kind: Deployment}
    - {apiVersion: v1, kind: Secret}
    - {apiVersion: rbac.authorization.k8s.io/v1, kind: Role}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: elsewhere, namespace: default}
data: {a: b}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: elsewhere, namespace: default}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all-logs}
rules:
  - {apiGroups: [''], resources: [pods/log], verbs: [get]}
  - {nonResourceURLs: [/metrics], verbs: [get]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: games.example.io}
spec:
  group: example.io
  names: {kind: Game, listKind: GameList, plural: games, singular: game}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: whole}
spec:
  resourceSelectors:
    - {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole}
    - {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}
  placement: {clusterAffinity: {clusterNames: [member1]}}
";

const NODE: &str = "
apiVersion: v1
kind: Node
metadata: {name: node-1}
";

fn key(api_version: &str, kind: &str, namespace: &str, name: &str) -> Key {
    let [api_version, kind, namespace, name] =
        [api_version, kind, namespace, name].map(str::to_owned);
    Key { api_version, kind, namespace, name }
}

fn shop() -> Key {
    key("apps/v1", "Deployment", "web", "shop")
}

fn account() -> Key {
    key("v1", "ServiceAccount", "git-fleet-system", "git-fleet")
}

async fn member(kube: &Kube, name: &str) -> Member {
    Member::new(kube.server(name).client().await)
}

/// What of the fleet each binding says of a cluster.
async fn said(world: &World, path: &str, words: &[&str]) {
    until(world, path, async || {
        let binding = world.read("refs/heads/fleet/results", path).ok_or("no binding")?;
        let missing = words.iter().find(|word| !binding.contains(**word));
        missing.map_or(Ok(()), |word| Err(format!("no `{word}` in it:\n{binding}")))
    })
    .await;
}

/// Whether who has this kubeconfig may do it, by the cluster's own word.
async fn may(kubeconfig: &str, verb: &str, resource: &str, namespace: &str) -> Option<bool> {
    let (group, resource) = resource.split_once('/').unwrap_or(("", resource));
    let review = serde_json::json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "namespace": namespace,
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let request = http::Request::post(path).header("content-type", "application/json");
    let request = request.body(review.to_string().into_bytes()).expect("it is valid");
    match client(kubeconfig).await.request::<Value>(request).await {
        Ok(answer) => answer["status"]["allowed"].as_bool(),
        Err(::kube::Error::Api(status)) if status.code == 401 => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn clusters_join_with_the_rights_that_they_are_given_and_leave() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let servers = ["member1", "member2"];
    let Some(kube) = kube::start(&Options { servers: &servers, controllers: Controllers::All })
    else {
        return;
    };
    let mut world = World::without_credentials(&kube);
    std::fs::write(world.admin("node"), NODE).expect("our own directory");
    for server in servers {
        let node = world.admin("node");
        kube.kubectl(server, &["apply", "-f", node.to_str().expect("a plain name")]);
    }
    world.write("fleet/all.yaml", FLEET);
    world.git(&["switch", "--quiet", "--create", "main"]);
    world.git(&["add", "--all"]);
    world.git(&["commit", "--quiet", "--message", "the fleet"]);
    world.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
    let told = world.verb("join", "member1", &["--region", "eu"]);
    assert!(told.contains("pushed to origin") && !told.contains("expires"), "{told}");
    world.verb("join", "member2", &["--rights", "namespaced", "--namespace", "web"]);
    let [first, second] = servers.map(|name| world.credential(name).expect("it was written"));
    for (kubeconfig, verb, resource, namespace, expected) in [
        (&first, "create", "apps/deployments", "anywhere", true),
        (&first, "escalate", "rbac.authorization.k8s.io/clusterroles", "", true),
        (&second, "create", "apps/deployments", "web", true),
        (&second, "get", "secrets", "web", true),
        (&second, "watch", "pods", "", true),
        (&second, "list", "apps/deployments", "", false),
        (&second, "create", "apps/deployments", "default", false),
        (&second, "list", "secrets", "", false),
        (&second, "get", "secrets", "kube-system", false),
        (&second, "create", "pods", "kube-system", false),
        (&second, "create", "rbac.authorization.k8s.io/clusterrolebindings", "", false),
        (&second, "delete", "namespaces", "", false),
    ] {
        let allowed = may(kubeconfig, verb, resource, namespace).await;
        assert_eq!(allowed, Some(expected), "{verb} {resource} in `{namespace}`");
    }

    // Each takes what its rights are about, and reports it; what they are not about is said.
    let controller = world.run();
    said(
        &world,
        "bindings/web/Deployment.apps/shop.yaml",
        &[
            "clusterName: member1",
            "clusterName: member2",
            "FullyAppliedSuccess",
            "readyReplicas: 2",
        ],
    )
    .await;
    for binding in ["web/Secret/key.yaml", "web/Role.rbac.authorization.k8s.io/reader.yaml"] {
        said(&world, &format!("bindings/{binding}"), &["FullyAppliedSuccess"]).await;
    }
    for binding in [
        "ClusterRole.rbac.authorization.k8s.io/all-logs.yaml",
        "CustomResourceDefinition.apiextensions.k8s.io/games.example.io.yaml",
    ] {
        said(&world, &format!("bindings/_cluster/{binding}"), &["FullyAppliedSuccess"]).await;
    }
    said(&world, "bindings/default/ConfigMap/elsewhere.yaml", &["CLUSTER_FORBIDDEN"]).await;
    for cluster in servers {
        let path = format!("clusters/{cluster}.yaml");
        said(&world, &path, &["type: Ready", "totalNum: 1", "kubernetesVersion: v1."]).await;
    }

    // One leaves with everything that the fleet has there.
    world.verb("unjoin", "member2", &["--delete", "--timeout", "45s", "--force"]);
    let (mut one, mut two) = (member(&kube, "member1").await, member(&kube, "member2").await);
    assert!(two.get(&shop()).await.is_none(), "{}", world.logs());
    assert!(two.get(&key("v1", "Secret", "web", "key")).await.is_none());
    assert!(two.get(&account()).await.is_none());
    assert_eq!(world.credential("member2"), None);
    until(&world, "its token is worth nothing", async || {
        match may(&second, "create", "apps/deployments", "web").await {
            None => Ok(()),
            Some(allowed) => Err(format!("it is asked, and told {allowed}")),
        }
    })
    .await;

    // The other one keeps it, and is a cluster as any other.
    let before = one.get(&shop()).await.expect("it runs")["metadata"]["uid"].clone();
    world.verb("unjoin", "member1", &["--orphan", "--force", "--timeout", "20s"]);
    assert_eq!(one.get(&shop()).await.expect("it runs on")["metadata"]["uid"], before);
    assert!(one.get(&account()).await.is_none());
    drop(controller);

    // And comes back.
    world.verb("join", "member1", &["--region", "eu"]);
    let _controller = world.run();
    said(&world, "bindings/web/Deployment.apps/shop.yaml", &["readyReplicas: 2"]).await;
    assert_eq!(one.get(&shop()).await.expect("it runs on")["metadata"]["uid"], before);
}

#[tokio::test]
async fn a_cluster_without_a_token_controller_gives_a_token_that_expires() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(kube) = kube::shared() else { return };
    let mut world = World::without_credentials(&kube);
    world.write("fleet/all.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web-join}\n");
    world.git(&["switch", "--quiet", "--create", "main"]);
    world.git(&["add", "--all"]);
    world.git(&["commit", "--quiet", "--message", "the fleet"]);
    world.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
    let told = world.verb("join", "member1", &[]);
    assert!(told.contains("its token expires at 2"), "{told}");
    let _controller = world.run();
    said(&world, "bindings/_cluster/Namespace/web-join.yaml", &["FullyAppliedSuccess"]).await;
    world.verb("unjoin", "member1", &["--orphan", "--force", "--timeout", "10s"]);
    let mut one = member(&kube, "member1").await;
    assert!(one.get(&account()).await.is_none());
}
