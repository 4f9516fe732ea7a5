//! What `git fleet interpret` reads, and what it says of it.

use std::path::Path;

use super::verb::{GAMES, folder, run};

/// The exit code, and all that was printed.
fn told(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(dir, arguments);
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code().unwrap(), String::from_utf8(all).unwrap())
}

fn replicas(dir: &Path, object: &str) -> (i32, String) {
    std::fs::write(dir.join("object.yaml"), object).unwrap();
    let arguments = ["--operation", "InterpretReplica", "--desired-file", "object.yaml"];
    told(dir, &[&["-f", "games.yaml"], &arguments[..]].concat())
}

const GAME: &str = "apiVersion: example.com/v1\nkind: Game\nmetadata: {name: chess}\n";

#[test]
fn objects_are_read_as_the_fleet_reads_them() {
    let dir = folder();
    let dir = dir.path();
    let (code, all) = replicas(dir, &format!("{GAME}spec: {{players: 010}}\n"));
    assert_eq!(code, 0, "{all}");
    assert!(all.contains("replica: 8\n"), "{all}");
    assert!(all.contains("object.yaml:4:17: warning[YAML_AMBIGUOUS]"), "{all}");

    let item =
        "{apiVersion: example.com/v1, kind: Game, metadata: {name: chess}, spec: {players: 3}}";
    let list = |items: &str| format!("apiVersion: v1\nkind: List\nitems: [{items}]\n");
    let (code, all) = replicas(dir, &list(item));
    assert!((code, all.contains("replica: 3\n")) == (0, true), "{all}");

    for (object, code, expected) in [
        (
            list(&format!("{item}, {item}")),
            4,
            "object.yaml holds 2 objects, and one is asked about",
        ),
        (
            format!("{GAME}---\n{GAME}"),
            4,
            "hint: leave one of them in it: Game.example.com chess, Game",
        ),
        (
            format!("{GAME}spec: {{players: 1, players: 2}}\n"),
            3,
            "object.yaml:4:20: error[YAML_DUPLICATE_KEY]",
        ),
        (format!("{GAME}spec: {{players: yes}}\n"), 3, "object.yaml:4:17: error[YAML_AMBIGUOUS]"),
        (format!("{GAME}spec: {{players\n"), 3, "error[YAML_SYNTAX]"),
        ("kind: Game\n".to_owned(), 3, "object.yaml:1:1: error[OBJ_MISSING_FIELD]"),
        (String::new(), 4, "object.yaml holds no Kubernetes object"),
    ] {
        let (found, all) = replicas(dir, &object);
        assert_eq!(found, code, "{object}: {all}");
        assert!(all.contains(expected) && all.contains("hint: "), "{object}: {all}");
        assert!(!all.contains("from_str") && !all.contains("serde"), "{all}");
    }
}

#[test]
fn statuses_are_read_with_their_places() {
    let dir = folder();
    let dir = dir.path();
    let aggregate = |statuses: &str| {
        std::fs::write(dir.join("status.yaml"), statuses).unwrap();
        let files = ["--desired-file", "chess.yaml", "--status-file", "status.yaml"];
        told(dir, &[&["-f", "games.yaml", "--operation", "AggregateStatus"], &files[..]].concat())
    };
    let both =
        "- {clusterName: a, status: {players: 1}}\n- {clusterName: b, status: {players: 4}}\n";
    let (code, all) = aggregate(both);
    assert!((code, all.contains("status:\n  players: 5\n")) == (0, true), "{all}");
    for (statuses, place) in [
        ("clusterName: a\nhealth: 7\n", "status.yaml:2:9: error[TYPE_MISMATCH]: `health`"),
        (
            "- clusterName: a\n- clusterName: [b]\n",
            "status.yaml:2:16: error[TYPE_MISMATCH]: `clusterName`",
        ),
        (
            "- clusterName: a\n- status: {}\n",
            "status.yaml:2:3: error[TYPE_MISMATCH]: this is no status",
        ),
    ] {
        let (code, all) = aggregate(statuses);
        assert!((code, all.contains(place)) == (3, true), "{all}");
    }
}

#[test]
fn a_directory_is_read_and_those_below_it_when_asked_for() {
    let dir = folder();
    let dir = dir.path();
    std::fs::create_dir_all(dir.join("rules/below/.hidden")).unwrap();
    let named = |name: &str| GAMES.replace("name: games", &format!("name: {name}"));
    std::fs::write(dir.join("rules/below/games.yaml"), named("below")).unwrap();
    std::fs::write(dir.join("rules/below/.hidden/games.yaml"), named("hidden")).unwrap();
    std::fs::write(dir.join("rules/notes.txt"), "no manifest").unwrap();
    let (code, all) = told(dir, &["-f", "rules", "--check"]);
    assert_eq!(code, 4, "{all}");
    assert!(all.contains("in rules") && all.contains("--recursive"), "{all}");
    let (code, all) = told(dir, &["-f", "rules", "-R", "--check"]);
    assert_eq!(code, 0, "{all}");
    assert!(all.contains("below: Retain") && !all.contains("hidden"), "{all}");
    let (code, all) = told(dir, &["-f", "rules/below", "--check"]);
    assert!((code, all.contains("below: Retain")) == (0, true), "{all}");
}

#[test]
fn who_answers_is_said_where_no_rule_does() {
    let dir = folder();
    let dir = dir.path();
    let note = "note: no rule in these files answers InterpretReplica of apps/v1 Deployment";
    let deployment =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 2}\n";
    let (code, all) = replicas(dir, deployment);
    assert_eq!(code, 0, "{all}");
    assert!(all.contains(note) && all.contains("replica: 2\n"), "{all}");
    let (_, all) = replicas(dir, &format!("{GAME}spec: {{players: 1}}\n"));
    assert!(!all.contains("note: "), "{all}");
    let arguments = ["--operation", "InterpretHealth", "--observed-file", "chess.yaml"];
    assert!(!told(dir, &arguments).1.contains("note: "), "without files it is what was asked for");
}

#[test]
fn a_script_s_words_about_a_secret_are_shown_to_its_author() {
    let dir = folder();
    let dir = dir.path();
    let rules = GAMES.replace("example.com/v1", "v1").replace("kind: Game}", "kind: Secret}");
    std::fs::write(dir.join("secrets.yaml"), rules).unwrap();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    std::fs::write(dir.join("secret.yaml"), secret).unwrap();
    let arguments = ["--operation", "InterpretReplica", "--desired-file", "secret.yaml"];
    let (code, all) = told(dir, &[&["-f", "secrets.yaml"], &arguments[..]].concat());
    assert_eq!(code, 4, "{all}");
    assert!(all.contains("attempt to index field 'spec' (a nil value)"), "{all}");
}

#[test]
fn fewer_replicas_than_none_are_refused() {
    let dir = folder();
    for count in ["--desired-replica=-5", "--desired-replica=-1"] {
        let arguments = ["--operation", "ReviseReplica", "--desired-file", "chess.yaml", count];
        let (code, all) = told(dir.path(), &[&["-f", "games.yaml"], &arguments[..]].concat());
        assert_eq!(code, 2, "{all}");
        assert!(all.contains("is not in 0..=2147483647"), "{all}");
    }
}

#[test]
fn the_documentation_of_a_function_is_a_script_that_passes() {
    let dir = folder();
    let dir = dir.path();
    let (code, all) = told(dir, &["--show-doc"]);
    assert_eq!(code, 0, "{all}");
    assert_eq!(all.matches("\nfunction ").count(), 8, "{all}");
    let fields = [
        ("Retain", "retention"),
        ("InterpretReplica", "replicaResource"),
        ("InterpretComponent", "componentResource"),
        ("ReviseReplica", "replicaRevision"),
        ("InterpretStatus", "statusReflection"),
        ("AggregateStatus", "statusAggregation"),
        ("InterpretHealth", "healthInterpretation"),
        ("InterpretDependency", "dependencyInterpretation"),
    ];
    for (operation, field) in fields {
        let (code, doc) = told(dir, &["--show-doc", "--operation", operation]);
        assert!(code == 0 && all.contains(&doc), "{doc}");
        let rule = serde_json::json!({
            "apiVersion": "config.karmada.io/v1alpha1",
            "kind": "ResourceInterpreterCustomization",
            "metadata": {"name": "doc"},
            "spec": {
                "target": {"apiVersion": "example.com/v1", "kind": "Game"},
                "customizations": {field: {"luaScript": doc}},
            },
        });
        std::fs::write(dir.join("doc.json"), rule.to_string()).unwrap();
        let (code, all) = told(dir, &["-f", "doc.json", "--check"]);
        assert_eq!(code, 0, "{all}");
    }
}
