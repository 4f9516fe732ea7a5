//! The scheduler alone, on the recorded scenarios: one binding over many clusters.

use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use git_fleet::api::binding::ResourceBinding;
use git_fleet::api::cluster::Cluster;
use git_fleet::api::names::ClusterName;
use git_fleet::schedule::{Member, Request, Snapshot, schedule};
use serde_json::Value;
use stats_alloc::Region;
use tokio::runtime::Runtime;

use crate::ALLOCATOR;
use crate::figure::Figure;

/// A figure, the scenario that it is measured on, its goal and what Karmada took, in microseconds.
struct Case {
    figure: &'static str,
    scenario: &'static str,
    goal: f64,
    karmada: f64,
}

const fn case(figure: &'static str, scenario: &'static str, goal: f64, karmada: f64) -> Case {
    Case { figure, scenario, goal, karmada }
}

const CASES: &[Case] = &[
    case("schedule.dynamic.100", "dynamic-100", 25.0, 1_310.6),
    case("schedule.duplicated.100", "duplicated-100", 25.0, 1_134.6),
    case("schedule.region.100", "region-100", 25.0, 1_242.1),
    case("schedule.aggregated.100", "aggregated-100", 25.0, 1_141.7),
    case("schedule.dynamic.1000", "dynamic-1000", 250.0, 11_147.8),
    case("schedule.duplicated.1000", "duplicated-1000", 250.0, 9_528.2),
    case("schedule.region.1000", "region-1000", 250.0, 11_779.0),
    case("schedule.aggregated.1000", "aggregated-1000", 250.0, 11_323.4),
    case("schedule.dynamic.5000", "dynamic-5000", 1_500.0, 60_554.3),
    case("schedule.duplicated.5000", "duplicated-5000", 1_500.0, 56_888.1),
    case("schedule.region.5000", "region-5000", 1_500.0, 54_410.6),
    case("schedule.aggregated.5000", "aggregated-5000", 1_500.0, 57_545.5),
];

/// Names of [`CASES`].
pub(crate) const FIGURES: &[&str] = &[
    "schedule.dynamic.100",
    "schedule.duplicated.100",
    "schedule.region.100",
    "schedule.aggregated.100",
    "schedule.dynamic.1000",
    "schedule.duplicated.1000",
    "schedule.region.1000",
    "schedule.aggregated.1000",
    "schedule.dynamic.5000",
    "schedule.duplicated.5000",
    "schedule.region.5000",
    "schedule.aggregated.5000",
];

/// Time of a round; the best of several is the figure, as in the recording.
const ROUND: Duration = Duration::from_millis(300);
const N_ROUNDS: u32 = 5;

/// One binding, over and over: filter, score, select, divide. The snapshot is made once, as a plan
/// does for all of its bindings.
pub(crate) fn recorded(_: &Runtime) -> anyhow::Result<Vec<Figure>> {
    CASES.iter().map(|case| measure(case).with_context(|| case.scenario)).collect()
}

fn measure(case: &Case) -> anyhow::Result<Figure> {
    let scenario: Value = serde_json::from_str(&std::fs::read_to_string(find(&format!(
        "bench-{}.json",
        case.scenario
    ))?)?)?;
    let clusters = clusters(scenario["clustersFile"].as_str().context("clustersFile")?)?;
    let binding: ResourceBinding = serde_json::from_value(scenario["binding"].clone())?;
    let start = Instant::now();
    let snapshot = snapshot(&clusters);
    let once = start.elapsed();
    let request = Request::new(&binding.spec, &binding.status);

    let decision = schedule(&request, &snapshot).map_err(|refused| anyhow!("{refused}"))?;
    let placed: Value = decision
        .clusters
        .iter()
        .map(|target| (target.name.to_string(), Value::from(target.replicas)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    ensure!(placed == scenario["expected"]["replicas"], "not where Karmada places it: {placed}");

    let region = Region::new(ALLOCATOR);
    let again = black_box(schedule(&request, &snapshot));
    let n_allocations = region.change().allocations;
    ensure!(again.as_ref() == Ok(&decision), "the same input, another decision");

    let mut best = f64::INFINITY;
    for _ in 0..N_ROUNDS {
        let (start, mut n) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            drop(black_box(schedule(black_box(&request), black_box(&snapshot))));
            n += 1;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(n));
    }
    let remark = format!(
        "{:.0} times as fast as Karmada's {:.0} µs; {n_allocations} allocations; snapshot once {:.1} ms",
        case.karmada / best,
        case.karmada,
        once.as_secs_f64() * 1e3
    );
    Ok(Figure::at_most(case.figure, best, "µs", case.goal).remark(remark))
}

/// A file of the recorded scenarios: in the folder that `FLEET_BENCH` names, or beside the
/// repository.
fn find(name: &str) -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os("FLEET_BENCH").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench"),
        PathBuf::from,
    );
    let path = folder.join(name);
    ensure!(path.exists(), "no {name}: FLEET_BENCH names the folder of the recorded scenarios");
    Ok(path)
}

/// The clusters of a recorded scenario.
pub(crate) fn clusters(file: &str) -> anyhow::Result<Vec<(ClusterName, Cluster)>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(find(file)?)?).read_to_string(&mut text)?;
    let cluster = |line: &str| -> anyhow::Result<(ClusterName, Cluster)> {
        let cluster: Cluster = serde_json::from_str(line)?;
        Ok((cluster.metadata.name.parse()?, cluster))
    };
    text.lines().map(cluster).collect()
}

fn snapshot(clusters: &[(ClusterName, Cluster)]) -> Snapshot<'_> {
    Snapshot::new(clusters.iter().map(|(name, cluster)| Member {
        name,
        cluster,
        is_reported: true,
    }))
}
