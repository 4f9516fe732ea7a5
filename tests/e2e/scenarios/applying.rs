//! How objects are written: what others own is left to them, and nothing is made anew.

use serde_json::json;

use crate::stage::{CONFIG_MAPS, DEPLOYMENTS, Stage, config_map, deployment, on, policy};

#[tokio::test]
async fn what_exists_and_is_not_ours_is_left_alone_and_told() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.push("the namespace");
    stage.is_in("v1/Namespace", "NS", &["east", "north", "west"]).await;
    stage.kubectl_apply("east", &config_map("a", "theirs"));
    // An apply of ours would meet no field of theirs here.
    stage.kubectl_apply("east", &config_map("b", "theirs").replace("key:", "other:"));
    let before = stage.live("east", "v1/ConfigMap", "b").await;
    stage.write("a.yaml", &config_map("a", "ours"));
    stage.write("b.yaml", &config_map("b", "ours"));
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east", "west"])));
    stage.push("the same names");
    stage
        .is_at("v1/ConfigMap", "a", "/data/key", [json!("theirs"), json!(null), json!("ours")])
        .await;
    let told = ["OBJECT_EXISTS", "conflictResolution: Overwrite"];
    stage.is_reported("east", "NS/ConfigMap/a", &told).await;
    stage.is_told("bindings/NS/ConfigMap/a.yaml", &told).await;
    stage.is_reported("east", "NS/ConfigMap/b", &told).await;
    assert_eq!(stage.live("east", "v1/ConfigMap", "b").await, before);
}

/// Workloads that run in clusters already are adopted and given back, and none is interrupted.
#[tokio::test]
async fn workloads_are_taken_over_and_given_back_without_being_made_anew() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.push("the namespace");
    stage.is_in("v1/Namespace", "NS", &["east", "north", "west"]).await;
    stage.kubectl_apply("east", &deployment("shop", 2));
    let uid = stage.uid("east", "apps/v1/Deployment", "shop").await;
    stage.write("shop.yaml", &deployment("shop", 2));
    let adopts = format!(
        "  conflictResolution: Overwrite\n  preserveResourcesOnDeletion: true\n{}",
        on(&["east", "west"])
    );
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &adopts));
    stage.push("adopted");
    stage.replicas("shop", [Some(2), None, Some(2)]).await;
    let managed = "/metadata/labels/karmada.io~1managed";
    stage
        .is_at("apps/v1/Deployment", "shop", managed, [json!("true"), json!(null), json!("true")])
        .await;
    assert_eq!(stage.uid("east", "apps/v1/Deployment", "shop").await, uid);

    stage.delete("shop.yaml");
    stage.push("given back");
    stage
        .is_at("apps/v1/Deployment", "shop", managed, [json!(null), json!(null), json!(null)])
        .await;
    stage.is_in("apps/v1/Deployment", "shop", &["east", "west"]).await;
    assert_eq!(stage.uid("east", "apps/v1/Deployment", "shop").await, uid);
}

#[tokio::test]
async fn replicas_that_an_autoscaler_owns_are_left_to_it() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 2));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &on(&["east", "west"])));
    stage.push("two replicas");
    stage.replicas("shop", [Some(2), None, Some(2)]).await;
    // As the horizontal pod autoscaler does: through the subresource, by its own name.
    let scales = ["patch", "deployment", "shop", "--subresource=scale", "--type=merge"];
    let five = ["--field-manager=kube-controller-manager", "-p", r#"{"spec": {"replicas": 5}}"#];
    stage.kubectl("east", &[&scales[..], &five].concat());
    stage.is_reported("east", "NS/Deployment.apps/shop", &["spec.replicas are left to"]).await;
    stage.write("shop.yaml", &deployment("shop", 2).replace(":v1", ":v2"));
    stage.push("another image");
    let image = "/spec/template/spec/containers/0/image";
    let images = || json!("registry.example.com/shop:v2");
    stage.is_at("apps/v1/Deployment", "shop", image, [images(), json!(null), images()]).await;
    stage.replicas("shop", [Some(5), None, Some(2)]).await;
}

#[tokio::test]
async fn fields_and_containers_that_others_add_stay() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 1));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &on(&["east"])));
    stage.push("plain");
    stage.replicas("shop", [Some(1), None, None]).await;
    let sidecar = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "proxy", "image": "registry.example.com/proxy:v1"},
    ]}}}});
    stage.kubectl("east", &["patch", "deployment", "shop", "-p", &sidecar.to_string()]);
    stage.kubectl("east", &["annotate", "deployment", "shop", "injected-by=mesh"]);
    stage.write("shop.yaml", &deployment("shop", 3));
    stage.push("scaled");
    stage.replicas("shop", [Some(3), None, None]).await;
    let live = stage.live("east", "apps/v1/Deployment", "shop").await.unwrap_or_default();
    let containers = live["spec"]["template"]["spec"]["containers"].as_array().map_or(0, Vec::len);
    assert_eq!(containers, 2, "{live:#}");
    assert_eq!(live["metadata"]["annotations"]["injected-by"], "mesh");
}

#[tokio::test]
async fn the_bundle_that_is_put_into_a_webhook_stays() {
    let Some(mut stage) = Stage::new().await else { return };
    let hook = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NS}
webhooks:
  - name: a.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    clientConfig: {url: 'https://hook.example.com/NS'}
    rules: [{apiGroups: [NS.example.com], apiVersions: [v1], operations: [CREATE], resources: [games]}]
";
    stage.write("hook.yaml", hook);
    stage.write(
        "policy.yaml",
        "apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: NS}
spec:
  resourceSelectors: [{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration}]
  placement: {clusterAffinity: {clusterNames: [east]}}
",
    );
    stage.push("a webhook");
    let name = stage.namespace.clone();
    let get = || stage.kubectl("east", &["get", "validatingwebhookconfigurations", "-o", "yaml"]);
    stage
        .until("the webhook", async || {
            if get().contains(&format!("name: {name}\n")) {
                Ok(())
            } else {
                Err("not there".to_owned())
            }
        })
        .await;
    // An API server refuses a bundle that is no certificate: the cluster's own will do.
    let kubeconfig = stage.kube.server("east").kubeconfig().to_owned();
    let (_, ca) = kubeconfig.split_once("certificate-authority-data: ").expect("it has one");
    let ca = ca.lines().next().expect("it is in one line");
    let patch = format!(
        r#"[{{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "{ca}"}}]"#
    );
    let of = ["patch", "validatingwebhookconfigurations", "NS", "--type=json", "-p", &patch];
    stage.kubectl("east", &of);
    stage.write("hook.yaml", &hook.replace("CREATE", "UPDATE"));
    stage.push("another rule");
    stage
        .until("the rule", async || {
            let of = ["get", "validatingwebhookconfigurations", "NS", "-o", "yaml"];
            let text = stage.kubectl("east", &of);
            let is_changed = text.contains("- UPDATE") && text.contains(ca);
            if is_changed { Ok(()) } else { Err(text) }
        })
        .await;
}

#[tokio::test]
async fn drift_is_repaired() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("a.yaml", &config_map("a", "ours"));
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east", "west"])));
    stage.push("ours");
    stage.is_in("v1/ConfigMap", "a", &["east", "west"]).await;
    let theirs = ["patch", "configmap", "a", "-p", r#"{"data": {"key": "theirs"}}"#];
    stage.kubectl("east", &theirs);
    stage.kubectl("west", &["delete", "configmap", "a"]);
    stage
        .is_at("v1/ConfigMap", "a", "/data/key", [json!("ours"), json!(null), json!("ours")])
        .await;
}

#[tokio::test]
async fn a_fight_over_a_field_is_told_and_calmed() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("a.yaml", &config_map("a", "ours"));
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east"])));
    stage.push("ours");
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    stage.settled().await;
    for n in 0..7 {
        let patch = format!(r#"{{"data": {{"key": "theirs-{n}"}}}}"#);
        let theirs = ["patch", "configmap", "a", "--field-manager=argocd", "-p", &patch];
        stage.kubectl("east", &theirs);
        if n < 6 {
            stage
                .is_at("v1/ConfigMap", "a", "/data/key", [json!("ours"), json!(null), json!(null)])
                .await;
        }
    }
    let told = ["DRIFT_FIGHT field manager argocd keeps changing .data", "within a minute"];
    stage.is_reported("east", "NS/ConfigMap/a", &told).await;
    let live = stage.live("east", "v1/ConfigMap", "a").await.unwrap_or_default();
    assert_eq!(live["data"]["key"], "theirs-6", "it waits");
}

#[tokio::test]
async fn a_field_that_cannot_change_is_told_with_the_choices() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 1));
    stage.write("other.yaml", &deployment("other", 1));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &on(&["east"])));
    stage.push("two of them");
    stage.is_in("apps/v1/Deployment", "other", &["east"]).await;
    stage.is_in("apps/v1/Deployment", "shop", &["east"]).await;
    let uid = stage.uid("east", "apps/v1/Deployment", "shop").await;
    stage
        .write("shop.yaml", &deployment("shop", 1).replace("{app: shop}", "{app: shop, track: a}"));
    stage.write("other.yaml", &deployment("other", 3));
    stage.push("another selector");
    stage
        .is_reported(
            "east",
            "NS/Deployment.apps/shop",
            &["OBJECT_REFUSED", "immutable", "gets another name"],
        )
        .await;
    stage.replicas("other", [Some(3), None, None]).await;
    assert_eq!(stage.uid("east", "apps/v1/Deployment", "shop").await, uid, "nothing is made anew");
}

/// A moved file, a policy that is changed or renamed, a template that another policy takes.
#[tokio::test]
async fn files_and_policies_that_move_make_nothing_anew() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 1));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &on(&["east", "west"])));
    stage.push("there");
    stage.is_in("apps/v1/Deployment", "shop", &["east", "west"]).await;
    let uid = stage.uid("east", "apps/v1/Deployment", "shop").await;

    stage.delete("shop.yaml");
    stage.write("apps/web/renamed.yaml", &deployment("shop", 2));
    stage.push("moved and scaled");
    stage.replicas("shop", [Some(2), None, Some(2)]).await;
    stage.delete("policy.yaml");
    stage.write("policies/next.yaml", &policy("q", DEPLOYMENTS, &on(&["east"])));
    stage.push("another policy, and one cluster less");
    stage.is_in("apps/v1/Deployment", "shop", &["east"]).await;
    assert_eq!(stage.uid("east", "apps/v1/Deployment", "shop").await, uid);
}
