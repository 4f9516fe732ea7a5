//! Every policy of the library does on its small fleet what its `expected.yaml` says.

use std::collections::BTreeMap;
use std::path::Path;

use git_fleet::api::condition;
use git_fleet::plan::{Memo, Previous};
use serde_json::{Value, json};

use super::case;

#[test]
fn policies_of_the_library_place_as_they_say() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let folders = std::fs::read_dir(library).unwrap().map(|entry| entry.unwrap().path());
    let mut n_policies = 0;
    for folder in folders.filter(|path| path.is_dir()) {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let source = format!("{}\n---\n{}", read("policy.yaml"), read("fleet.yaml.example"));
        let steps = case::steps(&format!("### commit\n{source}"));
        let plan = case::plan(&steps[0], &Previous::default(), &mut Memo::default());
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
    assert_eq!(n_policies, 6);
}
