use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).expect("a small instant")
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes([byte; 20])
}

fn name(text: &str) -> ClusterName {
    ClusterName::new(text).expect("a valid name")
}

fn timing() -> Timing {
    Timing {
        publish: Duration::ZERO,
        status: Duration::from_secs(1),
        first_report: Duration::from_secs(5),
        resync: Duration::from_mins(5),
    }
}

/// A fleet of one push-mode and one pull-mode member.
fn ready(commit: u8) -> Event {
    Event::Loaded(LoadOutcome::Ready {
        commit: id(commit),
        members: BTreeMap::from([(name("eu"), SyncMode::Push), (name("edge"), SyncMode::Pull)]),
    })
}

fn in_force(results: u8, work: u8) -> Event {
    Event::Planned(PlanOutcome::InForce {
        results: id(results),
        pushed: true,
        works: BTreeMap::from([(name("eu"), id(work)), (name("edge"), id(work))]),
        next: None,
    })
}

fn jobs(effects: &[Effect]) -> Vec<&Effect> {
    effects.iter().filter(|effect| !matches!(effect, Effect::WakeAt(_))).collect()
}

/// An engine whose fleet has converged at 100 ms.
fn converged() -> Engine {
    let mut engine = Engine::new(timing());
    engine.step(Event::Started, at(0));
    engine.step(ready(1), at(10));
    engine.step(Event::Reported(name("eu"), News::Member), at(20));
    let outcome = StatusOutcome::Committed { changed: true, pushed: true };
    engine.step(Event::StatusCommitted(outcome), at(30));
    engine.step(in_force(2, 3), at(100));
    engine
}

#[test]
fn a_member_is_planned_for_only_after_its_first_word_is_committed() {
    let mut engine = Engine::new(timing());
    assert_eq!(jobs(&engine.step(Event::Started, at(0))), [&Effect::Load]);
    assert_eq!(
        engine.step(ready(1), at(10)),
        [Effect::Connect(name("eu")), Effect::WakeAt(at(5_010))],
        "the plan waits for the member, but not for ever"
    );
    assert_eq!(
        engine.step(Event::Reported(name("eu"), News::Member), at(20)),
        [Effect::CommitStatus(vec![name("eu")])]
    );
    let outcome = StatusOutcome::Committed { changed: true, pushed: true };
    assert_eq!(engine.step(Event::StatusCommitted(outcome), at(30)), [Effect::Plan]);
}

#[test]
fn a_silent_member_delays_the_first_plan_no_longer_than_the_limit() {
    let mut engine = Engine::new(timing());
    engine.step(Event::Started, at(0));
    engine.step(ready(1), at(10));
    assert_eq!(jobs(&engine.step(Event::Woke, at(5_009))), Vec::<&Effect>::new());
    assert_eq!(jobs(&engine.step(Event::Woke, at(5_010))), [&Effect::Plan]);
}

#[test]
fn work_is_handed_on_once_and_only_to_push_mode_members() {
    let mut engine = converged();
    engine.step(Event::SourceMoved, at(200));
    engine.step(ready(5), at(210));
    let effects = engine.step(in_force(6, 7), at(220));
    assert_eq!(jobs(&effects), [&Effect::Apply { cluster: name("eu"), results: id(6) }]);
    engine.step(Event::SourceMoved, at(300));
    engine.step(ready(8), at(310));
    let effects = engine.step(in_force(6, 7), at(320));
    assert_eq!(jobs(&effects), Vec::<&Effect>::new(), "the same work is not handed on again");
}

#[test]
fn the_last_word_of_an_executor_that_an_agent_follows_is_not_committed() {
    let mut engine = converged();
    engine.step(Event::Reported(name("eu"), News::Objects), at(150));
    engine.step(Event::SourceMoved, at(200));
    let members = BTreeMap::from([(name("eu"), SyncMode::Pull), (name("edge"), SyncMode::Pull)]);
    let effects =
        engine.step(Event::Loaded(LoadOutcome::Ready { commit: id(5), members }), at(210));
    assert_eq!(jobs(&effects), [&Effect::Disconnect(name("eu")), &Effect::Plan]);
    engine.step(Event::Reported(name("eu"), News::Member), at(215));
    let effects = engine.step(in_force(6, 7), at(220));
    assert_eq!(jobs(&effects), Vec::<&Effect>::new());
    assert_eq!(jobs(&engine.step(Event::Woke, at(5_000))), Vec::<&Effect>::new());
}

#[test]
fn any_number_of_hints_during_a_job_cost_one_look() {
    let mut engine = converged();
    assert_eq!(jobs(&engine.step(Event::SourceMoved, at(200))), [&Effect::Load]);
    for _ in 0..50 {
        assert_eq!(engine.step(Event::SourceMoved, at(201)), []);
    }
    assert_eq!(jobs(&engine.step(ready(5), at(210))), [&Effect::Load]);
    assert_eq!(jobs(&engine.step(ready(6), at(220))), [&Effect::Plan]);
}

#[test]
fn a_refused_commit_changes_nothing() {
    let mut engine = converged();
    engine.step(Event::SourceMoved, at(200));
    let refused = Event::Loaded(LoadOutcome::Refused { commit: id(9) });
    assert_eq!(jobs(&engine.step(refused, at(210))), Vec::<&Effect>::new());
    assert!(engine.is_quiet());
    assert_eq!(engine.connected().len(), 1, "members stay connected");
}

#[test]
fn failures_are_retried_with_growing_waits_and_do_not_stop_other_work() {
    let mut engine = converged();
    engine.step(Event::SourceMoved, at(1_000));
    let effects = engine.step(Event::Loaded(LoadOutcome::Failed), at(1_010));
    assert_eq!(effects, [Effect::WakeAt(at(1_510))]);
    // Meanwhile a member's news are committed as usual.
    engine.step(Event::Reported(name("eu"), News::Member), at(1_100));
    let outcome = StatusOutcome::Committed { changed: false, pushed: true };
    engine.step(Event::StatusCommitted(outcome), at(1_110));
    assert_eq!(jobs(&engine.step(Event::Woke, at(1_510))), [&Effect::Load]);
    let effects = engine.step(Event::Loaded(LoadOutcome::Failed), at(1_520));
    assert_eq!(effects, [Effect::WakeAt(at(2_520))]);
}

#[test]
fn a_moved_ref_means_plan_again() {
    let mut engine = converged();
    engine.step(Event::SourceMoved, at(200));
    engine.step(ready(5), at(210));
    engine.step(Event::Planned(PlanOutcome::Moved), at(220));
    assert_eq!(jobs(&engine.step(Event::Woke, at(720))), [&Effect::Plan]);
}

#[test]
fn news_about_objects_share_a_commit() {
    let mut engine = converged();
    let effects = engine.step(Event::Reported(name("eu"), News::Objects), at(200));
    assert_eq!(effects, [Effect::WakeAt(at(1_200))]);
    engine.step(Event::Reported(name("eu"), News::Objects), at(900));
    let effects = engine.step(Event::Woke, at(1_200));
    assert_eq!(jobs(&effects), [&Effect::CommitStatus(vec![name("eu")])]);
    let outcome = StatusOutcome::Committed { changed: false, pushed: true };
    assert_eq!(
        jobs(&engine.step(Event::StatusCommitted(outcome), at(1_210))),
        Vec::<&Effect>::new()
    );
}

#[test]
fn a_member_that_leaves_is_let_go_and_one_that_changes_its_mode_changes_hands() {
    let mut engine = converged();
    engine.step(Event::SourceMoved, at(200));
    let turned = Event::Loaded(LoadOutcome::Ready {
        commit: id(5),
        members: BTreeMap::from([(name("edge"), SyncMode::Push)]),
    });
    let effects = engine.step(turned, at(210));
    assert_eq!(jobs(&effects), [&Effect::Disconnect(name("eu")), &Effect::Connect(name("edge"))]);
}

#[test]
fn what_the_remote_lacks_is_pushed_until_it_has_it() {
    let mut engine = converged();
    engine.step(Event::SourceMoved, at(200));
    engine.step(ready(5), at(210));
    let unpushed = Event::Planned(PlanOutcome::InForce {
        results: id(6),
        pushed: false,
        works: BTreeMap::from([(name("eu"), id(7))]),
        next: None,
    });
    let effects = engine.step(unpushed, at(220));
    assert_eq!(
        jobs(&effects),
        [&Effect::Apply { cluster: name("eu"), results: id(6) }, &Effect::Push],
        "a remote that is away does not stop the work"
    );
    engine.step(Event::Pushed(PushOutcome::Failed), at(230));
    assert_eq!(jobs(&engine.step(Event::Woke, at(730))), [&Effect::Push]);
    engine.step(Event::Pushed(PushOutcome::Done), at(740));
    assert!(engine.is_quiet());
}

#[test]
fn the_source_is_read_again_when_no_hint_comes() {
    let mut engine = converged();
    assert_eq!(jobs(&engine.step(Event::Woke, at(10 + 300_000))), [&Effect::Load]);
}

#[test]
fn a_plan_that_waits_for_an_instant_is_made_again_then() {
    let mut engine = converged();
    engine.step(Event::SourceMoved, at(200));
    engine.step(ready(5), at(210));
    let soon = Event::Planned(PlanOutcome::InForce {
        results: id(6),
        pushed: true,
        works: BTreeMap::new(),
        next: Some(at(2_000)),
    });
    assert_eq!(engine.step(soon, at(220)), [Effect::WakeAt(at(2_000))]);
    assert_eq!(jobs(&engine.step(Event::Woke, at(2_000))), [&Effect::Plan]);
}
