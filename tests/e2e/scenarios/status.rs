//! What comes back from the clusters, with the real controllers at work.

use crate::stage::{Stage, deployment, on, policy};

#[tokio::test]
async fn replicas_that_are_ready_are_added_up() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 6));
    let selector = "{apiVersion: apps/v1, kind: Deployment}";
    let divided = "  placement:
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference: {staticWeightList: [{targetCluster: {}, weight: 1}]}
";
    stage.write("policy.yaml", &policy("p", selector, divided));
    stage.push("everywhere");
    let path = "bindings/NS/Deployment.apps/shop.yaml";
    stage.is_told(path, &["readyReplicas: 6", "health: Healthy", "type: FullyApplied"]).await;
    stage.write("shop.yaml", &deployment("shop", 0));
    stage.push("none of it");
    let replicas = [Some(0); 3];
    stage.replicas("shop", replicas).await;
    stage
        .until("the sum follows", async || {
            let text = stage.result(path);
            if text.contains("readyReplicas: 6") { Err(text) } else { Ok(()) }
        })
        .await;
}

#[tokio::test]
async fn each_kind_has_its_status() {
    let Some(mut stage) = Stage::new().await else { return };
    let pods = "selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: main, image: 'registry.example.com/a:v1'}]}}";
    stage.write(
        "all.yaml",
        &format!(
            "apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db, namespace: NS}}
spec: {{replicas: 2, serviceName: db, {pods}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: logs, namespace: NS}}
spec: {{{}}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: sums, namespace: NS}}
spec:
  completions: 1
  template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: 'registry.example.com/sums:v1'}}]}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: db, namespace: NS}}
spec: {{minAvailable: 1, selector: {{matchLabels: {{app: a}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: db, namespace: NS}}
spec: {{type: NodePort, selector: {{app: a}}, ports: [{{port: 80}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: db, namespace: NS}}
spec: {{defaultBackend: {{service: {{name: db, port: {{number: 80}}}}}}}}
",
            pods.replace("app: a", "app: logs")
        ),
    );
    let selectors = "{apiVersion: apps/v1, kind: StatefulSet}, {apiVersion: apps/v1, kind: DaemonSet}, \
        {apiVersion: batch/v1, kind: Job}, {apiVersion: policy/v1, kind: PodDisruptionBudget}, \
        {apiVersion: v1, kind: Service}, {apiVersion: networking.k8s.io/v1, kind: Ingress}";
    stage.write("policy.yaml", &policy("p", selectors, &on(&["east", "west"])));
    stage.push("many kinds");
    for (object, words) in [
        ("StatefulSet.apps/db", ["clusterName: west", "health: Healthy"]),
        ("DaemonSet.apps/logs", ["clusterName: west", "health: Healthy"]),
        ("Job.batch/sums", ["succeeded: 2", "health: Healthy"]),
        ("PodDisruptionBudget.policy/db", ["clusterName: west", "health: Healthy"]),
        ("Service/db", ["applied: true", "health: Healthy"]),
        ("Ingress.networking.k8s.io/db", ["applied: true", "clusterName: west"]),
    ] {
        stage.is_told(&format!("bindings/NS/{object}.yaml"), &words).await;
    }
}
