//! Plans when a user's rule for a kind gives no answer, or another one than before.

use std::cell::Cell;
use std::collections::BTreeMap;

use git_fleet::api::manifest::ObjectKey;
use git_fleet::interpret::Bundled;
use git_fleet::plan::{Memo, Previous};

use super::case;
use super::rules::{Rules, plan};

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

fn shop() -> ObjectKey {
    ObjectKey::new("apps", "Deployment", Some("web"), "shop")
}

#[test]
fn what_was_decided_stays_and_what_is_new_waits() {
    for question in ["replicas", "dependencies"] {
        let mute = Rules { mute_on: question, ..Rules::default() };
        let new = plan(STORY, &mute, &Previous::default(), &mut Memo::default());
        let why = &new.unplaced[&shop()].reason;
        assert_eq!(*why, format!("LUA_LIMIT: {question} took too long; look at it"));

        let placed = plan(STORY, &Bundled, &Previous::default(), &mut Memo::default());
        let more = STORY.replace("replicas: 3", "replicas: 5");
        let held = plan(&more, &mute, &Previous::from(&placed), &mut Memo::default());
        let (before, after) = (&placed.bindings[&shop()], &held.bindings[&shop()]);
        assert_eq!(after.works, before.works);
        let words = format!("{why}; what was decided before stays in force");
        assert_eq!(after.binding().reasons.held, words);
        assert_eq!(held.next_wake, None, "nothing else would be answered later");
    }
}

#[test]
fn a_share_that_cannot_be_written_leaves_the_work_as_it_is() {
    let mute = Rules { mute_on: "revise", ..Rules::default() };
    let placed = plan(STORY, &Bundled, &Previous::default(), &mut Memo::default());
    let more = STORY.replace("replicas: 3", "replicas: 5");
    let stale = plan(&more, &mute, &Previous::from(&placed), &mut Memo::default());
    let (before, after) = (&placed.bindings[&shop()], &stale.bindings[&shop()]);
    assert_eq!(after.works, before.works);
    assert_eq!(after.binding().replicas_by_cluster().values().sum::<i32>(), 5);
    let binding = after.binding();
    let [group] = binding.reasons.stale.as_slice() else { panic!("one reason") };
    assert_eq!(&*group.why, "LUA_LIMIT: revise took too long; look at it");
}

#[test]
fn a_status_that_cannot_be_folded_is_the_last_one() {
    let reported = format!("{REPORT}{STORY}");
    let first = plan(&reported, &Bundled, &Previous::default(), &mut Memo::default());
    let status = &first.bindings[&shop()].binding().template.status;
    assert_eq!(status.as_ref().unwrap()["replicas"], 3);
    let mute = Rules { mute_on: "aggregate", ..Rules::default() };
    let later = reported.replace("status: {replicas: 3}", "status: {replicas: 2}");
    let second = plan(&later, &mute, &Previous::from(&first), &mut Memo::default());
    let binding = &second.bindings[&shop()].binding();
    assert_eq!(binding.template.status, *status);
    assert_eq!(binding.reasons.status, "LUA_LIMIT: aggregate took too long; look at it");
}

/// A failure that may pass is asked about again by the next plan, and a plan is due soon.
#[test]
fn who_gave_no_answer_is_asked_again() {
    for question in ["replicas", "revise"] {
        let mute = Rules { mute_on: question, is_passing: Cell::new(true), ..Rules::default() };
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

/// A script may write the time, or count: while what it is given stays, so does what it gave.
#[test]
fn a_status_is_folded_anew_only_when_something_has_changed() {
    let mut counts = Rules { counts: true, basis: 1, ..Rules::default() };
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
        let status = plan.bindings[&shop()].binding().template.status.clone();
        told.push(status.map(|status| status["n"].as_u64().unwrap()));
        previous = Previous::from(&plan);
    }
    assert_eq!(told, [1, 1, 2, 3, 4].map(Some));
}
