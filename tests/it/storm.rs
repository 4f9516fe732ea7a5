//! The engine in a simulated world: a virtual clock, one seed, and everything that can go wrong.
//!
//! Pushes, invalid commits, lost and doubled hints, a repository and a remote that fail, refs that
//! someone else moves, crashes at any step. After every step: nothing runs in a member that no
//! commit held before. After the storm: what runs is what the newest valid commit says, within a
//! bounded time, and then nothing happens any more. `FLEET_SEED=<n>` replays one seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use git_fleet::api::cluster::SyncMode;
use git_fleet::api::names::{ClusterName, ObjectId};
use git_fleet::engine::{
    Effect, Engine, Event, LoadOutcome, News, PlanOutcome, PushOutcome, StatusOutcome, Timing,
};
use jiff::Timestamp;

/// Seeds of one run.
const SEEDS: u64 = 60;
/// Steps of the storm, and of the calm after it.
const STORM: usize = 400;
const CALM: usize = 4_000;

type Work = u32;

/// A source commit: what each member is to run, or nothing when it does not validate.
#[derive(Clone)]
struct Commit {
    works: Option<BTreeMap<ClusterName, Work>>,
}

struct World {
    random: fastrand::Rng,
    now: i64,
    source: Vec<Commit>,
    /// What is in git: the newest results, and every work that any results ever held.
    results: BTreeMap<ClusterName, Work>,
    n_results: u32,
    /// The source commit that the results name.
    anchor: Option<usize>,
    ever_committed: BTreeSet<(ClusterName, Work)>,
    /// What runs.
    live: BTreeMap<ClusterName, Work>,
    reachable: BTreeMap<ClusterName, bool>,
    // The process; lost in a crash.
    engine: Engine,
    loaded: Option<usize>,
    events: VecDeque<(i64, Event)>,
    /// What a connected executor was handed and has not applied yet.
    handed: BTreeMap<ClusterName, Work>,
    connected: BTreeSet<ClusterName>,
    wake: Option<i64>,
    storm: bool,
    n_jobs: usize,
}

fn cluster(n: u32) -> ClusterName {
    ClusterName::new(&format!("member{n}")).expect("a valid name")
}

fn id(n: u32) -> ObjectId {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn engine() -> Engine {
    Engine::new(Timing {
        publish: Duration::from_millis(200),
        status: Duration::from_secs(1),
        first_report: Duration::from_secs(5),
        resync: Duration::from_mins(1),
    })
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: fastrand::Rng::with_seed(seed),
            now: 0,
            source: Vec::new(),
            results: BTreeMap::new(),
            n_results: 0,
            anchor: None,
            ever_committed: BTreeSet::new(),
            live: BTreeMap::new(),
            reachable: BTreeMap::new(),
            engine: engine(),
            loaded: None,
            events: VecDeque::new(),
            handed: BTreeMap::new(),
            connected: BTreeSet::new(),
            wake: None,
            storm: true,
            n_jobs: 0,
        };
        world.push();
        world.send(0, Event::Started);
        world
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    fn fails(&mut self) -> bool {
        self.storm && self.chance(15)
    }

    fn send(&mut self, after: i64, event: Event) {
        self.events.push_back((self.now + after, event));
    }

    /// Somebody pushes: mostly a valid commit, over a varying set of members.
    fn push(&mut self) {
        let works = (!self.chance(20) || self.source.is_empty()).then(|| {
            let n_members = self.random.u32(1..=4);
            (1..=n_members).map(|n| (cluster(n), self.random.u32(0..1_000))).collect()
        });
        self.source.push(Commit { works });
        if !self.fails() {
            self.send(1, Event::SourceMoved);
        }
    }

    fn crash(&mut self) {
        self.engine = engine();
        self.loaded = None;
        self.events.clear();
        self.handed.clear();
        self.connected.clear();
        self.wake = None;
        let after = self.random.i64(0..2_000);
        self.send(after, Event::Started);
    }

    fn perform(&mut self, effect: Effect) {
        let takes = self.random.i64(1..50);
        match effect {
            Effect::Load => {
                self.n_jobs += 1;
                let newest = self.source.len() - 1;
                let commit = id(newest as u32);
                let outcome = if self.fails() {
                    LoadOutcome::Failed
                } else {
                    // After a restart the last good commit stands in for one that does not validate.
                    let good = match (&self.source[newest].works, self.loaded) {
                        (Some(_), _) => Some(newest),
                        (None, None) => self.anchor,
                        (None, Some(_)) => None,
                    };
                    match good.and_then(|good| self.source[good].works.clone().zip(Some(good))) {
                        Some((works, good)) => {
                            self.loaded = Some(good);
                            let members = works.into_keys().map(|name| (name, SyncMode::Push));
                            LoadOutcome::Ready { commit, members: members.collect() }
                        }
                        None => LoadOutcome::Refused { commit },
                    }
                };
                self.send(takes, Event::Loaded(outcome));
            }
            Effect::Plan => {
                self.n_jobs += 1;
                let outcome = match (self.fails(), self.fails()) {
                    (true, true) => PlanOutcome::Moved,
                    (true, false) => PlanOutcome::Failed,
                    (false, _) => self.publish(),
                };
                self.send(takes, Event::Planned(outcome));
            }
            Effect::CommitStatus(clusters) => {
                self.n_jobs += 1;
                let outcome = if self.fails() {
                    StatusOutcome::Failed(clusters)
                } else {
                    StatusOutcome::Committed {
                        changed: self.storm && self.chance(50),
                        pushed: true,
                    }
                };
                self.send(takes, Event::StatusCommitted(outcome));
            }
            Effect::Push => {
                self.n_jobs += 1;
                let outcome = if self.fails() { PushOutcome::Failed } else { PushOutcome::Done };
                self.send(takes, Event::Pushed(outcome));
            }
            Effect::Connect(name) => {
                assert!(self.connected.insert(name.clone()), "{name} is connected already");
                if *self.reachable.entry(name.clone()).or_insert(true) {
                    self.send(takes, Event::Reported(name, News::Member));
                }
            }
            Effect::Disconnect(name) => {
                assert!(self.connected.remove(&name), "{name} is not connected");
                self.handed.remove(&name);
            }
            Effect::Apply { cluster, .. } => {
                assert!(self.connected.contains(&cluster), "{cluster} has no executor");
                let work = self.results[&cluster];
                self.handed.insert(cluster, work);
            }
            Effect::WakeAt(instant) => self.wake = Some(instant.as_millisecond()),
        }
    }

    /// Commits the works of the loaded commit.
    fn publish(&mut self) -> PlanOutcome {
        let loaded = self.loaded.expect("a plan needs a fleet");
        let works = self.source[loaded].works.clone().expect("only valid commits are loaded");
        self.anchor = Some(loaded);
        if works != self.results {
            self.n_results += 1;
            self.ever_committed.extend(works.clone());
            self.results.clone_from(&works);
        }
        let pushed = !self.fails();
        PlanOutcome::InForce {
            results: id(self.n_results),
            pushed,
            works: works.into_iter().map(|(name, work)| (name, id(work))).collect(),
            next: None,
        }
    }

    /// Executors apply what they were handed, when they can.
    fn executors_work(&mut self) {
        for name in self.connected.clone() {
            let can = self.reachable.get(&name).copied().unwrap_or(true);
            if can
                && self.chance(50)
                && let Some(work) = self.handed.remove(&name)
            {
                self.live.insert(name.clone(), work);
                self.send(1, Event::Reported(name, News::Objects));
            }
        }
    }

    fn step(&mut self) {
        let due = self.events.iter().map(|(at, _)| *at).chain(self.wake).min();
        self.now = due.unwrap_or(self.now + 1_000).max(self.now);
        if self.storm {
            match self.random.u32(0..100) {
                0..8 => self.push(),
                8..10 => self.crash(),
                10..14 => {
                    let name = cluster(self.random.u32(1..=4));
                    let up = self.random.bool();
                    self.reachable.insert(name, up);
                }
                14..18 => self.send(0, Event::SourceMoved),
                _ => {}
            }
        }
        let next = self.events.iter().position(|(at, _)| *at <= self.now);
        let event = match next {
            Some(position) => self.events.remove(position).map(|(_, event)| event),
            None if self.wake.is_some_and(|wake| wake <= self.now) => {
                self.wake = None;
                Some(Event::Woke)
            }
            None => None,
        };
        if let Some(event) = event {
            let now = Timestamp::from_millisecond(self.now).expect("a small instant");
            for effect in self.engine.step(event, now) {
                self.perform(effect);
            }
        }
        self.executors_work();
        for (name, work) in &self.live {
            assert!(
                self.ever_committed.contains(&(name.clone(), *work)),
                "{name} runs {work}, which no commit ever held"
            );
        }
    }

    /// What the newest valid commit wants of each member.
    fn wanted(&self) -> BTreeMap<ClusterName, Work> {
        let newest = self.source.last().expect("there is one from the start");
        // A refused commit at the tip holds the last good one that was loaded in force.
        match &newest.works {
            Some(works) => works.clone(),
            None => self.results.clone(),
        }
    }
}

#[test]
fn the_fleet_converges_after_any_storm() {
    let one = std::env::var("FLEET_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let mut world = World::new(seed);
        for _ in 0..STORM {
            world.step();
        }
        world.storm = false;
        for up in world.reachable.values_mut() {
            *up = true;
        }
        for _ in 0..CALM {
            world.step();
        }
        for (name, work) in world.wanted() {
            let live = world.live.get(&name);
            assert_eq!(live, Some(&work), "{name}; replay with FLEET_SEED={seed}");
        }
        let before = (world.n_results, world.n_jobs, world.now);
        for _ in 0..200 {
            world.step();
        }
        assert_eq!(world.n_results, before.0, "results are quiet; FLEET_SEED={seed}");
        let minutes = (world.now - before.2) / 60_000 + 2;
        let n_jobs = (world.n_jobs - before.1) as i64;
        assert!(
            n_jobs <= 2 * minutes,
            "{n_jobs} jobs in {minutes} quiet minutes; FLEET_SEED={seed}"
        );
    }
}
