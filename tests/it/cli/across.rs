//! What is asked of several clusters at once: `get` of their kinds, `describe`, `logs`, `exec`, `top`.

use std::process::{Command, Output};

use git_fleet::sim::{Host, MemberSpec, Workloads};
use serde_json::{Value, json};

use super::hint;
use super::running::{Running, until};

mod exec;
mod no_pods;
mod silent;
mod terminal;

/// Three clusters: `one` and `two` run `web`, two pods each, and `three` cannot be reached.
struct Clusters {
    dir: tempfile::TempDir,
    host: Host,
}

fn web() -> Value {
    let container = json!({"name": "server", "image": "web:1", "env": [{"name": "TIER", "value": "edge"}],
        "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}}});
    let beside = json!({"name": "beside", "image": "proxy:1"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container, beside]}}}})
}

fn secret() -> Value {
    let applied = "{\"data\":{\"password\":\"aHVudGVyMiE=\"}}";
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "login", "namespace": "default",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}},
        "data": {"password": "aHVudGVyMiE="}})
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default",
        "labels": {"made-for": "test"}}, "data": {"text": name}})
}

fn cron_tabs() -> [Value; 2] {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object",
        "properties": {"cronSpec": {"type": "string"}}}}});
    let columns = json!([{"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"}]);
    let names = json!({"kind": "CronTab", "plural": "crontabs", "singular": "crontab", "shortNames": ["ct"]});
    [
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "crontabs.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                    "additionalPrinterColumns": columns}]}}),
        json!({"apiVersion": "example.com/v1", "kind": "CronTab",
            "metadata": {"name": "nightly", "namespace": "default"}, "spec": {"cronSpec": "0 3 * * *"}}),
    ]
}

impl Clusters {
    /// The two that can be reached.
    fn reachable() -> Self {
        let spec = |name: &str, more: Vec<Value>| {
            let mut spec = MemberSpec::new(name);
            spec.objects.extend([web(), secret()]);
            spec.objects.extend(more);
            spec
        };
        let only_one = cron_tabs().into_iter().chain([config_map("only-one")]).collect();
        let host = Host::start(vec![spec("one", only_one), spec("two", Vec::new())]).unwrap();
        let clusters = Self::of(host);
        until(
            "the pods run",
            || clusters.pods().len() == 4,
            || format!("{:?}", clusters.run(&["get", "pods"])),
        );
        clusters
    }

    /// All three.
    fn all() -> Self {
        let clusters = Self::reachable();
        let kubeconfig = clusters.host.kubeconfig("two").unwrap();
        let port = clusters.host.url("two").unwrap().rsplit_once(':').unwrap().1.to_owned();
        let away = kubeconfig.replace(&format!(":{port}"), ":9");
        std::fs::write(clusters.dir.path().join("three.yaml"), away).unwrap();
        clusters
    }

    fn of(host: Host) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in host.names() {
            let path = dir.path().join(format!("{name}.yaml"));
            std::fs::write(path, host.kubeconfig(name).unwrap()).unwrap();
        }
        Self { dir, host }
    }

    /// Runs a verb with the credentials.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_git-fleet"));
        let split = arguments.iter().position(|one| *one == "--").unwrap_or(arguments.len());
        let (before, after) = arguments.split_at(split);
        command.current_dir(self.dir.path()).args(before).args(["--credentials", "."]).args(after);
        command
    }

    /// What a verb that succeeds prints.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Cluster and name of the pods that run.
    fn pods(&self) -> Vec<(String, String)> {
        let list = self.run(&["get", "pods", "--clusters", "one,two", "-o", "json"]).stdout;
        let list: Value = serde_json::from_slice(&list).unwrap();
        let items = list["items"].as_array().unwrap().iter();
        items
            .filter(|item| item["status"]["phase"] == "Running")
            .map(|item| {
                let metadata = &item["metadata"];
                let cluster = &metadata["annotations"]["resource.karmada.io/cached-from-cluster"];
                (
                    cluster.as_str().unwrap().to_owned(),
                    metadata["name"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The words of each line.
fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn pods_of_all_clusters_are_one_table_and_one_that_is_away_is_told() {
    let clusters = Clusters::all();
    let pods = clusters.pods();
    let listed = clusters.run(&["get", "pods"]);
    assert_eq!(listed.status.code(), Some(4), "{listed:?}");
    let text = String::from_utf8(listed.stdout.clone()).unwrap();
    let rows = words(&text);
    assert_eq!(rows[0], ["NAME", "CLUSTER", "READY", "STATUS", "RESTARTS", "AGE"]);
    for (row, (cluster, name)) in rows[1..].iter().zip(&pods) {
        assert_eq!(row[..5], [name, cluster, "2/2", "Running", "0"], "{text}");
    }
    assert_eq!(rows.len(), 5, "{text}");
    let told = told(&listed);
    assert!(told.starts_with("cluster three: CLUSTER_UNREACHABLE: "), "{told}");
    assert!(told.contains("; check the address in its kubeconfig"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    // In all namespaces each row says where it is; a wide table has what kubectl's has.
    let wide = clusters.printed(&["get", "po", "-A", "--clusters", "one,two", "-o", "wide"]);
    let rows = words(&wide);
    assert_eq!(rows[0][..4], ["NAMESPACE", "NAME", "CLUSTER", "READY"], "{wide}");
    assert!(rows[0].contains(&"NODE"), "{wide}");
    assert_eq!(rows[1][..3], ["default", &*pods[0].1, "one"], "{wide}");
}

#[test]
fn kinds_are_named_as_in_kubectl_and_found_where_they_are_served() {
    let clusters = Clusters::reachable();
    for kind in ["deploy", "Deployment", "deployments.apps", "deployments.v1.apps"] {
        let printed = clusters.printed(&["get", kind]);
        assert!(printed.starts_with("NAME   CLUSTER   READY"), "{kind}: {printed}");
        assert_eq!(printed.lines().count(), 3, "{kind}: {printed}");
    }
    // Only one cluster has this kind.
    for what in [&["crontabs.example.com"][..], &["ct", "nightly"], &["ct/nightly"]] {
        let printed = clusters.printed(&[&["get"], what].concat());
        assert_eq!(
            printed, "NAME      CLUSTER   SPEC\nnightly   one       0 3 * * *\n",
            "{what:?}"
        );
    }
    let nodes = clusters.printed(&["get", "nodes", "-A"]);
    assert!(nodes.starts_with("NAME         CLUSTER   STATUS"), "{nodes}");
    let unknown = clusters.run(&["get", "podz"]);
    assert_eq!(unknown.status.code(), Some(4));
    assert!(told(&unknown).starts_with("error[KIND_UNKNOWN]: "), "{unknown:?}");
    assert!(hint(&unknown).starts_with("did you mean `pods`? "), "{unknown:?}");
}

#[test]
fn several_kinds_are_tables_of_their_own_and_one_list_for_programs() {
    let clusters = Clusters::reachable();
    let printed = clusters.printed(&["get", "deploy,secrets,deploy", "-A"]);
    let (deployments, secrets) = printed.split_once("\n\n").unwrap();
    let (deployments, secrets) = (words(deployments), words(secrets));
    assert_eq!(deployments[0][..3], ["NAMESPACE", "NAME", "CLUSTER"], "{printed}");
    assert_eq!(deployments[1][..3], ["default", "deployment.apps/web", "one"], "{printed}");
    assert_eq!((deployments.len(), secrets.len()), (3, 3), "{printed}");
    assert_eq!(secrets[2][..3], ["default", "secret/login", "two"], "{printed}");
    let names = clusters.printed(&["get", "secrets,ct,deploy", "-o", "name"]);
    let expected = "one/secret/login\ntwo/secret/login\none/crontab.example.com/nightly\n\
                    one/deployment.apps/web\ntwo/deployment.apps/web\n";
    assert_eq!(names, expected);
    let list = clusters.printed(&["get", "cm,deploy", "-o", "json", "--clusters", "one"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    let kinds: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| &item["kind"]).collect();
    assert_eq!(kinds, ["ConfigMap", "Deployment"]);
    // A kind of which there is nothing has no table; a name is looked for among all of them.
    let printed = clusters.printed(&["get", "jobs,deploy", "web"]);
    assert!(printed.starts_with("NAME                  CLUSTER"), "{printed}");
    let described = clusters.printed(&["describe", "secret,deploy", "--clusters", "two"]);
    let (login, web) = (described.find("Name:         login"), described.find("Name:         web"));
    assert!(login.is_some() && login < web, "{described}");
    let absent = clusters.run(&["get", "deploy,secrets", "shop"]);
    assert!(told(&absent).starts_with("error[NOT_FOUND]: deploy,secrets/shop "), "{absent:?}");
    let unknown = clusters.run(&["get", "deploy,secretz"]);
    assert!(told(&unknown).starts_with("error[KIND_UNKNOWN]: "), "{unknown:?}");
    assert!(unknown.stdout.is_empty() && told(&unknown).contains("`secrets`"), "{unknown:?}");
}

#[test]
fn a_list_for_programs_is_whole_and_says_of_which_cluster_each_item_is() {
    let clusters = Clusters::reachable();
    let list: Value =
        serde_json::from_str(&clusters.printed(&["get", "cm", "-o", "json"])).unwrap();
    assert_eq!((list["kind"].as_str(), list["apiVersion"].as_str()), (Some("List"), Some("v1")));
    let item = &list["items"][0];
    assert_eq!((&item["kind"], &item["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    assert_eq!(item["data"]["text"], "only-one");
    let annotations = &item["metadata"]["annotations"];
    assert_eq!(annotations["resource.karmada.io/cached-from-cluster"], "one");
    assert!(item["metadata"]["managedFields"].is_null(), "{item}");
    let yaml = clusters.printed(&["get", "cm", "-o", "yaml"]);
    assert!(yaml.contains("resource.karmada.io/cached-from-cluster: one\n"), "{yaml}");
    let names = clusters.printed(&["get", "deploy", "-o", "name"]);
    assert_eq!(names, "one/deployment.apps/web\ntwo/deployment.apps/web\n");
}

#[test]
fn selectors_clusters_and_names_narrow_what_is_listed() {
    let clusters = Clusters::reachable();
    let first = clusters.pods()[0].1.clone();
    for (arguments, n_rows) in [
        (&["pods", "-l", "app=web"][..], 4),
        (&["pods", "-l", "app in (web)", "--clusters", "two"], 2),
        (&["pods", "-l", "app!=web"], 0),
        (&["pods", "--field-selector", "status.phase=Running", "--cluster", "one"], 2),
        (&["pods", "--field-selector", "status.phase=Pending"], 0),
        (&["pods", "-n", "kube-system"], 0),
        (&["pods", &first, "-A"], 1),
        (&["cm", "only-one"], 1),
    ] {
        let listed = clusters.run(&[&["get"], arguments, &["-o", "name"]].concat());
        assert_eq!(listed.status.code(), Some(0), "{arguments:?}: {listed:?}");
        let text = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(text.lines().count(), n_rows, "{arguments:?}: {text}");
    }
    let none = clusters.run(&["get", "pods", "-n", "kube-system"]);
    assert_eq!(told(&none), "No resources found in kube-system namespace.\n");
    // Without -n the namespace of the kubeconfig counts.
    let elsewhere = clusters
        .host
        .kubeconfig("one")
        .unwrap()
        .replace("user: one", "user: one\n    namespace: kube-system");
    std::fs::write(clusters.dir.path().join("system.yaml"), elsewhere).unwrap();
    let none = clusters.run(&["get", "pods", "--clusters", "system"]);
    assert_eq!(told(&none), "No resources found in the kubeconfigs' namespace.\n", "{none:?}");
    assert_eq!(
        clusters.printed(&["get", "pods", "-n", "default", "--clusters", "system"]).lines().count(),
        3
    );
    std::fs::remove_file(clusters.dir.path().join("system.yaml")).unwrap();
    let refused = clusters.run(&["get", "pods", "-l", "a in b"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(told(&refused).starts_with("cluster one: CLUSTER_REFUSES: "), "{refused:?}");
    let absent = clusters.run(&["get", "deploy/shop"]);
    assert_eq!(absent.status.code(), Some(4));
    assert!(told(&absent).starts_with("error[NOT_FOUND]: deploy/shop not found"), "{absent:?}");
    let typo = clusters.run(&["get", "pods", "--clusters", "onne"]);
    assert!(
        told(&typo).contains("CREDENTIALS_MISSING") && told(&typo).contains("did you mean `one`?"),
        "{typo:?}"
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let clusters = Clusters::of(Host::start(vec![MemberSpec::new("one")]).unwrap());
    for arguments in [
        &["get", "pods", "web", "-l", "app=web"][..],
        &["get", "pods,svc/web"],
        &["get", "pods,,svc"],
        &["get", "pods,bindings"],
        &["get", "pods", "--request-timeout", "soon"],
        &["get", "bindings", "--request-timeout", "5s"],
        &["get", "clusters"],
        &["get", "pods", "--source-branch", "main"],
        &["get", "pods", "--cluster", "one", "--clusters", "all"],
        &["get", "pods", "-A", "-n", "web"],
        &["top", "nodes", "-A"],
        &["logs"],
        &["exec", "web", "--cluster", "one"],
    ] {
        let refused = clusters.run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {refused:?}");
    }
    let mut bare = Command::new(env!("CARGO_BIN_EXE_git-fleet"));
    let bare = bare.args(["get", "pods"]).output().unwrap();
    assert_eq!(bare.status.code(), Some(4), "{bare:?}");
    assert!(told(&bare).starts_with("error[CREDENTIALS_NEEDED]: "), "{bare:?}");
}

#[test]
fn a_list_is_read_to_its_last_page() {
    let mut spec = MemberSpec::new("one");
    spec.objects.extend((0..1201).map(|n| config_map(&format!("c{n}"))));
    let clusters = Clusters::of(Host::start(vec![spec]).unwrap());
    let names = clusters.printed(&["get", "cm", "-l", "made-for=test", "-o", "name"]);
    assert_eq!(names.lines().count(), 1201);
    assert_eq!(clusters.printed(&["get", "cm"]).lines().count(), 1202);
    assert!(clusters.host.requests("one").unwrap().of("list") >= 6);
}

#[test]
fn a_description_has_a_block_for_each_cluster_and_no_value_of_a_secret() {
    let clusters = Clusters::all();
    let described = clusters.run(&["describe", "secret", "login"]);
    assert_eq!(described.status.code(), Some(4), "{described:?}");
    assert!(told(&described).starts_with("cluster three: CLUSTER_UNREACHABLE: "), "{described:?}");
    let text = String::from_utf8(described.stdout).unwrap();
    assert!(
        text.starts_with("Cluster:      one\nName:         login\nNamespace:    default\n"),
        "{text}"
    );
    assert!(text.contains("\n\n\nCluster:      two\nName:         login\n"), "{text}");
    assert_eq!(text.matches("Data:\n  password:  8 bytes\n").count(), 2, "{text}");
    assert!(!text.contains("aHVudGVy") && !text.contains("hunter"), "{text}");
    let text = clusters.printed(&["describe", "deploy/web", "--clusters", "two"]);
    assert!(
        text.contains("API Version:  apps/v1\nKind:         Deployment\nMetadata:\n"),
        "{text}"
    );
    assert!(text.contains("    Match Labels:\n      app:  web\n"), "{text}");
    assert!(text.contains("Status:\n") && text.contains("Available Replicas:"), "{text}");
    assert!(text.trim_end().ends_with("<none>") && text.contains("\nEvents:"), "{text}");
    let absent = clusters.run(&["describe", "deploy/shop", "--clusters", "one,two"]);
    assert!(told(&absent).starts_with("error[NOT_FOUND]: "), "{absent:?}");
}

#[test]
fn events_are_told_with_the_object_that_they_are_about() {
    let event = |name: &str, about: &str, uid: &str, message: &str| {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"},
            "involvedObject": {"kind": "ConfigMap", "name": about, "namespace": "default", "uid": uid},
            "type": "Warning", "reason": "Checked", "message": message, "count": 1,
            "lastTimestamp": "2020-01-01T00:00:00Z", "source": {"component": "checker"}})
    };
    let mut spec = MemberSpec::new("one");
    spec.objects.extend([
        config_map("a"),
        event("e1", "a", "", "is odd"),
        event("e2", "b", "", "is even"),
        event("e3", "a", "of-another", "was odd"),
    ]);
    let clusters = Clusters::of(Host::start(vec![spec]).unwrap());
    let listed = clusters.run(&["describe", "cm", "a"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("  Warning  Checked  "), "{text}");
    assert!(text.contains("checker  is odd\n") && !text.contains("is even"), "{text}");
    assert!(!text.contains("was odd"), "of one that had its name before: {text}");
}

#[test]
fn logs_of_several_pods_say_where_each_line_is_from() {
    let clusters = Clusters::all();
    let pods = clusters.pods();
    let printed =
        clusters.printed(&["logs", "deploy/web", "--clusters", "one,two", "-c", "server"]);
    for (cluster, pod) in &pods {
        let line = format!("[{cluster} {pod}] server starts in {pod}\n");
        assert!(printed.contains(&line), "{line}: {printed}");
    }
    let places: Vec<usize> =
        pods.iter().map(|(_, pod)| printed.find(&format!("starts in {pod}")).unwrap()).collect();
    assert!(places.is_sorted(), "one after the other: {printed}");
    // One alone has nothing in front, and of several containers the first is meant.
    let one = clusters.printed(&["logs", &pods[0].1, "--clusters", "one,two", "--timestamps"]);
    let first = one.lines().next().unwrap();
    assert!(first.ends_with(&format!("Z server starts in {}", pods[0].1)), "{one}");
    let beside = clusters.printed(&[
        "logs",
        "-l",
        "app=web",
        "-c",
        "beside",
        "--clusters",
        "one,two",
        "--tail",
        "1",
    ]);
    assert_eq!(beside.lines().count(), 4, "{beside}");
    let away = clusters.run(&["logs", "deploy/web", "--tail=1"]);
    assert_eq!((away.status.code(), words(&told(&away)).len()), (Some(4), 1), "{away:?}");
    assert_eq!(String::from_utf8(away.stdout).unwrap().lines().count(), 4);
    for (arguments, expected) in [
        (&["logs", "nope", "--clusters", "one,two"][..], "error[NOT_FOUND]: pod/nope not found"),
        (&["logs", "secret/login", "--clusters", "one"], "cluster one: NO_PODS: Secret login"),
        (
            &["logs", &pods[0].1, "-c", "nope", "--clusters", "one"],
            "cluster one: CLUSTER_REFUSES: container nope",
        ),
        (
            &["logs", &pods[0].1, "-p", "--clusters", "one"],
            "cluster one: CLUSTER_REFUSES: previous terminated",
        ),
        (
            &["logs", "deploy/web", "-f", "--max-log-requests", "3", "--clusters", "one,two"],
            "error[LOGS_TOO_MANY]: 4 containers",
        ),
    ] {
        let refused = clusters.run(arguments);
        assert_eq!(refused.status.code(), Some(4), "{arguments:?}: {refused:?}");
        assert!(told(&refused).starts_with(expected), "{arguments:?}: {refused:?}");
    }
}

#[test]
fn logs_of_several_clusters_are_followed_at_once() {
    let clusters = Clusters::reachable();
    let arguments = ["logs", "deploy/web", "-f", "--tail=1", "--credentials", "."];
    let mut running =
        Running::start(clusters.dir.path(), &clusters.dir.path().join("out"), &arguments);
    let pods = clusters.pods();
    running.wait("two lines of each", |said| {
        pods.iter().all(|(cluster, pod)| {
            said.matches(&format!("[{cluster} {pod}] alive for ")).count() >= 2
        })
    });
    running.kill();
}

#[test]
fn the_use_of_pods_and_nodes_is_told_where_it_is_measured() {
    let still = MemberSpec { workloads: Workloads::Still, ..MemberSpec::new("two") };
    let mut spec = MemberSpec::new("one");
    spec.objects.push(web());
    let clusters = Clusters::of(Host::start(vec![spec, still]).unwrap());
    until("the pods run", || clusters.pods().len() == 2, String::new);
    let top = clusters.run(&["top", "pods"]);
    assert_eq!(top.status.code(), Some(4), "{top:?}");
    let missing = told(&top);
    assert!(missing.starts_with("cluster two: METRICS_MISSING: "), "{missing}");
    assert!(missing.contains("it does not serve metrics.k8s.io; install"), "{missing}");
    assert_eq!(missing.lines().count(), 1, "{missing}");
    let text = String::from_utf8(top.stdout).unwrap();
    let rows = words(&text);
    assert_eq!(rows[0], ["NAME", "CLUSTER", "CPU(cores)", "MEMORY(bytes)"]);
    for (row, (cluster, pod)) in rows[1..].iter().zip(clusters.pods()) {
        assert_eq!(row[..2], [&*pod, &*cluster], "{text}");
        // Half a CPU is asked for, and from 40 to 89 hundredths of it are used, and the other container's 2m.
        let cpu: u32 = row[2].strip_suffix('m').unwrap().parse().unwrap();
        let memory: u32 = row[3].strip_suffix("Mi").unwrap().parse().unwrap();
        assert!((200..450).contains(&cpu) && (102..250).contains(&memory), "{text}");
    }
    assert_eq!(rows.len(), 3, "{text}");
    let all = clusters.printed(&["top", "po", "-A", "--clusters", "one"]);
    assert!(all.starts_with("NAMESPACE   NAME"), "{all}");
    let nodes = clusters.printed(&["top", "nodes", "--clusters", "one"]);
    let rows = words(&nodes);
    assert_eq!(rows[0], ["NAME", "CLUSTER", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]);
    assert_eq!(rows[1][..2], ["one-node-1", "one"], "{nodes}");
    let (cpu, share) = (rows[1][2].trim_end_matches('m'), rows[1][3].trim_end_matches('%'));
    let (cpu, share): (u32, u32) = (cpu.parse().unwrap(), share.parse().unwrap());
    assert_eq!(share, cpu * 100 / 8000, "{nodes}");
    let absent = clusters.run(&["top", "pod", "nope", "--clusters", "one"]);
    assert!(told(&absent).starts_with("error[NOT_FOUND]: "), "{absent:?}");
}

/// What the repository has of a cluster is all in the wide list.
#[test]
fn the_wide_list_of_clusters_has_the_way_to_each() {
    let source = super::FLEET.replace(
        "spec: {syncMode: Push}",
        "spec: {syncMode: Push, region: eu, provider: acme, zones: [a, b], apiEndpoint: 'https://10.0.0.1', proxyURL: 'http://proxy:3128'}",
    );
    let world = super::World::of(&source);
    let wide =
        String::from_utf8(world.run("fleet", &["get", "clusters", "-o", "wide"]).stdout).unwrap();
    let rows = words(&wide);
    assert_eq!(
        rows[0][4..],
        ["ZONES", "REGION", "PROVIDER", "API-ENDPOINT", "PROXY-URL"],
        "{wide}"
    );
    assert_eq!(
        rows[1][4..],
        ["a,b", "eu", "acme", "https://10.0.0.1", "http://proxy:3128"],
        "{wide}"
    );
}

/// Whoever looks changes nothing.
#[test]
fn looking_writes_nothing() {
    let clusters = Clusters::reachable();
    // What the controllers of a member do is not a request.
    for arguments in [
        &["get", "pods", "-A"][..],
        &["describe", "deploy/web"],
        &["logs", "deploy/web"],
        &["top", "pods"],
    ] {
        clusters.printed(arguments);
    }
    for name in ["one", "two"] {
        let requests = clusters.host.requests(name).unwrap();
        assert_eq!((requests.writes(), requests.of("watch")), (0, 0), "{requests:?}");
    }
}
