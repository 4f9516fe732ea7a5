//! Statuses of templates, judged by the tools that people watch workloads with: what is healthy in
//! three clusters reads as healthy, what one of them still works on as in progress, what failed in
//! one of them as failed.
//!
//! `cases.yaml` holds what the real controllers of Kubernetes write, and each place where a tool
//! reads something else, with the reason. docs/status.md tells people of these.

use std::collections::BTreeMap;

use git_fleet::api::binding::AggregatedStatusItem;
use git_fleet::api::manifest::Manifest;
use git_fleet::interpret;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kube::judge::{Verdicts, judge};

const CLUSTERS: [&str; 3] = ["east", "north", "west"];
const BEFORE: Timestamp = Timestamp::constant(1_780_000_000, 0);
const NOW: Timestamp = Timestamp::constant(1_780_000_600, 0);

/// A template in three clusters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// As an API server would store it: with its defaults.
    template: Manifest,
    /// Replicas of each cluster.
    share: Option<i32>,
    /// Whether all was healthy before; a Job that ended stays as it was.
    #[serde(default = "yes")]
    was_healthy: bool,
    healthy: Value,
    rolling: Option<Value>,
    failed: Option<Value>,
    /// Words that are not the usual ones, by scenario and tool, and why.
    #[serde(default)]
    differs: BTreeMap<String, BTreeMap<String, Difference>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    word: String,
    #[expect(dead_code, reason = "it is for the reader")]
    why: String,
}

fn yes() -> bool {
    true
}

impl Case {
    /// The template at this generation.
    fn template(&self, generation: i64, status: Option<Value>) -> Manifest {
        let mut template = self.template.clone();
        template.metadata_mut().insert("generation".to_owned(), json!(generation));
        if let Some(status) = status {
            template.0.insert("status".to_owned(), status);
        }
        template
    }

    /// What a cluster reports whose object has this status.
    fn item(&self, cluster: &str, generation: i64, status: Option<&Value>) -> AggregatedStatusItem {
        let status = status.map(|status| {
            let mut live = self.template(generation + 6, Some(status.clone()));
            live.set_annotation("resourcetemplate.karmada.io/generation", &generation.to_string());
            if let Some(share) = self.share {
                interpret::revise_replicas(&mut live, share);
            }
            if live.0["status"].get("observedGeneration").is_some() {
                live.0["status"]["observedGeneration"] = json!(generation + 6);
            }
            live
        });
        AggregatedStatusItem {
            cluster_name: cluster.parse().expect("it is a name"),
            applied: status.is_some(),
            applied_message: String::new(),
            health: status.as_ref().map(interpret::health).unwrap_or_default(),
            status: status.as_ref().and_then(interpret::reflect),
        }
    }

    fn items(&self, generation: i64, statuses: [Option<&Value>; 3]) -> Vec<AggregatedStatusItem> {
        let both = CLUSTERS.iter().zip(statuses);
        both.map(|(cluster, status)| self.item(cluster, generation, status)).collect()
    }

    /// The status that the template gets.
    fn status(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        now: Timestamp,
    ) -> Option<Value> {
        let aggregated = interpret::aggregate(template, items, now).expect("it is readable");
        let assigned = self.share.map(|share| i64::from(share) * 3);
        interpret::complete(template, aggregated, items, assigned, now)
    }

    /// The template as people see it, by scenario.
    fn scenarios(&self) -> Vec<(&'static str, Manifest)> {
        let healthy = Some(&self.healthy);
        let mut scenarios = vec![
            ("healthy", [healthy; 3]),
            ("unreachable", [healthy, healthy, None]),
            ("nowhere", [None; 3]),
        ];
        for (name, status) in [("rolling", &self.rolling), ("failed", &self.failed)] {
            scenarios
                .extend(status.as_ref().map(|status| (name, [healthy, Some(status), healthy])));
        }
        let before = self.template(1, None);
        let before = self.status(&before, &self.items(1, [healthy; 3]), BEFORE);
        let made = scenarios.into_iter().map(|(name, statuses)| {
            let template = self.template(2, before.clone().filter(|_| self.was_healthy));
            let items = self.items(2, statuses);
            let status = self.status(&template, &items, NOW);
            let seen = self.template(2, status.clone());
            let later = NOW + jiff::SignedDuration::from_mins(5);
            let again = self.status(&seen, &items, later);
            assert_eq!(again, status, "{} {name}: it settles", self.name);
            (name, seen)
        });
        made.collect()
    }

    fn expected<'w>(&'w self, scenario: &str, tool: &str, usual: &'w str) -> &'w str {
        let differs = self.differs.get(scenario).and_then(|tools| tools.get(tool));
        differs.map_or(usual, |difference| &difference.word)
    }
}

/// What the tools say that have an opinion, usually.
fn usual(scenario: &str) -> [&'static str; 3] {
    match scenario {
        "healthy" => ["Current", "done", "Healthy"],
        "failed" => ["Failed", "error", "Degraded"],
        _ => ["InProgress", "waiting", "Progressing"],
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("cases.yaml");
    text.split("\n---\n").map(|case| serde_saphyr::from_str(case).expect(case)).collect()
}

#[test]
fn tools_read_a_status_of_many_clusters_as_that_of_one() {
    let Some(judge) = judge() else { return };
    let cases = cases();
    let scenarios: Vec<_> = cases
        .iter()
        .flat_map(|case| case.scenarios().into_iter().map(move |(name, seen)| (case, name, seen)))
        .collect();
    let objects: Vec<Value> =
        scenarios.iter().map(|(_, _, seen)| seen.clone().into_value()).collect();
    let mut wrong = Vec::new();
    for ((case, scenario, seen), verdicts) in scenarios.iter().zip(judge.judge(&objects)) {
        let Verdicts { kstatus, rollout, argo } = verdicts;
        let tools = [("kstatus", kstatus), ("rollout", rollout), ("argo", argo)];
        for ((tool, verdict), usual) in tools.into_iter().zip(usual(scenario)) {
            let expected = case.expected(scenario, tool, usual);
            if verdict.word != expected && (!verdict.word.is_empty() || expected != usual) {
                wrong.push(format!(
                    "{} {scenario}: {tool} says {:?} ({}), not {expected:?}, of {}",
                    case.name, verdict.word, verdict.message, seen.0["status"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Differences that are not differences would mislead whoever reads them.
#[test]
fn every_difference_is_one() {
    for case in cases() {
        for (scenario, tools) in &case.differs {
            for (tool, difference) in tools {
                let at = ["kstatus", "rollout", "argo"].iter().position(|name| name == tool);
                let usual = usual(scenario)[at.expect("a tool")];
                assert_ne!(difference.word, usual, "{} {scenario} {tool}", case.name);
            }
        }
    }
}
