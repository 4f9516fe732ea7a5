//! The controller and an agent over remote repositories, as processes, with simulated members.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use git_fleet::member::kubeconfig::{self, Allow};
use git_fleet::sim::{Host, MemberSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::DeleteParams;

use crate::customize::webhook_server::{Said, Server};
use crate::store::git::{commit, git, init, init_bare};

const LIMIT: Duration = Duration::from_secs(30);

const FLEET: &str = "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Pull}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: all, namespace: default}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]
  placement: {clusterAffinity: {clusterNames: [one, two]}}
";

/// A remote, a clone in which a person works, two members, and the processes that run the fleet.
struct World {
    dir: tempfile::TempDir,
    host: Host,
    runtime: tokio::runtime::Runtime,
    processes: Vec<Child>,
}

impl World {
    /// `remotes` are the settings of that name; `DIR` in them is the directory of everything.
    fn new(remotes: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::start(vec![MemberSpec::new("one"), MemberSpec::new("two")]).unwrap();
        let credentials = dir.path().join("credentials");
        std::fs::create_dir(&credentials).unwrap();
        for name in ["one", "two"] {
            std::fs::write(
                credentials.join(format!("{name}.yaml")),
                host.kubeconfig(name).unwrap(),
            )
            .unwrap();
        }
        for name in ["fleet", "results", "status"] {
            init_bare(&dir.path().join(format!("{name}.git")));
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let world = Self { dir, host, runtime, processes: Vec::new() };
        let person = init(&world.path("person"));
        git(&person, &["remote", "add", "origin", &world.url("fleet")]);
        let remotes = remotes.replace("DIR", world.dir.path().to_str().unwrap());
        let settings = format!(
            "apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nspec:\n  intervals: {{poll: 200ms, publish: 0s, status: 100ms}}\n  remotes: {{{remotes}}}\n"
        );
        commit(&person, &[("fleet.yaml", &settings), ("members.yaml", FLEET)]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn url(&self, name: &str) -> String {
        format!("file://{}", self.path(&format!("{name}.git")).display())
    }

    fn start(&mut self, arguments: &[&str]) {
        let log = std::fs::File::create(self.path(&format!("{}.log", arguments[0]))).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_git-fleet"))
            .args(arguments)
            .arg("--state-dir")
            .arg(self.path("state"))
            .arg("--credentials")
            .arg(self.path("credentials"))
            .args(["--cluster-failure-threshold", "1s"])
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.processes.push(process.unwrap());
    }

    fn start_controller(&mut self) {
        let url = self.url("fleet");
        self.start(&["run", "--repo", &url]);
    }

    /// A person pushes a ConfigMap with this value.
    fn push(&self, value: &str) -> String {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app, namespace: default}}\ndata: {{k: '{value}'}}\n"
        );
        let head = commit(&self.path("person"), &[("app.yaml", &text)]);
        git(&self.path("person"), &["push", "-q", "origin", "HEAD:main"]);
        head
    }

    fn config_maps(&self, member: &str) -> Api<ConfigMap> {
        let text = self.host.kubeconfig(member).unwrap();
        let config = kubeconfig::parse(text.as_bytes(), Allow::default()).unwrap();
        let _context = self.runtime.enter();
        Api::namespaced(kube::Client::try_from(config).unwrap(), "default")
    }

    fn wait(&self, what: &str, mut seen: impl FnMut() -> bool) {
        let start = Instant::now();
        while !seen() {
            if start.elapsed() > LIMIT {
                let log = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
                panic!("waited in vain for {what}\n{}\n{}", log("run.log"), log("agent.log"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the member has this value.
    fn arrives(&self, member: &str, value: &str) {
        let api = self.config_maps(member);
        self.wait(&format!("{value} in {member}"), || {
            let found = self.runtime.block_on(api.get_opt("app")).ok().flatten();
            found.and_then(|map| map.data).is_some_and(|data| data["k"] == value)
        });
    }

    /// Waits until the results in `repository` are those of this source commit.
    fn results_follow(&self, repository: &str, source: &str) {
        let trailer = format!("Fleet-Source: {source}");
        let repository = self.path(repository);
        self.wait(&format!("results of {source}"), || {
            show(&repository, &["log", "-1", "--format=%B", "fleet/results"]).contains(&trailer)
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ended = process.kill().and_then(|()| process.wait());
        }
    }
}

/// What git says; empty when it fails, say because the ref is not there yet.
fn show(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(repository).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[test]
fn a_push_to_a_remote_runs_the_fleet_and_results_come_back() {
    let mut world = World::new("");
    let first = world.push("0");
    world.start_controller();
    world.arrives("one", "0");
    world.results_follow("fleet.git", &first);
    let second = world.push("1");
    world.arrives("one", "1");
    world.results_follow("fleet.git", &second);
    let fleet = world.path("fleet.git");
    world.wait("the status", || {
        !show(&fleet, &["rev-parse", "-q", "--verify", "fleet/status/one"]).is_empty()
    });
    world.wait("the note", || {
        show(&fleet, &["notes", "--ref=fleet", "show", &second]).contains("Fleet-Results")
    });
    let shown = git(&fleet, &["rev-parse", "fleet/results:work/one"]);
    assert_eq!(git(&fleet, &["rev-parse", "fleet/work/one^{tree}"]), shown);
}

/// Who has never seen the fleet asks first what is in force: a machine that is made for one `apply`.
#[test]
fn a_rewritten_source_is_refused_by_a_newcomer_too() {
    let world = World::new("");
    let apply = |state: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_git-fleet"))
            .args(["apply", "--repo", &world.url("fleet"), "--state-dir"])
            .arg(world.path(state))
            .arg("--credentials")
            .arg(world.path("credentials"))
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    world.push("0");
    let second = world.push("1");
    assert_eq!(apply("state").0, Some(0));
    let person = world.path("person");
    git(&person, &["push", "-q", "--force", "origin", "HEAD~1:main"]);
    let (code, told) = apply("another-state");
    assert_eq!(code, Some(3), "{told}");
    let note = show(&world.path("fleet.git"), &["notes", "--ref=fleet", "show", "main"]);
    assert!(note.contains(&format!("Fleet-Accept-Rewrite: {second}")), "{note}");
    world.arrives("one", "1");
}

#[test]
fn a_remote_that_is_away_stops_nothing_and_gets_all_when_it_is_back() {
    let mut world = World::new("results: 'file://DIR/results.git'");
    let first = world.push("0");
    world.start_controller();
    world.arrives("one", "0");
    world.results_follow("results.git", &first);

    // The record's repository is away: what people push is applied all the same.
    std::fs::rename(world.path("results.git"), world.path("away.git")).unwrap();
    let second = world.push("1");
    world.arrives("one", "1");
    std::fs::rename(world.path("away.git"), world.path("results.git")).unwrap();
    world.results_follow("results.git", &second);

    // Who asks at the source is shown what is there.
    let shown = Command::new(env!("CARGO_BIN_EXE_git-fleet"))
        .args(["get", "bindings", "-o", "name", "--repo", &world.url("fleet"), "--state-dir"])
        .arg(world.path("another-state"))
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("app"), "{shown}");

    // The source's repository is away: members are kept as they should be.
    std::fs::rename(world.path("fleet.git"), world.path("away.git")).unwrap();
    let api = world.config_maps("one");
    world.runtime.block_on(api.delete("app", &DeleteParams::default())).unwrap();
    world.arrives("one", "1");
    std::fs::rename(world.path("away.git"), world.path("fleet.git")).unwrap();
    let third = world.push("2");
    world.arrives("one", "2");
    world.results_follow("results.git", &third);
}

#[test]
fn results_that_someone_else_moved_are_planned_again() {
    let mut world = World::new("");
    let first = world.push("0");
    world.start_controller();
    world.arrives("one", "0");
    world.results_follow("fleet.git", &first);
    let second = world.push("1");
    world.arrives("one", "1");
    world.results_follow("fleet.git", &second);

    let fleet = world.path("fleet.git");
    let theirs = git(&fleet, &["commit-tree", "-m", "by hand", "fleet/results^{tree}"]);
    git(&fleet, &["update-ref", "refs/heads/fleet/results", &theirs]);
    let third = world.push("2");
    world.arrives("one", "2");
    world.results_follow("fleet.git", &third);
    let past = git(&fleet, &["rev-list", "fleet/results"]);
    assert!(past.contains(&theirs), "built on what was there, not over it:\n{past}");
}

#[test]
fn an_agent_reads_its_work_here_and_writes_its_status_there() {
    let mut world = World::new("status: 'file://DIR/status.git'");
    world.push("0");
    world.start_controller();
    let (work, status) = (world.url("fleet"), world.url("status"));
    world.start(&[
        "agent",
        "--cluster",
        "two",
        "--remote",
        &work,
        "--status-remote",
        &status,
        "--poll",
        "200ms",
        "--history-max-commits",
        "2",
    ]);
    world.arrives("two", "0");
    world.push("1");
    world.arrives("two", "1");
    let there = world.path("status.git");
    for n in 0..2 {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: more-{n}, namespace: default}}\n"
        );
        commit(&world.path("person"), &[(&format!("more-{n}.yaml"), &text)]);
        git(&world.path("person"), &["push", "-q", "origin", "HEAD:main"]);
        let path = format!("fleet/status/two:objects/default/ConfigMap/more-{n}.yaml");
        world.wait(&path, || !show(&there, &["show", &path]).is_empty());
    }
    let first = git(&there, &["log", "--max-parents=0", "--format=%B", "fleet/status/two"]);
    assert!(first.contains("Fleet-Checkpoint-Of: "), "{first}");
    let fleet = world.path("fleet.git");
    world.wait("the agent's word in the results", || {
        let binding = show(&fleet, &["show", "fleet/results:bindings/default/ConfigMap/app.yaml"]);
        binding.matches("applied: true").count() == 2
    });
    let there = git(&there, &["for-each-ref", "--format=%(refname:short)"]);
    assert_eq!(there, "fleet/status/one\nfleet/status/two");
    assert!(!git(&fleet, &["for-each-ref"]).contains("status"));
}

#[test]
fn an_agent_takes_up_replaced_credentials() {
    let mut world = World::new("");
    let file = world.path("credentials/two.yaml");
    let good = std::fs::read_to_string(&file).unwrap();
    let port = good.split("127.0.0.1:").nth(1).unwrap().split(['/', '\n', '"']).next().unwrap();
    std::fs::write(&file, good.replace(port, "9")).unwrap();
    world.push("0");
    world.start_controller();
    let work = world.url("fleet");
    world.start(&["agent", "--cluster", "two", "--remote", &work, "--poll", "200ms"]);
    let log = world.path("agent.log");
    let fleet = world.path("fleet.git");
    world.wait("the agent's complaint", || {
        show(&fleet, &["show", "fleet/status/two:cluster.yaml"]).contains("CLUSTER_UNREACHABLE")
    });
    // A half-written file changes nothing.
    std::fs::write(&file, &good[..good.len() / 2]).unwrap();
    world.wait("the refusal", || {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains("going on with the old ones"))
    });
    std::fs::write(&file, &good).unwrap();
    world.arrives("two", "0");
}

/// One member is the controller's, the other an agent's: each asks from where it is.
#[test]
fn a_webhook_judges_what_runs_in_each_member() {
    let server = Server::start(|request| {
        let is_ill = request["object"]["data"]["k"] == "ill";
        Said::answer(request, serde_json::json!({"healthy": !is_ill}))
    });
    let mut world = World::new("");
    let mut webhooks = server.configuration("judge", &["InterpretHealth"]);
    webhooks.webhooks[0].rules[0].kinds = vec!["ConfigMap".to_owned()];
    let webhooks = serde_json::to_string(&webhooks).unwrap();
    commit(&world.path("person"), &[("webhooks.json", &webhooks)]);
    world.push("well");
    world.start_controller();
    let work = world.url("fleet");
    world.start(&["agent", "--cluster", "two", "--remote", &work, "--poll", "200ms"]);
    let fleet = world.path("fleet.git");
    for (value, health) in [("well", "health: Healthy"), ("ill", "health: Unhealthy")] {
        world.push(value);
        world.wait(health, || {
            let path = "fleet/results:bindings/default/ConfigMap/app.yaml";
            show(&fleet, &["show", path]).matches(health).count() == 2
        });
    }
    let shown = show(&fleet, &["show", "fleet/work/two:_interpreter/judge.webhooks"]);
    assert!(shown.contains("kind: ResourceInterpreterWebhookConfiguration"), "{shown}");
}
