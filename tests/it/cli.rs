//! The verbs as a person or a script runs them: exit codes, what is data, what a clone shows.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use git_fleet::sim::{Host, MemberSpec};

use crate::store::git::{commit, git, init};

mod across;
mod apply;
mod clone;
mod demo;
mod errors;
mod explain;
mod get;
mod help;
mod identity;
mod join;
mod lost_refs;
mod note;
mod policies;
mod removals;
mod rewritten;
mod running;
mod templates;
mod terminal;
mod validate;

pub(crate) const FLEET: &str = "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: all, namespace: default}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]
  placement: {clusterAffinity: {clusterNames: [one]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: greeting, namespace: default}
data: {text: hello}
";

/// A second cluster, beside that of [`FLEET`], whose agent nobody has started.
const TWO: &str = "---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Pull}
";

/// A fleet of one simulated member, applied once.
struct World {
    dir: tempfile::TempDir,
    host: Host,
}

impl World {
    fn applied() -> Self {
        Self::of(FLEET)
    }

    fn of(source: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::start(vec![MemberSpec::new("one")]).unwrap();
        let credentials = dir.path().join("credentials");
        std::fs::create_dir(&credentials).unwrap();
        std::fs::write(credentials.join("one.yaml"), host.kubeconfig("one").unwrap()).unwrap();
        commit(&init(&dir.path().join("fleet")), &[("fleet/all.yaml", source)]);
        let world = Self { dir, host };
        assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a verb in `dir`.
    fn run(&self, dir: &str, arguments: &[&str]) -> Output {
        run(&self.path(dir), arguments)
    }

    fn code(&self, dir: &str, arguments: &[&str]) -> i32 {
        self.run(dir, arguments).status.code().unwrap()
    }
}

/// What a refusal says that can be done.
fn hint(refused: &Output) -> String {
    let told = String::from_utf8(refused.stderr.clone()).unwrap();
    let hint = told.lines().find_map(|line| line.trim().strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("no hint in {told}")).to_owned()
}

/// The approval that a held plan asks for.
fn trailer(held: &Output) -> String {
    let told = String::from_utf8_lossy(&held.stderr);
    let trailer = told.lines().find_map(|line| line.trim().strip_prefix("Fleet-Approve-Removal: "));
    trailer.unwrap_or_else(|| panic!("nothing to approve in {told}")).to_owned()
}

/// A person's word for what the held plan would remove.
fn approve(fleet: &Path, held: &Output) {
    assert_eq!(held.status.code(), Some(4), "{held:?}");
    let message = format!("meant\n\nFleet-Approve-Removal: {}", trailer(held));
    git(fleet, &["commit", "-q", "--allow-empty", "-m", &message]);
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_git-fleet"))
        .current_dir(dir)
        .args(arguments)
        .env("XDG_CACHE_HOME", dir)
        .output()
        .unwrap()
}

/// A member with nothing to do is part of the fleet all the same.
#[test]
fn a_member_that_is_away_is_named_each_time() {
    let world = World::applied();
    let second = Host::start(vec![MemberSpec::new("two")]).unwrap();
    let reachable = second.kubeconfig("two").unwrap();
    let server = reachable.lines().find(|line| line.contains("server:")).unwrap();
    let port = server.rsplit(':').next().unwrap().trim_matches(|c: char| !c.is_ascii_digit());
    let away = reachable.replace(&format!(":{port}"), ":9");
    std::fs::write(world.path("credentials/two.yaml"), away).unwrap();
    let two = "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Push}
";
    commit(&world.path("fleet"), &[("fleet/two.yaml", two)]);
    // At first it has nothing to do. The second registration is away with work placed on it.
    for _ in 0..2 {
        let applied = world.run("fleet", &["apply", "--credentials", "../credentials"]);
        let told = String::from_utf8(applied.stderr).unwrap();
        assert_eq!(applied.status.code(), Some(4), "{told}");
        assert!(told.contains("cluster two: CLUSTER_UNREACHABLE"), "{told}");
        assert!(!told.contains("cluster one"), "{told}");
    }
    let policy = FLEET.replace("[one]", "[one, two]");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &policy)]);
    std::fs::write(world.path("credentials/two.yaml"), &reachable).unwrap();
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);
    let away = reachable.replace(&format!(":{port}"), ":9");
    std::fs::write(world.path("credentials/two.yaml"), away).unwrap();
    commit(&world.path("fleet"), &[("fleet/all.yaml", &policy.replace("hello", "hi"))]);
    let applied = world.run("fleet", &["apply", "--credentials", "../credentials"]);
    let told = String::from_utf8(applied.stderr).unwrap();
    assert_eq!(applied.status.code(), Some(4), "{told}");
    assert!(told.contains("cluster two: CLUSTER_UNREACHABLE"), "{told}");
}

#[test]
fn a_plan_can_be_asked_for_by_url_branch_and_commit() {
    let world = World::applied();
    let url = format!("file://{}", world.path("fleet").display());
    let changed = FLEET.replace("hello", "good day");
    git(&world.path("fleet"), &["checkout", "-q", "-b", "feature"]);
    let id = commit(&world.path("fleet"), &[("fleet/all.yaml", &changed)]);
    assert_eq!(world.code("credentials", &["validate", "-C", &url]), 0);
    for (revision, code) in [("HEAD", 0), ("main", 0), ("feature", 1), (&*id, 1), ("nosuch", 4)] {
        let arguments = ["plan", "--exit-code", "-C", &url, "--commit", revision];
        let plan = world.run("credentials", &arguments);
        assert_eq!(plan.status.code(), Some(code), "{revision}: {plan:?}");
    }
    // In the repository itself the commit in hand is meant, which is not the one that is followed.
    let here = world.run("fleet", &["plan", "--exit-code"]);
    assert_eq!(here.status.code(), Some(1));
    let told = String::from_utf8(here.stderr).unwrap();
    assert!(told.contains("; the fleet follows main, which is at "), "{told}");
    assert_eq!(world.code("fleet", &["plan", "--source-branch", "nosuch"]), 4);
    let away = world.run("credentials", &["plan", "-C", "https://127.0.0.1:1/x.git"]);
    assert!(String::from_utf8_lossy(&away.stderr).contains("error[GIT_REMOTE]"), "{away:?}");
}

#[test]
fn a_plan_tells_what_stays_although_the_source_says_otherwise() {
    let world = World::applied();
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    let policy = FLEET.split("---\n").nth(1).unwrap();
    let without_policy = FLEET.replace(&format!("---\n{policy}"), "").replace("hello", "changed");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &without_policy)]);
    let plan = text(world.run("fleet", &["plan"]));
    let kept = "not decided anew: ConfigMap default/greeting: no policy selects it";
    assert!(plan.contains(kept), "{plan}");
    let registration = FLEET.split("---\n").next().unwrap();
    let without_cluster = FLEET.replace(&format!("{registration}---\n"), "").replace("[one]", "[]");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &without_cluster)]);
    let plan = text(world.run("fleet", &["plan"]));
    assert!(plan.contains("cluster one leaves the fleet: 1 object stays as it is"), "{plan}");
    assert!(!plan.contains("removed"), "{plan}");
}

#[test]
fn a_repository_that_cannot_be_written_ends_the_pass() {
    let world = World::applied();
    commit(&world.path("fleet"), &[("fleet/all.yaml", &FLEET.replace("hello", "hi"))]);
    // A lock that somebody holds stops every status commit.
    let lock = world.path("fleet/.git/refs/heads/fleet/status/one.lock");
    std::fs::write(lock, "").unwrap();
    let applied = world.run("fleet", &["apply", "--credentials", "../credentials"]);
    let told = String::from_utf8(applied.stderr).unwrap();
    assert_eq!(applied.status.code(), Some(4), "{told}");
}

#[test]
fn a_kubeconfig_that_runs_a_program_is_refused_with_what_to_do() {
    let world = World::applied();
    let exec = "apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: \"https://127.0.0.1:9\"}}]
users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [planted]}}}]
";
    std::fs::write(world.path("credentials/one.yaml"), exec).unwrap();
    let refused = world.run("fleet", &["apply", "--credentials", "../credentials"]);
    assert_eq!(refused.status.code(), Some(4));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("cluster one: KUBECONFIG_EXEC"), "{told}");
    assert!(told.contains("or start with --insecure-allow-exec"), "{told}");
    assert!(!world.path("fleet/planted").exists());
}

#[test]
fn a_removal_of_everything_waits_and_says_what_approves_it() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let more: Vec<String> = (0..40)
        .map(|n| {
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}, namespace: default}}\n")
        })
        .collect();
    let apply = ["apply", "--credentials", "../credentials"];
    commit(&fleet, &[("fleet/more.yaml", &more.concat())]);
    assert_eq!(world.code("fleet", &apply), 0);
    commit(&fleet, &[("fleet/more.yaml", "# nothing any more\n")]);
    let held = world.run("fleet", &apply);
    assert_eq!(held.status.code(), Some(4));
    assert!(hint(&held).starts_with("if this is meant, run `git fleet approve "));
    let message = format!("meant\n\nFleet-Approve-Removal: {}", trailer(&held));
    git(&fleet, &["commit", "-q", "--allow-empty", "-m", &message]);
    assert_eq!(world.code("fleet", &apply), 0);
    let left = world.run("fleet", &["get", "bindings", "-o", "name"]).stdout;
    assert_eq!(String::from_utf8(left).unwrap().lines().count(), 1);
}

#[test]
fn each_kind_of_end_has_its_exit_code() {
    let world = World::applied();
    assert_eq!(world.code("fleet", &["get", "bindings"]), 0);
    assert_eq!(world.code("fleet", &["plan", "--no-such-flag"]), 2);
    assert_eq!(world.code("fleet", &["schema", "Nope"]), 2);
    let no_repository = world.run("credentials", &["validate"]);
    assert_eq!(no_repository.status.code(), Some(4));
    assert_eq!(
        hint(&no_repository),
        "name a git repository (`git init`), owned by the user who runs this"
    );
    let bad = FLEET.replace("clusterNames", "clusterName");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &bad)]);
    let refused = world.run("fleet", &["validate"]);
    assert_eq!(refused.status.code(), Some(3));
    let told = [refused.stdout, refused.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("fleet/all.yaml:11:") && told.contains("clusterNames"), "{told}");
    assert_eq!(world.code("fleet", &["plan"]), 3);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 3);
    let kept = world.run("fleet", &["get", "bindings", "-o", "name"]);
    assert!(
        String::from_utf8(kept.stdout).unwrap().contains("greeting"),
        "the last good state stays"
    );
}

/// Two repositories may share a cluster. What one of them has let go and the other made since is
/// not the first one's to remove, however often it starts again.
#[test]
fn what_another_fleet_made_meanwhile_is_left_alone() {
    let world = World::applied();
    let apply = ["apply", "--credentials", "../credentials"];
    let two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: moves, namespace: default}\ndata: {of: DIR}\n";
    let fleet = world.path("fleet");
    commit(&fleet, &[("fleet/two.yaml", two)]);
    assert_eq!(world.code("fleet", &apply), 0);
    commit(&fleet, &[("fleet/two.yaml", "# it moves\n")]);
    let removed = world.run("fleet", &apply);
    assert!(String::from_utf8_lossy(&removed.stderr).contains("0 objects applied, 1 pruned"));

    let other = init(&world.path("other"));
    let own = FLEET.replace("greeting", "moves");
    commit(&other, &[("all.yaml", &own)]);
    assert_eq!(world.code("other", &apply), 0);

    for n in 0..3 {
        commit(&fleet, &[("README.md", &format!("{n}"))]);
        let applied = world.run("fleet", &apply);
        let told = String::from_utf8(applied.stderr).unwrap();
        assert!(told.contains("0 objects applied, 0 pruned, 0 clusters with failures"), "{told}");
    }
    let checked = world.run("other", &apply);
    let told = String::from_utf8(checked.stderr).unwrap();
    assert!(told.contains("0 objects applied"), "it was there all the time: {told}");

    // The same when the last object goes, and the cluster has no work left to be known by.
    commit(&fleet, &[("fleet/all.yaml", FLEET.rsplit_once("---").unwrap().0)]);
    let removed = world.run("fleet", &apply);
    assert!(String::from_utf8_lossy(&removed.stderr).contains("1 pruned"), "{removed:?}");
    commit(&other, &[("all.yaml", &own.replace("moves", "greeting"))]);
    assert_eq!(world.code("other", &apply), 0);
    let applied = world.run("fleet", &apply);
    assert!(String::from_utf8_lossy(&applied.stderr).contains("0 pruned"), "{applied:?}");
}

#[test]
fn what_is_applied_is_what_was_planned() {
    let world = World::applied();
    let fleet = world.path("fleet");
    let planned = git(&fleet, &["rev-parse", "HEAD"]);
    let apply = ["apply", "--credentials", "../credentials", "--expect", &planned];
    assert_eq!(world.code("fleet", &apply), 0);
    commit(&fleet, &[("fleet/all.yaml", &FLEET.replace("hello", "hi"))]);
    let refused = world.run("fleet", &apply);
    assert_eq!(refused.status.code(), Some(4));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.starts_with("error[REF_MOVED]: "), "{told}");
    let text = world.run("fleet", &["get", "work", "--cluster", "one", "-o", "yaml"]).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("hello") && !text.contains("text: hi"), "{text}");
}

/// An address whose server answers every request with 401.
fn refusing_server() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
        for mut stream in listener.incoming().flatten() {
            // What it was asked does not matter; the client may hang up first.
            let _request = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json";
            let length = body.len();
            let answer =
                format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// The whole of what is said where something outside is not as it should be: code, words, remedy.
#[test]
fn refusals_say_what_is_wrong_and_what_to_do() {
    let world = World::applied();
    let file = world.path("credentials/one.yaml");
    let good = std::fs::read_to_string(&file).unwrap();
    let server = good.split("http://").nth(1).unwrap().split(['/', '"', '\n']).next().unwrap();
    let mut told = String::new();
    let mut tell = |case: &str, refused: &Output| {
        assert_eq!(refused.status.code(), Some(4), "{case}: {refused:?}");
        let text = String::from_utf8(refused.stderr.clone()).unwrap();
        let text = text
            .lines()
            .filter(|line| !line.contains(" WARN ") && !line.contains(" ERROR "))
            .collect::<Vec<_>>();
        write!(told, "## {case}\n{}\n\n", text.join("\n")).unwrap();
    };
    let apply = ["apply", "--credentials", "../credentials"];
    let address = refusing_server();
    for (case, credentials) in [
        ("the cluster does not know who asks", good.replace(server, &address)),
        ("no cluster at this address", good.replace(server, "127.0.0.1:9")),
        ("a kubeconfig with a proxy", good.replace("server:", "proxy-url: http://p\n    server:")),
        (
            "a kubeconfig that runs a program",
            good.replace("user: {}", "user: {exec: {command: touch}}"),
        ),
        ("a kubeconfig that is cut off", good[..good.len() / 2].to_owned()),
    ] {
        std::fs::write(&file, credentials).unwrap();
        tell(case, &world.run("fleet", &apply));
    }
    std::fs::remove_file(&file).unwrap();
    tell("no kubeconfig", &world.run("fleet", &apply));
    std::fs::write(&file, &good).unwrap();
    git(world.dir.path(), &["clone", "-q", "fleet", "clone"]);
    tell("a clone", &world.run("clone", &apply));
    let zeros = "0".repeat(40);
    let expect = [apply.as_slice(), &["--expect", &zeros]].concat();
    tell("another commit than was planned", &world.run("fleet", &expect));
    init(&world.path("empty"));
    tell("no commit", &world.run("empty", &apply));
    insta::with_settings!({filters => vec![
        (r"/[^ ]*/\.tmp[^/ ]*", "DIR"),
        (r"127\.0\.0\.1:\d{2,}", "127.0.0.1:PORT"),
        (r"\b(?:[1-9a-f][0-9a-f]{6,39}|[0-9a-f]*[1-9a-f][0-9a-f]{5,38})\b", "COMMIT"),
    ]}, { insta::assert_snapshot!(told) });
}

#[test]
fn a_placement_is_explained() {
    let world = World::applied();
    let more = "---
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: two}
spec: {syncMode: Pull, taints: [{key: maintenance, effect: NoSchedule}]}
---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: wide}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: lonely, namespace: default}
spec: {}
";
    let both = FLEET.replace("[one]", "[one, two]");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{both}{more}"))]);
    assert_eq!(world.code("fleet", &["apply", "--credentials", "../credentials"]), 0);

    let explain = |arguments: &[&str]| world.run("fleet", &[&["explain"], arguments].concat());
    let told = String::from_utf8(explain(&["configmap/greeting"]).stdout).unwrap();
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME")]}, {
        insta::assert_snapshot!(told);
    });
    // A clone, another spelling, one cluster, as data.
    git(world.dir.path(), &["clone", "-q", "fleet", "clone"]);
    let json =
        ["explain", "ConfigMaps/greeting", "-n", "default", "--cluster", "two", "-o", "json"];
    let value = world.run("clone", &json).stdout;
    let value: serde_json::Value = serde_json::from_slice(&value).unwrap();
    assert_eq!(value["template"], "ConfigMap default/greeting");
    assert_eq!(value["clusters"].as_array().unwrap().len(), 1);
    let two = &value["clusters"][0];
    assert_eq!((&two["cluster"], &two["runs"]), (&"two".into(), &false.into()));
    assert_eq!(two["why"], "cluster(s) had untolerated taint {maintenance:NoSchedule}");

    assert_eq!(two["plugin"], "TaintToleration");
    // One that no policy places is told of as well.
    let told = String::from_utf8(explain(&["deploy/lonely"]).stdout).unwrap();
    assert_eq!(told, "Deployment.apps default/lonely: it runs nowhere\n  no policy selects it\n");
    let value = explain(&["deployments.apps/lonely", "-o", "json"]).stdout;
    let value: serde_json::Value = serde_json::from_slice(&value).unwrap();
    assert_eq!(value["held"], "no policy selects it");

    for (arguments, needle) in [
        (&["configmap/nothing"][..], "git fleet plan"),
        (&["configmap/greeting", "--cluster", "three"], "git fleet get clusters"),
    ] {
        let refused = explain(arguments);
        assert_eq!(refused.status.code(), Some(4), "{refused:?}");
        assert!(String::from_utf8(refused.stderr).unwrap().contains(needle), "{arguments:?}");
    }
    assert_eq!(explain(&["greeting"]).status.code(), Some(2));
}

#[test]
fn a_plugin_that_there_is_not_is_a_problem() {
    let world = World::applied();
    let settings = "apiVersion: git-fleet.io/v1alpha1
kind: FleetSettings
spec: {scheduler: {plugins: ['*', -TaintTolerations]}}
";
    commit(&world.path("fleet"), &[("fleet.yaml", settings)]);
    let refused = world.run("fleet", &["validate"]);
    assert_eq!(refused.status.code(), Some(3));
    let told = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
    assert!(told.contains("fleet.yaml:3:35: error[SETTINGS_PLUGIN]"), "{told}");
    assert!(told.contains("TaintToleration,"), "it names those that there are: {told}");
    let none = settings.replace("['*', -TaintTolerations]", "[]");
    commit(&world.path("fleet"), &[("fleet.yaml", &none)]);
    let refused = world.run("fleet", &["validate"]);
    assert_eq!(refused.status.code(), Some(3));
    let told = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
    assert!(told.contains("fleet.yaml:3:29: error[SETTINGS_PLUGIN]"), "{told}");
    assert!(told.contains("leave `plugins` out for all of them"), "{told}");
}

/// Files on disk are checked like those of a commit, and a fleet's root on disk is its root.
#[test]
fn settings_on_disk_are_checked_like_those_of_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("fleet");
    std::fs::create_dir_all(root.join("apps")).unwrap();
    let settings = "apiVersion: git-fleet.io/v1alpha1
kind: FleetSettings
spec:
  scheduler: {plugins: [Nope]}
  remotes: {work: ../elsewhere}
";
    let validate = |directory: &Path, paths: &[&str]| {
        let refused = run(directory, &[&["validate"], paths].concat());
        (refused.status.code(), String::from_utf8(refused.stdout).unwrap())
    };
    std::fs::write(root.join("fleet.yaml"), settings).unwrap();
    std::fs::write(root.join("apps/all.yaml"), FLEET).unwrap();
    for (directory, path, shown) in
        [(&*root, ".", "fleet.yaml"), (dir.path(), "fleet", "fleet/fleet.yaml")]
    {
        let (code, told) = validate(directory, &[path]);
        assert_eq!(code, Some(3), "{told}");
        assert!(told.starts_with(&format!("{shown}:4:25: error[SETTINGS_PLUGIN]")), "{told}");
        assert!(told.contains(&format!("{shown}:5:19: error[SETTINGS_REMOTE]")), "{told}");
        assert!(!told.contains("SETTINGS_PLACE"), "{told}");
    }
    std::fs::write(root.join("apps/fleet.yaml"), settings).unwrap();
    let (code, told) = validate(dir.path(), &["fleet"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("fleet/apps/fleet.yaml:2:7: error[SETTINGS_PLACE]"), "{told}");
    std::fs::remove_file(root.join("apps/fleet.yaml")).unwrap();
    std::fs::remove_file(root.join("fleet.yaml")).unwrap();
    assert_eq!(validate(dir.path(), &["fleet"]).0, Some(0));
}

fn document(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A program that reads a plan learns all that a person is told.
#[test]
fn a_plan_as_json_is_whole() {
    let world = World::of(&format!(
        "{FLEET}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: web}}\n---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {{name: namespaces}}
spec:
  resourceSelectors: [{{apiVersion: v1, kind: Namespace, name: web}}]
"
    ));
    // The Namespace goes, the ConfigMap changes and is on hold, a Service has no policy.
    let source = FLEET.replace("hello", "changed").replace(
        "  placement: {clusterAffinity: {clusterNames: [one]}}",
        "  placement: {clusterAffinity: {clusterNames: [one, two]}}\n  suspension: {dispatching: true}",
    );
    let orphan = "apiVersion: v1
kind: Service
metadata: {name: orphan, namespace: default}
spec: {ports: [{port: 80}]}
";
    commit(&world.path("fleet"), &[("fleet/all.yaml", &format!("{source}---\n{orphan}"))]);
    let plan = document(&world.run("fleet", &["plan", "-o", "json"]));
    assert_eq!(plan["notPlaced"][0]["template"], "Service default/orphan", "{plan:#}");
    assert_eq!(plan["notPlaced"][0]["why"], "no policy selects it");
    let stale = serde_json::json!([{
        "template": "ConfigMap default/greeting",
        "clusters": ["one"],
        "why": "dispatching is suspended",
    }]);
    assert_eq!(plan["notUpToDate"], stale, "{plan:#}");
    assert_eq!(plan["problems"][0]["code"], "CLUSTER_UNKNOWN", "{plan:#}");
    let text = String::from_utf8(world.run("fleet", &["plan"]).stdout).unwrap();
    let line = "not up to date: ConfigMap default/greeting in one: dispatching is suspended\n";
    assert!(text.contains(line), "{text}");
    let page = world.run("fleet", &["plan", "-o", "markdown"]).stdout;
    let page = String::from_utf8(page).unwrap();
    let item = "\n\nNot up to date:\n\n- ConfigMap default/greeting in one: dispatching";
    assert!(page.contains(item), "{page}");

    commit(&world.path("fleet"), &[("fleet/all.yaml", FLEET.split("---").next().unwrap())]);
    let held = world.run("fleet", &["plan", "-o", "json"]);
    let plan = document(&held);
    let reason = plan["hold"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("DELETE_GUARD this would remove"), "{plan:#}");
    let approval = format!("Fleet-Approve-Removal: {}", trailer(&held));
    assert_eq!(plan["hold"]["approval"], *approval);

    let bad = FLEET.replace("clusterNames", "clusterName");
    commit(&world.path("fleet"), &[("fleet/all.yaml", &bad)]);
    let refused = world.run("fleet", &["plan", "-o", "json"]);
    assert_eq!(refused.status.code(), Some(3));
    let plan = document(&refused);
    assert_eq!(plan["problems"][0]["code"], "FIELD_UNKNOWN", "{plan:#}");
    assert_eq!(plan["problems"][0]["place"]["file"], "fleet/all.yaml");
    assert!(plan.get("templates").is_none(), "{plan:#}");
}
