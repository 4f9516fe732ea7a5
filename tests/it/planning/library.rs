//! Every policy of the library does on its small fleet what its `expected.yaml` says. Where it goes by
//! room, `reports.yaml` has the status that each cluster reports.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use git_fleet::api::cluster::ClusterStatus;
use git_fleet::api::condition;
use git_fleet::api::manifest::ObjectKey;
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::api::report::ClusterReport;
use git_fleet::plan::{Memo, PlannedBinding, Previous};
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
                let binding = &planned.binding();
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

/// Makes a source of a folder's policy and its clusters.
type Source<'s> = &'s dyn Fn(&str, &str) -> String;

/// Where the shop of a policy's folder runs, after each of these sources in turn.
fn story(folder: &str, sources: &[Source<'_>]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(folder);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (policy, clusters) = (read("policy.yaml"), read("fleet.yaml.example"));
    let (mut previous, mut places) = (Previous::default(), Vec::new());
    for source in sources {
        let fleet = case::fleet(&source(&policy, &clusters));
        let step = case::Step { fleet, reports: BTreeMap::new(), evicted: Vec::new() };
        let plan = case::plan(&step, &previous, &mut Memo::default());
        let place = |(key, planned): (&ObjectKey, &Arc<PlannedBinding>)| {
            let places = planned.binding().replicas_by_cluster();
            let places: Vec<_> = places.iter().map(|(at, n)| format!("{at}({n})")).collect();
            format!("{} {}", key.name, places.join(" "))
        };
        places.push(plan.bindings.iter().map(place).collect::<Vec<_>>().join(", "));
        previous = Previous::from(&plan);
    }
    places
}

/// The source without the clusters of these names.
fn without(source: &str, names: &[&str]) -> String {
    let is_gone = |document: &&str| {
        names.iter().any(|name| document.contains(&format!("metadata: {{name: {name}}}")))
    };
    source.split("---\n").filter(|one| !is_gone(one)).collect::<Vec<_>>().join("---\n")
}

/// What the policies for disasters say of one, in their comments, is so.
#[test]
fn in_a_disaster_it_goes_as_the_policies_say() {
    let whole = |policy: &str, clusters: &str| format!("{policy}---\n{clusters}");
    let down = |clusters: &str| {
        let taint =
            "taints: [{key: cluster.karmada.io/not-ready, effect: NoExecute}], region: city";
        clusters.replace("region: city", taint)
    };
    let shop = |clusters: &str| clusters.rsplit("---\n").next().unwrap().to_owned();
    let new = |clusters: &str| shop(clusters).replacen("name: shop", "name: till", 1);
    let home_only = |policy: &str| {
        let (before, from) = policy.split_once("      - affinityName: home\n").unwrap();
        let (home, after) = from.split_once("      - affinityName: remote\n").unwrap();
        let (_, scheduling) = after.split_once("    replicaScheduling:").unwrap();
        format!("{before}      - affinityName: home\n{home}    replicaScheduling:{scheduling}")
    };
    let told = story(
        "remote-disaster-recovery",
        &[
            &whole,
            &|policy, clusters| format!("{policy}---\n{}---\n{}", down(clusters), new(clusters)),
            &|policy, clusters| without(&whole(policy, clusters), &["home"]),
            &whole,
            &|policy, clusters| whole(&home_only(policy), clusters),
            &whole,
        ],
    );
    assert_eq!(
        told,
        [
            "shop home(4)",
            "shop home(4), till faraway(4)",
            "shop faraway(4)",
            "shop faraway(4)",
            "shop home(4)",
            "shop home(4)",
        ]
    );
    let told = story(
        "two-site-three-centre",
        &[
            &whole,
            &|policy, clusters| whole(policy, &down(clusters)),
            &|policy, clusters| without(&whole(policy, clusters), &["north", "south"]),
            &whole,
            &|policy, clusters| {
                whole(&policy.replace("weight: 2", "weight: 4"), clusters)
                    .replace("weight: 1", "weight: 2")
            },
        ],
    );
    let dealt = "shop faraway(2) north(4) south(4)";
    assert_eq!(told, [dealt, dealt, "shop faraway(10)", "shop faraway(10)", dealt]);
}
