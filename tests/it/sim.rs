//! Simulated members as an unmodified kube-rs client and `kubectl` see them.

use futures::StreamExt as _;
use git_fleet::sim::{Failure, Faults, Host, MemberSpec, Strikes};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Error};
use serde_json::{Value, json};

fn host() -> Host {
    Host::start(vec![MemberSpec::new("one")]).unwrap()
}

async fn client(host: &Host) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(&host.kubeconfig("one").unwrap()).unwrap();
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

fn code(error: &Error) -> u16 {
    match error {
        Error::Api(status) => status.code,
        other => panic!("not an answer of the server: {other:?}"),
    }
}

fn deployment(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}}})
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(
        json!({"metadata": {"name": name, "labels": {"v": value}}, "data": {"k": value}}),
    )
    .unwrap()
}

#[tokio::test]
async fn apply_creates_once_and_conflicts_with_another_owner() {
    let host = host();
    let client = client(&host).await;
    let api: Api<Deployment> = Api::namespaced(client, "default");
    let ours = PatchParams::apply("git-fleet");
    let first = api.patch("web", &ours, &Patch::Apply(deployment("a:1"))).await.unwrap();
    assert_eq!(first.metadata.generation, Some(1));
    let again = api.patch("web", &ours, &Patch::Apply(deployment("a:1"))).await.unwrap();
    assert_eq!(again.metadata.resource_version, first.metadata.resource_version);
    let theirs = PatchParams::apply("someone");
    let refused = api.patch("web", &theirs, &Patch::Apply(deployment("b:1"))).await.unwrap_err();
    assert_eq!(code(&refused), 409);
    let taken = api.patch("web", &theirs.force(), &Patch::Apply(deployment("b:1"))).await.unwrap();
    assert_eq!(taken.metadata.generation, Some(2));
}

#[tokio::test]
async fn a_missing_namespace_refuses_its_objects() {
    let host = host();
    let api: Api<ConfigMap> = Api::namespaced(client(&host).await, "nowhere");
    let refused = api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap_err();
    assert_eq!(code(&refused), 404);
}

#[tokio::test]
async fn a_deleted_namespace_takes_its_contents_along() {
    let host = host();
    let client = client(&host).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": "shop"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client, "shop");
    api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    namespaces.delete("shop", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(&api.get("a").await.unwrap_err()), 404);
    assert_eq!(code(&namespaces.get("shop").await.unwrap_err()), 404);
}

#[tokio::test]
async fn a_list_in_pages_is_one_snapshot() {
    let host = host();
    let api: Api<ConfigMap> = Api::namespaced(client(&host).await, "default");
    for name in ["a", "b", "c", "d", "e"] {
        api.create(&PostParams::default(), &config_map(name, "1")).await.unwrap();
    }
    let page = ListParams::default().limit(2);
    let first = api.list(&page).await.unwrap();
    api.delete("d", &DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.clone().unwrap();
    let second = api.list(&page.clone().continue_token(&token)).await.unwrap();
    let names: Vec<String> =
        second.items.into_iter().filter_map(|item| item.metadata.name).collect();
    assert_eq!(names, ["c", "d"]);
    host.expire_watches("one").unwrap();
    assert_eq!(code(&api.list(&page.continue_token(&token)).await.unwrap_err()), 410);
}

#[tokio::test]
async fn a_watch_tells_what_enters_and_leaves_its_selector() {
    let host = host();
    let api: Api<ConfigMap> = Api::namespaced(client(&host).await, "default");
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    api.create(&PostParams::default(), &config_map("b", "2")).await.unwrap();
    let mut events =
        api.watch(&WatchParams::default().labels("v=1"), &start).await.unwrap().boxed();
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Added(_)))));
    api.patch("a", &PatchParams::default(), &Patch::Merge(config_map("a", "2"))).await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Deleted(_)))));
    host.expire_watches("one").unwrap();
    match events.next().await {
        Some(Ok(WatchEvent::Error(status))) => assert_eq!(status.code, 410),
        other => panic!("a watch that expired says 410, not {other:?}"),
    }
}

#[tokio::test]
async fn a_custom_kind_is_served_until_its_definition_goes() {
    let host = host();
    let client = client(&host).await;
    let definitions: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
        Api::all(client.clone());
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"}, "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    definitions
        .patch("widgets.example.com", &PatchParams::apply("t"), &Patch::Apply(definition))
        .await
        .unwrap();
    let kind = kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(
        "example.com",
        "v1",
        "Widget",
    ));
    let widgets: Api<kube::api::DynamicObject> = Api::namespaced_with(client, "default", &kind);
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"n": 1}});
    widgets.patch("w", &PatchParams::apply("t"), &Patch::Apply(widget)).await.unwrap();
    definitions.delete("widgets.example.com", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(&widgets.get("w").await.unwrap_err()), 404);
}

#[tokio::test]
async fn an_unreachable_member_comes_back_with_its_objects() {
    let host = host();
    let client = client(&host).await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    host.stop("one").unwrap();
    assert!(!matches!(api.get("a").await.unwrap_err(), Error::Api(_)));
    host.restart("one").unwrap();
    api.get("a").await.unwrap();
    let failure = Some(Failure { strikes: Strikes::Next(1), code: 500 });
    host.faults("one", Faults { failure, ..Faults::default() }).unwrap();
    let before = host.requests("one").unwrap();
    assert_eq!(code(&api.delete("a", &DeleteParams::default()).await.unwrap_err()), 500);
    api.get("a").await.unwrap();
    let after = host.requests("one").unwrap();
    assert_eq!(
        (after.writes() - before.writes(), after.resource_version),
        (1, before.resource_version)
    );
}

#[tokio::test]
async fn controllers_stand_back_from_a_burst() {
    const N_APPLIES: u64 = 2_000;
    let host = host();
    let client = client(&host).await;
    let api: Api<Deployment> = Api::namespaced(client, "default");
    let apply = |at: u64| {
        let api = api.clone();
        async move {
            let name = format!("web-{at}");
            let mut object = deployment("a:1");
            object["metadata"]["name"] = json!(name);
            let applied = api
                .patch(&name, &PatchParams::apply("git-fleet"), &Patch::Apply(object))
                .await
                .unwrap();
            applied.metadata.resource_version.unwrap().parse::<u64>().unwrap()
        }
    };
    let versions: Vec<u64> =
        futures::stream::iter((0..N_APPLIES).map(apply)).buffer_unordered(16).collect().await;
    let first = versions.iter().min().unwrap();
    let last = versions.iter().max().unwrap();
    // Each change in between that is not an apply was made by a controller; a machine that stops for a
    // moment lets them have a slice or two.
    let n_others = last - first + 1 - N_APPLIES;
    assert!(n_others <= N_APPLIES / 20, "controllers made {n_others} changes during the burst");
}

#[tokio::test]
async fn a_deployment_becomes_available() {
    let host = host();
    let api: Api<Deployment> = Api::namespaced(client(&host).await, "default");
    let created =
        api.patch("web", &PatchParams::apply("t"), &Patch::Apply(deployment("a:1"))).await.unwrap();
    let version = created.metadata.resource_version.unwrap();
    let mut events = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
    let ready = async {
        while let Some(event) = events.next().await {
            if let WatchEvent::Modified(deployment) = event.unwrap()
                && deployment.status.is_some_and(|status| status.available_replicas == Some(2))
            {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), ready).await.unwrap();
    api.delete("web", &DeleteParams::default()).await.unwrap();
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::default_namespaced(api.into_client());
    assert!(pods.list(&ListParams::default()).await.unwrap().items.is_empty());
}
