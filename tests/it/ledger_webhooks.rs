//! What webhooks answer, as the ledger keeps it in the results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git_fleet::daemon::ledger::{Ledger, Overrides};
use git_fleet::store::Location;
use jiff::Timestamp;
use serde_json::json;

use crate::customize::webhook_server::{Said, Server, patch};
use crate::store::git::{commit, git, init};

const FLEET: &str = "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Push}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: all, namespace: play}
spec:
  resourceSelectors: [{apiVersion: example.com/v1, kind: Game}]
  placement:
    replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Weighted}
";

fn game(players: i32) -> String {
    format!(
        "apiVersion: example.com/v1\nkind: Game\nmetadata: {{name: chess, namespace: play}}\nspec: {{players: {players}}}\n"
    )
}

fn server() -> Server {
    Server::start(|request| match request["operation"].as_str().unwrap() {
        "InterpretReplica" => {
            Said::answer(request, json!({"replicas": request["object"]["spec"]["players"]}))
        }
        "ReviseReplica" => Said::answer(
            request,
            patch(
                &json!([{"op": "replace", "path": "/spec/players", "value": request["replicas"]}]),
            ),
        ),
        other => panic!("{other} is not asked"),
    })
}

struct World {
    _dir: tempfile::TempDir,
    repository: PathBuf,
}

impl World {
    fn new(server: &Server) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = init(&dir.path().join("fleet"));
        let operations = ["InterpretReplica", "ReviseReplica"];
        let mut webhooks = server.configuration("games", &operations);
        webhooks.webhooks[0].rules[0].kinds = vec!["Game".to_owned()];
        let webhooks = serde_json::to_string(&webhooks).unwrap();
        let files =
            [("fleet/all.yaml", FLEET), ("webhooks.json", &webhooks), ("chess.yaml", &game(6))];
        commit(&repository, &files);
        Self { _dir: dir, repository }
    }

    fn ledger(&self) -> Ledger {
        let location = Location::from(self.repository.as_path());
        Ledger::open(&location, Path::new("/nonexistent"), Overrides::default()).unwrap()
    }

    fn show(&self, path: &str) -> String {
        git(&self.repository, &["show", &format!("fleet/results:{path}")])
    }

    fn tree(&self, revision: &str) -> String {
        git(&self.repository, &["rev-parse", &format!("{revision}^{{tree}}")])
    }
}

const ANSWERS: &str = "answers/play/Game.example.com/chess.yaml";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// One turn of the loop.
fn plan(ledger: &mut Ledger) {
    let loaded = ledger.load().unwrap();
    assert!(loaded.is_valid(), "{:?}", loaded.problems);
    ledger.plan(now()).unwrap().map_err(|hold| hold.reason).unwrap();
}

#[test]
fn a_plan_can_be_made_again_without_the_webhook() {
    let server = server();
    let world = World::new(&server);
    plan(&mut world.ledger());
    for cluster in ["one", "two"] {
        let work = world.show(&format!("work/{cluster}/play/Game.example.com/chess.yaml"));
        assert!(work.contains("players: 3"), "{work}");
    }
    let recorded = world.show(ANSWERS);
    assert_eq!(server.asked().len(), 2, "both clusters run as many");
    let first = world.tree("fleet/results");

    // Another process, with what the first one left in git and nothing else.
    drop(server);
    plan(&mut world.ledger());
    assert_eq!(world.tree("fleet/results"), first);

    // The same input is planned from scratch: only the answers are there before.
    git(&world.repository, &["checkout", "-q", "--detach", "fleet/results"]);
    git(&world.repository, &["rm", "-rq", "--cached", "."]);
    git(&world.repository, &["add", "-f", ANSWERS]);
    git(&world.repository, &["commit", "-qm", "answers alone"]);
    git(&world.repository, &["branch", "-f", "fleet/results", "HEAD"]);
    git(&world.repository, &["checkout", "-qf", "main"]);
    plan(&mut world.ledger());
    let differs = git(&world.repository, &["diff", "--name-only", &first, "fleet/results"]);
    assert_eq!(differs, "inputs.yaml", "which names the commit that it went on from");
    assert_eq!(world.show(ANSWERS), recorded);
}

#[test]
fn who_only_looks_calls_nobody_unless_told_to() {
    let server = server();
    let world = World::new(&server);
    plan(&mut world.ledger());
    let n_asked = server.asked().len();
    commit(&world.repository, &[("chess.yaml", &game(8))]);
    let look = |calls: bool| {
        let mut ledger = world.ledger();
        ledger.look_only().unwrap();
        if calls {
            ledger.call_webhooks();
        }
        let commit = ledger.source_head().unwrap();
        let loaded = ledger.read(commit).unwrap();
        ledger.adopt(&loaded).unwrap();
        let preview = ledger.preview(&loaded, &BTreeMap::new(), now()).unwrap();
        let key = preview.plan.bindings.keys().next().unwrap().clone();
        let binding = &preview.plan.bindings[&key];
        String::from_utf8(binding.file().bytes.clone()).unwrap()
    };
    let told = look(false);
    assert!(told.contains("WEBHOOK_UNRECORDED"), "{told}");
    assert!(told.contains("replicas: 6"), "what was decided stays: {told}");
    assert_eq!(server.asked().len(), n_asked);
    let told = look(true);
    assert!(told.contains("replicas: 8"), "{told}");
    assert!(server.asked().len() > n_asked);
}

#[test]
fn answers_go_with_their_template_and_with_their_webhook() {
    let server = server();
    let world = World::new(&server);
    let mut ledger = world.ledger();
    plan(&mut ledger);
    world.show(ANSWERS);
    std::fs::remove_file(world.repository.join("webhooks.json")).unwrap();
    commit(&world.repository, &[]);
    plan(&mut ledger);
    let files = git(&world.repository, &["ls-tree", "-r", "--name-only", "fleet/results"]);
    assert!(!files.contains("answers/"), "{files}");
}

#[test]
fn a_template_that_is_refused_is_not_asked_about_by_every_plan() {
    let server = Server::start(|request| {
        let status = json!({"code": 422, "message": "too many players"});
        Said::answer(request, json!({"successful": false, "status": status}))
    });
    let world = World::new(&server);
    let mut ledger = world.ledger();
    plan(&mut ledger);
    plan(&mut ledger);
    assert_eq!(server.asked().len(), 1);
    let told = git(&world.repository, &["grep", "-l", "too many players", "fleet/results"]);
    assert!(told.contains("fleet/results:unplaced.yaml"), "{told}");
    commit(&world.repository, &[("chess.yaml", &game(8))]);
    plan(&mut ledger);
    assert_eq!(server.asked().len(), 2, "the template is another");
}
