//! A kind of the users' own: its definition and its customization are pushed, and from then on it is
//! divided, judged and sent along like any other, in a member that the controller writes to and in one
//! that an agent runs.

use serde_json::{Value, json};

use crate::kube::{self, Controllers, Options};
use crate::members::{Key, Member};
use crate::world::{ONE_AT_A_TIME, World, until};

const FLEET: &str = "
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: member1}
spec: {syncMode: Push}
---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: member2}
spec: {syncMode: Pull}
---
apiVersion: v1
kind: Namespace
metadata: {name: play}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: games.example.io}
spec:
  group: example.io
  names: {kind: Game, listKind: GameList, plural: games, singular: game}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                servers: {type: integer}
                paused: {type: boolean}
                settings: {type: string}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: definitions}
spec:
  resourceSelectors: [{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition}]
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: games, namespace: play}
spec:
  propagateDeps: true
  resourceSelectors: [{apiVersion: example.io/v1, kind: Game}]
  placement:
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference:
        staticWeightList:
          - {targetCluster: {clusterNames: [member1]}, weight: 2}
          - {targetCluster: {clusterNames: [member2]}, weight: 1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: arena-settings, namespace: play}
data: {map: islands}
";

const CUSTOMIZATION: &str = r#"
apiVersion: config.karmada.io/v1alpha1
kind: ResourceInterpreterCustomization
metadata: {name: games}
spec:
  target: {apiVersion: example.io/v1, kind: Game}
  customizations:
    replicaResource:
      luaScript: |
        function GetReplicas(obj)
          return obj.spec.servers, {}
        end
    replicaRevision:
      luaScript: |
        function ReviseReplica(obj, desiredReplica)
          obj.spec.servers = desiredReplica
          return obj
        end
    retention:
      luaScript: |
        function Retain(desiredObj, observedObj)
          desiredObj.spec.paused = observedObj.spec.paused
          return desiredObj
        end
    healthInterpretation:
      luaScript: |
        function InterpretHealth(observedObj)
          return observedObj.status ~= nil and observedObj.status.ready == observedObj.spec.servers
        end
    statusReflection:
      luaScript: |
        function ReflectStatus(observedObj)
          if observedObj.status == nil then
            return {}
          end
          return {ready = observedObj.status.ready}
        end
    statusAggregation:
      luaScript: |
        function AggregateStatus(desiredObj, statusItems)
          local ready = 0
          for i = 1, #statusItems do
            if statusItems[i].status ~= nil and statusItems[i].status.ready ~= nil then
              ready = ready + statusItems[i].status.ready
            end
          end
          desiredObj.status = {ready = ready}
          return desiredObj
        end
    dependencyInterpretation:
      luaScript: |
        function GetDependencies(desiredObj)
          return {{apiVersion = "v1", kind = "ConfigMap",
            namespace = desiredObj.metadata.namespace, name = desiredObj.spec.settings}}
        end
"#;

fn game(servers: u32) -> String {
    format!(
        "apiVersion: example.io/v1\nkind: Game\nmetadata: {{name: arena, namespace: play}}\n\
         spec: {{servers: {servers}, paused: false, settings: arena-settings}}\n"
    )
}

fn key(api_version: &str, kind: &str, name: &str) -> Key {
    let [api_version, kind, name] = [api_version, kind, name].map(str::to_owned);
    Key { api_version, kind, namespace: "play".to_owned(), name }
}

async fn arena(member: &mut Member) -> Value {
    member.get(&key("example.io/v1", "Game", "arena")).await.unwrap_or_default()
}

/// Waits until the game has these numbers of servers.
async fn divided(world: &World, members: &mut [Member; 2], servers: [u32; 2]) {
    let members = tokio::sync::Mutex::new(members);
    until(world, "the share of each member", async || {
        for (member, servers) in members.lock().await.iter_mut().zip(servers) {
            let found = arena(member).await["spec"]["servers"].clone();
            if found != servers {
                return Err(format!("{found} servers instead of {servers}"));
            }
        }
        Ok(())
    })
    .await;
}

async fn said(world: &World, words: &[&str]) {
    until(world, "the binding", async || {
        let path = "bindings/play/Game.example.io/arena.yaml";
        let binding = world.read("refs/heads/fleet/results", path).ok_or("no binding")?;
        let missing = words.iter().find(|word| !binding.contains(**word));
        missing.map_or(Ok(()), |word| Err(format!("no `{word}` in it:\n{binding}")))
    })
    .await;
}

#[tokio::test]
async fn a_kind_of_the_users_own_is_run_by_its_customization() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let servers = ["member1", "member2"];
    let Some(kube) = kube::start(&Options { servers: &servers, controllers: Controllers::None })
    else {
        return;
    };
    let mut world = World::new(&kube);
    world.write("play/members.yaml", FLEET);
    world.write("customizations/games.yaml", CUSTOMIZATION);
    world.write("play/arena.yaml", &game(6));
    world.push("a kind of our own");
    let _controller = world.run();
    let _agent = world.agent("member2");
    let mut members = [
        Member::new(kube.server("member1").client().await),
        Member::new(kube.server("member2").client().await),
    ];

    // Its replicas are divided, and what it refers to follows.
    divided(&world, &mut members, [4, 2]).await;
    for member in &mut members {
        let settings = key("v1", "ConfigMap", "arena-settings");
        let there = tokio::sync::Mutex::new(&mut *member);
        until(&world, "what the game refers to", async || {
            there.lock().await.get(&settings).await.map(|_| ()).ok_or("not there".to_owned())
        })
        .await;
    }
    said(&world, &["health: Unhealthy"]).await;

    // Its status is judged and added up.
    for (member, ready) in members.iter_mut().zip([4, 2]) {
        let status = json!({"status": {"ready": ready, "noise": 1}});
        member.patch("example.io/v1", "games/arena/status", "play", &status).await;
    }
    said(&world, &["health: Healthy", "  status:\n    ready: 6\n"]).await;

    // What a member keeps is kept, also when the share changes.
    for member in &mut members {
        let paused = json!({"spec": {"paused": true}});
        member.patch("example.io/v1", "games/arena", "play", &paused).await;
    }
    world.write("play/arena.yaml", &game(9));
    world.push("more servers");
    divided(&world, &mut members, [6, 3]).await;
    for member in &mut members {
        assert_eq!(arena(member).await["spec"]["paused"], true, "the member's own word is lost");
    }

    // A script that is changed judges anew what did not change.
    let changed = "return observedObj.spec.paused";
    world.edit("customizations/games.yaml", |text| {
        text.replace(
            "return observedObj.status ~= nil and observedObj.status.ready == observedObj.spec.servers",
            changed,
        )
    });
    said(&world, &["health: Unhealthy"]).await;
    world.push("another judgement");
    until(&world, "the new judgement", async || {
        let path = "bindings/play/Game.example.io/arena.yaml";
        let binding = world.read("refs/heads/fleet/results", path).ok_or("no binding")?;
        let n = binding.matches("health: Healthy").count();
        if n == 2 { Ok(()) } else { Err(format!("{n} healthy:\n{binding}")) }
    })
    .await;
}
