//! Every policy of the library does on its small fleet what its `expected.yaml` says. Where it goes by
//! room, `reports.yaml` has the status that each cluster reports.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use git_fleet::api::cluster::ClusterStatus;
use git_fleet::api::condition;
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::report::ClusterReport;
use git_fleet::plan::{Memo, Previous};
use serde_json::{Value, json};

use super::case;

/// What the members of the small fleet in `folder` report; nothing without a `reports.yaml`.
fn reports(folder: &Path) -> BTreeMap<ClusterName, Arc<ClusterReport>> {
    let path = folder.join("reports.yaml");
    if !path.exists() {
        return BTreeMap::new();
    }
    let text = std::fs::read_to_string(path).unwrap();
    let statuses: BTreeMap<ClusterName, ClusterStatus> =
        git_fleet::api::yaml::from_str(&text).unwrap();
    let report = |cluster| ClusterReport {
        commit: ObjectId::from_bytes([0; 20]),
        cluster,
        objects: BTreeMap::new(),
    };
    statuses.into_iter().map(|(name, status)| (name, Arc::new(report(status)))).collect()
}

#[test]
fn policies_of_the_library_place_as_they_say() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let folders = std::fs::read_dir(library).unwrap().map(|entry| entry.unwrap().path());
    let mut n_policies = 0;
    for folder in folders.filter(|path| path.is_dir()) {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let source = format!("{}\n---\n{}", read("policy.yaml"), read("fleet.yaml.example"));
        let (fleet, evicted) = (case::fleet(&source), Vec::new());
        let step = case::Step { fleet, reports: reports(&folder), evicted };
        let plan = case::plan(&step, &Previous::default(), &mut Memo::default());
        let found: BTreeMap<String, Value> = plan
            .bindings
            .iter()
            .map(|(key, planned)| {
                let binding = &planned.binding;
                let scheduled = condition::find(&binding.status.conditions, "Scheduled").unwrap();
                let place = if scheduled.reason == "Success" {
                    json!(binding.replicas_by_cluster())
                } else {
                    json!(scheduled.message)
                };
                (key.to_string(), place)
            })
            .collect();
        let expected: BTreeMap<String, Value> =
            git_fleet::api::yaml::from_str(&read("expected.yaml")).unwrap();
        assert_eq!(found, expected, "{}", folder.display());
        n_policies += 1;
    }
    assert_eq!(n_policies, 11);
}
