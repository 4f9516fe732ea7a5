//! The exact requests of the executor's wire, and what it makes of each kind of answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use git_fleet::api::manifest::GroupKind;
use git_fleet::api::names::ClusterName;
use git_fleet::member::discovery::{Discovery, Lookup, Resource};
use git_fleet::member::wire::{Api, Force, RequestError};
use git_fleet::member::{self, Identity, MemberReport, Options};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Asked {
    line: String,
    content_type: String,
    body: Value,
}

/// A server that gives each path its answer, and remembers what it was asked.
struct Mock {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

struct Answer {
    code: u16,
    retry_after: Option<&'static str>,
    body: Value,
}

fn ok(body: Value) -> Answer {
    Answer { code: 200, retry_after: None, body }
}

fn status(code: u16, reason: &str, message: &str, causes: &Value) -> Answer {
    let body = json!({"kind": "Status", "code": code, "reason": reason, "message": message,
        "details": {"causes": causes}});
    Answer { code, retry_after: None, body }
}

impl Mock {
    async fn new(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (answer.clone(), log.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, log) = (answer.clone(), log.clone());
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let line = format!("{} {}", parts.method, parts.uri);
                        let content_type = parts.headers.get("content-type");
                        let content_type = content_type.map_or("", |value| value.to_str().unwrap());
                        let answer = answer(&line);
                        log.lock().unwrap().push(Asked {
                            line,
                            content_type: content_type.to_owned(),
                            body: serde_json::from_slice(&body).unwrap_or_default(),
                        });
                        let mut response = Response::builder().status(answer.code);
                        if let Some(after) = answer.retry_after {
                            response = response.header("retry-after", after);
                        }
                        let body = Full::new(Bytes::from(answer.body.to_string()));
                        Ok::<_, hyper::Error>(response.body(body).unwrap())
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, asked }
    }

    fn api(&self) -> Api {
        api(&self.url)
    }

    fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

fn api(url: &str) -> Api {
    let mut config = kube::Config::new(url.parse().unwrap());
    config.default_retry = false;
    Api::new(kube::Client::try_from(config).unwrap())
}

fn roles() -> Resource {
    Resource {
        group: "rbac.authorization.k8s.io".into(),
        version: "v1".into(),
        kind: "Role".into(),
        plural: "roles".into(),
        namespaced: true,
        watchable: true,
    }
}

#[tokio::test]
async fn an_apply_is_one_patch_and_takes_fields_only_when_told_to() {
    let mock = Mock::new(|_| ok(json!({"kind": "Role"}))).await;
    let body = json!({"kind": "Role", "rules": []});
    mock.api().apply(&roles(), Some("shop"), "a:b/c", &body, Force::No).await.unwrap();
    let asked = mock.last();
    assert_eq!(
        asked.line,
        "PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/a:b%2Fc?fieldManager=git-fleet"
    );
    assert_eq!(asked.content_type, "application/apply-patch+yaml");
    assert_eq!(asked.body, body);
    mock.api().apply(&roles(), Some("shop"), "a", &body, Force::Yes).await.unwrap();
    assert!(mock.last().line.ends_with("/roles/a?fieldManager=git-fleet&force=true"));
}

#[tokio::test]
async fn a_delete_names_the_very_object_that_was_looked_at() {
    let mock = Mock::new(|_| ok(json!({}))).await;
    mock.api().delete(&roles(), None, "a", "uid-1", "42").await.unwrap();
    let asked = mock.last();
    assert_eq!(asked.line, "DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/a");
    assert_eq!(asked.body["propagationPolicy"], "Background");
    assert_eq!(asked.body["preconditions"], json!({"uid": "uid-1", "resourceVersion": "42"}));
}

#[tokio::test]
async fn each_class_of_answer_is_told_apart() {
    let mock = Mock::new(|line| match line.rsplit('/').next().unwrap() {
        "401" => status(401, "Unauthorized", "no", &json!([])),
        "403" => status(403, "Forbidden", "roles is forbidden", &json!([])),
        "404" => status(404, "NotFound", "none", &json!([])),
        "409" => status(409, "Conflict", "conflict", &json!([
            {"reason": "FieldManagerConflict", "message": "conflict with \"argocd\" using v1", "field": ".rules"}])),
        "410" => status(410, "Expired", "too old", &json!([])),
        "422" => status(422, "Invalid", &format!("bad {}", "x".repeat(5_000)), &json!([])),
        "429" => Answer { retry_after: Some("7"), ..status(429, "TooManyRequests", "", &json!([])) },
        "500" => status(500, "InternalError", "oh", &json!([])),
        _ => Answer { code: 200, retry_after: None, body: Value::Null },
    })
    .await;
    let ask = async |code: &str| mock.api().get(&roles(), None, code).await.unwrap_err();
    assert_eq!(ask("401").await, RequestError::Auth);
    assert!(ask("401").await.to_string().starts_with("CLUSTER_AUTH"));
    assert!(ask("403").await.to_string().starts_with("CLUSTER_FORBIDDEN: roles is forbidden"));
    assert!(matches!(ask("404").await, RequestError::NotFound(_)));
    let RequestError::Conflict(refusal) = ask("409").await else { panic!("not a conflict") };
    assert_eq!(refusal.conflicts().next().unwrap().field, ".rules");
    assert_eq!(ask("410").await, RequestError::Gone);
    assert!(ask("422").await.to_string().len() < 400, "long messages are cut");
    assert!(!ask("422").await.without_values().to_string().contains("xxx"));
    assert_eq!(ask("429").await, RequestError::Throttled { after: Duration::from_secs(7) });
    assert!(ask("500").await.is_transient() && !ask("500").await.is_of_cluster());
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_a_wrong_protocol_is_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = api(&closed).get_raw("/", "*/*").await.unwrap_err();
    assert!(matches!(error, RequestError::Unreachable(_)), "{error:?}");
    let mock = Mock::new(|_| ok(json!({}))).await;
    let error = api(&mock.url.replace("http:", "https:")).get_raw("/", "*/*").await.unwrap_err();
    assert!(matches!(error, RequestError::Tls(_)), "{error:?}");
}

fn group_kind(group: &str, kind: &str) -> GroupKind {
    GroupKind { group: group.into(), kind: kind.into() }
}

#[tokio::test]
async fn aggregated_discovery_is_two_requests_and_a_stale_group_is_unsure() {
    let resource = |plural: &str, kind: &str| {
        json!({"resource": plural, "scope": "Namespaced", "verbs": ["list", "watch"],
            "responseKind": {"kind": kind}})
    };
    let mock = Mock::new(move |line| {
        let items = if line.starts_with("GET /apis") {
            json!([
                {"metadata": {"name": "apps"}, "versions": [
                    {"version": "v1", "freshness": "Current", "resources": [resource("deployments", "Deployment")]},
                    {"version": "v1beta1", "freshness": "Current", "resources": [resource("deployments", "Deployment")]}]},
                {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]}])
        } else {
            json!([{"metadata": {}, "versions": [{"version": "v1", "resources": [resource("pods", "Pod")]}]}])
        };
        ok(json!({"kind": "APIGroupDiscoveryList", "items": items}))
    })
    .await;
    let found = Discovery::ask(&mock.api(), None).await.unwrap();
    assert_eq!(mock.asked.lock().unwrap().len(), 2);
    let Lookup::Served(pods) = found.find(&group_kind("", "Pod"), "v1") else { panic!() };
    assert_eq!((&*pods.plural, pods.namespaced, pods.watchable), ("pods", true, true));
    let Lookup::Served(preferred) = found.preferred(&group_kind("apps", "Deployment")) else {
        panic!()
    };
    assert_eq!(&*preferred.version, "v1");
    let other = found.find(&group_kind("apps", "Deployment"), "v2");
    assert!(matches!(other, Lookup::OtherVersions([_, _])));
    assert_eq!(found.find(&group_kind("apps", "Gone"), "v1"), Lookup::NotServed);
    assert_eq!(found.find(&group_kind("metrics.k8s.io", "PodMetrics"), "v1"), Lookup::Unsure);
    assert!(!found.is_complete());
}

#[tokio::test]
async fn plain_discovery_keeps_what_a_group_that_is_down_served_before() {
    let up = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = up.clone();
    let mock = Mock::new(move |line| match line {
        "GET /api" => ok(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "GET /apis" => ok(json!({"kind": "APIGroupList", "groups": [{"name": "x.io",
            "versions": [{"version": "v1beta1"}, {"version": "v1"}], "preferredVersion": {"version": "v1"}}]})),
        "GET /api/v1" => ok(json!({"resources": [{"name": "pods", "kind": "Pod", "namespaced": true},
            {"name": "pods/log", "kind": "Pod"}]})),
        _ if !switch.load(std::sync::atomic::Ordering::SeqCst) => status(503, "", "down", &json!([])),
        _ => ok(json!({"resources": [{"name": "things", "kind": "Thing"}]})),
    })
    .await;
    let thing = group_kind("x.io", "Thing");
    let before = Discovery::ask(&mock.api(), None).await.unwrap();
    assert!(before.is_complete());
    let Lookup::Served(preferred) = before.preferred(&thing) else { panic!() };
    assert_eq!(&*preferred.version, "v1");

    up.store(false, std::sync::atomic::Ordering::SeqCst);
    let after = Discovery::ask(&mock.api(), Some(&before)).await.unwrap();
    assert!(!after.is_complete());
    assert_eq!(after.preferred(&thing), before.preferred(&thing));
    let fresh = Discovery::ask(&mock.api(), None).await.unwrap();
    assert_eq!(fresh.preferred(&thing), Lookup::Unsure);
}

/// A member whose `kube-system` we may not read is worked on all the same.
#[tokio::test]
async fn a_cluster_may_hide_which_one_it_is() {
    let mock = Mock::new(|line| match line {
        "GET /api/v1/namespaces/kube-system" => status(403, "Forbidden", "no", &json!([])),
        _ => ok(json!({})),
    })
    .await;
    let (sender, mut reports) = tokio::sync::mpsc::channel(8);
    let config = kube::Config::new(mock.url.parse().unwrap());
    let name = ClusterName::new("one").unwrap();
    let executor = member::spawn(name, config, sender, Options::default(), [].into()).unwrap();
    let identity = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let MemberReport::Identity(_, identity) = reports.recv().await.unwrap() {
                return identity;
            }
        }
    });
    assert_eq!(identity.await.unwrap(), Identity::Hidden);
    executor.stop().await;
}
