//! The loader on whole files: bad inputs and what is said about them, and published manifests.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git_fleet::api::names::ObjectId;
use git_fleet::api::problem::{Problem, Severity};
use git_fleet::fleet::{Fleet, ParsedFile, is_manifest_path, parse_file};

const COMMIT: ObjectId = ObjectId::from_bytes([7; 20]);

/// Every folder of `tests/golden/bad` is a fleet repository with something wrong in it, named
/// `<CODE>-<what>`; the snapshot beside it is what a person is told. A new case is a new folder.
#[test]
fn bad_inputs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bad");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && path.file_name().unwrap() != "told")
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root.join("told"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for case in cases {
            let name = case.file_name().unwrap().to_str().unwrap();
            let problems = load(&case).1;
            let code = name.split('-').next().unwrap();
            assert!(problems.iter().any(|problem| problem.code == code), "{name}: {problems:#?}");
            insta::assert_snapshot!(name, told(&problems));
        }
    });
}

/// Too large to lie in a folder: a line longer than any object that an API server takes.
#[test]
fn an_endless_line_is_refused_by_its_place() {
    let line = format!("kind: ConfigMap\ndata: {{a: {}}}\n", "x".repeat(2 << 20));
    let file = parse_file("a.yaml", ObjectId::from_bytes([0; 20]), line.as_bytes());
    let (_, problems) = Fleet::assemble(COMMIT, &[Arc::new(file)]);
    let told = told(&problems);
    assert!(
        told.starts_with("a.yaml:2:1: error[LIMIT_LINE]: this line is longer than 2 MiB"),
        "{told}"
    );
}

/// Every miss is told, and only the first are compared with all the names that there are.
#[test]
fn what_was_meant_is_guessed_for_the_first_misses() {
    let mut text = "apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: web}
---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: images, namespace: web}
spec: {overrideRules: [{overriders: {labelsOverrider: [{operator: add, value: {a: b}}]}}]}
"
    .to_owned();
    for n in 0..100 {
        write!(
            text,
            "---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {{name: p{n}, namespace: web}}
spec:
  resourceSelectors: [{{apiVersion: v1, kind: ConfigMap, name: setings}}]
  dependentOverrides: [imagse]
"
        )
        .unwrap();
    }
    let file = parse_file("a.yaml", ObjectId::from_bytes([0; 20]), text.as_bytes());
    let (fleet, mut problems) = Fleet::assemble(COMMIT, &[Arc::new(file)]);
    git_fleet::check::policies(&fleet, &mut problems);
    for (code, guess) in [("SELECTOR_EMPTY", "settings"), ("REFERENCE_UNKNOWN", "images")] {
        let told: Vec<&Problem> = problems.iter().filter(|problem| problem.code == code).collect();
        assert_eq!(told.len(), 100, "{code}");
        let guess = format!("did you mean `{guess}`?");
        let n_guessed = told.iter().take_while(|problem| problem.hint == guess).count();
        assert_eq!(n_guessed, 20, "{code}");
        assert!(told[20..].iter().all(|problem| problem.hint.starts_with("add the ")), "{code}");
    }
}

/// An object takes so many bytes of annotations, wherever they come from.
#[test]
fn annotations_of_an_override_are_limited_like_those_of_an_object() {
    let policy = |n_bytes: usize| {
        let text = format!(
            "apiVersion: policy.karmada.io/v1alpha1
kind: ClusterOverridePolicy
metadata: {{name: a}}
spec:
  overrideRules:
  - overriders:
      annotationsOverrider:
      - operator: add
        value: {{a: {}}}
",
            "x".repeat(n_bytes - 1)
        );
        let file = parse_file("a.yaml", ObjectId::from_bytes([0; 20]), text.as_bytes());
        told(&Fleet::assemble(COMMIT, &[Arc::new(file)]).1)
    };
    assert_eq!(policy(256 << 10), "");
    let told = policy((256 << 10) + 1);
    assert!(
        told.starts_with("a.yaml:9:9: error[OBJ_TOO_LARGE]: the annotations hold 262145 bytes"),
        "{told}"
    );
}

/// Manifests of public projects, as they are: in the folder that `FLEET_REAL_MANIFESTS` names, or beside the
/// repository.
#[test]
fn published_manifests_load_without_errors() {
    let root = std::env::var_os("FLEET_REAL_MANIFESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real"),
        PathBuf::from,
    );
    let Ok(folders) = std::fs::read_dir(&root) else {
        assert!(
            std::env::var_os("FLEET_REQUIRE_CORPUS").is_none(),
            "no folder of published manifests: set FLEET_REAL_MANIFESTS"
        );
        eprintln!("left out: no folder of published manifests; FLEET_REAL_MANIFESTS names one");
        return;
    };
    let mut n_objects = 0;
    for folder in folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let (fleet, problems) = load(&folder);
        // Samples leave the namespace to whoever applies them; a fleet cannot.
        let is_sample = |problem: &&Problem| problem.code == "NAMESPACE_REQUIRED";
        n_objects += fleet.templates.len() + problems.iter().filter(is_sample).count();
        let errors: Vec<&Problem> = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error && !is_sample(problem))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", folder.display());
    }
    assert!(n_objects > 200, "{n_objects}");
}

fn load(folder: &Path) -> (Fleet, Vec<Problem>) {
    let mut paths = Vec::new();
    find(folder, "", &mut paths);
    paths.sort();
    let files: Vec<Arc<ParsedFile>> = paths
        .iter()
        .filter(|path| is_manifest_path(path))
        .map(|path| {
            let bytes = std::fs::read(folder.join(path)).unwrap();
            Arc::new(parse_file(path, ObjectId::from_bytes([0; 20]), &bytes))
        })
        .collect();
    let (fleet, mut problems) = Fleet::assemble(COMMIT, &files);
    git_fleet::check::policies(&fleet, &mut problems);
    problems.sort();
    (fleet, problems)
}

fn find(folder: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            find(&entry.path(), &format!("{path}/"), paths);
        } else {
            paths.push(path);
        }
    }
}

fn told(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut text, problem| {
        writeln!(text, "{problem}").unwrap();
        text
    })
}
