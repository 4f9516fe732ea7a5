//! The contract of the simulated members: the same requests to one of them and to a real API server.
//!
//! Each file in `scenarios/` is played against both, what differs from run to run is taken out ([`normal`]), and the answers
//! are compared. A difference that is not in [`deliberate`], with its reason in `docs/simulated-members.md`, fails.
//! `CONTRACT_SHOW=DIR cargo test --test contract NAME` writes the answers of
//! both, and the differences that are known, to files in `DIR`.

#[path = "../support/kube/mod.rs"]
mod kube;

mod compare;
mod deliberate;
mod kubectl;
mod normal;
mod script;
mod target;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use compare::{Difference, differences};
use git_fleet::sim::{Host, MemberSpec, Workloads};
use target::Target;

/// Plays a scenario against both and fails on what is different and not meant to be.
async fn play(name: &str, text: &str) {
    let Some(kube) = kube::shared() else { return };
    // The real servers run without controllers too.
    let member = MemberSpec { workloads: Workloads::Still, ..MemberSpec::new("member1") };
    let host = Host::start(vec![member]).expect("loopback ports are free");
    let kubeconfig = host.kubeconfig("member1").expect("it was just started");
    let mut real = Target::new(kube.server("member1").client().await, name).await;
    let mut simulated = Target::new(kube::servers::client(&kubeconfig).await, name).await;

    let mut known = String::new();
    let mut answers = [String::new(), String::new()];
    let mut different: BTreeSet<String> = BTreeSet::new();
    let mut unexplained: Vec<Difference> = Vec::new();
    for step in &script::parse(text) {
        let title = format!("{name}: {}", step.title);
        let real = real.take(step).await;
        let simulated = simulated.take(step).await;
        for (answers, answer) in answers.iter_mut().zip([&real, &simulated]) {
            writeln!(answers, "### {title}\n{answer:#}\n").expect("a String takes everything");
        }
        let found = differences(&title, &real, &simulated);
        if !found.is_empty() {
            different.insert(title);
        }
        let (explained, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(deliberate::covers);
        unexplained.extend(rest);
        for difference in explained {
            writeln!(known, "{difference}").expect("a String takes everything");
        }
    }
    if let Some(dir) = std::env::var_os("CONTRACT_SHOW") {
        let dir = std::path::Path::new(&dir);
        std::fs::write(dir.join(format!("{name}.known")), known).expect("the directory exists");
        for (answers, side) in answers.iter().zip(["real", "simulated"]) {
            std::fs::write(dir.join(format!("{name}.{side}")), answers)
                .expect("the directory exists");
        }
    }
    for fault in deliberate::faults_of(name) {
        assert!(
            different.contains(fault),
            "`{fault}` is right now: take it off the list of faults"
        );
    }
    let list: Vec<String> = unexplained.iter().map(Difference::to_string).collect();
    assert!(list.is_empty(), "{} unexplained differences:\n{}", list.len(), list.join("\n"));
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        /// Names of all scenarios: each is a test here and a file in `scenarios/`.
        const SCENARIOS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test]
            async fn $name() {
                play(&stringify!($name).replace('_', "-"), include_str!(concat!("scenarios/", stringify!($name), ".http"))).await;
            }
        )*
    };
}

scenarios! {
    discovery create_read_update_delete server_side_apply list_map_keys lists selectors watches patches
    subresources custom_resources deletion preconditions dry_run tables errors
}

#[test]
fn every_scenario_file_is_played() {
    let mut files: Vec<String> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/scenarios"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
    files.sort();
    let mut played: Vec<&str> = SCENARIOS.to_vec();
    played.sort_unstable();
    assert_eq!(files, played);
}
