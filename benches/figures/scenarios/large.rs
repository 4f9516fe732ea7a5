//! Members of 5,000 nodes and 20,000 pods: how soon one is known, and what knowing them takes.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::figure::{Figure, percentile};
use crate::world::{World, wait_for};
use git_fleet::sim::{Host, MemberSpec, Workloads};

const N_NODES: usize = 5_000;
const N_PODS: usize = 20_000;
const N_JOINS: usize = 20;
const N_MEMBERS: usize = 100;
/// What pods ask for: most of a cluster's pods ask for the same as many others.
const REQUESTS: [(&str, &str); 5] =
    [("100m", "128Mi"), ("250m", "256Mi"), ("500m", "1Gi"), ("1", "2Gi"), ("2", "6Gi")];
const LIMIT: Duration = Duration::from_mins(5);

/// A member whose nodes and pods stay as they are. All of a host's members share a thread: each of these
/// has a host of its own.
fn member(name: &str) -> anyhow::Result<Host> {
    let nodes = (0..N_NODES).map(node);
    let objects = nodes.chain((0..N_PODS).map(pod)).collect();
    let spec = MemberSpec { objects, workloads: Workloads::Still, ..MemberSpec::new(name) };
    Ok(Host::start(vec![spec])?)
}

fn node(i: usize) -> Value {
    let (cpu, memory) = [("4", "16Gi"), ("8", "32Gi"), ("16", "64Gi"), ("64", "256Gi")][i % 4];
    let amounts =
        json!({"cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": "100Gi"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": format!("node-{i}"), "labels": {
            "kubernetes.io/hostname": format!("node-{i}"), "topology.kubernetes.io/zone": format!("z{}", i % 3),
        }},
        "status": {
            "allocatable": amounts, "capacity": amounts,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        },
    })
}

fn pod(i: usize) -> Value {
    let (cpu, memory) = REQUESTS[i % REQUESTS.len()];
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("pod-{i}"), "namespace": "default", "labels": {"app": format!("app-{}", i / 10)}},
        "spec": {
            "nodeName": format!("node-{}", i % N_NODES),
            "containers": [{"name": "main", "image": "registry.example.com/shop:v1",
                "resources": {"requests": {"cpu": cpu, "memory": memory}}}],
        },
        "status": {"phase": "Running"},
    })
}

/// Whether the status branch of a cluster says how its nodes are graded.
fn is_known(world: &World, name: &str) -> anyhow::Result<bool> {
    let status = world.file(&format!("fleet/status/{name}"), "cluster.yaml")?;
    Ok(status.is_some_and(|text| text.contains("allocatableModelings") && text.contains("Ready")))
}

/// Twenty registrations, one after the other, each with a running controller: from the start of the push
/// until the status with nodes by grade is committed. Then the memory of a controller with one of them.
pub(crate) fn joins(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let names: Vec<String> = (0..N_JOINS).map(|i| format!("member{i}")).collect();
    let hosts = names.iter().map(|name| member(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let kubeconfig = |i: usize| hosts[i].kubeconfig(&names[i]).context("a started member");
    runtime.block_on(async {
        let world = World::new(&[])?;
        world.write("README.md", "A fleet without members.\n")?;
        world.commit("nothing yet")?;
        world.push()?;
        let controller = world.controller()?;
        let is_up = async || Ok(world.commits()?.contains_key("refs/heads/fleet/results"));
        wait_for("first plan", LIMIT, is_up).await?;
        let mut seconds = Vec::with_capacity(N_JOINS);
        for (i, name) in names.iter().enumerate() {
            world.register(name, "Push", &kubeconfig(i)?)?;
            world.commit("one more cluster")?;
            let pushed = Instant::now();
            tokio::task::block_in_place(|| world.push())?;
            wait_for("status", LIMIT, async || is_known(&world, name)).await?;
            seconds.push(pushed.elapsed().as_secs_f64());
        }
        drop(controller);
        let alone = World::new(&[(&names[0], "Push", kubeconfig(0)?)])?;
        alone.commit("one cluster")?;
        alone.push()?;
        let controller = alone.controller()?;
        wait_for("status", LIMIT, async || is_known(&alone, &names[0])).await?;
        tokio::time::sleep(Duration::from_secs(12)).await; // the cluster is looked at once more
        let median = percentile(&mut seconds, 50.0);
        Ok(vec![
            Figure::at_most("join.p99", percentile(&mut seconds, 99.0), "s", 1.5)
                .remark(format!("median {median:.2}; Karmada: 6.9 s, under 2 s without modelling")),
            Figure::at_most("member.rss", controller.peak_rss_mib()?, "MiB", 60.0),
        ])
    })
}

/// A hundred of them in one controller.
pub(crate) fn fleet(runtime: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let names: Vec<String> = (0..N_MEMBERS).map(|i| format!("member{i}")).collect();
    let hosts = names.iter().map(|name| member(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut members = Vec::with_capacity(N_MEMBERS);
    for (name, host) in names.iter().zip(&hosts) {
        members.push((&**name, "Push", host.kubeconfig(name).context("a started member")?));
    }
    runtime.block_on(async {
        let world = World::new(&members)?;
        world.commit("a hundred clusters")?;
        world.push()?;
        let controller = world.controller()?;
        let begun = Instant::now();
        for name in &names {
            wait_for("status", LIMIT, async || is_known(&world, name)).await?;
        }
        let took = begun.elapsed().as_secs_f64();
        tokio::time::sleep(Duration::from_secs(12)).await; // the clusters are looked at once more
        let gib = controller.peak_rss_mib()? / 1024.0;
        let remark = format!("all are known after {took:.0} s");
        Ok(vec![Figure::at_most("fleet.rss", gib, "GiB", 3.0).remark(remark)])
    })
}
