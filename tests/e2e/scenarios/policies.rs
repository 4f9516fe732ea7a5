//! Which policy decides, and what happens when policies come, change and go.

use serde_json::json;

use crate::stage::{CONFIG_MAPS, DEPLOYMENTS, Stage, config_map, deployment, on, policy};

fn cluster_policy(name: &str, selectors: &str, clusters: &str) -> String {
    format!(
        "apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {{name: {name}}}
spec:
  resourceSelectors: [{selectors}]
  placement: {{clusterAffinity: {{clusterNames: [{clusters}]}}}}
"
    )
}

#[tokio::test]
async fn cluster_wide_objects_and_a_kind_with_its_resource_go_where_the_policy_says() {
    let Some(mut stage) = Stage::new().await else { return };
    // All in one commit: the kind before its resource, the Namespace before what is in it.
    stage.write(
        "kind.yaml",
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: games.NS.example.io}
spec:
  group: NS.example.io
  names: {plural: games, singular: game, kind: Game}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: NS.example.io/v1
kind: Game
metadata: {name: chess, namespace: NS}
spec: {players: 2}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NS-reader}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: NS-reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: NS-reader}
subjects: [{kind: ServiceAccount, name: default, namespace: NS}]
",
    );
    let selectors = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}, \
        {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole}, \
        {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding}, \
        {apiVersion: NS.example.io/v1, kind: Game}";
    stage.write("policy.yaml", &cluster_policy("wide", selectors, "east, west"));
    stage.push("cluster-wide");
    let both = ["east", "west"];
    let game = format!("{}.example.io/v1/Game", stage.namespace);
    stage.is_in(&game, "chess", &both).await;
    stage.is_in("rbac.authorization.k8s.io/v1/ClusterRole", "NS-reader", &both).await;
    stage.is_in("rbac.authorization.k8s.io/v1/ClusterRoleBinding", "NS-reader", &both).await;
}

#[tokio::test]
async fn objects_of_many_kinds_go_where_the_policy_of_their_namespace_says() {
    let Some(mut stage) = Stage::new().await else { return };
    let long = format!("a{}", "-long".repeat(12));
    stage.write(
        "all.yaml",
        &format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: lone, namespace: NS}}
spec: {{containers: [{{name: main, image: 'registry.example.com/lone:v1'}}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: 'system:reader', namespace: NS}}
rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: reader, namespace: NS}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: 'system:reader'}}
subjects: [{{kind: ServiceAccount, name: default, namespace: NS}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {long}, namespace: NS}}
spec: {{selector: {{app: lone}}, ports: [{{port: 80}}]}}
"
        ),
    );
    let selectors = "{apiVersion: v1, kind: Pod}, {apiVersion: v1, kind: Service}, \
        {apiVersion: rbac.authorization.k8s.io/v1, kind: Role}, \
        {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding}";
    stage.write("policy.yaml", &policy("p", selectors, &on(&["east", "north"])));
    stage.push("many kinds");
    let both = ["east", "north"];
    stage.is_in("v1/Pod", "lone", &both).await;
    stage.is_in("rbac.authorization.k8s.io/v1/Role", "system:reader", &both).await;
    stage.is_in("rbac.authorization.k8s.io/v1/RoleBinding", "reader", &both).await;
    stage.is_in("v1/Service", &long, &both).await;
}

#[tokio::test]
async fn the_more_exact_selector_and_the_higher_priority_win() {
    let Some(mut stage) = Stage::new().await else { return };
    for name in ["named", "labelled", "ranked"] {
        let labels = "namespace: NS, labels: {tier: web}}";
        stage.write(
            &format!("{name}.yaml"),
            &config_map(name, "a").replace("namespace: NS}", labels),
        );
    }
    let of = |selector: &str| format!("{{apiVersion: v1, kind: ConfigMap, {selector}}}");
    let by_label = of("labelSelector: {matchLabels: {tier: web}}");
    stage.write("1.yaml", &policy("by-label", &by_label, &on(&["north"])));
    stage.write("2.yaml", &policy("by-name", &of("name: named"), &on(&["east"])));
    stage.write("3.yaml", &policy("by-kind", CONFIG_MAPS, &on(&["west"])));
    let ranked = format!("  priority: 5\n{}", on(&["west"]));
    stage.write("4.yaml", &policy("by-rank", &of("name: ranked"), &ranked));
    stage.write("5.yaml", &cluster_policy("wide", &of("name: named"), "west"));
    stage.push("priorities");
    stage.is_in("v1/ConfigMap", "named", &["east"]).await;
    stage.is_in("v1/ConfigMap", "labelled", &["north"]).await;
    stage.is_in("v1/ConfigMap", "ranked", &["west"]).await;
}

#[tokio::test]
async fn a_policy_preempts_another_and_hands_back_without_making_anything_anew() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("a.yaml", &config_map("a", "a"));
    stage.write("low.yaml", &policy("low", CONFIG_MAPS, &on(&["east"])));
    stage.push("one policy");
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    let uid = stage.uid("east", "v1/ConfigMap", "a").await;
    // What takes over names what it takes.
    let named = "{apiVersion: v1, kind: ConfigMap, name: a}";
    let high = |priority: i32| {
        let spec =
            format!("  priority: {priority}\n  preemption: Always\n{}", on(&["east", "west"]));
        policy("high", named, &spec)
    };
    stage.write("high.yaml", &high(9));
    stage.push("a higher one");
    stage.is_in("v1/ConfigMap", "a", &["east", "west"]).await;
    assert_eq!(stage.uid("east", "v1/ConfigMap", "a").await, uid, "handed over, not made anew");
    let low = format!("  priority: 3\n  preemption: Always\n{}", on(&["east"]));
    stage.write("low.yaml", &policy("low", named, &low));
    stage.write("high.yaml", &high(1));
    stage.push("and lowered");
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    assert_eq!(stage.uid("east", "v1/ConfigMap", "a").await, uid);
}

#[tokio::test]
async fn a_lazy_policy_acts_when_the_template_changes() {
    let Some(mut stage) = Stage::new().await else { return };
    let lazy = |on: &str| format!("  activationPreference: Lazy\n{on}");
    stage.write("a.yaml", &config_map("a", "one"));
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &lazy(&on(&["east"]))));
    stage.push("lazy");
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &lazy(&on(&["west"]))));
    stage.push("elsewhere");
    stage.settled().await;
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    stage.write("a.yaml", &config_map("a", "two"));
    stage.push("and now");
    stage.is_in("v1/ConfigMap", "a", &["west"]).await;
}

#[tokio::test]
async fn a_policy_that_goes_takes_nothing_along_and_the_next_one_takes_over() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("shop.yaml", &deployment("shop", 1));
    stage.push("before its policy");
    stage.settled().await;
    stage.is_in("apps/v1/Deployment", "shop", &[]).await;
    stage.write("policy.yaml", &policy("first", DEPLOYMENTS, &on(&["east"])));
    stage.push("the policy comes");
    stage.is_in("apps/v1/Deployment", "shop", &["east"]).await;
    let uid = stage.uid("east", "apps/v1/Deployment", "shop").await;

    stage.delete("policy.yaml");
    stage.push("it goes");
    let path = "bindings/NS/Deployment.apps/shop.yaml";
    stage.is_told(path, &["no policy selects it; what was decided before stays in force"]).await;
    stage.write("next.yaml", &policy("next", DEPLOYMENTS, &on(&["east", "north"])));
    stage.push("another one");
    stage.is_in("apps/v1/Deployment", "shop", &["east", "north"]).await;
    assert_eq!(stage.uid("east", "apps/v1/Deployment", "shop").await, uid);
}

#[tokio::test]
async fn a_missing_priority_class_blocks_until_it_is_there() {
    let Some(mut stage) = Stage::new().await else { return };
    stage.write("a.yaml", &config_map("a", "a"));
    let class = format!(
        "  schedulePriority: {{priorityClassSource: KubePriorityClass, priorityClassName: {}}}\n{}",
        "NS-high",
        on(&["east"])
    );
    stage.write("policy.yaml", &policy("p", CONFIG_MAPS, &class));
    stage.push("a class that is not there");
    stage.settled().await;
    stage.is_in("v1/ConfigMap", "a", &[]).await;
    stage.write(
        "class.yaml",
        "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: NS-high}\nvalue: 1000\n",
    );
    stage.push("the class");
    stage.is_in("v1/ConfigMap", "a", &["east"]).await;
    stage.is_told("bindings/NS/ConfigMap/a.yaml", &["priority: 1000"]).await;
    stage.is_at("v1/ConfigMap", "a", "/data/key", [json!("a"), json!(null), json!(null)]).await;
}
