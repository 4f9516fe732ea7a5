//! What kinds mean, one file a kind or family: each object in it is asked everything.

use std::path::Path;

use git_fleet::api::binding::AggregatedStatusItem;
use git_fleet::api::manifest::Manifest;
use git_fleet::interpret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::layers::rust_files;

/// An object, and what is to be asked about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    template: Manifest,
    /// The object in a member; parts that it does not name are the template's.
    live: Option<Manifest>,
    /// What the members reflected.
    #[serde(default)]
    items: Vec<AggregatedStatusItem>,
    /// Replicas of one cluster.
    share: Option<i32>,
}

/// Every answer that says something, by the question.
fn answers(case: Case) -> Map<String, Value> {
    let template = case.template;
    let now = "2026-07-01T00:00:00Z".parse().unwrap();
    let mut answers = Map::new();
    let mut tell = |question: &str, answer: Value| {
        if !answer.is_null() && answer != json!([]) {
            answers.insert(question.to_owned(), answer);
        }
    };
    if let Some(replicas) = interpret::replicas(&template) {
        let needs = json!(replicas.requirements);
        tell("replicas", json!({ "count": replicas.count, "requirements": needs }));
    }
    tell("components", json!(interpret::components(&template).unwrap()));
    tell("dependencies", json!(interpret::dependencies(&template).unwrap()));
    if let Some(share) = case.share {
        let mut revised = template.clone();
        interpret::revise_replicas(&mut revised, share);
        tell("revised", revised.0["spec"].clone());
    }
    if let Some(mut live) = case.live {
        for (field, value) in &template.0 {
            live.0.entry(field.clone()).or_insert_with(|| value.clone());
        }
        tell("health", json!(interpret::health(&live)));
        tell("reflected", json!(interpret::reflect(&live)));
        let mut retained = template.clone();
        interpret::retain(&mut retained, &live).unwrap();
        if retained != template {
            tell("retained", retained.into_value());
        }
    }
    tell("aggregated", json!(interpret::aggregate(&template, &case.items, now).unwrap()));
    answers
}

#[test]
fn kinds_mean_what_is_recorded() {
    insta::glob!("../golden/interpret", "*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let told = text.split("\n---\n").map(|document| {
            let case = serde_saphyr::from_str(document).unwrap();
            serde_saphyr::to_string(&answers(case)).unwrap()
        });
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("---\n"));
    });
}

#[test]
fn every_kind_has_a_golden_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in rust_files(&root.join("src/interpret/kinds")) {
        let name = kind.file_stem().unwrap().to_str().unwrap();
        let case = root.join(format!("tests/golden/interpret/{name}.yaml"));
        assert!(name == "mod" || case.exists(), "{} is missing", case.display());
    }
}
