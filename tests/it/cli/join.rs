//! A cluster becomes a member by one command, and leaves by one, whatever comes between.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Output;

use git_fleet::sim::{Host, MemberSpec, Workloads};
use serde_json::Value;

use super::run;
use super::running::{Running, until};
use crate::store::git::{commit, git, init};

mod leaving;

const TEMPLATES: &str = "apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'shop:1'}]}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: shop, namespace: web}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement:
    spreadConstraints: [{spreadByField: cluster, minGroups: 1, maxGroups: 1}]
";

/// Clusters that let nobody in without a token, and a fleet without members.
struct World {
    dir: tempfile::TempDir,
    host: Host,
}

impl World {
    fn new(names: &[&str], workloads: Workloads) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spec = |name: &&str| MemberSpec {
            token: Some(format!("{name}-admin")),
            workloads,
            ..MemberSpec::new(name)
        };
        let host = Host::start(names.iter().map(spec).collect()).unwrap();
        for name in names {
            let path = dir.path().join(format!("{name}.admin"));
            fs::write(path, host.kubeconfig(name).unwrap()).unwrap();
        }
        commit(&init(&dir.path().join("fleet")), &[("apps/shop.yaml", TEMPLATES)]);
        Self { dir, host }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn fleet(&self, arguments: &[&str]) -> Output {
        run(&self.path("fleet"), arguments)
    }

    /// Joins the cluster of `server` as `name`, with more flags.
    fn join(&self, name: &str, server: &str, more: &[&str]) -> Output {
        let kubeconfig = format!("../{server}.admin");
        let join = ["join", name, "--kubeconfig", &kubeconfig, "--credentials", "../credentials"];
        self.fleet(&[&join, more].concat())
    }

    /// Takes `name` out, with its own cluster's kubeconfig.
    fn unjoin(&self, name: &str, more: &[&str]) -> Output {
        let kubeconfig = format!("../{name}.admin");
        let unjoin = ["unjoin", name, "--kubeconfig", &kubeconfig];
        let keep = ["--credentials", "../credentials"];
        self.fleet(&[&unjoin[..], &keep, more].concat())
    }

    fn controller(&self) -> Running {
        let run = ["run", "--credentials", "../credentials", "--cluster-failure-threshold", "1s"];
        Running::start(&self.path("fleet"), &self.path("controller"), &run)
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.path("fleet"), arguments).trim().to_owned()
    }

    /// What the server has at `path`, asked as its administrator.
    fn get(&self, server: &str, path: &str) -> Option<Value> {
        self.ask(server, http::Request::get(path).body(Vec::new()).unwrap())
    }

    /// Makes an object as the server's administrator.
    fn create(&self, server: &str, collection: &str, object: &Value) {
        let request = http::Request::post(collection).header("content-type", "application/json");
        self.ask(server, request.body(object.to_string().into_bytes()).unwrap()).unwrap();
    }

    fn delete(&self, server: &str, path: &str) {
        self.ask(server, http::Request::delete(path).body(Vec::new()).unwrap()).unwrap();
    }

    fn ask(&self, server: &str, request: http::Request<Vec<u8>>) -> Option<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let allow = git_fleet::member::kubeconfig::Allow::default();
            let text = fs::read(self.path(&format!("{server}.admin"))).unwrap();
            let config = git_fleet::member::kubeconfig::parse(&text, allow).unwrap();
            let client = kube::Client::try_from(config).unwrap();
            match client.request(request).await {
                Ok(value) => Some(value),
                Err(kube::Error::Api(status)) if status.code == 404 => None,
                Err(error) => panic!("{error}"),
            }
        })
    }

    /// What of the fleet's account there is in a cluster.
    fn account(&self, server: &str) -> Vec<String> {
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let lists = [
            "/api/v1/serviceaccounts".to_owned(),
            "/api/v1/secrets".to_owned(),
            "/api/v1/namespaces".to_owned(),
            format!("{rbac}/clusterroles"),
            format!("{rbac}/clusterrolebindings"),
            format!("{rbac}/roles"),
            format!("{rbac}/rolebindings"),
        ];
        let mut found = Vec::new();
        for list in lists {
            let path = format!("{list}?labelSelector=git-fleet.io/joined-as");
            let items = self.get(server, &path).unwrap()["items"].as_array().unwrap().clone();
            let plural = list.rsplit('/').next().unwrap();
            found.extend(items.iter().map(|item| {
                let of = |field: &str| item["metadata"][field].as_str().unwrap_or("").to_owned();
                format!("{plural} {}/{}", of("namespace"), of("name"))
            }));
        }
        found
    }
}

const SHOP: &str = "/apis/apps/v1/namespaces/web/deployments/shop";

#[track_caller]
fn done(output: &Output) -> String {
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    told
}

#[track_caller]
fn refused(output: &Output, code: &str) -> String {
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains(&format!("error[{code}]: ")), "{told}");
    told
}

/// Whoever adds all that is new would commit it.
#[test]
fn no_credential_is_written_into_the_source() {
    let world = World::new(&["one"], Workloads::Still);
    let join = ["join", "one", "--kubeconfig", "../one.admin", "--credentials", "credentials"];
    refused(&world.fleet(&join), "KUBECONFIG_IN_SOURCE");
    assert!(!world.path("fleet/credentials").exists());
    fs::write(world.path("fleet/.gitignore"), "/credentials/\n").unwrap();
    assert_eq!(world.fleet(&join).status.code(), Some(0));
}

#[test]
fn a_cluster_that_joins_takes_work_by_the_credential_that_was_written() {
    let world = World::new(&["one"], Workloads::Progress);
    let place = ["--region", "eu", "--zone", "a", "--zone", "b", "--label", "tier=edge"];
    let told = done(&world.join("east", "one", &place));
    assert!(told.contains("made ClusterRoleBinding git-fleet\n"), "{told}");
    assert!(!told.contains("expires"), "{told}");
    // The credential is for one person's eyes, and is not the administrator's.
    let credential = world.path("credentials/east.yaml");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&credential), mode(&world.path("credentials"))), (0o600, 0o700));
    assert!(!fs::read_to_string(&credential).unwrap().contains("one-admin"));
    assert_eq!(fs::read_dir(world.path("credentials")).unwrap().count(), 1);
    // One commit, by the person, and a work tree that shows it.
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "2");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
    let message = world.git(&["log", "-1", "--format=%an|%s|%(trailers:key=Signed-off-by)"]);
    let who = world.git(&["log", "-1", "--format=%cn <%ce>"]);
    assert!(message.ends_with(&format!("|join east|Signed-off-by: {who}")), "{message}");
    let text = fs::read_to_string(world.path("fleet/clusters/east.yaml")).unwrap();
    let file: Value = git_fleet::api::yaml::from_str(&text).unwrap();
    let uid =
        world.get("one", "/api/v1/namespaces/kube-system").unwrap()["metadata"]["uid"].clone();
    assert_eq!(file["spec"]["id"], uid);
    assert_eq!(file["spec"]["zones"], serde_json::json!(["a", "b"]));
    assert_eq!(
        (&file["spec"]["region"], &file["metadata"]["labels"]["tier"]),
        (&"eu".into(), &"edge".into())
    );
    done(&world.fleet(&["apply", "--credentials", "../credentials"]));
    assert!(world.get("one", SHOP).is_some());
    // Again: nothing is new, nothing is committed, the token still holds.
    let before = world.host.requests("one").unwrap().of("create");
    let told = done(&world.join("east", "one", &[]));
    assert!(!told.contains("made ") && told.contains("is registered already"), "{told}");
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "2");
    assert_eq!(world.host.requests("one").unwrap().of("create"), before);
    done(&world.fleet(&["apply", "--credentials", "../credentials"]));
}

#[test]
fn a_cluster_is_a_member_once_and_a_name_is_one_cluster() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    done(&world.join("east", "one", &[]));
    let before = (world.git(&["rev-parse", "HEAD"]), world.account("one"));
    let told = refused(&world.join("west", "one", &[]), "CLUSTER_DUPLICATE");
    assert!(told.contains("a member already: east"), "{told}");
    refused(&world.join("east", "two", &[]), "JOIN_NAME");
    assert_eq!((world.git(&["rev-parse", "HEAD"]), world.account("one")), before);
    assert_eq!(world.account("two"), [""; 0]);
    // Where no id is written, the recorded one counts.
    let text = fs::read_to_string(world.path("fleet/clusters/east.yaml")).unwrap();
    let without: String =
        text.split_inclusive('\n').filter(|line| !line.contains("  id: ")).collect();
    commit(&world.path("fleet"), &[("clusters/east.yaml", &without)]);
    done(&world.fleet(&["apply", "--credentials", "../credentials"]));
    refused(&world.join("west", "one", &[]), "CLUSTER_DUPLICATE");
    refused(&world.join("east", "two", &[]), "JOIN_NAME");
    // Even if this fleet knows nothing of it, the cluster does: another fleet's account is left alone.
    commit(&init(&world.path("other")), &[("apps/shop.yaml", TEMPLATES)]);
    let join = ["join", "west", "--kubeconfig", "../one.admin", "--credentials", "../theirs"];
    let told = refused(&run(&world.path("other"), &join), "JOIN_OTHER_NAME");
    assert!(told.contains("when the cluster joined as east"), "{told}");
    assert_eq!(world.account("one"), before.1);
}

#[test]
fn what_was_interrupted_is_finished_by_joining_again() {
    let world = World::new(&["one", "two"], Workloads::Still);
    // A file in the way: the account is made, and the credential cannot be written.
    fs::write(world.path("credentials"), "").unwrap();
    refused(&world.join("one", "one", &[]), "JOIN_CREDENTIAL");
    assert!(!world.account("one").is_empty());
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "1");
    fs::remove_file(world.path("credentials")).unwrap();
    // A file of the work tree in the way: the credential is written, and nothing is committed.
    fs::create_dir(world.path("fleet/clusters")).unwrap();
    fs::write(world.path("fleet/clusters/one.yaml"), "mine").unwrap();
    refused(&world.join("one", "one", &[]), "SOURCE_DIRTY");
    assert_eq!(fs::read_to_string(world.path("fleet/clusters/one.yaml")).unwrap(), "mine");
    fs::remove_file(world.path("fleet/clusters/one.yaml")).unwrap();
    let told = done(&world.join("one", "one", &[]));
    assert!(
        told.contains("was there already: ServiceAccount git-fleet-system/git-fleet"),
        "{told}"
    );
    // Without a token controller it is a token that expires, and that is said.
    assert!(told.contains("no token controller, so its token expires at "), "{told}");
    done(&world.fleet(&["get", "clusters"]));
    // What leads to another cluster is not written over.
    fs::rename(world.path("credentials/one.yaml"), world.path("credentials/two.yaml")).unwrap();
    let told = refused(&world.join("two", "two", &[]), "JOIN_CREDENTIAL");
    assert!(told.contains("two.yaml is there already, and leads to the cluster "), "{told}");
}

#[test]
fn a_dry_run_writes_nothing_and_what_is_wrong_is_said_before_anything_is_written() {
    let world = World::new(&["one"], Workloads::Progress);
    let head = world.git(&["rev-parse", "HEAD"]);
    let told = done(&world.join("one", "one", &["--dry-run"]));
    for line in [
        "would make ClusterRole git-fleet in http://127.0.0.1:",
        "would write ../credentials/one.yaml",
        "would commit clusters/one.yaml to main",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    refused(&world.join("one", "one", &["--label", "tier=a b"]), "SOURCE_INVALID");
    refused(&world.join("one", "one", &["--label", "tier=a b", "--dry-run"]), "SOURCE_INVALID");
    refused(&world.join("one", "one", &["--file", ".hidden/one.yaml"]), "JOIN_PATH");
    refused(&world.join("one", "one", &["--file", "apps/shop.yaml"]), "JOIN_PATH");
    for (flags, what) in [
        (["--rights", "namespaced"].as_slice(), "takes at least one --namespace"),
        (&["--namespace", "web"], "goes with --rights namespaced"),
        (&["--rights", "namespaced", "--namespace", "a/b"], "lower-case letters"),
        (&["--credentials-secret", "a/b"], "cannot be used with"),
    ] {
        let output = world.join("one", "one", flags);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(what), "{told}");
    }
    let exec = fs::read_to_string(world.path("one.admin")).unwrap();
    let exec = exec.replace(
        "token: one-admin",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}",
    );
    fs::write(world.path("exec.admin"), exec).unwrap();
    let told = refused(&world.join("one", "exec", &[]), "KUBECONFIG_EXEC");
    assert!(told.contains("kubectl create token"), "{told}");
    assert_eq!(world.account("one"), [""; 0]);
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
    assert!(!world.path("credentials").exists());
}

#[test]
fn what_somebody_else_made_under_the_account_s_name_is_left_alone() {
    let world = World::new(&["one"], Workloads::Progress);
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let named = |kind: &str, version: &str, name: &str| serde_json::json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
    world.create("one", "/api/v1/namespaces", &named("Namespace", "v1", "git-fleet-system"));
    let role = named("ClusterRole", "rbac.authorization.k8s.io/v1", "git-fleet");
    world.create("one", roles, &role);
    let role = format!("{roles}/git-fleet");
    let before = world.get("one", &role).unwrap();
    for flags in [&["--dry-run"][..], &[]] {
        let told = refused(&world.join("one", "one", flags), "JOIN_TAKEN");
        assert!(told.contains("ClusterRole git-fleet is there already"), "{told}");
    }
    assert_eq!(world.get("one", &role).unwrap(), before);
    assert_eq!(world.account("one"), [""; 0]);
    // The Namespace alone is used, and is not the fleet's to remove.
    world.delete("one", &role);
    done(&world.join("one", "one", &[]));
    assert!(!world.account("one").iter().any(|object| object.starts_with("namespaces ")));
    done(&world.unjoin("one", &["--orphan", "--force", "--timeout", "1s"]));
    assert_eq!(world.account("one"), [""; 0]);
    assert!(world.get("one", "/api/v1/namespaces/git-fleet-system").is_some());
}

#[test]
fn rights_for_namespaces_name_what_is_read_elsewhere_and_no_secret() {
    let world = World::new(&["one"], Workloads::Progress);
    let namespaced = ["--rights", "namespaced", "--namespace", "web"];
    done(&world.join("one", "one", &[&namespaced[..], &["--namespace", "old"]].concat()));
    assert!(world.account("one").contains(&"roles old/git-fleet".to_owned()));
    done(&world.join("one", "one", &namespaced));
    assert!(!world.account("one").iter().any(|object| object.contains("old/")));
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let role = world.get("one", &format!("{rbac}/clusterroles/git-fleet")).unwrap();
    for rule in role["rules"].as_array().unwrap() {
        let has = |field: &str, word: &str| {
            rule[field].as_array().is_some_and(|all| all.contains(&word.into()))
        };
        assert!(
            !has("resources", "secrets") && !has("resources", "*") && !has("verbs", "*"),
            "{rule}"
        );
    }
    let role = world.get("one", &format!("{rbac}/namespaces/web/roles/git-fleet")).unwrap();
    assert_eq!(role["rules"][0]["verbs"], serde_json::json!(["*"]));
    // The namespace was made for it, and is nobody's to remove.
    done(&world.unjoin("one", &["--orphan", "--force", "--timeout", "1s"]));
    assert_eq!(world.account("one"), [""; 0]);
    assert!(world.get("one", "/api/v1/namespaces/web").is_some());
}

/// The controller runs in a cluster itself, and has its credentials as a volume.
#[test]
fn a_credential_can_be_kept_in_a_secret_beside_others() {
    let world = World::new(&["host", "one", "two", "three"], Workloads::Progress);
    let namespace = "/api/v1/namespaces/default/secrets/clusters";
    for name in ["one", "two"] {
        let kubeconfig = format!("../{name}.admin");
        let join =
            ["join", name, "--kubeconfig", &kubeconfig, "--credentials-secret", "default/clusters"];
        done(&world.fleet(&[&join[..], &["--host-kubeconfig", "../host.admin"]].concat()));
    }
    let keys = || {
        let secret = world.get("host", namespace).unwrap();
        secret["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(), ["one.yaml", "two.yaml"]);
    // What leads to another cluster is not written over, and what hinders it is said before anything is made.
    commit(&init(&world.path("other")), &[("apps/shop.yaml", TEMPLATES)]);
    let kept = world.get("host", namespace).unwrap()["data"].clone();
    for (host, code) in [("../host.admin", "JOIN_CREDENTIAL"), ("../nobody.admin", "CONFIG_READ")] {
        let join = ["join", "one", "--kubeconfig", "../three.admin", "--host-kubeconfig", host];
        let secret = ["--credentials-secret", "default/clusters"];
        refused(&run(&world.path("other"), &[&join[..], &secret].concat()), code);
        assert_eq!(world.account("three"), [""; 0], "{code}");
    }
    assert_eq!(world.get("host", namespace).unwrap()["data"], kept);
    let unjoin = ["unjoin", "one", "--orphan", "--credentials-secret", "default/clusters"];
    done(
        &world.fleet(
            &[&unjoin[..], &["--host-kubeconfig", "../host.admin", "--force", "--timeout", "1s"]]
                .concat(),
        ),
    );
    assert_eq!(keys(), ["two.yaml"]);
}

/// In a clone the commits go to where the fleet is.
#[test]
fn a_clone_pushes_what_it_commits() {
    let world = World::new(&["one"], Workloads::Progress);
    git(&world.path("."), &["clone", "--quiet", "--bare", "fleet", "fleet.git"]);
    git(&world.path("."), &["clone", "--quiet", "fleet.git", "clone"]);
    for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.com")] {
        git(&world.path("clone"), &["config", key, value]);
    }
    let join = ["join", "one", "--kubeconfig", "../one.admin", "--credentials", "../credentials"];
    let told = done(&run(&world.path("clone"), &join));
    assert!(told.contains("join one, pushed to origin"), "{told}");
    let tip = |dir: &str| git(&world.path(dir), &["rev-parse", "main"]);
    assert_eq!(tip("clone"), tip("fleet.git"));
    // Interrupted between the push and the clone's own branch: the message says how to go on from there.
    let head = tip("clone");
    git(&world.path("clone"), &["update-ref", "refs/heads/main", "main~1"]);
    // A moment later, that is: in the same second and by the same person it would be the very same commit.
    git(&world.path("clone"), &["config", "user.name", "Bob"]);
    let told = refused(&run(&world.path("clone"), &join), "SOURCE_PUSH");
    assert!(told.contains("git pull origin main; then run it again"), "{told}");
    git(&world.path("clone"), &["pull", "--quiet", "origin", "main"]);
    assert_eq!(tip("clone"), head);
    done(&run(&world.path("clone"), &join));
    assert_eq!(git(&world.path("clone"), &["status", "--porcelain"]), "");
    // The branch is not here at all.
    git(&world.path("clone"), &["switch", "--quiet", "--create", "mine"]);
    git(&world.path("clone"), &["branch", "--quiet", "-D", "main"]);
    let told = refused(&run(&world.path("clone"), &join), "SOURCE_BEHIND");
    assert!(told.contains("git switch main && git pull"), "{told}");
    git(&world.path("clone"), &["switch", "--quiet", "main"]);
    git(&world.path("clone"), &["pull", "--quiet"]);
    done(&run(&world.path("clone"), &join));
    // Somebody else was faster.
    let head = git(&world.path("clone"), &["rev-parse", "main~1"]);
    git(&world.path("fleet.git"), &["update-ref", "refs/heads/main", head.trim()]);
    let before = tip("clone");
    refused(&run(&world.path("clone"), &["unjoin", "one", "--orphan"]), "SOURCE_PUSH");
    assert_eq!(tip("clone"), before);
    // A clone that follows nobody does not know what runs where.
    git(&world.path("clone"), &["branch", "--unset-upstream", "main"]);
    refused(&run(&world.path("clone"), &["unjoin", "one", "--orphan"]), "UNJOIN_BLIND");
    let url = ["join", "one", "--kubeconfig", "../one.admin", "--credentials", "../c", "--repo"];
    refused(
        &run(&world.path("clone"), &[&url[..], &["file:///nowhere.git"]].concat()),
        "SOURCE_REMOTE",
    );
}

/// The file that takes the place of a member's own is taken up by itself, and no other member is disturbed.
#[test]
fn a_controller_takes_up_a_credential_that_comes_or_changes() {
    let world = World::new(&["one", "two"], Workloads::Progress);
    done(&world.join("one", "one", &[]));
    done(&world.join("two", "two", &[]));
    let file = world.path("credentials/two.yaml");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let controller = world.controller();
    controller.wait("the one that has no credential is named", |said| {
        said.contains("CREDENTIALS_MISSING")
    });
    fs::write(&file, kept).unwrap();
    let namespace = |server: &str| world.get(server, "/api/v1/namespaces/web").is_some();
    until("it is connected", || namespace("one") && namespace("two"), || controller.errors());
    // Its account is made anew, so that its token is another one.
    let secret = "/api/v1/namespaces/git-fleet-system/secrets/git-fleet-token";
    let token = world.get("two", secret).unwrap()["data"]["token"].clone();
    world.delete("two", secret);
    let lists = world.host.requests("one").unwrap().of("list");
    done(&world.join("two", "two", &[]));
    assert_ne!(world.get("two", secret).unwrap()["data"]["token"], token);
    let text = TEMPLATES.replace("{name: web}", "{name: web, labels: {new: 'yes'}}");
    commit(&world.path("fleet"), &[("apps/shop.yaml", &text)]);
    let is_new = |server: &str| {
        world.get(server, "/api/v1/namespaces/web").unwrap()["metadata"]["labels"]["new"] == "yes"
    };
    until("the new token is used", || is_new("one") && is_new("two"), || controller.errors());
    assert_eq!(world.host.requests("one").unwrap().of("list"), lists, "{}", controller.errors());
}

/// A cluster is one fleet's: another one's `join` shares nothing with it, and its `unjoin` closes no other's door.
#[test]
fn a_cluster_of_another_fleet_is_left_alone() {
    let world = World::new(&["one"], Workloads::Progress);
    done(&world.join("one", "one", &[]));
    let other = init(&world.path("other"));
    commit(&other, &[("apps/shop.yaml", TEMPLATES), ("README.md", "# another fleet\n")]);
    let account = world.account("one");
    let with = ["--kubeconfig", "../one.admin", "--credentials", "../others"];
    let join = run(&other, &[&["join", "one"][..], &with].concat());
    let told = refused(&join, "JOIN_OTHER_FLEET");
    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
    assert!(told.contains(&first), "{told}");
    assert!(!world.path("others/one.yaml").exists() && !other.join("clusters").exists());
    let registration = world.git(&["show", "HEAD:clusters/one.yaml"]);
    commit(&other, &[("clusters/one.yaml", &registration)]);
    let unjoin = ["unjoin", "one", "--orphan", "--force", "--timeout", "1s"];
    let told = done(&run(&other, &[&unjoin[..], &with].concat()));
    assert!(told.contains("is that of another fleet, whose source begins with"), "{told}");
    assert_eq!(world.account("one"), account);
    // Its own fleet goes on with it, from a clone as well.
    git(world.dir.path(), &["clone", "-q", "fleet", "clone"]);
    git(&world.path("clone"), &["fetch", "-q", "origin", "+refs/heads/fleet/*:refs/heads/fleet/*"]);
    let with = ["--kubeconfig", "../one.admin", "--credentials", "../credentials"];
    done(&run(&world.path("clone"), &[&["join", "one"][..], &with].concat()));
    // Whose fleet nobody knows any more is whoever's asks for it.
    let path = "/api/v1/namespaces/git-fleet-system/serviceaccounts/git-fleet";
    let none = serde_json::json!({"metadata": {"annotations": {"git-fleet.io/fleet": null}}});
    let patch = http::Request::patch(path).header("content-type", "application/merge-patch+json");
    world.ask("one", patch.body(none.to_string().into_bytes()).unwrap()).unwrap();
    let with = ["--kubeconfig", "../one.admin", "--credentials", "../others"];
    done(&run(&other, &[&["join", "one"][..], &with].concat()));
}

/// What is said to a registration that is there, and not taken in, is refused.
#[test]
fn a_registration_is_not_changed_by_another_join() {
    let world = World::new(&["one"], Workloads::Progress);
    let place = ["--region", "eu", "--zone", "a", "--label", "tier=edge"];
    done(&world.join("one", "one", &place));
    done(&world.join("one", "one", &place));
    done(&world.join("one", "one", &[]));
    let other = ["--region", "us", "--zone", "a", "--zone", "b", "--label", "tier=core"];
    let told = refused(&world.join("one", "one", &other), "JOIN_REGISTERED");
    assert!(told.contains("otherwise than --region, --zone, --label says"), "{told}");
    refused(&world.join("one", "one", &["--sync-mode", "Pull"]), "JOIN_REGISTERED");
    // One that is on its way out does not come back by itself.
    done(&world.fleet(&["apply", "--credentials", "../credentials"]));
    let unjoin = world.unjoin("one", &["--delete", "--timeout", "1s"]);
    refused(&unjoin, "UNJOIN_UNFINISHED");
    let told = refused(&world.join("one", "one", &[]), "JOIN_LEAVING");
    assert!(
        told.contains("git fleet unjoin one; or take the taint git-fleet.io/unjoin out of"),
        "{told}"
    );
}
