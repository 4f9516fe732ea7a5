//! Kubeconfigs that lead to another cluster than they should.

use std::process::Output;

use git_fleet::sim::{Host, MemberSpec};

use super::running::{Running, until};
use super::{approve, run};
use crate::store::git::{commit, git, init};

const APPLY: [&str; 3] = ["apply", "--credentials", "../credentials"];

/// A fleet of two members, and what its kubeconfigs lead to.
struct Pair {
    dir: tempfile::TempDir,
    host: Host,
}

impl Pair {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::start(["one", "two"].map(MemberSpec::new).into()).unwrap();
        std::fs::create_dir(dir.path().join("credentials")).unwrap();
        init(&dir.path().join("fleet"));
        Self { dir, host }
    }

    /// Has the kubeconfig of `cluster` lead to `server`.
    fn lead(&self, cluster: &str, server: &str) {
        let path = self.dir.path().join("credentials").join(format!("{cluster}.yaml"));
        std::fs::write(path, self.host.kubeconfig(server).unwrap()).unwrap();
    }

    /// Commits the two registrations, and a ConfigMap with this text on `clusters`.
    fn commit(&self, ids: [&str; 2], clusters: &str, text: &str) {
        let registration = |name: &str, id: &str| {
            format!(
                "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {{name: {name}}}
spec: {{syncMode: Push, id: \"{id}\"}}
---
"
            )
        };
        let source = format!(
            "{}{}apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {{name: all, namespace: default}}
spec:
  resourceSelectors: [{{apiVersion: v1, kind: ConfigMap}}]
  placement: {{clusterAffinity: {{clusterNames: {clusters}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: greeting, namespace: default}}
data: {{text: {text}}}
",
            registration("one", ids[0]),
            registration("two", ids[1]),
        );
        commit(&self.dir.path().join("fleet"), &[("fleet/all.yaml", &source)]);
    }

    fn apply(&self) -> (Option<i32>, String) {
        let Output { status, stderr, .. } = run(&self.dir.path().join("fleet"), &APPLY);
        (status.code(), String::from_utf8(stderr).unwrap())
    }

    /// What has been written to each server.
    fn writes(&self) -> [u64; 2] {
        ["one", "two"].map(|name| self.host.requests(name).unwrap().writes())
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.dir.path().join("fleet"), arguments)
    }
}

#[test]
fn a_restart_asks_which_cluster_it_is_and_records_nothing_anew() {
    let pair = Pair::new();
    pair.lead("one", "one");
    pair.lead("two", "two");
    pair.commit(["", ""], "[one, two]", "hello");
    assert_eq!(pair.apply().0, Some(0));
    let record = pair.git(&["show", "fleet/results:clusters/one.yaml"]);
    let status = record.split("status:").nth(1).unwrap();
    assert!(status.contains("  id: "), "{record}");
    let refs = || pair.git(&["for-each-ref", "refs/heads/fleet"]);
    let gets = || pair.host.requests("one").unwrap().of("get");
    let before = (refs(), pair.writes(), gets());
    assert_eq!(pair.apply().0, Some(0));
    assert_eq!((refs(), pair.writes()), (before.0, before.1));
    assert_eq!(gets(), before.2 + 1);
}

#[test]
fn swapped_kubeconfigs_place_nothing_until_a_person_says_that_they_are_meant() {
    let pair = Pair::new();
    pair.lead("one", "one");
    pair.lead("two", "two");
    pair.commit(["", ""], "[one]", "hello");
    assert_eq!(pair.apply().0, Some(0));
    let before = pair.writes();
    pair.lead("one", "two");
    pair.lead("two", "one");
    pair.commit(["", ""], "[two]", "hi");
    let (code, told) = pair.apply();
    assert_eq!(code, Some(4), "{told}");
    assert_eq!(pair.writes(), before, "{told}");
    let ids = ["one", "two"].map(|cluster| {
        let mut lines = told.lines();
        let start = format!("cluster {cluster}: CLUSTER_IDENTITY_CHANGED ");
        let line = lines.find(|line| line.contains(&start)).unwrap_or_else(|| panic!("{told}"));
        let (_, id) = line.split_once("`spec.id: ").unwrap();
        id.split('`').next().unwrap().to_owned()
    });
    assert!(told.contains(&format!("{}, and the recorded one has {}", ids[0], ids[1])), "{told}");

    // The right kubeconfigs again.
    pair.lead("one", "one");
    pair.lead("two", "two");
    let (code, told) = pair.apply();
    assert_eq!(code, Some(0), "{told}");
    let before = pair.writes();
    pair.lead("one", "two");
    pair.lead("two", "one");
    pair.commit([&ids[0], &ids[1]], "[one]", "good day");
    let (code, told) = pair.apply();
    assert_eq!(code, Some(0), "{told}");
    assert!(pair.writes()[1] > before[1], "one is the second server now");
    pair.commit(["", ""], "[one]", "hey");
    assert_eq!(pair.apply().0, Some(0), "what a person said is recorded");
}

#[test]
fn two_registrations_of_one_cluster_do_not_remove_what_the_other_one_placed() {
    let pair = Pair::new();
    pair.lead("one", "one");
    pair.lead("two", "one");
    pair.commit(["", ""], "[one, two]", "hello");
    let (code, told) = pair.apply();
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("cluster two: CLUSTER_DUPLICATE "), "{told}");
    assert!(!told.contains("cluster one: "), "{told}");
    let before = pair.writes();
    assert_ne!(before[0], 0);
    pair.commit(["", ""], "[one]", "hello");
    let (_, told) = pair.apply();
    assert!(told.contains("cluster two: CLUSTER_DUPLICATE "), "{told}");
    assert_eq!(pair.writes(), before, "{told}");

    // A name that comes first does not push out the one that has the cluster.
    pair.git(&["branch", "-D", "fleet/status/one"]);
    pair.lead("one", "two");
    pair.lead("two", "two");
    let (_, told) = pair.apply();
    assert!(told.contains("cluster two: CLUSTER_DUPLICATE "), "{told}");
    pair.lead("two", "one");
    let (code, told) = pair.apply();
    assert_eq!(code, Some(0), "{told}");
    pair.git(&["branch", "-D", "fleet/status/one"]);
    pair.lead("one", "one");
    let (_, told) = pair.apply();
    assert!(told.contains("cluster one: CLUSTER_DUPLICATE "), "{told}");
}

#[test]
fn an_agent_stays_with_the_cluster_that_its_status_names() {
    let pair = Pair::new();
    let source = super::FLEET.replace("Push", "Pull");
    commit(&pair.dir.path().join("fleet"), &[("fleet/all.yaml", &source)]);
    pair.lead("one", "one");
    assert_eq!(pair.apply().0, Some(0));
    let agent = |said: &str| {
        let files = pair.dir.path().join(said);
        let verb =
            ["agent", "--remote", ".", "--cluster", "one", "--credentials", "../credentials"];
        Running::start(&pair.dir.path().join("fleet"), &files, &verb)
    };
    let mut right = agent("right");
    let is_recorded = || {
        let branch = pair.git(&["for-each-ref", "refs/heads/fleet/status/one"]);
        let status = || pair.git(&["ls-tree", "-r", "--name-only", "fleet/status/one"]);
        !branch.is_empty() && status().contains("objects/")
    };
    until("its report", is_recorded, || right.errors());
    right.kill();
    let status = pair.git(&["show", "fleet/status/one:cluster.yaml"]);
    assert!(status.contains("  id: "), "{status}");
    let before = pair.writes();
    assert_ne!(before[0], 0);

    pair.lead("one", "two");
    let wrong = agent("wrong");
    wrong.wait("its refusal", |said| said.contains("CLUSTER_IDENTITY_CHANGED "));
    let is_told = || {
        let status = pair.git(&["show", "fleet/status/one:cluster.yaml"]);
        status.contains("ClusterIdentityChanged")
    };
    until("its report", is_told, || wrong.errors());
    assert!(wrong.errors().contains("delete the branch refs/heads/fleet/status/one"));
    assert_eq!(pair.writes(), before);
}

/// One cluster under two names, the second of them run by an agent: what leaves the second name would be
/// removed from under the first.
#[test]
fn an_agent_writes_nothing_to_a_cluster_that_belongs_to_another_registration() {
    let pair = Pair::new();
    pair.lead("one", "one");
    pair.lead("two", "one");
    let commit = |members: &[(&str, &str)], clusters: &str| {
        let registration = |(name, mode): &(&str, &str)| {
            format!(
                "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {{name: {name}}}
spec: {{syncMode: {mode}}}
---
"
            )
        };
        let members: String = members.iter().map(registration).collect();
        let source = format!(
            "{members}apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {{name: all, namespace: default}}
spec:
  resourceSelectors: [{{apiVersion: v1, kind: ConfigMap}}]
  placement: {{clusterAffinity: {{clusterNames: {clusters}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: greeting, namespace: default}}
"
        );
        commit(&pair.dir.path().join("fleet"), &[("fleet/all.yaml", &source)]);
    };
    let both = [("one", "Push"), ("two", "Pull")];
    commit(&both, "[one, two]");
    assert_eq!(pair.apply().0, Some(0));
    let verb = [
        ["agent", "--log-level", "info", "--remote", ".", "--cluster", "two"].as_slice(),
        &["--credentials", "../credentials"],
    ]
    .concat();
    let files = pair.dir.path().join("agent");
    let agent = Running::start(&pair.dir.path().join("fleet"), &files, &verb);
    let status = || pair.git(&["for-each-ref", "refs/heads/fleet/status/two"]);
    let is_known = || {
        !status().is_empty()
            && pair.git(&["show", "fleet/status/two:cluster.yaml"]).contains("  id: ")
    };
    until("its report", is_known, || agent.errors());

    // What it reported says whose cluster it is.
    assert_eq!(pair.apply().0, Some(0));
    agent.wait("its refusal", |said| said.contains("CLUSTER_DUPLICATE "));
    let is_told =
        || pair.git(&["show", "fleet/status/two:cluster.yaml"]).contains("ClusterDuplicate");
    until("its report", is_told, || agent.errors());
    let before = pair.writes();
    let n_works = agent.errors().matches("new work").count();
    commit(&both, "[one]");
    assert_eq!(pair.apply().0, Some(0));
    agent.wait("its new work", |said| said.matches("new work").count() > n_works);
    assert_eq!(pair.writes(), before, "{}", agent.errors());

    // Once the cluster is its own, it does what its work says: nothing is left of it there.
    commit(&[("two", "Pull")], "[one]");
    let fleet = pair.dir.path().join("fleet");
    approve(&fleet, &run(&fleet, &APPLY));
    assert_eq!(pair.apply().0, Some(0));
    until("its turn", || pair.writes() != before, || agent.errors());
}
