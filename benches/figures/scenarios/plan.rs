//! Whole plans: from nothing, after one change, and how much a large one weighs.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use git_fleet::api::cluster::{Cluster, ClusterStatus};
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::report::{ClusterReport, Health, ObjectReport};
use git_fleet::fleet::{Fleet, ParsedFile, parse_file};
use git_fleet::interpret::Bundled;
use git_fleet::plan::{Inputs, Memo, Plan, Previous, blob_id, make};
use stats_alloc::Region;
use tokio::runtime::Runtime;

use super::schedule::clusters;
use crate::ALLOCATOR;
use crate::figure::Figure;

/// Set for the process whose memory is measured.
const WEIGH: &str = "GIT_FLEET_FIGURES_WEIGH";

const POLICY: &str = "apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: by-room}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement:
    clusterAffinity: {labelSelector: {matchLabels: {env: prod}}}
    clusterTolerations: [{key: spot, operator: Exists}]
    spreadConstraints: [{spreadByField: cluster, minGroups: 4, maxGroups: 4}]
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference: {dynamicWeight: AvailableReplicas}
";

/// A source with this many Deployments over the clusters of a recorded scenario, and their reports.
struct Source {
    files: Vec<Arc<ParsedFile>>,
    reports: BTreeMap<ClusterName, Arc<ClusterReport>>,
}

/// Room for all of it: the recorded capacities are those of small clusters.
const ROOMY: i64 = 1_000;

impl Source {
    fn new(clusters_file: &str, n_deployments: usize) -> anyhow::Result<Self> {
        let mut reports = BTreeMap::new();
        let mut files = vec![parse("policy.yaml", POLICY)];
        for (name, mut cluster) in clusters(clusters_file)? {
            let mut status = std::mem::take(&mut cluster.status);
            if let Some(summary) = &mut status.resource_summary {
                for quantity in summary.allocatable.values_mut() {
                    *quantity = quantity.times(ROOMY);
                }
            }
            reports.insert(name.clone(), Arc::new(report(status)));
            files.push(parse(&format!("clusters/{name}.yaml"), &text(&cluster)?));
        }
        files.extend((0..n_deployments).map(|n| deployment(n, "1.29")));
        Ok(Self { files, reports })
    }

    fn fleet(&self) -> anyhow::Result<Fleet> {
        let (fleet, problems) = Fleet::assemble(ObjectId::from_bytes([1; 20]), &self.files);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        ensure!(told.is_empty(), "{}", told.join("\n"));
        Ok(fleet)
    }

    /// Every member reports that it runs what the plan gives it.
    fn settle(&mut self, plan: &Plan) {
        for (name, works) in &plan.works {
            let mut report = ClusterReport::clone(&self.reports[name]);
            report.objects = works
                .iter()
                .map(|(key, work)| {
                    let report = ObjectReport {
                        work: Some(work.id),
                        applied: true,
                        health: Health::Healthy,
                        ..ObjectReport::default()
                    };
                    (key.clone(), Arc::new(report))
                })
                .collect();
            self.reports.insert(name.clone(), Arc::new(report));
        }
    }

    fn plan(&self, fleet: &Fleet, previous: &Previous, memo: &mut Memo) -> Plan {
        let now = "2026-06-01T12:00:00Z".parse().expect("it is a time");
        let (reports, interpreter) = (&self.reports, &Bundled);
        make(&Inputs { fleet, reports, previous, interpreter, now }, memo)
    }
}

fn report(cluster: ClusterStatus) -> ClusterReport {
    ClusterReport { commit: ObjectId::from_bytes([0; 20]), cluster, objects: BTreeMap::new() }
}

fn text(cluster: &Cluster) -> anyhow::Result<String> {
    Ok(serde_json::to_string(cluster)?)
}

fn parse(path: &str, text: &str) -> Arc<ParsedFile> {
    Arc::new(parse_file(path, blob_id(text.as_bytes()), text.as_bytes()))
}

fn deployment(n: usize, version: &str) -> Arc<ParsedFile> {
    let namespace = n / 100;
    let text = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, namespace: team-{namespace}, labels: {{app: app-{n}}}}}
spec:
  replicas: 8
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec:
      containers:
        - name: main
          image: nginx:{version}
          ports: [{{containerPort: 80}}]
          env: [{{name: LEVEL, value: info}}]
          resources: {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 128Mi}}}}
"
    );
    parse(&format!("apps/app-{n}.yaml"), &text)
}

fn is_whole(plan: &Plan, n_deployments: usize) -> anyhow::Result<()> {
    let n_works: usize = plan.bindings.values().map(|planned| planned.works.len()).sum();
    ensure!(plan.bindings.len() == n_deployments, "{} bindings", plan.bindings.len());
    ensure!(n_works == 4 * n_deployments, "{n_works} works");
    Ok(())
}

/// 5,000 Deployments over 100 clusters, 4 each: from nothing, and after one change.
pub(crate) fn whole(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    const N: usize = 5_000;
    let mut source = Source::new("bench-clusters-100.jsonl.gz", N)?;
    let fleet = source.fleet()?;
    let mut cold = f64::INFINITY;
    let mut n_allocations = 0;
    for _ in 0..3 {
        let (region, start) = (Region::new(ALLOCATOR), Instant::now());
        let plan = source.plan(&fleet, &Previous::default(), &mut Memo::default());
        cold = cold.min(start.elapsed().as_secs_f64());
        n_allocations = region.change().allocations / N;
        is_whole(&plan, N)?;
    }
    let mut memo = Memo::default();
    let plan = source.plan(&fleet, &Previous::default(), &mut memo);
    source.settle(&plan);
    let mut plan = source.plan(&fleet, &Previous::from(&plan), &mut memo);
    let mut one = f64::INFINITY;
    for round in 0..10 {
        let previous = Previous::from(&plan);
        let at = source.files.len() - 1 - round;
        source.files[at] = deployment(N - 1 - round, "1.30");
        let fleet = source.fleet()?;
        let start = Instant::now();
        let next = source.plan(&fleet, &previous, &mut memo);
        one = one.min(start.elapsed().as_secs_f64() * 1e3);
        is_whole(&next, N)?;
        let n_changed = next
            .bindings
            .iter()
            .filter(|(key, planned)| !Arc::ptr_eq(planned, &plan.bindings[*key]))
            .count();
        ensure!(n_changed == 1, "{n_changed} bindings changed");
        plan = next;
    }
    Ok(vec![
        Figure::at_most("plan.cold", cold, "s", 0.5)
            .remark(format!("{n_allocations} allocations a binding")),
        Figure::at_most("plan.one", one, "ms", 5.0),
    ])
}

/// 20,000 Deployments over 5,000 clusters: the most memory that the process ever held.
pub(crate) fn memory(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    let output = Command::new(std::env::current_exe()?).env(WEIGH, "1").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kib: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(vec![Figure::at_most("plan.memory", kib / 1_048_576.0, "GiB", 2.0)])
}

/// Does the work of [`memory`] if this is the process for it.
pub(crate) fn weigh() -> anyhow::Result<Option<String>> {
    const N: usize = 20_000;
    if std::env::var_os(WEIGH).is_none() {
        return Ok(None);
    }
    let source = Source::new("bench-clusters-5000.jsonl.gz", N)?;
    let fleet = source.fleet()?;
    let mut memo = Memo::default();
    let first = source.plan(&fleet, &Previous::default(), &mut memo);
    is_whole(&first, N)?;
    // A controller holds the plan before beside the one that it makes.
    let previous = Previous::from(&first);
    let second = source.plan(&fleet, &previous, &mut memo);
    is_whole(&second, N)?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(Some(peak.context("no VmHWM")?.trim().trim_end_matches(" kB").to_owned()))
}
