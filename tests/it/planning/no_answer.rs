//! Plans when a user's rule for a kind gives no answer.

use std::cell::Cell;
use std::collections::BTreeMap;

use git_fleet::api::binding::{AggregatedStatusItem, Component};
use git_fleet::api::manifest::{Manifest, ObjectKey};
use git_fleet::api::names::ObjectId;
use git_fleet::interpret::{Bundled, Dependency, Interpreter, NoAnswer, Replicas};
use git_fleet::plan::{Inputs, Memo, Plan, Previous, make};
use jiff::Timestamp;
use serde_json::Value;

use super::case;

/// The bundled kinds, but for one question.
#[derive(Debug, Default)]
struct Mute {
    on: &'static str,
    is_passing: Cell<bool>,
    n_asked: Cell<u32>,
}

impl Mute {
    fn answer<T>(&self, question: &str, answer: T) -> Result<T, NoAnswer> {
        if question != self.on {
            return Ok(answer);
        }
        self.n_asked.set(self.n_asked.get() + 1);
        Err(NoAnswer {
            code: "LUA_LIMIT",
            message: format!("{question} took too long"),
            hint: "look at it".to_owned(),
            is_passing: self.is_passing.get(),
        })
    }
}

impl Interpreter for Mute {
    fn basis(&self) -> ObjectId {
        Bundled.basis()
    }

    fn replicas(&self, template: &Manifest) -> Result<Option<Replicas>, NoAnswer> {
        self.answer("replicas", Bundled.replicas(template)?)
    }

    fn components(&self, template: &Manifest) -> Result<Option<Vec<Component>>, NoAnswer> {
        Bundled.components(template)
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) -> Result<(), NoAnswer> {
        self.answer("revise", Bundled.revise_replicas(manifest, count)?)
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, NoAnswer> {
        self.answer("dependencies", Bundled.dependencies(template)?)
    }

    fn aggregate(
        &self,
        template: &Manifest,
        items: &[AggregatedStatusItem],
        assigned: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<Value>, NoAnswer> {
        self.answer("aggregate", Bundled.aggregate(template, items, assigned, now)?)
    }
}

const STORY: &str = "### commit
apiVersion: cluster.karmada.io/v1alpha1
kind: Cluster
metadata: {name: one}
spec: {syncMode: Push}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: web}
spec: {replicas: 3}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: shop, namespace: web}
spec:
  propagateDeps: true
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement: {replicaScheduling: {replicaSchedulingType: Divided}}
";

const REPORT: &str = "### report one
cluster:
  apiEnablements: [{groupVersion: apps/v1, resources: [{name: deployments, kind: Deployment}]}]
objects:
  web/Deployment.apps/shop:
    applied: true
    health: Healthy
    status: {replicas: 3}
";

fn plan(text: &str, interpreter: &dyn Interpreter, previous: &Previous, memo: &mut Memo) -> Plan {
    let step = case::steps(text).pop().unwrap();
    let (fleet, reports) = (&step.fleet, &step.reports);
    make(&Inputs { fleet, reports, previous, interpreter, now: case::now() }, memo)
}

fn shop() -> ObjectKey {
    ObjectKey::new("apps", "Deployment", Some("web"), "shop")
}

#[test]
fn what_was_decided_stays_and_what_is_new_waits() {
    for question in ["replicas", "dependencies"] {
        let mute = Mute { on: question, ..Mute::default() };
        let new = plan(STORY, &mute, &Previous::default(), &mut Memo::default());
        let why = &new.unplaced[&shop()].reason;
        assert_eq!(*why, format!("LUA_LIMIT: {question} took too long; look at it"));

        let placed = plan(STORY, &Bundled, &Previous::default(), &mut Memo::default());
        let more = STORY.replace("replicas: 3", "replicas: 5");
        let held = plan(&more, &mute, &Previous::from(&placed), &mut Memo::default());
        let (before, after) = (&placed.bindings[&shop()], &held.bindings[&shop()]);
        assert_eq!(after.works, before.works);
        let words = format!("{why}; what was decided before stays in force");
        assert_eq!(after.binding.reasons.held, words);
        assert_eq!(held.next_wake, None, "nothing else would be answered later");
    }
}

#[test]
fn a_share_that_cannot_be_written_leaves_the_work_as_it_is() {
    let mute = Mute { on: "revise", ..Mute::default() };
    let placed = plan(STORY, &Bundled, &Previous::default(), &mut Memo::default());
    let more = STORY.replace("replicas: 3", "replicas: 5");
    let stale = plan(&more, &mute, &Previous::from(&placed), &mut Memo::default());
    let (before, after) = (&placed.bindings[&shop()], &stale.bindings[&shop()]);
    assert_eq!(after.works, before.works);
    assert_eq!(after.binding.replicas_by_cluster().values().sum::<i32>(), 5);
    let [group] = after.binding.reasons.stale.as_slice() else { panic!("one reason") };
    assert_eq!(&*group.why, "LUA_LIMIT: revise took too long; look at it");
}

#[test]
fn a_status_that_cannot_be_folded_is_the_last_one() {
    let reported = format!("{REPORT}{STORY}");
    let first = plan(&reported, &Bundled, &Previous::default(), &mut Memo::default());
    let status = &first.bindings[&shop()].binding.template.status;
    assert_eq!(status.as_ref().unwrap()["replicas"], 3);
    let mute = Mute { on: "aggregate", ..Mute::default() };
    let later = reported.replace("status: {replicas: 3}", "status: {replicas: 2}");
    let second = plan(&later, &mute, &Previous::from(&first), &mut Memo::default());
    let binding = &second.bindings[&shop()].binding;
    assert_eq!(binding.template.status, *status);
    assert_eq!(binding.reasons.status, "LUA_LIMIT: aggregate took too long; look at it");
}

/// A failure that may pass is asked about again by the next plan, and a plan is due soon.
#[test]
fn who_gave_no_answer_is_asked_again() {
    for question in ["replicas", "revise"] {
        let mute = Mute { on: question, is_passing: Cell::new(true), ..Mute::default() };
        let (mut memo, mut previous) = (Memo::default(), Previous::default());
        for n_plans in 1..=3 {
            let plan = plan(STORY, &mute, &previous, &mut memo);
            previous = Previous::from(&plan);
            assert!(mute.n_asked.get() >= n_plans, "asked {} times", mute.n_asked.get());
            let wait = plan.next_wake.map(|wake| wake.duration_since(case::now()).as_secs());
            assert_eq!(wait, Some(60));
        }
        let cured = plan(STORY, &Bundled, &previous, &mut memo);
        assert_eq!(cured.bindings[&shop()].works.len(), 1);
        assert_eq!((cured.next_wake, cured.unplaced), (None, BTreeMap::new()));

        mute.is_passing.set(false);
        let n_asked = mute.n_asked.get();
        let mut memo = Memo::default();
        let first = plan(STORY, &mute, &Previous::default(), &mut memo);
        plan(STORY, &mute, &Previous::from(&first), &mut memo);
        assert_eq!(mute.n_asked.get(), n_asked + 1, "what is final is not asked twice");
    }
}

/// Counts how often it is asked, in the status that it gives.
#[derive(Debug, Default)]
struct Counts {
    mute: Mute,
    basis: u8,
}

impl Interpreter for Counts {
    fn basis(&self) -> ObjectId {
        ObjectId::from_bytes([self.basis; 20])
    }

    fn replicas(&self, template: &Manifest) -> Result<Option<Replicas>, NoAnswer> {
        self.mute.replicas(template)
    }

    fn components(&self, template: &Manifest) -> Result<Option<Vec<Component>>, NoAnswer> {
        self.mute.components(template)
    }

    fn revise_replicas(&self, manifest: &mut Manifest, count: i32) -> Result<(), NoAnswer> {
        self.mute.revise_replicas(manifest, count)
    }

    fn dependencies(&self, template: &Manifest) -> Result<Vec<Dependency>, NoAnswer> {
        self.mute.dependencies(template)
    }

    fn aggregates_by_rule(&self, _template: &Manifest) -> bool {
        true
    }

    fn aggregate(
        &self,
        _template: &Manifest,
        _items: &[AggregatedStatusItem],
        _assigned: Option<i64>,
        _now: Timestamp,
    ) -> Result<Option<Value>, NoAnswer> {
        self.mute.n_asked.set(self.mute.n_asked.get() + 1);
        Ok(Some(serde_json::json!({ "n": self.mute.n_asked.get() })))
    }
}

/// A script may write the time, or count: while what it is given stays, so does what it gave.
#[test]
fn a_status_is_folded_anew_only_when_something_has_changed() {
    let mut counts = Counts { basis: 1, ..Counts::default() };
    let reported = format!("{REPORT}{STORY}");
    let mut previous = Previous::default();
    let mut told = Vec::new();
    for (basis, text) in [
        (1, reported.clone()),
        (1, reported.clone()),
        (
            1,
            reported.replace(
                "kind: Deployment\nmetadata: {",
                "kind: Deployment\nmetadata: {labels: {a: b}, ",
            ),
        ),
        (1, reported.replace("replicas: 3", "replicas: 4")),
        (2, reported.replace("replicas: 3", "replicas: 4")),
    ] {
        counts.basis = basis;
        let plan = plan(&text, &counts, &previous, &mut Memo::default());
        let status = plan.bindings[&shop()].binding.template.status.clone();
        told.push(status.map(|status| status["n"].as_u64().unwrap()));
        previous = Previous::from(&plan);
    }
    assert_eq!(told, [1, 1, 2, 3, 4].map(Some));
}
