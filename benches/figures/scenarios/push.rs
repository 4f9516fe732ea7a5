//! From the start of `git push` until the object is changed in both members.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::super::kube;
use crate::figure::{Figure, percentile};
use crate::live::{Live, last_sight};
use crate::world::{Process, World, wait_for};
use git_fleet::sim::{Host, MemberSpec};

/// Workloads in place while the changes are pushed.
const N_WORKLOADS: usize = 100;
/// Changes pushed.
const N_PUSHES: usize = 200;
/// Time from one push to the next: three changes a second.
const PACE: Duration = Duration::from_millis(333);
/// Nothing takes this long unless it is broken.
const LIMIT: Duration = Duration::from_mins(1);

pub(crate) const MEMBERS: [&str; 2] = ["member1", "member2"];

/// On two simulated members; the controller's memory in the same run.
pub(crate) fn simulated(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let host = Host::start(MEMBERS.iter().map(|name| MemberSpec::new(name)).collect())?;
    let kubeconfig = |name: &str| host.kubeconfig(name).unwrap_or_default();
    let members = MEMBERS.map(|name| (name, kubeconfig(name)));
    let (mut times, process) = runtime.block_on(measure(&members))?;
    let rss = process.peak_rss_mib()?;
    Ok(vec![
        Figure::at_most("push.p50", percentile(&mut times, 50.0), "ms", 40.0),
        Figure::at_most("push.p99", percentile(&mut times, 99.0), "ms", 80.0),
        Figure::at_most("controller.rss", rss, "MiB", 40.0),
    ])
}

/// On two real API servers.
pub(crate) fn real(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let options = kube::Options { servers: &MEMBERS, controllers: kube::Controllers::None };
    let Some(servers) = kube::start(&options) else { return Ok(Vec::new()) };
    let members = MEMBERS.map(|name| (name, servers.server(name).kubeconfig().to_owned()));
    let (mut times, _process) = runtime.block_on(measure(&members))?;
    Ok(vec![
        Figure::at_most("push.real.p50", percentile(&mut times, 50.0), "ms", 60.0)
            .remark("Karmada at three changes a second: 510, tuned 74 to 87"),
        Figure::at_most("push.real.p99", percentile(&mut times, 99.0), "ms", 110.0)
            .remark("Karmada: 570, tuned 139 to 154"),
    ])
}

async fn measure(members: &[(&str, String); 2]) -> anyhow::Result<(Vec<f64>, Process)> {
    let specs: Vec<_> = members.iter().map(|(name, k)| (*name, "Push", k.clone())).collect();
    let world = World::new(&specs)?;
    world.write("policy.yaml", POLICY)?;
    for i in 0..N_WORKLOADS {
        world.write(&format!("apps/app-{i}.yaml"), &deployment(i, "v0"))?;
    }
    world.commit("a hundred workloads")?;
    world.push()?;
    let controller = world.controller()?;
    let mut live = Vec::new();
    for (name, kubeconfig) in members {
        live.push(Live::new(name, kubeconfig)?);
    }
    for member in &live {
        wait_for("first convergence", LIMIT, async || {
            Ok(member.count("/apis/apps/v1/namespaces/web/deployments").await? == N_WORKLOADS)
        })
        .await?;
    }
    let (sender, mut seen) = mpsc::unbounded_channel();
    for member in &live {
        member.watch_images(sender.clone()).await?;
    }
    // Status commits of the first convergence end before the first push.
    settle(&world, Duration::from_secs(3)).await?;
    let mut times = Vec::with_capacity(N_PUSHES);
    let start = Instant::now();
    for i in 0..N_PUSHES {
        let (app, tag) = (i % N_WORKLOADS, format!("v{}", i + 1));
        world.write(&format!("apps/app-{app}.yaml"), &deployment(app, &tag))?;
        world.commit("change an image")?;
        tokio::time::sleep_until((start + PACE * i as u32).into()).await;
        let pushed = Instant::now();
        // Its own thread: the sights are taken down while git still runs.
        let push = async { tokio::task::block_in_place(|| world.push()) };
        let (name, image) = (format!("app-{app}"), format!("registry.example.com/shop:{tag}"));
        push.await?;
        let last = last_sight(&mut seen, &name, &image, live.len(), LIMIT).await?;
        times.push(last.duration_since(pushed).as_secs_f64() * 1_000.0);
    }
    Ok((times, controller))
}

/// Waits until no machine-owned branch has moved for so long.
pub(crate) async fn settle(world: &World, quiet: Duration) -> anyhow::Result<()> {
    let mut last = (world.commits()?, Instant::now());
    wait_for("quiet repository", LIMIT, async || {
        let now = world.commits()?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok(last.1.elapsed() > quiet)
    })
    .await?;
    Ok(())
}

pub(crate) const POLICY: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: web
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata:
  name: everywhere
  namespace: web
spec:
  resourceSelectors:
    - apiVersion: apps/v1
      kind: Deployment
  placement: {}
";

pub(crate) fn deployment(i: usize, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{i}
  namespace: web
  labels: {{app: app-{i}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app-{i}}}}}
  template:
    metadata:
      labels: {{app: app-{i}}}
    spec:
      containers:
        - name: shop
          image: registry.example.com/shop:{tag}
          ports: [{{containerPort: 8080}}]
          resources: {{requests: {{cpu: 50m, memory: 64Mi}}}}
"
    )
}
