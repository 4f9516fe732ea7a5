//! The ledger over real repositories: what a run leaves in git.

use std::path::{Path, PathBuf};

use git_fleet::api::cluster::{ApiEnablement, ApiResource, ClusterStatus};
use git_fleet::api::condition::{Condition, ConditionStatus};
use git_fleet::api::manifest::ObjectKey;
use git_fleet::api::names::ClusterName;
use git_fleet::daemon::ledger::{Ledger, Overrides, Planned, Reach};
use git_fleet::member::{AppliedRound, MemberReport};
use git_fleet::store::Location;
use jiff::{SignedDuration, Timestamp};

use crate::store::git::{commit, git, init, init_bare};

const CLUSTER: &str = "apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
";

const POLICY: &str = "apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: all, namespace: web}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]
  placement: {clusterAffinity: {clusterNames: [one]}}
";

/// A repository with a work tree, and a clock.
struct World {
    dir: tempfile::TempDir,
    repository: PathBuf,
    now: Timestamp,
}

fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: web}}\ndata: {{k: '{value}'}}\n"
    )
}

fn settings(spec: &str) -> String {
    format!("apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\nspec: {spec}\n")
}

impl World {
    fn new(spec: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec.replace("DIR", dir.path().to_str().unwrap());
        let repository = init(&dir.path().join("fleet"));
        let files =
            [("one.yaml", CLUSTER), ("policy.yaml", POLICY), ("fleet.yaml", &settings(&spec))];
        commit(&repository, &files);
        Self { dir, repository, now: Timestamp::from_second(1_800_000_000).unwrap() }
    }

    fn open(&self) -> Ledger {
        let location = Location::from(self.repository.as_path());
        Ledger::open(&location, Path::new("/nonexistent"), Overrides::default()).unwrap()
    }

    /// One turn of the loop, this long after the last one.
    fn plan(&mut self, ledger: &mut Ledger, after: SignedDuration) -> Planned {
        self.now += after;
        let loaded = ledger.load().unwrap();
        assert!(loaded.is_valid(), "{:?}", loaded.problems);
        ledger.plan(self.now).unwrap().map_err(|hold| hold.reason).unwrap()
    }

    fn n_commits(&self, branch: &str) -> usize {
        git(&self.repository, &["rev-list", "--count", branch]).parse().unwrap()
    }

    fn root_of(&self, branch: &str) -> String {
        git(&self.repository, &["log", "--max-parents=0", "--format=%B", branch])
    }
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[test]
fn long_branches_start_afresh_and_lose_nothing() {
    let mut world = World::new("{history: {maxCommits: 3}}");
    commit(&world.repository, &[("gone.yaml", &config_map("gone", "0"))]);
    let mut ledger = world.open();
    world.plan(&mut ledger, MINUTE);
    std::fs::remove_file(world.repository.join("gone.yaml")).unwrap();
    let mut n_afresh = 0;
    for n in 0..8 {
        commit(&world.repository, &[("kept.yaml", &config_map("kept", &n.to_string()))]);
        let before = world.n_commits("fleet/results");
        let planned = world.plan(&mut ledger, MINUTE);
        for branch in ["fleet/results", "fleet/work/one"] {
            assert!(world.n_commits(branch) <= 3, "{branch} after {n}");
        }
        let tip = git(&world.repository, &["rev-parse", "fleet/results"]);
        assert_eq!(planned.results.to_string(), tip);
        n_afresh += usize::from(world.n_commits("fleet/results") <= before);
    }
    assert!(n_afresh >= 3, "{n_afresh}");
    assert!(world.root_of("fleet/results").contains("Fleet-Checkpoint-Of: "));
    assert!(world.root_of("fleet/work/one").contains("Fleet-Checkpoint-Of: "));
    let work = git(&world.repository, &["rev-parse", "fleet/work/one^{tree}"]);
    assert_eq!(work, git(&world.repository, &["rev-parse", "fleet/results:work/one"]));

    // A controller that starts now counts what it finds, and knows what earlier works held.
    let mut ledger = world.open();
    let planned = world.plan(&mut ledger, MINUTE);
    let one = ClusterName::new("one").unwrap();
    let gone = ObjectKey::from_path("web/ConfigMap/gone").unwrap();
    assert!(ledger.desired(&one, &planned.plan).held.contains(&gone));
    for n in 8..11 {
        commit(&world.repository, &[("kept.yaml", &config_map("kept", &n.to_string()))]);
        world.plan(&mut ledger, MINUTE);
        assert!(world.n_commits("fleet/results") <= 3);
    }
}

#[test]
fn old_branches_start_afresh_with_their_next_change_only() {
    let mut world = World::new("{history: {maxAge: 1d}}");
    let mut ledger = world.open();
    for n in 0..3 {
        commit(&world.repository, &[("kept.yaml", &config_map("kept", &n.to_string()))]);
        world.plan(&mut ledger, MINUTE);
    }
    assert_eq!(world.n_commits("fleet/results"), 3);
    let tip = git(&world.repository, &["rev-parse", "fleet/results"]);
    world.plan(&mut ledger, SignedDuration::from_hours(30));
    assert_eq!(git(&world.repository, &["rev-parse", "fleet/results"]), tip, "nothing to write");
    commit(&world.repository, &[("kept.yaml", &config_map("kept", "3"))]);
    world.plan(&mut ledger, MINUTE);
    assert_eq!(world.n_commits("fleet/results"), 2);
    assert!(world.root_of("fleet/results").contains(&format!("Fleet-Checkpoint-Of: {tip}")));
}

#[test]
fn status_branches_start_afresh_too() {
    let mut world = World::new("{history: {maxCommits: 3}}");
    let mut ledger = world.open();
    world.plan(&mut ledger, MINUTE);
    let one = ClusterName::new("one").unwrap();
    for n in 0..6 {
        let status =
            ClusterStatus { kubernetes_version: format!("v1.3{n}.0"), ..ClusterStatus::default() };
        ledger.absorb(&one, MemberReport::Cluster(one.clone(), status));
        world.now += MINUTE;
        assert!(ledger.commit_statuses(std::slice::from_ref(&one), world.now).unwrap().changed);
        assert!(world.n_commits("fleet/status/one") <= 3);
    }
    assert!(world.root_of("fleet/status/one").contains("Fleet-Checkpoint-Of: "));
    let file = git(&world.repository, &["show", "fleet/status/one:cluster.yaml"]);
    assert!(file.contains("v1.35.0"), "{file}");
}

#[test]
fn a_server_that_forbids_it_keeps_its_long_branches() {
    let mut world = World::new("{history: {maxCommits: 3}}");
    git(&world.repository, &["config", "receive.denyNonFastForwards", "true"]);
    let mut ledger = world.open_remote("state");
    let mut n_refused = 0;
    for n in 0..6 {
        commit(&world.repository, &[("kept.yaml", &config_map("kept", &n.to_string()))]);
        world.now += MINUTE;
        ledger.load().unwrap();
        if ledger.plan(world.now).is_err() {
            n_refused += 1;
            world.plan(&mut ledger, MINUTE);
        }
    }
    assert_eq!((n_refused, world.n_commits("fleet/results")), (1, 6));
}

#[test]
fn a_fleet_goes_on_while_its_only_remote_is_away() {
    let mut world = World::new("{}");
    let mut ledger = world.open_remote("state");
    world.plan(&mut ledger, MINUTE);
    commit(&world.repository, &[("kept.yaml", &config_map("kept", "0"))]);
    assert!(ledger.load().unwrap().is_valid());
    let away = world.dir.path().join("away");
    std::fs::rename(&world.repository, &away).unwrap();
    let planned = ledger.plan(world.now).unwrap().map_err(|hold| hold.reason).unwrap();
    assert!(!planned.pushed);
    report(&mut world, &mut ledger, "v1.36.0");
    assert_eq!(ledger.push().unwrap(), Reach::HereOnly);
    std::fs::rename(&away, &world.repository).unwrap();
    assert_eq!(ledger.push().unwrap(), Reach::Everywhere);
    let tip = git(&world.repository, &["rev-parse", "fleet/results"]);
    assert_eq!(tip, planned.results.to_string());
    let file = git(&world.repository, &["show", "fleet/status/one:cluster.yaml"]);
    assert!(file.contains("v1.36.0"), "{file}");
}

/// The fleet of [`World`] behind a remote, and three more repositories for what is written.
const ELSEWHERE: &str = "{remotes: {results: 'file://DIR/results.git', work: 'file://DIR/work.git', status: 'file://DIR/status.git'}}";

impl World {
    fn elsewhere() -> (Self, [PathBuf; 3]) {
        let world = Self::new(ELSEWHERE);
        let path = world.dir.path();
        let others =
            ["results", "work", "status"].map(|name| init_bare(&path.join(format!("{name}.git"))));
        (world, others)
    }

    fn open_remote(&self, state: &str) -> Ledger {
        let url = format!("file://{}", self.repository.display());
        let state = self.dir.path().join(state);
        Ledger::open(&url.parse().unwrap(), &state, Overrides::default()).unwrap()
    }
}

fn refs(repository: &Path) -> Vec<String> {
    let listed = git(repository, &["for-each-ref", "--format=%(refname)"]);
    listed.lines().map(str::to_owned).collect()
}

fn report(world: &mut World, ledger: &mut Ledger, version: &str) {
    let one = ClusterName::new("one").unwrap();
    let status =
        ClusterStatus { kubernetes_version: version.to_owned(), ..ClusterStatus::default() };
    ledger.absorb(&one, MemberReport::Cluster(one.clone(), status));
    world.now += MINUTE;
    ledger.commit_statuses(&[one], world.now).unwrap();
}

#[test]
fn results_work_and_status_go_where_the_settings_say() {
    // The source as a path, opened in place, and as a remote.
    for is_remote in [false, true] {
        let (mut world, [results, work, status]) = World::elsewhere();
        let before = refs(&world.repository);
        let mut ledger = if is_remote { world.open_remote("state") } else { world.open() };
        commit(&world.repository, &[("kept.yaml", &config_map("kept", "0"))]);
        let planned = world.plan(&mut ledger, MINUTE);
        assert!(planned.pushed);
        ledger.note_plan(&planned.plan, &planned.diff, planned.results, world.now).unwrap();
        report(&mut world, &mut ledger, "v1.36.0");
        assert_eq!(refs(&results), ["refs/heads/fleet/results", "refs/notes/fleet"]);
        assert_eq!(refs(&work), ["refs/heads/fleet/work/one"]);
        assert_eq!(refs(&status), ["refs/heads/fleet/status/one"]);
        let seen =
            refs(&world.repository).into_iter().filter(|name| !name.starts_with("refs/remote-"));
        assert_eq!(seen.collect::<Vec<_>>(), before, "nothing of it in the source's own");

        // The next controller finds it all, with or without the clone of the first.
        let mut ledger = if is_remote { world.open_remote("state2") } else { world.open() };
        let again = world.plan(&mut ledger, MINUTE);
        let reread = world.plan(&mut ledger, MINUTE);
        assert_eq!(again.results, reread.results);
        let log = git(&results, &["rev-list", "--parents", "fleet/results"]);
        assert!(log.contains(&planned.results.to_string()), "{log}");
        let one = ClusterName::new("one").unwrap();
        let reported = ledger.reported(std::slice::from_ref(&one)).unwrap();
        assert_eq!(reported[&one].cluster.kubernetes_version, "v1.36.0");
    }
}

#[test]
fn work_waits_for_the_record_and_status_does_not() {
    let (mut world, [results, work, status]) = World::elsewhere();
    let mut ledger = world.open();
    world.plan(&mut ledger, MINUTE);
    let shown = git(&work, &["rev-parse", "fleet/work/one"]);
    let away = world.dir.path().join("away.git");
    std::fs::rename(&results, &away).unwrap();
    commit(&world.repository, &[("kept.yaml", &config_map("kept", "0"))]);
    let planned = world.plan(&mut ledger, MINUTE);
    assert!(!planned.pushed);
    assert_eq!(git(&work, &["rev-parse", "fleet/work/one"]), shown);
    report(&mut world, &mut ledger, "v1.36.0");
    assert_eq!(refs(&status), ["refs/heads/fleet/status/one"]);
    std::fs::rename(&away, &results).unwrap();
    assert_eq!(ledger.push().unwrap(), Reach::Everywhere);
    assert_eq!(git(&results, &["rev-parse", "fleet/results"]), planned.results.to_string());
    let tree = git(&results, &["rev-parse", "fleet/results:work/one"]);
    assert_eq!(git(&work, &["rev-parse", "fleet/work/one^{tree}"]), tree);
}

#[test]
fn an_address_that_cannot_be_used_is_a_problem() {
    let world =
        World::new("{remotes: {work: 'https://me:secret@example.com/w.git', status: ../status}}");
    let loaded = world.open().load().unwrap();
    let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let told = told.join("\n");
    assert!(!loaded.is_valid());
    assert!(told.contains("fleet.yaml:3:24: error[SETTINGS_REMOTE]: spec.remotes.work"), "{told}");
    assert!(told.contains("spec.remotes.status"), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

/// An executor's word that the newest work is in force with nothing left over.
fn settle(world: &mut World, ledger: &mut Ledger, planned: &Planned) {
    let one = ClusterName::new("one").unwrap();
    let work = ledger.desired(&one, &planned.plan);
    let round = AppliedRound {
        source: work.source,
        commit: work.commit,
        is_settled: true,
        n_applied: 1,
        n_repaired: 0,
        n_failed: 0,
        n_pruned: work.held.len(),
        released: work.held.into_iter().collect(),
        n_prune_held: 0,
        kept: Vec::new(),
    };
    ledger.release(&one, &round.released);
    let status = ClusterStatus {
        api_enablements: vec![ApiEnablement {
            group_version: "v1".to_owned(),
            resources: vec![ApiResource {
                name: "configmaps".to_owned(),
                kind: "ConfigMap".to_owned(),
            }],
        }],
        conditions: vec![Condition {
            type_: "Ready".to_owned(),
            status: ConditionStatus::True,
            observed_generation: None,
            last_transition_time: world.now,
            reason: "ClusterReady".to_owned(),
            message: String::new(),
        }],
        ..ClusterStatus::default()
    };
    ledger.absorb(&one, MemberReport::Cluster(one.clone(), status));
    ledger.absorb(&one, MemberReport::Applied(one.clone(), round));
    world.now += MINUTE;
    ledger.commit_statuses(&[one], world.now).unwrap();
}

/// Work may come back to what it was, by a revert. What was there in between is remembered until
/// an executor has settled the work since then, not the work that looked the same before.
#[test]
fn what_a_revert_took_away_is_remembered_over_a_restart() {
    let mut world = World::new("{}");
    let one = ClusterName::new("one").unwrap();
    let held = |world: &mut World, ledger: &mut Ledger| -> Vec<String> {
        let planned = world.plan(ledger, MINUTE);
        ledger.desired(&one, &planned.plan).held.iter().map(ObjectKey::to_string).collect()
    };
    let mut ledger = world.open();
    commit(&world.repository, &[("kept.yaml", &config_map("kept", "0"))]);
    let first = world.plan(&mut ledger, MINUTE);
    settle(&mut world, &mut ledger, &first);
    // Applied, and the controller ends before it says so.
    commit(&world.repository, &[("brief.yaml", &config_map("brief", "0"))]);
    world.plan(&mut ledger, MINUTE);
    git(&world.repository, &["revert", "--no-edit", "HEAD"]);
    world.plan(&mut ledger, MINUTE);

    let mut ledger = world.open();
    let again = held(&mut world, &mut ledger);
    assert_eq!(again.len(), 1, "{again:?}");
    assert!(again[0].contains("brief"), "{again:?}");
    let planned = world.plan(&mut ledger, MINUTE);
    settle(&mut world, &mut ledger, &planned);

    let mut ledger = world.open();
    assert_eq!(held(&mut world, &mut ledger), [""; 0]);
    let planned = world.plan(&mut ledger, MINUTE);
    let n_commits = world.n_commits("fleet/status/one");
    settle(&mut world, &mut ledger, &planned);
    assert_eq!(world.n_commits("fleet/status/one"), n_commits, "there is nothing new to say");
}

/// A registration may be switched to push: what the agent had and nobody has pruned yet is the
/// controller's to prune from then on.
#[test]
fn what_an_agent_left_is_remembered_when_the_controller_takes_over() {
    let mut world = World::new("{}");
    let one = ClusterName::new("one").unwrap();
    let pull = CLUSTER.replace("Push", "Pull");
    commit(&world.repository, &[("one.yaml", &pull), ("brief.yaml", &config_map("brief", "0"))]);
    let mut ledger = world.open();
    world.plan(&mut ledger, MINUTE);
    git(&world.repository, &["rm", "-q", "brief.yaml"]);
    commit(&world.repository, &[("kept.yaml", &config_map("kept", "0"))]);
    world.plan(&mut ledger, MINUTE);
    commit(&world.repository, &[("one.yaml", CLUSTER)]);
    let planned = world.plan(&mut ledger, MINUTE);
    let held = ledger.desired(&one, &planned.plan).held;
    assert_eq!(held.len(), 1, "{held:?}");
}
