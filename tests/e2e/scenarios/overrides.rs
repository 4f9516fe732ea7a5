//! How an object differs from cluster to cluster.

use serde_json::json;

use crate::stage::{CONFIG_MAPS, DEPLOYMENTS, Stage, config_map, deployment, on, policy};

fn overrides(name: &str, rules: &str) -> String {
    format!(
        "apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {{name: {name}, namespace: NS}}
spec:
{rules}"
    )
}

#[tokio::test]
async fn each_cluster_gets_its_own_image_labels_annotations_and_fields() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 2));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, "  placement: {}\n"));
    stage.push("the same everywhere");
    stage.is_in("apps/v1/Deployment", "shop", &["east", "north", "west"]).await;
    let uid = stage.uid("east", "apps/v1/Deployment", "shop").await;

    // The overrides come after the workload.
    stage.write(
        "overrides.yaml",
        &overrides(
            "per-cluster",
            "  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: shop}]
  overrideRules:
    - targetCluster: {clusterNames: [east]}
      overriders:
        imageOverrider: [{component: Registry, operator: replace, value: eu.example.com}]
        labelsOverrider: [{operator: add, value: {zone: eu}}]
    - targetCluster: {fieldSelector: {matchExpressions: [{key: region, operator: In, values: [us]}]}}
      overriders:
        annotationsOverrider: [{operator: add, value: {zone: us}}]
        plaintext: [{path: /spec/replicas, operator: replace, value: 1}]
",
        ),
    );
    stage.push("and its own");
    let kind = "apps/v1/Deployment";
    let image = "/spec/template/spec/containers/0/image";
    let plain = json!("registry.example.com/shop:v1");
    let images = [json!("eu.example.com/shop:v1"), plain.clone(), plain];
    stage.is_at(kind, "shop", image, images).await;
    let labels = [json!("eu"), json!(null), json!(null)];
    stage.is_at(kind, "shop", "/metadata/labels/zone", labels).await;
    let annotations = [json!(null), json!(null), json!("us")];
    stage.is_at(kind, "shop", "/metadata/annotations/zone", annotations).await;
    stage.replicas("shop", [Some(2), Some(2), Some(1)]).await;
    assert_eq!(stage.uid("east", kind, "shop").await, uid);

    stage.delete("overrides.yaml");
    stage.push("the same everywhere again");
    stage
        .is_at(kind, "shop", "/metadata/labels/zone", [json!(null), json!(null), json!(null)])
        .await;
    stage.replicas("shop", [Some(2); 3]).await;
}

#[tokio::test]
async fn a_rule_without_selectors_is_for_all_of_its_namespace() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 1));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &on(&["east", "west"])));
    stage.write(
        "overrides.yaml",
        &overrides(
            "all",
            "  overrideRules:
    - overriders:
        imageOverrider: [{component: Tag, operator: replace, value: v2}]
",
        ),
    );
    stage.push("no selectors");
    let tagged = || json!("registry.example.com/shop:v2");
    let image = "/spec/template/spec/containers/0/image";
    stage.is_at("apps/v1/Deployment", "shop", image, [tagged(), json!(null), tagged()]).await;
}

#[tokio::test]
async fn a_cluster_wide_rule_labels_the_namespace_of_one_cluster() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write(
        "overrides.yaml",
        "apiVersion: policy.karmada.io/v1alpha1
kind: ClusterOverridePolicy
metadata: {name: NS}
spec:
  resourceSelectors: [{apiVersion: v1, kind: Namespace, name: NS}]
  overrideRules:
    - targetCluster: {clusterNames: [north]}
      overriders:
        labelsOverrider: [{operator: add, value: {mesh: 'on'}}]
",
    );
    stage.push("a label");
    stage.is_in("v1/Namespace", "NS", &["east", "north", "west"]).await;
    let labels = [json!(null), json!("on"), json!(null)];
    stage.is_at("v1/Namespace", "NS", "/metadata/labels/mesh", labels).await;
}

#[tokio::test]
async fn the_text_in_a_field_is_changed_as_the_document_that_it_is() {
    let Some(mut stage) = Stage::new().await else { return };
    let settings = config_map("settings", "a").replace("key: a", "app.yaml: 'log: {level: info}'");
    stage.write("settings.yaml", &settings);
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east", "west"])));
    stage.write(
        "overrides.yaml",
        &overrides(
            "field",
            "  resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]
  overrideRules:
    - targetCluster: {clusterNames: [west]}
      overriders:
        fieldOverrider:
          - fieldPath: /data/app.yaml
            yaml: [{subPath: /log/level, operator: replace, value: debug}]
",
        ),
    );
    stage.push("a field of a text");
    stage
        .until("the level of each", async || {
            for (cluster, level) in [("east", "info"), ("west", "debug")] {
                let live =
                    stage.live(cluster, "v1/ConfigMap", "settings").await.unwrap_or_default();
                let text = live["data"]["app.yaml"].as_str().unwrap_or_default();
                if !text.contains(level) {
                    return Err(format!("{cluster}: {text}"));
                }
            }
            Ok(())
        })
        .await;
}
