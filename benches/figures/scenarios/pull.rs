//! From the start of `git push` until a pull-mode member has the change.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::push::{POLICY, deployment, settle};
use crate::figure::{Figure, percentile};
use crate::live::{Live, last_sight};
use crate::world::{World, wait_for};
use git_fleet::sim::{Host, MemberSpec};

const N_WORKLOADS: usize = 20;
const N_PUSHES: usize = 60;
/// The agent's poll interval.
const POLL_MS: f64 = 1_000.0;
const LIMIT: Duration = Duration::from_mins(1);

/// One member run by `git fleet agent`.
pub(crate) fn simulated(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let host = Host::start(vec![MemberSpec::new("edge")])?;
    let kubeconfig = host.kubeconfig("edge").unwrap_or_default();
    runtime.block_on(async {
        let world = World::new(&[("edge", "Pull", kubeconfig.clone())])?;
        world.write("policy.yaml", POLICY)?;
        for i in 0..N_WORKLOADS {
            world.write(&format!("apps/app-{i}.yaml"), &deployment(i, "v0"))?;
        }
        world.commit("workloads")?;
        world.push()?;
        let _controller = world.controller()?;
        let _agent = world.agent("edge", "1s")?;
        let live = Live::new("edge", &kubeconfig)?;
        wait_for("first convergence", LIMIT, async || {
            Ok(live.count("/apis/apps/v1/namespaces/web/deployments").await? == N_WORKLOADS)
        })
        .await?;
        let (sender, mut seen) = mpsc::unbounded_channel();
        live.watch_images(sender).await?;
        settle(&world, Duration::from_secs(3)).await?;
        let mut times = Vec::with_capacity(N_PUSHES);
        for i in 0..N_PUSHES {
            let (app, tag) = (i % N_WORKLOADS, format!("v{}", i + 1));
            world.write(&format!("apps/app-{app}.yaml"), &deployment(app, &tag))?;
            world.commit("change an image")?;
            let pushed = Instant::now();
            tokio::task::block_in_place(|| world.push())?;
            let (name, image) = (format!("app-{app}"), format!("registry.example.com/shop:{tag}"));
            let last = last_sight(&mut seen, &name, &image, 1, LIMIT).await?;
            times.push(last.duration_since(pushed).as_secs_f64() * 1_000.0);
        }
        let p99 = percentile(&mut times, 99.0);
        let figure = Figure::at_most("pull.p99", p99, "ms", POLL_MS + 300.0);
        Ok(vec![figure.remark("poll interval 1000 ms")])
    })
}
