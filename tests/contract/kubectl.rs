//! What a person types against a simulated member, with the real `kubectl`.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use git_fleet::sim::{Host, MemberSpec};

use crate::kube;

const MANIFESTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {a: "1"}
"#;

/// A member and the `kubectl` that speaks to it.
struct Shell {
    kubectl: PathBuf,
    home: tempfile::TempDir,
    _host: Host,
}

impl Shell {
    /// `None`, and one line that says so, when there is no `kubectl` to try.
    fn open() -> Option<Self> {
        let assets = kube::assets(kube::Controllers::None)?;
        let kubectl = assets.program("kubectl");
        let host = Host::start(vec![MemberSpec::new("one")]).unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config"), host.kubeconfig("one").unwrap()).unwrap();
        Some(Self { kubectl, home, _host: host })
    }

    /// Runs `kubectl` with `arguments`, feeding it the manifests; returns what it printed.
    fn run(&self, arguments: &str) -> Output {
        let mut child = Command::new(&self.kubectl)
            .args(arguments.split(' '))
            .env("KUBECONFIG", self.home.path().join("config"))
            // Discovery is cached by address, and addresses come again.
            .env("KUBECACHEDIR", self.home.path().join("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads no manifests closes its input early.
        let _ = child.stdin.take().unwrap().write_all(MANIFESTS.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn out(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {arguments}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn what_a_person_types_works() {
    let Some(shell) = Shell::open() else { return };
    let applied = shell.out("apply --server-side -f -");
    assert_eq!(applied.matches("serverside-applied").count(), 3, "{applied}");
    assert!(shell.out("get deploy -A").contains("web"));
    assert!(shell.out("get deployments.apps,cm -n shop -o wide").contains("configmap/settings"));
    assert!(shell.out("get all -n shop").contains("deployment.apps/web"));
    assert!(shell.out("describe deploy web -n shop").contains("nginx:1"));
    shell.out("scale deploy/web -n shop --replicas=5");
    assert_eq!(shell.out("get deploy web -n shop -o jsonpath={.spec.replicas}"), "5");
    shell.out("label cm settings -n shop tier=front");
    assert_eq!(shell.out("get cm -n shop -l tier=front -o name"), "configmap/settings\n");
    shell.out("delete cm settings -n shop");
    assert!(!shell.run("get cm settings -n shop").status.success());
    shell.out("delete ns shop");
    assert!(!shell.out("get ns").contains("shop"));
}

#[test]
fn a_client_side_apply_settles() {
    let Some(shell) = Shell::open() else { return };
    assert_eq!(shell.out("apply -f -").matches("created").count(), 3);
    assert_eq!(shell.out("apply -f -").matches("unchanged").count(), 3);
    assert!(shell.out("version").contains("Server Version: v1.36"));
    assert!(shell.out("api-resources -o name").lines().any(|name| name == "deployments.apps"));
    assert_eq!(shell.out("auth can-i create deployments"), "yes\n");
}
