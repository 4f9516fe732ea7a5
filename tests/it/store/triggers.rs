//! Hints that a ref may have moved.

use std::path::Path;
use std::time::{Duration, Instant};

use git_fleet::store::{Hint, Layout, RefName, RefUpdate, Role, Trigger};

use super::git::{commit, git, init, init_bare};
use super::{branch, id, open};

const LIMIT: Duration = Duration::from_secs(10);

async fn next(trigger: &mut Trigger) -> Hint {
    tokio::time::timeout(LIMIT, trigger.next()).await.expect("a hint comes")
}

/// Watches as the controller does: its own refs are no news.
fn watch(repo: &Path) -> Trigger {
    let layout = Layout::new("main", "fleet").unwrap();
    let wants = move |name: &RefName| {
        let role = layout.role(name);
        role != Role::Other && !role.is_written_by_controller()
    };
    Trigger::watch(open(repo).common_dir(), wants).unwrap()
}

#[tokio::test]
async fn a_push_is_heard_and_our_own_moves_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let remote = init_bare(&dir.path().join("remote.git"));
    let person = init(&dir.path().join("person"));
    git(&person, &["remote", "add", "origin", remote.to_str().unwrap()]);
    let head = commit(&person, &[("a.yaml", "1")]);
    git(&person, &["push", "-q", "origin", "main", "main:fleet/results"]);
    let mut trigger = watch(&remote);

    let second = commit(&person, &[("a.yaml", "2")]);
    git(&person, &["push", "-q", "origin", "main"]);
    assert_eq!(next(&mut trigger).await, Hint::Moved(branch("main")));

    let store = open(&remote);
    let (old, new) = (Some(id(&head)), Some(id(&second)));
    store.publish(&[RefUpdate { name: branch("fleet/results"), old, new }]).unwrap();
    commit(&person, &[("a.yaml", "3")]);
    git(&person, &["push", "-q", "origin", "main"]);
    assert_eq!(next(&mut trigger).await, Hint::Moved(branch("main")), "and not the results");
    git(&remote, &["pack-refs", "--all"]);
    while next(&mut trigger).await != Hint::Any {}
}

#[tokio::test]
async fn a_hint_comes_within_milliseconds() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let ids = [("a", "1"), ("a", "2")].map(|file| id(&commit(&repo, &[file])));
    git(&repo, &["branch", "-f", "fleet/status/member1", &ids[0].to_string()]);
    let mut trigger = watch(&repo);
    let store = open(&repo);
    let name = branch("fleet/status/member1");
    let mut took = Vec::new();
    for n in 0..50 {
        let (old, new) = (Some(ids[n % 2]), Some(ids[(n + 1) % 2]));
        let started = Instant::now();
        store.publish(&[RefUpdate { name: name.clone(), old, new }]).unwrap();
        assert_eq!(next(&mut trigger).await, Hint::Moved(name.clone()));
        took.push(started.elapsed());
    }
    took.sort();
    eprintln!(
        "from the start of a publication to its hint: p50 {:?}, p98 {:?}",
        took[25], took[48]
    );
    assert!(took[25] < Duration::from_millis(20), "{took:?}");
}

#[tokio::test]
async fn a_remote_is_polled_at_once_and_then_now_and_again() {
    let mut trigger = Trigger::poll(Duration::from_millis(20)).unwrap();
    let started = Instant::now();
    assert_eq!(next(&mut trigger).await, Hint::Any);
    assert_eq!(next(&mut trigger).await, Hint::Any);
    assert!(started.elapsed() >= Duration::from_millis(16));
    trigger.failed();
    trigger.failed();
    let started = Instant::now();
    assert_eq!(next(&mut trigger).await, Hint::Any);
    assert!(started.elapsed() >= Duration::from_millis(64), "errors make it patient");
    trigger.succeeded();
}
