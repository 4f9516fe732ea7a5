//! The policies of the library, tried as their README says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The commands of the README, for one policy.
fn commands(readme: &str, policy: &str, has_reports: bool) -> String {
    let (_, block) = readme.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let lines = block.lines().map(|line| line.strip_prefix("$ ").expect("a command a line"));
    let script = lines.collect::<Vec<_>>().join("\n");
    let script = script.replace("policy=divided-by-room", &format!("policy={policy}"));
    if has_reports { script } else { script.split(" --reports ").next().unwrap().to_owned() }
}

/// What the plan has to say of a template that ends up there.
fn expected(template: &str, place: &Value) -> String {
    let Some(clusters) = place.as_object() else {
        return format!("not placed: {template}: {}", place.as_str().unwrap());
    };
    let place = |(name, replicas): (&String, &Value)| match replicas.as_i64().unwrap() {
        0 => name.clone(),
        n => format!("{name}({n})"),
    };
    let places: Vec<String> = clusters.iter().map(place).collect();
    format!("+ {template}: nowhere → {} ", places.join(" "))
}

#[test]
fn every_policy_of_the_library_can_be_tried_as_its_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("policies/README.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let checkout = dir.path().join("checkout");
    std::fs::create_dir(&checkout).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_git-fleet"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut n_policies = 0;
    for folder in std::fs::read_dir(root.join("policies")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let policy = folder.file_name().unwrap().to_str().unwrap();
        let copy = checkout.join("policies").join(policy);
        std::fs::create_dir_all(&copy).unwrap();
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
        }
        let script = commands(&readme, policy, folder.join("reports.yaml").exists());
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(&checkout)
            .env("PATH", &path)
            .env("XDG_CACHE_HOME", dir.path())
            .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
            .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.com")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("as if"), script.contains("--reports"), "{said}");
        let plan = String::from_utf8(output.stdout).unwrap();
        let text = std::fs::read_to_string(folder.join("expected.yaml")).unwrap();
        let places: BTreeMap<String, Value> = git_fleet::api::yaml::from_str(&text).unwrap();
        for (template, place) in &places {
            let line = expected(template, place);
            assert!(plan.contains(&line), "{policy}: no `{line}` in {plan}");
        }
        if policy == "divided-by-room" {
            let shown = plan.lines().next().unwrap();
            assert!(readme.contains(shown), "the README shows another plan than {shown}");
        }
        n_policies += 1;
    }
    assert_eq!(n_policies, 11);
}

/// A repository with the fleet of one cluster, below a directory that is removed with the guard.
fn small_fleet() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let fleet = dir.path().join("fleet");
    let repository = crate::store::git::init(&fleet);
    crate::store::git::commit(&repository, &[("all.yaml", super::FLEET)]);
    (dir, fleet)
}

/// What is supposed has to be of the fleet, and written as a status is.
#[test]
fn a_slip_in_what_is_supposed_is_told() {
    let (dir, fleet) = small_fleet();
    for (text, told) in [
        (
            "two: {}\n",
            "reports.yaml: the commit has no cluster two\n  hint: the clusters of the commit are: one",
        ),
        (
            "one: {resourceSumary: {}}\n",
            "reports.yaml: cluster one: there is no field `status.resourceSumary`\n  hint: `resourceSummary` was",
        ),
        ("one: {resourceSummary: {allocatable: 3}}\n", "reports.yaml cannot be read: "),
        ("one: [\n", "reports.yaml cannot be read: "),
    ] {
        std::fs::write(dir.path().join("reports.yaml"), text).unwrap();
        let refused = super::run(&fleet, &["plan", "--reports", "../reports.yaml"]);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(4), "{text}: {error}");
        assert!(error.contains("error[CONFIG_READ]: ") && error.contains(told), "{text}: {error}");
    }
}

/// A report that says nothing of APIs takes none away.
#[test]
fn what_a_supposed_report_leaves_out_keeps_nothing_away() {
    let (dir, fleet) = small_fleet();
    let room = "one: {resourceSummary: {allocatable: {cpu: 16, pods: 110}}}\n";
    std::fs::write(dir.path().join("reports.yaml"), room).unwrap();
    let plan = super::run(&fleet, &["plan", "--reports", "../reports.yaml"]);
    let told = String::from_utf8(plan.stdout).unwrap();
    assert!(told.contains("cluster one: 1 added"), "{told}");
}
