//! Which cluster an executor writes to.

use std::sync::Arc;
use std::time::Duration;

use git_fleet::api::condition::ConditionStatus;
use git_fleet::member::{Identity, MemberHandle, MemberReport};
use git_fleet::sim::{Host, MemberSpec};
use tokio::sync::mpsc;

use super::{LIMIT, PATIENCE, World, config_map, namespace, start, work};

/// The cluster that the executor says answers.
async fn told(reports: &mut mpsc::Receiver<MemberReport>) -> Identity {
    loop {
        let report = tokio::time::timeout(LIMIT, reports.recv()).await.unwrap().unwrap();
        if let MemberReport::Identity(_, identity) = report {
            return identity;
        }
    }
}

/// Reports until a round has ended, or for a while: whether one has.
async fn is_applied(reports: &mut mpsc::Receiver<MemberReport>, within: Duration) -> bool {
    let applied = async {
        loop {
            match reports.recv().await.unwrap() {
                MemberReport::Applied(..) => return,
                MemberReport::Objects(..) => panic!("told of objects of which cluster?"),
                MemberReport::Identity(..) | MemberReport::Cluster(..) => {}
            }
        }
    };
    tokio::time::timeout(within, applied).await.is_ok()
}

fn desire(executor: &MemberHandle) {
    executor.desire(Arc::new(work(&[namespace(), config_map("a", "1")])));
}

#[tokio::test]
async fn nothing_is_written_before_the_cluster_is_known_to_be_the_one_that_is_meant() {
    let host = Host::start(vec![MemberSpec::new("one")]).unwrap();
    let (executor, mut reports) = start(&host, PATIENCE);
    desire(&executor);
    let identity = told(&mut reports).await;
    let a_while = Duration::from_millis(500);
    assert!(!is_applied(&mut reports, a_while).await);
    executor.admit(Some(Identity::Uid("another".to_owned())));
    assert!(!is_applied(&mut reports, a_while).await);
    assert_eq!(host.requests("one").unwrap().writes(), 0);

    executor.admit(Some(identity));
    let report = tokio::time::timeout(LIMIT, async {
        loop {
            if let MemberReport::Applied(_, round) = reports.recv().await.unwrap() {
                return round;
            }
        }
    });
    assert_eq!(report.await.unwrap().n_applied, 2);
    executor.stop().await;
}

/// It may have been built anew while it was away.
#[tokio::test]
async fn a_cluster_that_is_back_is_asked_again_which_one_it_is() {
    let mut world = World::new();
    world.run(work(&[namespace(), config_map("a", "1")])).await;
    let is_ready = |world: &World, wanted: ConditionStatus| {
        let conditions = world.cluster.iter().flat_map(|status| &status.conditions);
        conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == wanted)
    };
    world.until("it is ready", |world| is_ready(world, ConditionStatus::True)).await;
    world.host.stop("one").unwrap();
    world.until("it is away", |world| is_ready(world, ConditionStatus::False)).await;
    world.host.restart("one").unwrap();
    let again = told(&mut world.reports).await;
    assert!(matches!(again, Identity::Uid(_)), "{again:?}");
    // It is the one that was admitted: nobody is asked again.
    world.run(work(&[namespace(), config_map("a", "2")])).await;
    world.live(&world.config_maps(), "a", |live| live["data"]["k"] == "2").await;
}

#[tokio::test]
async fn simulated_members_are_told_apart_and_recognised() {
    // The last two once had one seed.
    let names = ["one", "two", "an", "c0"];
    let ask = async || {
        let mut uids = Vec::new();
        for name in names {
            let host =
                Host::start(vec![MemberSpec { name: "one".to_owned(), ..MemberSpec::new(name) }]);
            let host = host.unwrap();
            let (executor, mut reports) = start(&host, PATIENCE);
            uids.push(format!("{:?}", told(&mut reports).await));
            executor.stop().await;
        }
        uids
    };
    let first = ask().await;
    let mut distinct = first.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len(), "{first:?}");
    assert_eq!(ask().await, first);
}
