//! Which clusters a template goes to, and with how many replicas.

use serde_json::json;

use crate::stage::{CONFIG_MAPS, DEPLOYMENTS, Stage, config_map, deployment, on, policy};

#[tokio::test]
async fn affinity_groups_fall_back_when_labels_change_and_come_back_for_nobody() {
    let Some(mut stage) = Stage::new().await else { return };
    let east = "{syncMode: Push, region: eu}";
    stage.register("east", "{tier: first}", east);
    stage.write("shop.yaml", &deployment("shop", 2));
    let groups = "  placement:
    clusterAffinities:
      - {affinityName: first, labelSelector: {matchLabels: {tier: first}}}
      - {affinityName: second, clusterNames: [west]}
";
    stage.write("policy.yaml", &policy("groups", DEPLOYMENTS, groups));
    stage.push("two groups");
    stage.is_in("apps/v1/Deployment", "shop", &["east"]).await;

    stage.register("east", "{tier: none}", east);
    stage.push("the first group is empty");
    stage.is_in("apps/v1/Deployment", "shop", &["west"]).await;

    // As in Karmada, there is no way back by itself.
    stage.register("east", "{tier: first}", east);
    stage.push("the first group again");
    stage.settled().await;
    stage.is_in("apps/v1/Deployment", "shop", &["west"]).await;
}

#[tokio::test]
async fn a_placement_goes_over_from_one_affinity_to_groups_without_a_move() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 1));
    stage.write("policy.yaml", &policy("form", DEPLOYMENTS, &on(&["east"])));
    stage.push("one affinity");
    stage.is_in("apps/v1/Deployment", "shop", &["east"]).await;
    let uid = stage.uid("east", "apps/v1/Deployment", "shop").await;
    let groups = "  placement: {clusterAffinities: [{affinityName: only, clusterNames: [east]}, {affinityName: next, clusterNames: [west]}]}\n";
    stage.write("policy.yaml", &policy("form", DEPLOYMENTS, groups));
    stage.push("groups");
    let path = "bindings/NS/Deployment.apps/shop.yaml";
    stage.is_told(path, &["schedulerObservingAffinityName: only"]).await;
    assert_eq!(stage.uid("east", "apps/v1/Deployment", "shop").await, uid);
}

#[tokio::test]
async fn provider_region_and_zone_select_clusters() {
    let Some(mut stage) = Stage::new().await else { return };
    for name in ["provider", "region", "zone"] {
        stage.write(&format!("{name}.yaml"), &config_map(name, "a"));
    }
    for (name, key, operator, value) in [
        ("provider", "provider", "In", "aws"),
        ("region", "region", "In", "eu"),
        ("zone", "zone", "NotIn", "eu-1"),
    ] {
        let spec = format!(
            "  placement: {{clusterAffinity: {{fieldSelector: {{matchExpressions: [{{key: {key}, operator: {operator}, values: [{value}]}}]}}}}}}\n"
        );
        let selector = format!("{{apiVersion: v1, kind: ConfigMap, name: {name}}}");
        stage.write(&format!("{name}-policy.yaml"), &policy(name, &selector, &spec));
    }
    stage.push("field selectors");
    stage.is_in("v1/ConfigMap", "provider", &["east", "west"]).await;
    stage.is_in("v1/ConfigMap", "region", &["east", "north"]).await;
    stage.is_in("v1/ConfigMap", "zone", &["north", "west"]).await;
}

#[tokio::test]
async fn tolerations_decide_which_tainted_clusters_are_used() {
    let Some(mut stage) = Stage::new().await else { return };
    let tainted = "{syncMode: Push, taints: [{key: NS, value: gpu, effect: NoSchedule}]}";
    let tainted = tainted.replace("NS", &stage.namespace);
    stage.register("north", "{}", &tainted);
    stage.write("plain.yaml", &config_map("plain", "a"));
    stage.write("hardy.yaml", &config_map("hardy", "a"));
    let named = |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, name: {name}}}");
    stage.write("plain-policy.yaml", &policy("plain", &named("plain"), "  placement: {}\n"));
    let tolerates = "  placement: {clusterTolerations: [{key: NS, operator: Exists}]}\n";
    stage.write("hardy-policy.yaml", &policy("hardy", &named("hardy"), tolerates));
    stage.push("a tainted cluster");
    stage.is_in("v1/ConfigMap", "plain", &["east", "west"]).await;
    stage.is_in("v1/ConfigMap", "hardy", &["east", "north", "west"]).await;
}

#[tokio::test]
async fn clusters_are_spread_over_regions() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("a.yaml", &config_map("a", "a"));
    let spread = "  placement:
    spreadConstraints:
      - {spreadByField: region, minGroups: 2, maxGroups: 2}
      - {spreadByField: cluster, minGroups: 2, maxGroups: 2}
";
    stage.write("policy.yaml", &policy("spread", CONFIG_MAPS, spread));
    stage.push("two regions");
    stage.is_in("v1/ConfigMap", "a", &["east", "west"]).await;
}

fn weighted(weights: [(&str, u32); 2]) -> String {
    let lists = weights.map(|(name, weight)| {
        format!("{{targetCluster: {{clusterNames: [{name}]}}, weight: {weight}}}")
    });
    format!(
        "  placement:
    clusterAffinity: {{clusterNames: [{}, {}]}}
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference: {{staticWeightList: [{}]}}
",
        weights[0].0,
        weights[1].0,
        lists.join(", ")
    )
}

#[tokio::test]
async fn replicas_are_duplicated_or_divided_by_weight_and_divided_again_on_scale() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 4));
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &on(&["east", "north"])));
    stage.push("duplicated");
    stage.replicas("shop", [Some(4), Some(4), None]).await;
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &weighted([("east", 1), ("north", 1)])));
    stage.push("divided");
    stage.replicas("shop", [Some(2), Some(2), None]).await;
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, &weighted([("east", 2), ("north", 1)])));
    stage.push("weighted");
    stage.replicas("shop", [Some(3), Some(1), None]).await;
    stage.write("shop.yaml", &deployment("shop", 9));
    stage.push("scaled");
    stage.replicas("shop", [Some(6), Some(3), None]).await;
}

#[tokio::test]
async fn completions_of_a_job_are_split() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write(
        "job.yaml",
        "apiVersion: batch/v1
kind: Job
metadata: {name: sums, namespace: NS}
spec:
  completions: 6
  parallelism: 3
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: 'registry.example.com/sums:v1'}]}}
",
    );
    let selector = "{apiVersion: batch/v1, kind: Job}";
    stage.write("policy.yaml", &policy("p", selector, &weighted([("east", 2), ("west", 1)])));
    stage.push("a job");
    let both = [json!(4), json!(null), json!(2)];
    stage.is_at("batch/v1/Job", "sums", "/spec/completions", both).await;
    let both = [json!(2), json!(null), json!(1)];
    stage.is_at("batch/v1/Job", "sums", "/spec/parallelism", both).await;
    // The real controllers and nodes run them to their end.
    let path = "bindings/NS/Job.batch/sums.yaml";
    stage.is_told(path, &["succeeded: 6"]).await;
}

#[tokio::test]
async fn placement_follows_the_labels_of_clusters() {
    let Some(mut stage) = Stage::new().await else { return };
    let spec = "{syncMode: Push}";
    stage.register("east", "{role: web}", spec);
    stage.write("a.yaml", &config_map("a", "a"));
    let selects = "  placement: {clusterAffinity: {labelSelector: {matchLabels: {role: web}}}}\n";
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, selects));
    stage.push("one has the label");
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    stage.register("west", "{role: web}", spec);
    stage.push("two have it");
    stage.is_in("v1/ConfigMap", "a", &["east", "west"]).await;
    stage.register("east", "{role: none}", spec);
    stage.push("the other one has it");
    stage.is_in("v1/ConfigMap", "a", &["west"]).await;
}

#[tokio::test]
async fn workloads_are_kept_apart_or_together() {
    let Some(mut stage) = Stage::new().await else { return };
    let grouped =
        |name: &str| deployment(name, 1).replace("labels: {app: ", "labels: {group: cache, app: ");
    for name in ["one", "two", "three"] {
        stage.write(&format!("{name}.yaml"), &grouped(name));
    }
    let apart = "  placement:
    clusterAffinity: {clusterNames: [east, west]}
    spreadConstraints: [{spreadByField: cluster, minGroups: 1, maxGroups: 1}]
    workloadAffinity: {antiAffinity: {groupByLabelKey: group}}
";
    stage.write("policy.yaml", &policy("p", DEPLOYMENTS, apart));
    stage.push("apart");
    // There are two clusters for three of them.
    let path = "bindings/NS/Deployment.apps/two.yaml";
    stage.is_told(path, &["cluster already has workload with the same anti-affinity group"]).await;
    stage.is_in("apps/v1/Deployment", "two", &[]).await;
    let in_east = |name| stage.live("east", "apps/v1/Deployment", name);
    stage
        .until("one in each", async || {
            let (one, three) = (in_east("one").await, in_east("three").await);
            if one.is_some() == three.is_some() { Err("together".to_owned()) } else { Ok(()) }
        })
        .await;

    let together = apart.replace("antiAffinity", "affinity");
    let selector = "{apiVersion: v1, kind: ConfigMap}";
    let grouped = |name: &str| {
        config_map(name, "a").replace("namespace: NS}", "namespace: NS, labels: {group: maps}}")
    };
    for name in ["a", "b"] {
        stage.write(&format!("{name}.yaml"), &grouped(name));
    }
    stage.write("maps.yaml", &policy("maps", selector, &together));
    stage.push("together");
    let in_east = |name| stage.live("east", "v1/ConfigMap", name);
    let in_west = |name| stage.live("west", "v1/ConfigMap", name);
    stage
        .until("both in one", async || {
            let east = (in_east("a").await.is_some(), in_east("b").await.is_some());
            let west = (in_west("a").await.is_some(), in_west("b").await.is_some());
            let is_together = matches!(
                (east, west),
                ((true, true), (false, false)) | ((false, false), (true, true))
            );
            if is_together { Ok(()) } else { Err(format!("{east:?} {west:?}")) }
        })
        .await;
}
