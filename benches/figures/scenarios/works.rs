//! What is sent to clusters: templates with their shares and overrides.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use git_fleet::api::cluster::Cluster;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::fleet::{Fleet, parse_file};
use git_fleet::interpret::Bundled;
use git_fleet::overrides::{Override, OverridePolicies};
use git_fleet::plan::{Binding, Inputs, Memo, Previous, blob_id, make, works};
use stats_alloc::Region;
use tokio::runtime::Runtime;

use crate::ALLOCATOR;
use crate::figure::Figure;

const N: usize = 5_000;
const CLUSTERS: [&str; 4] = ["east", "north", "south", "west"];

const POLICIES: &str = "apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: everywhere, namespace: shop}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement:
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterOverridePolicy
metadata: {name: registries}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  overrideRules:
    - targetCluster: {clusterNames: [east, west]}
      overriders:
        imageOverrider: [{component: Registry, operator: replace, value: registry.east.example.com}]
        labelsOverrider: [{operator: add, value: {region: outer}}]
    - targetCluster: {clusterNames: [north, south]}
      overriders:
        imageOverrider: [{component: Registry, operator: replace, value: registry.north.example.com}]
        labelsOverrider: [{operator: add, value: {region: inner}}]
---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: levels, namespace: shop}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  overrideRules:
    - overriders:
        annotationsOverrider: [{operator: add, value: {team: shop}}]
        argsOverrider: [{containerName: main, operator: add, value: [--verbose]}]
        plaintext:
          - {path: /spec/template/spec/containers/0/env/0/value, operator: replace, value: debug}
          - {path: /spec/template/spec/priorityClassName, operator: add, value: high}
";

fn deployment(n: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, namespace: shop, labels: {{app: app-{n}}}}}
spec:
  replicas: 8
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec:
      containers:
        - name: main
          image: nginx:1.29
          ports: [{{containerPort: 80}}]
          env: [{{name: LEVEL, value: info}}]
          resources: {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 128Mi}}}}
"
    )
}

/// The manifests of 5,000 Deployments for 4 clusters, on one thread: the template cleaned of what an
/// API server wrote, the share, two override policies with five overriders that touch each, our
/// marks, the YAML and its blob id.
pub(crate) fn constructed(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let mut texts = vec![("policies.yaml".to_owned(), POLICIES.to_owned())];
    texts.extend(CLUSTERS.map(|name| {
        let text = format!("apiVersion: cluster.karmada.io/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{syncMode: Push}}\n");
        (format!("clusters/{name}.yaml"), text)
    }));
    texts.extend((0..N).map(|n| (format!("apps/app-{n}.yaml"), deployment(n))));
    let files: Vec<_> = texts
        .iter()
        .map(|(path, text)| parse_file(path, blob_id(text.as_bytes()), text.as_bytes()).into())
        .collect();
    let (fleet, problems) = Fleet::assemble(ObjectId::from_bytes([1; 20]), &files);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    ensure!(told.is_empty(), "{}", told.join("\n"));
    let inputs = Inputs {
        fleet: &fleet,
        reports: &BTreeMap::new(),
        previous: &Previous::default(),
        interpreter: &Bundled,
        now: "2026-06-01T12:00:00Z".parse()?,
    };
    let plan = make(&inputs, &mut Memo::default());
    let clusters: BTreeMap<ClusterName, Cluster> = fleet
        .clusters
        .iter()
        .map(|(name, cluster)| (name.clone(), Cluster::clone(&cluster.value)))
        .collect();
    let named = |label: String, name, spec| Override { name, label, spec };
    let cluster_wide: Vec<_> = fleet
        .cluster_override_policies
        .iter()
        .map(|(name, policy)| named(format!("ClusterOverridePolicy {name}"), &**name, &policy.spec))
        .collect();
    let namespaced: Vec<_> = fleet
        .override_policies
        .iter()
        .map(|((namespace, name), policy)| {
            named(format!("OverridePolicy {namespace}/{name}"), &**name, &policy.spec)
        })
        .collect();
    let policies = OverridePolicies { cluster_wide: &cluster_wide, namespaced: &namespaced };
    let bindings: Vec<(Manifest, Binding)> = plan
        .bindings
        .iter()
        .map(|(key, planned)| (fleet.templates[key].manifest.open(), planned.binding()))
        .collect();
    ensure!(bindings.len() == N, "{} bindings", bindings.len());
    let mut best = f64::INFINITY;
    let mut n_allocations = 0;
    for _ in 0..5 {
        let (region, start) = (Region::new(ALLOCATOR), Instant::now());
        let mut n_works = 0;
        for (template, binding) in &bindings {
            let made = works(template, binding, policies, &Bundled, &clusters)?;
            n_works += made.values().filter(|(_, changed_by)| changed_by.len() == 2).count();
            black_box(made);
        }
        best = best.min(start.elapsed().as_secs_f64());
        n_allocations = region.change().allocations / n_works;
        ensure!(n_works == 4 * N, "{n_works} works with two policies");
    }
    Ok(vec![
        Figure::at_most("works.20000", best, "s", 0.4)
            .remark(format!("{n_allocations} allocations a work")),
    ])
}
