//! Namespaces go everywhere, or where they are needed.

use crate::stage::{CONFIG_MAPS, Stage, config_map, on, policy};

const ALL: &str = "apiVersion: v1
kind: Namespace
metadata: {name: NS-open}
---
apiVersion: v1
kind: Namespace
metadata: {name: NS-private, labels: {namespace.karmada.io/skip-auto-propagation: 'true'}}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-NS}
";

#[tokio::test]
async fn declared_namespaces_go_to_all_members_and_to_new_ones() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("all.yaml", ALL);
    stage.delete_registration("west");
    stage.push("two members");
    stage.is_in("v1/Namespace", "NS-open", &["east", "north"]).await;
    stage.register("west", "{}", "{syncMode: Push}");
    stage.push("a third one");
    stage.is_in("v1/Namespace", "NS-open", &["east", "north", "west"]).await;
    stage.settled().await;
    stage.is_in("v1/Namespace", "NS-private", &[]).await;
    stage.is_in("v1/Namespace", "kube-NS", &[]).await;

    // The label comes later: it stays where it is, and is sent no further.
    stage.write("all.yaml", &ALL.replace("{name: NS-open}", "{name: NS-open, labels: {namespace.karmada.io/skip-auto-propagation: 'True', team: web}}"));
    stage.push("private from now on");
    stage.settled().await;
    stage.is_in("v1/Namespace", "NS-open", &["east", "north", "west"]).await;
    let live = stage.live("east", "v1/Namespace", "NS-open").await.unwrap_or_default();
    assert!(live["metadata"]["labels"]["team"].is_null(), "{live:#}");
}

#[tokio::test]
async fn namespaces_go_only_where_something_in_them_runs() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write(
        "fleet.yaml",
        "apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nspec: {namespaces: {targets: WhereNeeded}}\n",
    );
    stage.write("a.yaml", &config_map("a", "a"));
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["east"])));
    stage.push("needed in one");
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    stage.is_in("v1/Namespace", "NS", &["east"]).await;
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &on(&["west"])));
    stage.push("needed in another");
    stage.is_in("v1/ConfigMap", "a", &["west"]).await;
    // What people keep in it would go with it.
    stage.is_in("v1/Namespace", "NS", &["east", "west"]).await;
}
