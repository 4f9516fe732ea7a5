//! What kinds mean: by our own rules, and by a script in its process.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use git_fleet::api::manifest::Manifest;
use git_fleet::api::report::Health;
use git_fleet::api::resource_interpreter_customization::ResourceInterpreterCustomization;
use git_fleet::customize::{Interpreter, Limits, Printed, Program, Rules, Scripts};
use git_fleet::interpret;
use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::figure::{Figure, percentile};
use crate::world::PROGRAM;

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: web, generation: 9, annotations: {resourcetemplate.karmada.io/generation: '4'}}
spec: {replicas: 3, selector: {matchLabels: {app: shop}}, template: {spec: {containers: [{name: main, image: 'nginx:1.29'}]}}}
status:
  observedGeneration: 9
  replicas: 3
  updatedReplicas: 3
  readyReplicas: 3
  availableReplicas: 3
  conditions:
    - {type: Available, status: 'True', reason: MinimumReplicasAvailable, message: Deployment has minimum availability., lastTransitionTime: '2026-05-28T20:00:00Z', lastUpdateTime: '2026-05-28T20:00:00Z'}
    - {type: Progressing, status: 'True', reason: NewReplicaSetAvailable, message: ReplicaSet has successfully progressed., lastTransitionTime: '2026-05-28T20:00:00Z', lastUpdateTime: '2026-05-28T20:00:00Z'}
";

/// What one update of a Deployment in a member costs: its health and its reflected status, by the
/// rules for its kind. Median of 10,000 batches of 10.
pub(crate) fn native(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    const BATCH: u32 = 10;
    let live: Manifest = serde_saphyr::from_str(DEPLOYMENT)?;
    ensure!(interpret::health(&live) == Health::Healthy, "it is healthy");
    let mut times: Vec<f64> = (0..10_000)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..BATCH {
                black_box(interpret::health(black_box(&live)));
                black_box(interpret::reflect(black_box(&live)));
            }
            start.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH)
        })
        .collect();
    Ok(vec![Figure::at_most("interpret.native", percentile(&mut times, 50.0), "us", 3.0)])
}

const HEALTH: &str = r#"
function InterpretHealth(observed)
  if observed.status == nil or observed.status.observedGeneration ~= observed.metadata.generation then
    return false
  end
  for _, condition in ipairs(observed.status.conditions or {}) do
    if condition.type == "Ready" and condition.status == "True" then
      return observed.status.readyReplicas >= (observed.spec.replicas or 1)
    end
  end
  return false
end"#;
const REPLICAS: &str = r#"
local kube = require("kube")
function GetReplicas(desired)
  return desired.spec.replicas or 1, kube.accuratePodRequirements(desired.spec.template)
end"#;
const REFLECT: &str = "
function ReflectStatus(observed)
  local status = {}
  if observed.status == nil then
    return status
  end
  status.replicas = observed.status.replicas
  status.readyReplicas = observed.status.readyReplicas
  status.observedGeneration = observed.status.observedGeneration
  status.generation = observed.metadata.generation
  status.conditions = observed.status.conditions
  return status
end";
const RETAIN: &str = "
function Retain(desired, observed)
  desired.spec.replicas = observed.spec.replicas
  desired.spec.nodeName = observed.spec.nodeName
  return desired
end";

/// A live object of users' own, unlike any other `n`.
fn game(n: usize) -> Manifest {
    let ready = json!({"type": "Ready", "status": "True", "reason": "AllReady", "message": format!("round {n}"), "lastTransitionTime": "2026-05-28T20:00:00Z"});
    let limits =
        json!({"requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}});
    let container = json!({"name": "main", "image": "game:1.4", "ports": [{"containerPort": 7000}], "env": [{"name": "MAP", "value": "north"}], "resources": limits});
    let object = json!({
        "apiVersion": "example.com/v1",
        "kind": "GameServerSet",
        "metadata": {"name": format!("set-{n}"), "namespace": "play", "generation": 3, "labels": {"app": "game"}},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "game"}}, "spec": {"containers": [container]}}},
        "status": {"replicas": 3, "readyReplicas": 3, "observedGeneration": 3, "conditions": [ready]},
    });
    Manifest::from_value(object).expect("it is an object")
}

/// One operation of a customization, run by a warm worker and not from the cache: no input comes
/// twice. The median of 3,000 calls of the slowest of four usual operations; the remark has all.
pub(crate) fn lua(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    const N: usize = 3_000;
    let customization: ResourceInterpreterCustomization = serde_json::from_value(json!({
        "apiVersion": "config.karmada.io/v1alpha1",
        "kind": "ResourceInterpreterCustomization",
        "metadata": {"name": "games"},
        "spec": {
            "target": {"apiVersion": "example.com/v1", "kind": "GameServerSet"},
            "customizations": {
                "healthInterpretation": {"luaScript": HEALTH},
                "replicaResource": {"luaScript": REPLICAS},
                "statusReflection": {"luaScript": REFLECT},
                "retention": {"luaScript": RETAIN},
            },
        },
    }))?;
    let program = Program { path: PROGRAM.into(), printed: Printed::Discarded };
    let mut interpreter = Interpreter::new(program, Limits::default());
    let scripts = Scripts::new([&customization]);
    interpreter.load(Arc::new(Rules { scripts, ..Rules::default() }));
    type Operation = fn(&mut Interpreter, &Manifest) -> anyhow::Result<()>;
    let operations: [(&str, Operation); 4] = [
        ("health", |interpreter, live| {
            let health = interpreter.health(live, Timestamp::UNIX_EPOCH)?;
            ensure!(health == Health::Healthy, "{health:?}");
            Ok(())
        }),
        ("replicas", |interpreter, live| {
            let replicas = interpreter.replicas(live)?;
            ensure!(replicas.is_some_and(|one| one.count == 3 && one.requirements.is_some()));
            Ok(())
        }),
        ("reflect", |interpreter, live| {
            ensure!(interpreter.reflect(live, Timestamp::UNIX_EPOCH)?.is_some());
            Ok(())
        }),
        ("retain", |interpreter, live| {
            let mut desired = live.clone();
            Ok(interpreter.retain(&mut desired, live)?)
        }),
    ];
    let games: Vec<Manifest> = (0..N + 100).map(game).collect();
    let mut slowest = 0.0_f64;
    let mut all = Vec::new();
    for (name, operation) in operations {
        let mut times = Vec::with_capacity(games.len());
        for game in &games {
            let start = Instant::now();
            operation(&mut interpreter, game)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        let median = percentile(&mut times[100..], 50.0);
        slowest = slowest.max(median);
        all.push(format!("{name} {median:.0}"));
    }
    Ok(vec![Figure::at_most("interpret.lua", slowest, "us", 100.0).remark(all.join(", "))])
}
