//! Work that waits: everywhere, in some clusters, and step by step.

use serde_json::{Value, json};

use crate::stage::{DEPLOYMENTS, Stage, deployment, policy};

const IMAGE: &str = "/spec/template/spec/containers/0/image";

fn suspended(suspension: &str) -> String {
    policy("p", DEPLOYMENTS, &format!("  placement: {{}}\n  suspension: {suspension}\n"))
}

fn images(tags: [&str; 3]) -> [Value; 3] {
    tags.map(|tag| json!(format!("registry.example.com/shop:{tag}")))
}

impl Stage {
    async fn images(&self, tags: [&str; 3]) {
        self.is_at("apps/v1/Deployment", "shop", IMAGE, images(tags)).await;
    }

    fn set_image(&self, tag: &str) {
        self.write("shop.yaml", &deployment("shop", 1).replace(":v1", &format!(":{tag}")));
    }
}

#[tokio::test]
async fn a_suspended_policy_sends_nothing_until_it_is_resumed() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.set_image("v1");
    stage.write("policy.yaml", &suspended("{dispatching: true}"));
    stage.push("suspended");
    let path = "bindings/NS/Deployment.apps/shop.yaml";
    stage.is_told(path, &["type: Scheduled", "dispatching is suspended"]).await;
    stage.settled().await;
    stage.is_in("apps/v1/Deployment", "shop", &[]).await;
    stage.write("policy.yaml", &suspended("{dispatching: false}"));
    stage.push("resumed");
    stage.images(["v1"; 3]).await;
    stage.write("policy.yaml", &suspended("{dispatching: true}"));
    stage.set_image("v2");
    stage.push("suspended with a change");
    stage.settled().await;
    stage.images(["v1"; 3]).await;
    stage.write("policy.yaml", &suspended("{dispatching: false}"));
    stage.push("resumed again");
    stage.images(["v2"; 3]).await;
}

/// The three steps of docs/rolling-upgrade.md.
#[tokio::test]
async fn a_version_rolls_from_cluster_to_cluster() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.set_image("v1");
    stage.write("policy.yaml", &suspended("{}"));
    stage.push("version 1 everywhere");
    stage.images(["v1"; 3]).await;
    let uid = stage.uid("west", "apps/v1/Deployment", "shop").await;

    let on = |clusters: &str| {
        suspended(&format!("{{dispatchingOnClusters: {{clusterNames: [{clusters}]}}}}"))
    };
    stage.set_image("v2");
    stage.write("policy.yaml", &on("north, west"));
    stage.push("version 2, in the first cluster");
    stage.images(["v2", "v1", "v1"]).await;
    stage.write("policy.yaml", &on("west"));
    stage.push("in the second");
    stage.images(["v2", "v2", "v1"]).await;
    stage.write("policy.yaml", &suspended("{}"));
    stage.push("and everywhere");
    stage.images(["v2"; 3]).await;
    assert_eq!(stage.uid("west", "apps/v1/Deployment", "shop").await, uid);
}
