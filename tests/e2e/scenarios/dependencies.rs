//! What a workload refers to goes along.

use crate::stage::{DEPLOYMENTS, Stage, config_map, deployment, on, policy};

const NEEDED: &str = "apiVersion: v1
kind: Secret
metadata: {name: needed, namespace: NS}
stringData: {password: correct-horse}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: needed, namespace: NS}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: needed, namespace: NS}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

#[tokio::test]
async fn what_a_deployment_needs_follows_it_and_is_called_back() {
    let Some(mut stage) = Stage::new().await else { return };
    let shop = deployment("shop", 1).replace(
        "    spec: {containers",
        "    spec: {serviceAccountName: needed, volumes: [{name: a, configMap: {name: needed}}, \
         {name: b, secret: {secretName: needed}}, \
         {name: c, persistentVolumeClaim: {claimName: needed}}], containers",
    );
    stage.write("shop.yaml", &shop);
    stage.write("needed.yaml", &format!("{}---\n{NEEDED}", config_map("needed", "a")));
    let spec = |clusters: &[&str]| format!("  propagateDeps: true\n{}", on(clusters));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &spec(&["east"])));
    stage.push("with what it needs");
    let kinds = ["v1/ConfigMap", "v1/Secret", "v1/ServiceAccount", "v1/PersistentVolumeClaim"];
    for kind in kinds {
        stage.is_in(kind, "needed", &["east"]).await;
    }
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &spec(&["east", "west"])));
    stage.push("to one more");
    for kind in kinds {
        stage.is_in(kind, "needed", &["east", "west"]).await;
    }
    // It needs the ConfigMap no more; what it needs runs where it runs.
    stage.write("shop.yaml", &shop.replace("{name: a, configMap: {name: needed}}, ", ""));
    stage.push("without the ConfigMap");
    stage.is_in("v1/ConfigMap", "needed", &[]).await;
    stage.is_in("v1/Secret", "needed", &["east", "west"]).await;
}

#[tokio::test]
async fn policies_that_disagree_on_what_both_need_are_told() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("needed.yaml", &config_map("needed", "a"));
    for (name, conflict) in [("one", "Overwrite"), ("two", "Abort")] {
        let needs = deployment(name, 1).replace(
            "    spec: {containers",
            "    spec: {volumes: [{name: a, configMap: {name: needed}}], containers",
        );
        stage.write(&format!("{name}.yaml"), &needs);
        let selector = format!("{{apiVersion: apps/v1, kind: Deployment, name: {name}}}");
        let spec =
            format!("  propagateDeps: true\n  conflictResolution: {conflict}\n{}", on(&["east"]));
        stage.write(&format!("{name}-policy.yaml"), &policy(name, &selector, &spec));
    }
    let commit = stage.push("two that disagree");
    stage.is_in("v1/ConfigMap", "needed", &["east"]).await;
    stage.is_told("bindings/NS/ConfigMap/needed.yaml", &["DependencyPolicyConflict"]).await;
    stage.is_noted(&commit, &["DependencyPolicyConflict"]).await;
}
