//! How objects leave.

use crate::stage::{CONFIG_MAPS, Stage, config_map, on, policy};

#[tokio::test]
async fn what_is_gone_already_is_gone_and_the_rest_is_removed() {
    let Some(mut stage) = Stage::new().await else { return };
    for name in ["a", "b", "c"] {
        stage.write(&format!("{name}.yaml"), &config_map(name, "a"));
    }
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east", "west"])));
    stage.push("three");
    stage.is_in("v1/ConfigMap", "c", &["east", "west"]).await;
    stage.settled().await;
    stage.kill();
    stage.kubectl("east", &["delete", "configmap", "a"]);
    stage.delete("a.yaml");
    stage.delete("b.yaml");
    stage.push("one is left");
    stage.is_in("v1/ConfigMap", "b", &[]).await;
    stage.is_in("v1/ConfigMap", "a", &[]).await;
    stage.is_in("v1/ConfigMap", "c", &["east", "west"]).await;
}

#[tokio::test]
async fn a_stuck_finalizer_is_told_by_its_name_and_holds_nothing_up() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("kept.yaml", &config_map("kept", "a"));
    stage.write("other.yaml", &config_map("other", "a"));
    stage.write("last.yaml", &config_map("last", "a"));
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east"])));
    stage.push("three");
    stage.is_in("v1/ConfigMap", "kept", &["east"]).await;
    // As a controller of the cluster guards what it works with.
    let guard = r#"{"metadata": {"finalizers": ["example.com/guard"]}}"#;
    stage.kubectl("east", &["patch", "configmap", "kept", "--type=merge", "-p", guard]);
    stage.delete("kept.yaml");
    stage.delete("other.yaml");
    stage.push("removed");
    stage.is_in("v1/ConfigMap", "other", &[]).await;
    let told = ["DELETE_STUCK", "finalizer example.com/guard"];
    stage.is_reported("east", "NS/ConfigMap/kept", &told).await;
    let patch = r#"{"metadata": {"finalizers": null}}"#;
    stage.kubectl("east", &["patch", "configmap", "kept", "--type=merge", "-p", patch]);
    stage
        .until("the report goes with it", async || {
            let path = format!("objects/{}/ConfigMap/kept.yaml", stage.namespace);
            let found = stage.world.read("refs/heads/fleet/status/east", &path);
            found.map_or(Ok(()), Err)
        })
        .await;
    stage.is_in("v1/ConfigMap", "last", &["east"]).await;
}

#[tokio::test]
async fn a_template_that_is_protected_by_its_policy_stays_when_it_leaves_the_source() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("a.yaml", &config_map("a", "a"));
    stage.write("b.yaml", &config_map("b", "a"));
    let keeps = format!("  preserveResourcesOnDeletion: true\n{}", on(&["east", "west"]));
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &keeps));
    stage.push("kept");
    stage.is_in("v1/ConfigMap", "a", &["east", "west"]).await;
    let uid = stage.uid("west", "v1/ConfigMap", "a").await;
    stage.delete("a.yaml");
    stage.push("gone from the source");
    stage.settled().await;
    stage.is_in("v1/ConfigMap", "a", &["east", "west"]).await;
    assert_eq!(stage.uid("west", "v1/ConfigMap", "a").await, uid);
}
