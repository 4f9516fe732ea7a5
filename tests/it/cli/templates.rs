//! `get templates`: what tools that know one cluster are given.

use serde_json::Value;

use super::{FLEET, World};
use crate::store::git::{commit, git};

const MORE: &str = "---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: shop, namespace: default}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement: {clusterAffinity: {clusterNames: [one]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: default, labels: {team: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: shop:1}]}
---
apiVersion: v1
kind: Secret
metadata: {name: shop, namespace: default}
";

fn told(world: &World, arguments: &[&str]) -> String {
    let output = world.run("fleet", arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_template_is_shown_with_its_generation_and_status() {
    let world = World::of(&format!("{FLEET}{MORE}"));
    // What the member reports of its pods is folded by the next pass.
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    let table = told(&world, &["get", "templates"]);
    assert_eq!(
        table,
        "NAMESPACE   KIND         NAME       GENERATION   STATUS
default     ConfigMap    greeting   <none>       <none>
default     Deployment   shop       1            2/2
"
    );
    let get = ["get", "template", "deploy/shop", "-n", "default", "-o"];
    let get = |format: &'static str| told(&world, &[get.as_slice(), &[format]].concat());
    assert_eq!(get("name"), "deployment.apps/shop\n");
    let shop: Value = serde_json::from_str(&get("json")).unwrap();
    assert_eq!(shop["kind"], "Deployment", "one that is named stands by itself");
    assert_eq!(shop["metadata"]["labels"]["team"], "web");
    assert_eq!(shop["metadata"]["generation"], 1);
    assert_eq!(shop["spec"]["template"]["spec"]["containers"][0]["image"], "shop:1");
    assert_eq!(shop["status"]["observedGeneration"], 1);
    assert_eq!(shop["status"]["readyReplicas"], 2);
    let yaml: Value = git_fleet::api::yaml::from_bytes(get("yaml").as_bytes()).unwrap();
    assert_eq!(yaml, shop);
    let list: Value = serde_json::from_str(&told(&world, &["get", "tpl", "-o", "json"])).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["items"][1], shop);

    // A newer source that nothing was planned for yet changes nothing of what is told.
    let newer = FLEET.to_owned() + &MORE.replace("shop:1", "shop:2");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &newer)]);
    assert_eq!(serde_json::from_str::<Value>(&get("json")).unwrap(), shop);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    let next: Value = serde_json::from_str(&get("json")).unwrap();
    assert_eq!(next["metadata"]["generation"], 2);
    assert_eq!(next["spec"]["template"]["spec"]["containers"][0]["image"], "shop:2");

    git(world.dir.path(), &["clone", "-q", "fleet", "clone"]);
    let there = world.run("clone", &["get", "template", "deploy/shop", "-o", "json"]);
    assert_eq!(serde_json::from_slice::<Value>(&there.stdout).unwrap(), next);
    // What runs nowhere has no status: a tool at the end of a pipe is not given an empty list.
    let refused = world.run("fleet", &["get", "template", "secret/shop", "-o", "json"]);
    assert_eq!((refused.status.code(), &*refused.stdout), (Some(4), &b""[..]));
}
