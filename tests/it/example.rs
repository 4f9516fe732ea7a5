//! The example fleet is valid, shows every kind that people write, and reads like a tutorial.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git_fleet::api::decode::decode;
use git_fleet::api::names::ObjectId;
use git_fleet::api::schema;
use git_fleet::api::settings::{FleetSettings, SETTINGS_PATH, Settings};
use git_fleet::fleet::{Fleet, is_manifest_path, parse_file};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet-example")
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(manifests(&path));
        } else if is_manifest_path(path.to_str().unwrap()) {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn the_example_has_no_problems() {
    let files: Vec<_> = manifests(&root())
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            let bytes = fs::read(path).unwrap();
            Arc::new(parse_file(name, ObjectId::from_bytes([0; 20]), &bytes))
        })
        .collect();
    let (fleet, mut problems) = Fleet::assemble(ObjectId::from_bytes([1; 20]), &files);
    git_fleet::check::policies(&fleet, &mut problems);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert_eq!(fleet.clusters.len(), 3);
    assert_eq!(fleet.settings, Settings::default());
}

#[test]
fn the_examples_settings_are_the_defaults() {
    let text = fs::read_to_string(root().join(SETTINGS_PATH)).unwrap();
    let settings: FleetSettings = decode(&serde_saphyr::from_str(&text).unwrap()).unwrap();
    assert_eq!(settings.spec, Settings::default(), "fleet.yaml claims to show them");
}

#[test]
fn the_example_has_every_kind_that_people_write() {
    let mut kinds = BTreeSet::new();
    for path in manifests(&root()) {
        let text = fs::read_to_string(path).unwrap();
        kinds
            .extend(text.lines().filter_map(|line| line.strip_prefix("kind: ").map(str::to_owned)));
    }
    let left_out = [
        // It would name a server that nobody who tries the example has.
        "ResourceInterpreterWebhookConfiguration",
        // Nothing acts upon these yet: the example would warn of them.
        "CronFederatedHPA",
        "FederatedHPA",
        "MultiClusterIngress",
        "MultiClusterService",
        "Remedy",
        "ResourceRegistry",
        "WorkloadRebalancer",
    ];
    for schema in schema::all().iter().filter(|schema| !left_out.contains(&schema.kind)) {
        assert!(kinds.contains(schema.kind), "fleet-example/ has no {}", schema.kind);
    }
}

#[test]
fn every_file_of_the_example_begins_with_a_comment() {
    for path in manifests(&root()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{} explains nothing", path.display());
    }
}
