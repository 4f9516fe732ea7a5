//! A first commit of a thousand or five thousand applications, and a restart with all of them in place.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::runtime::Runtime;

use super::super::kube;
use super::push::{MEMBERS, settle};
use crate::figure::Figure;
use crate::live::Live;
use crate::world::{Process, World, wait_for};
use git_fleet::sim::{Host, MemberSpec};

const N_APPS: usize = 1_000;
const N_APPS_LARGE: usize = 5_000;
const LIMIT: Duration = Duration::from_mins(3);
/// Clusters are looked at every ten seconds: by then they have been since their last pod started.
const SETTLED: Duration = Duration::from_secs(22);
const LISTS: [&str; 2] =
    ["/apis/apps/v1/namespaces/web/deployments", "/api/v1/namespaces/web/configmaps"];

/// On two simulated members, and the restart after it.
pub(crate) fn simulated(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let host = Host::start(MEMBERS.iter().map(|name| MemberSpec::new(name)).collect())?;
    let members = MEMBERS.map(|name| (name, host.kubeconfig(name).unwrap_or_default()));
    runtime.block_on(async {
        let (seconds, world, live, controller) = start(&members, N_APPS).await?;
        settle(&world, SETTLED).await?;
        drop(controller);
        let writes = |name| host.requests(name).map(|requests| requests.writes());
        let before = (world.commits()?, writes(MEMBERS[0])?, writes(MEMBERS[1])?);
        let lists =
            |name| host.requests(name).map(|requests| requests.by_verb.values().sum::<u64>());
        let begun = Instant::now();
        let controller = world.controller()?;
        // Quiet: no request but open watches for half a second, which is then taken off.
        let mut last = (0, Instant::now());
        wait_for("quiet controller", LIMIT, async || {
            let now = lists(MEMBERS[0])? + lists(MEMBERS[1])?;
            if now != last.0 {
                last = (now, Instant::now());
            }
            Ok(last.0 > 0 && last.1.elapsed() > Duration::from_millis(500) && is_idle(&controller)?)
        })
        .await?;
        let restart = last.1.duration_since(begun).as_secs_f64();
        settle(&world, SETTLED).await?;
        let after = (world.commits()?, writes(MEMBERS[0])?, writes(MEMBERS[1])?);
        ensure!(
            before == after,
            "a restart must write nothing: {before:?} became {after:?}\n{}",
            world.last_change("fleet/status/member1")?
        );
        drop(live);
        Ok(vec![
            Figure::at_most("cold.1000", seconds, "s", 3.0),
            Figure::at_most("restart.1000", restart, "s", 2.0)
                .remark("0 writes to the members, 0 commits; Karmada: 67 s"),
        ])
    })
}

/// On two real API servers.
pub(crate) fn real(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let options = kube::Options { servers: &MEMBERS, controllers: kube::Controllers::None };
    let Some(servers) = kube::start(&options) else { return Ok(Vec::new()) };
    let members = MEMBERS.map(|name| (name, servers.server(name).kubeconfig().to_owned()));
    let (seconds, ..) = runtime.block_on(start(&members, N_APPS))?;
    Ok(vec![Figure::at_most("cold.real.1000", seconds, "s", 20.0).remark("Karmada, tuned: 324 s")])
}

/// Five thousand on two real API servers, and what that takes of the controller.
pub(crate) fn large(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let options = kube::Options { servers: &MEMBERS, controllers: kube::Controllers::None };
    let Some(servers) = kube::start(&options) else { return Ok(Vec::new()) };
    let members = MEMBERS.map(|name| (name, servers.server(name).kubeconfig().to_owned()));
    let (seconds, _world, _live, controller) = runtime.block_on(start(&members, N_APPS_LARGE))?;
    let (cpu, rss) = (controller.cpu_seconds()?, controller.peak_rss_mib()?);
    Ok(vec![
        Figure::at_most("cold.5000", seconds, "s", 60.0).remark("Karmada, tuned: 1,656 s"),
        Figure::at_most("cold.5000.cpu", cpu, "s", 20.0).remark("Karmada, tuned: 2,770 s"),
        Figure::at_most("cold.5000.rss", rss, "MiB", 100.0).remark("Karmada, tuned: 6.4 GiB"),
    ])
}

/// Whether the process uses no processor now.
fn is_idle(process: &Process) -> anyhow::Result<bool> {
    let before = process.cpu_ticks()?;
    std::thread::sleep(Duration::from_millis(100));
    Ok(process.cpu_ticks()? <= before + 1)
}

/// Pushes so many applications to a running controller; seconds until all are in both members.
async fn start(
    members: &[(&str, String); 2],
    n_apps: usize,
) -> anyhow::Result<(f64, World, Vec<Live>, Process)> {
    let specs: Vec<_> = members.iter().map(|(name, k)| (*name, "Push", k.clone())).collect();
    let world = World::new(&specs)?;
    let mut live = Vec::new();
    for (name, kubeconfig) in members {
        live.push(Live::new(name, kubeconfig)?);
    }
    world.write("namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n")?;
    for i in 0..n_apps {
        world.write(&format!("apps/{}/app-{i}.yaml", i % 20), &app(i))?;
    }
    world.commit("all applications")?;
    let controller = world.controller()?;
    let begun = Instant::now();
    tokio::task::block_in_place(|| world.push())?;
    for path in LISTS {
        for member in &live {
            wait_for("convergence", LIMIT, async || {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(member.count(path).await? >= n_apps)
            })
            .await?;
        }
    }
    Ok((begun.elapsed().as_secs_f64(), world, live, controller))
}

fn app(i: usize) -> String {
    format!(
        "{}---
apiVersion: v1
kind: ConfigMap
metadata:
  name: app-{i}
  namespace: web
data:
  greeting: hello from app {i}
  level: info
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata:
  name: app-{i}
  namespace: web
spec:
  resourceSelectors:
    - {{apiVersion: apps/v1, kind: Deployment, name: app-{i}}}
    - {{apiVersion: v1, kind: ConfigMap, name: app-{i}}}
  placement:
    clusterAffinity:
      clusterNames: [member1, member2]
",
        super::push::deployment(i, "v1")
    )
}
