//! Any fleet that validates, and how it goes on, made from any bytes: for the fuzz target and for
//! the property tests. Include it with `#[path = "…/any_fleet.rs"] mod any_fleet;`.

#[path = "any_fleet/documents.rs"]
mod documents;
#[path = "any_fleet/members.rs"]
mod members;

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use git_fleet::api::names::ClusterName;
use git_fleet::api::placement::ReplicaSchedulingType;
use git_fleet::api::problem::Severity;
use git_fleet::api::report::ClusterReport;
use git_fleet::fleet::{Fleet, parse_file};
use git_fleet::interpret::Bundled;
use git_fleet::plan::{Inputs, Memo, Plan, Previous, blob_id, make};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The names that clusters have.
const CLUSTERS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// Most steps of one story: enough for what one leaves to meet what others do.
const STEPS_MAX: usize = 12;

/// A source, what its clusters report, and the time.
struct World {
    clusters: BTreeMap<&'static str, Value>,
    templates: BTreeMap<usize, Value>,
    policies: BTreeMap<usize, Value>,
    /// Settings and classes.
    others: BTreeMap<&'static str, Value>,
    reports: BTreeMap<ClusterName, Arc<ClusterReport>>,
    now: Timestamp,
}

impl World {
    fn any(u: &mut Unstructured<'_>) -> Result<Self> {
        let mut world = Self {
            clusters: BTreeMap::new(),
            templates: BTreeMap::new(),
            policies: BTreeMap::new(),
            others: BTreeMap::new(),
            reports: BTreeMap::new(),
            now: "2026-06-01T12:00:00Z".parse().expect("it is a time"),
        };
        for name in &CLUSTERS[..u.int_in_range(0..=CLUSTERS.len())?] {
            world.clusters.insert(name, documents::cluster(u, name)?);
            if u.ratio(4, 5)? {
                let report = members::report(u, None)?;
                world.reports.insert(name.parse().expect("it is a name"), Arc::new(report));
            }
        }
        for n in 0..u.int_in_range(0..=6)? {
            world.templates.insert(n, documents::template(u, n)?);
        }
        for n in 0..u.int_in_range(0..=3)? {
            world.policies.insert(n, documents::policy(u, n)?);
        }
        world.others.insert("gold", documents::priority_class(u)?);
        Ok(world)
    }

    /// One thing changes, and some time goes by.
    fn step(&mut self, u: &mut Unstructured<'_>, previous: &Previous) -> Result<()> {
        let seconds = *u.choose(&[0, 1, 60, 299, 300, 3_600])?;
        self.now += SignedDuration::from_secs(seconds);
        let name = *u.choose(&CLUSTERS)?;
        let cluster: ClusterName = name.parse().expect("it is a name");
        let is_gone = u.ratio(1, 5)?;
        match u.int_in_range(0..=7)? {
            0 => {
                let n = u.int_in_range(0..=6)?;
                change(&mut self.templates, n, is_gone, || documents::template(u, n))?;
            }
            1 => {
                let n = u.int_in_range(0..=3)?;
                change(&mut self.policies, n, is_gone, || documents::policy(u, n))?;
            }
            2 => change(&mut self.clusters, name, is_gone, || documents::cluster(u, name))?,
            3 => {
                change(&mut self.others, "gold", is_gone, || documents::priority_class(u))?;
            }
            4 => change(&mut self.others, "fleet.yaml", is_gone, || documents::settings(u))?,
            5 => {
                let old = self.reports.get(&cluster).cloned();
                let new = || Ok(Arc::new(members::report(u, old.as_deref())?));
                change(&mut self.reports, cluster, is_gone, new)?;
            }
            _ => {
                if let Some(report) = self.reports.get_mut(&cluster) {
                    members::report_object(u, Arc::make_mut(report), &cluster, previous)?;
                }
            }
        }
        Ok(())
    }

    /// `None` when it does not validate.
    fn fleet(&self) -> Option<Fleet> {
        let documents = self.clusters.values().chain(self.templates.values());
        let documents = documents.chain(self.policies.values()).chain(self.others.get("gold"));
        let texts: Vec<String> = documents.map(ToString::to_string).collect();
        let text = texts.join("\n---\n");
        let mut files = vec![file("any.yaml", &text)];
        files.extend(self.others.get("fleet.yaml").map(|one| file("fleet.yaml", &one.to_string())));
        let (fleet, problems) = Fleet::assemble(blob_id(text.as_bytes()), &files);
        let is_valid = problems.iter().all(|problem| problem.severity != Severity::Error);
        is_valid.then_some(fleet)
    }

    fn plan(&self, fleet: &Fleet, previous: &Previous, memo: &mut Memo) -> Plan {
        let (reports, interpreter, now) = (&self.reports, &Bundled, self.now);
        make(&Inputs { fleet, reports, previous, interpreter, now }, memo)
    }
}

fn file(path: &str, text: &str) -> Arc<git_fleet::fleet::ParsedFile> {
    Arc::new(parse_file(path, blob_id(text.as_bytes()), text.as_bytes()))
}

fn change<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    is_gone: bool,
    new: impl FnOnce() -> Result<V>,
) -> Result<()> {
    if is_gone {
        map.remove(&key);
    } else {
        map.insert(key, new()?);
    }
    Ok(())
}

/// Plans any fleet, and again after each of some changes, and holds the plans to what is true of
/// all plans: what is remembered changes nothing, and planning again changes nothing.
pub(crate) fn check(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    // What ends for want of bytes was looked at as far as they went.
    let _ = story(&mut u);
}

fn story(u: &mut Unstructured<'_>) -> Result<()> {
    let mut world = World::any(u)?;
    let (mut previous, mut memo) = (Previous::default(), Memo::default());
    for _ in 0..STEPS_MAX {
        // A source that does not validate is not planned: the next one is.
        let Some(fleet) = world.fleet() else {
            world.step(u, &previous)?;
            continue;
        };
        let plan = world.plan(&fleet, &previous, &mut memo);
        let told = Told::of(&plan);
        keeps_replicas(&plan);
        let cold = world.plan(&fleet, &previous, &mut Memo::default());
        Told::of(&cold).same(&told, "with nothing remembered");
        let own = Previous::from(&plan);
        if u.arbitrary()? {
            let again = world.plan(&fleet, &own, &mut memo);
            Told::of(&again).same(&told, "planned again with what is remembered");
        }
        let again = world.plan(&fleet, &own, &mut Memo::default());
        Told::of(&again).same(&told, "planned again with nothing remembered");
        let tree = told.files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
        let read = Previous::read(tree).expect("what was written can be read");
        let again = world.plan(&fleet, &read, &mut Memo::default());
        Told::of(&again).same(&told, "planned again after a start");
        if u.is_empty() {
            break;
        }
        previous = own;
        world.step(u, &previous)?;
    }
    Ok(())
}

/// What a plan says, as text.
struct Told {
    files: BTreeMap<String, String>,
    next_wake: Option<Timestamp>,
}

impl Told {
    fn of(plan: &Plan) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is YAML");
        let files = plan.files().into_iter().map(|(path, file)| (path, text(&file.bytes)));
        Self { files: files.collect(), next_wake: plan.next_wake }
    }

    /// Fails with the first file that differs.
    fn same(&self, first: &Self, how: &str) {
        for path in first.files.keys().chain(self.files.keys()) {
            if first.files.get(path) != self.files.get(path) {
                let text = |told: &Self| told.files.get(path).cloned().unwrap_or_default();
                panic!("{path} differs {how}:\n{}\n--- other:\n{}", text(first), text(self));
            }
        }
        assert_eq!(self.next_wake, first.next_wake, "the next wake-up differs {how}");
    }
}

/// What was decided with success gives every replica a place, and none two.
fn keeps_replicas(plan: &Plan) {
    for (key, planned) in &plan.bindings {
        let (spec, status) = (&planned.binding().spec, &planned.binding().status);
        let is_once = spec.clusters.is_sorted_by(|one, next| one.name < next.name);
        assert!(is_once, "{key}: clusters are named once, in order: {:?}", spec.clusters);
        let is_decided =
            status.conditions.iter().any(|one| one.type_ == "Scheduled" && one.reason == "Success");
        let Some(placement) = spec.placement.as_ref().filter(|_| is_decided) else { continue };
        if spec.replicas == 0 || !planned.binding().reasons.held.is_empty() {
            continue;
        }
        let shares: Vec<i64> =
            spec.clusters.iter().map(|target| i64::from(target.replicas)).collect();
        let all = i64::from(spec.replicas);
        match placement.scheduling_type() {
            ReplicaSchedulingType::Duplicated => {
                assert!(shares.iter().all(|share| *share == all), "{key}: {shares:?} of {all}");
            }
            ReplicaSchedulingType::Divided => {
                assert_eq!(shares.iter().sum::<i64>(), all, "{key}: {shares:?}");
            }
        }
    }
}
