//! While nothing changes, nothing is written: the whole controller, for ten hours of a clock that the test
//! moves.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use git_fleet::daemon::controller::{self, Terms, Until};
use git_fleet::daemon::credentials::Credentials;
use git_fleet::daemon::ledger::{Ledger, Overrides};
use git_fleet::engine::Timing;
use git_fleet::member::Options;
use git_fleet::member::kubeconfig::Allow;
use git_fleet::sim::{Host, MemberSpec};
use git_fleet::store::Location;
use jiff::Timestamp;

use crate::store::git::{commit, git, init};

const MEMBERS: [&str; 2] = ["one", "two"];

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
metadata: {name: all, namespace: web}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}, {apiVersion: v1, kind: Service}]
  placement:
    replicaScheduling:
      replicaSchedulingType: Divided
      replicaDivisionPreference: Weighted
      weightPreference: {dynamicWeight: AvailableReplicas}
---
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'registry.example.com/shop:v1', resources: {requests: {cpu: 100m}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: web}
spec: {selector: {app: shop}, ports: [{port: 80}]}
";

/// Seconds of Unix time that the daemon believes in.
static NOW: AtomicI64 = AtomicI64::new(1_800_000_000);

fn now() -> Timestamp {
    Timestamp::from_second(NOW.load(Ordering::SeqCst)).expect("a time of this century")
}

/// Moves both clocks, and leaves everything real the time to answer: sockets, the members' own thread, git.
async fn pass(host: &Host, seconds: u64) {
    NOW.fetch_add(seconds as i64, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(seconds)).await;
    for _ in 0..4 {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        // However busy the machine is: their thread has had its turn when it answers.
        asked(host);
        std::thread::sleep(Duration::from_micros(250));
    }
}

/// What must stand still: the tips of all branches and notes, and what was written to each member.
fn written(repository: &Path, host: &Host) -> (String, [u64; 2]) {
    let refs = git(repository, &["for-each-ref", "--format=%(refname) %(objectname)"]);
    (refs, MEMBERS.map(|name| host.requests(name).unwrap().writes()))
}

fn asked(host: &Host) -> [u64; 2] {
    MEMBERS.map(|name| host.requests(name).unwrap().by_verb.values().sum())
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn ten_quiet_hours_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(MEMBERS.map(MemberSpec::new).into()).unwrap();
    let credentials = dir.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    for name in MEMBERS {
        let kubeconfig = host.kubeconfig(name).unwrap();
        std::fs::write(credentials.join(format!("{name}.yaml")), kubeconfig).unwrap();
    }
    let repository = init(&dir.path().join("fleet"));
    commit(&repository, &[("fleet/all.yaml", FLEET)]);
    let location = Location::from(repository.as_path());
    let ledger = Ledger::open(&location, dir.path(), Overrides::default()).unwrap();
    let terms = Terms {
        options: Options::default(),
        timing: Timing {
            publish: Duration::ZERO,
            status: Duration::from_secs(1),
            first_report: Duration::from_secs(5),
            resync: Duration::from_mins(10),
        },
        poll: Duration::from_secs(15),
        until: Until::Stopped,
        clock: now,
    };
    let credentials = Credentials::new(&credentials, Allow::default());
    let run = tokio::spawn(controller::run(ledger, credentials, terms, |_| {}));

    // A minute without news: what the pods did is reported by then.
    let (mut last, mut n_quiet) = (written(&repository, &host), 0);
    for n in 0.. {
        assert!(n < 3_000, "it never settles: {last:?}");
        pass(&host, 1).await;
        let new = written(&repository, &host);
        n_quiet = if new == last { n_quiet + 1 } else { 0 };
        last = new;
        if n_quiet == 60 && last.1.iter().all(|writes| *writes > 0) {
            break;
        }
    }
    let status =
        git(&repository, &["show", "fleet/results:bindings/web/Deployment.apps/shop.yaml"]);
    assert!(status.contains("readyReplicas: 3"), "{status}");

    let asked_before = asked(&host);
    for _ in 0..10 * 60 * 60 / 2 {
        pass(&host, 2).await;
    }
    assert!(!run.is_finished());
    assert_eq!(written(&repository, &host), last);
    // It did look: at each cluster every ten seconds, and at what it serves every minute.
    for (before, after) in asked_before.into_iter().zip(asked(&host)) {
        assert!(after - before > 3_000, "{before} {after}");
    }
    run.abort();
}
