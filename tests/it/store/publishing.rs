//! Writing commits and moving refs in a local repository.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use git_fleet::api::names::ObjectId;
use git_fleet::store::{
    Change, NewCommit, Past, PathChange, PublishError, RefName, RefUpdate, Render, Store,
};

use super::git::{commit, git, init, init_bare};
use super::{at, branch, id, open};

fn update(name: &str, old: Option<ObjectId>, new: Option<ObjectId>) -> RefUpdate {
    RefUpdate { name: branch(name), old, new }
}

fn write(path: &'static str, content: &'static str) -> Change<'static> {
    Change::write(path, content.as_bytes())
}

fn commit_on(store: &Store, parent: Option<ObjectId>, changes: &[Change<'_>]) -> ObjectId {
    store.commit(&NewCommit { parent, changes, message: "place it", time: at(1) }).unwrap()
}

#[test]
fn commits_are_what_git_would_have_made() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init_bare(&dir.path().join("r"));
    let store = open(&repo);
    let first = commit_on(
        &store,
        None,
        &[write("a/b/c.yaml", "c"), write("a.yaml", "a"), write("a-b/x", "x"), write("z", "z")],
    );
    let second = commit_on(
        &store,
        Some(first),
        &[
            Change::delete("a/b/c.yaml"),
            Change::delete("a-b"),
            write("a/d.yaml", "d"),
            write("z/now/a/directory", "1"),
        ],
    );
    store.publish(&[update("r", None, Some(second))]).unwrap();
    git(&repo, &["fsck", "--strict", "--full"]);
    let tree = git(&repo, &["ls-tree", "-r", "--name-only", "r"]);
    assert_eq!(tree, "a.yaml\na/d.yaml\nz/now/a/directory");
    let log = git(&repo, &["log", "-1", "--format=%s|%an|%ct|%P", "r"]);
    assert_eq!(log, format!("place it|git-fleet|1|{first}"));
    let paths: Vec<String> = store.files(second).unwrap().into_keys().collect();
    assert_eq!(paths.join("\n"), tree);
    let same = store.batch().tree(Some(second), &[write("a.yaml", "a")]).unwrap();
    assert_eq!(same, store.tree(second).unwrap(), "what does not differ makes no new tree");
}

#[test]
fn a_bulk_publication_is_one_pack_shared_by_all_commits() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init_bare(&dir.path().join("r"));
    let store = open(&repo);
    let files: Vec<(String, String)> = (0..600)
        .map(|n| (format!("work/member{}/web/a{n}.yaml", n % 3), "x: 1\n".repeat(n + 1)))
        .collect();
    let changes: Vec<Change<'_>> =
        files.iter().map(|(p, c)| Change::write(p, c.as_bytes())).collect();
    let mut batch = store.batch();
    let new = NewCommit { parent: None, changes: &changes, message: "place 600", time: at(1) };
    let results = batch.commit(&new).unwrap();
    let mut updates = vec![update("fleet/results", None, Some(results))];
    for member in 0..3 {
        let tree = batch.find(results, &format!("work/member{member}")).unwrap().unwrap();
        let work = batch.commit_tree(None, tree, "work", at(1));
        updates.push(update(&format!("fleet/work/member{member}"), None, Some(work)));
    }
    batch.write().unwrap();
    store.publish(&updates).unwrap();
    git(&repo, &["fsck", "--strict", "--full"]);
    assert!(git(&repo, &["count-objects", "-v"]).contains("count: 0\n"), "no loose object");
    assert!(git(&repo, &["count-objects", "-v"]).contains("packs: 1\n"));
    let packs = names(&repo.join("objects/pack"));
    let [index, pack] = &*packs else { panic!("{packs:?}") };
    let listed = git(&repo, &["verify-pack", "-v", &format!("objects/pack/{index}")]);
    assert_eq!(listed.matches(" blob ").count(), 600, "{listed}");
    let name = git(&repo, &["index-pack", "-o", "again.idx", &format!("objects/pack/{pack}")]);
    assert_eq!(*pack, format!("pack-{name}.pack"));
    let index = repo.join("objects/pack").join(index);
    let again = std::fs::read(repo.join("again.idx")).unwrap();
    assert!(std::fs::read(index).unwrap() == again, "git makes the same index");
    let tree = git(&repo, &["rev-parse", "fleet/results:work/member2"]);
    assert_eq!(tree, git(&repo, &["rev-parse", "fleet/work/member2^{tree}"]));
    assert_eq!(store.files(results).unwrap().len(), 600);
}

#[test]
fn a_bulk_publication_that_is_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init_bare(&dir.path().join("r"));
    let store = open(&repo);
    let paths: Vec<String> = (0..600).map(|n| n.to_string()).collect();
    let changes: Vec<_> = paths.iter().map(|path| Change::write(path, path.as_bytes())).collect();
    let mut batch = store.batch();
    batch.tree(None, &changes).unwrap();
    assert!(batch.n_objects() > 600);
    drop(batch);
    assert_eq!(names(&repo.join("objects/pack")), [""; 0]);
    assert!(git(&repo, &["count-objects", "-v"]).contains("count: 0\n"));
}

/// A file as those that write much have it: its content is made when it is asked for.
#[derive(Debug)]
struct Numbered(usize);

impl Render for Numbered {
    fn render(&self) -> Cow<'_, [u8]> {
        format!("n: {}\n", self.0).into_bytes().into()
    }
}

#[test]
fn many_changes_of_one_directory_are_what_few_are() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init_bare(&dir.path().join("r"));
    let store = open(&repo);
    let files: Vec<_> = (0..500).map(|n| (format!("w/{n}.yaml"), Numbered(n))).collect();
    let all: Vec<_> = files.iter().map(|(path, file)| Change::render(path, file)).collect();
    let first = commit_on(&store, None, &all);
    let mut changes: Vec<_> =
        files.iter().skip(1).step_by(2).map(|(path, _)| Change::delete(path)).collect();
    changes.extend([write("w/0.yaml/x", "x"), write("w/2.yaml", "?"), write("w/2.yaml", "!")]);
    changes.extend([write("w/-", "-"), write("w/3.yaml", "3"), Change::delete("w/none/such")]);
    let second = commit_on(&store, Some(first), &changes);
    store.publish(&[update("r", None, Some(second))]).unwrap();
    git(&repo, &["fsck", "--strict", "--full"]);
    let left = (4..500).step_by(2).map(|n| format!("w/{n}.yaml"));
    let expected: BTreeSet<_> =
        left.chain(["w/-", "w/0.yaml/x", "w/2.yaml", "w/3.yaml"].map(str::to_owned)).collect();
    assert_eq!(store.files(second).unwrap().into_keys().collect::<BTreeSet<_>>(), expected);
    assert_eq!(git(&repo, &["show", "r:w/2.yaml"]), "!", "the later change counts");
    assert_eq!(git(&repo, &["show", "r:w/498.yaml"]), "n: 498");
}

/// The names in a directory, sorted.
fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn one_moved_ref_stops_them_all() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let a = id(&commit(&repo, &[("a", "1")]));
    let b = id(&commit(&repo, &[("a", "2")]));
    let store = open(&repo);
    store.publish(&[update("x", None, Some(a)), update("y", None, Some(a))]).unwrap();
    let error =
        store.publish(&[update("x", Some(a), Some(b)), update("y", Some(b), None)]).unwrap_err();
    let PublishError::Moved { name, expected, actual } = error else { panic!("{error}") };
    assert_eq!((name, expected, actual), (branch("y"), Some(b), Some(a)));
    assert_eq!(store.read_ref(&branch("x")).unwrap(), Some(a));
    let exists = store.publish(&[update("x", None, Some(b))]).unwrap_err();
    assert_eq!(exists.code(), "REF_MOVED");
    store.publish(&[update("x", Some(a), Some(b)), update("y", Some(a), None)]).unwrap();
    store.publish(&[update("x", Some(a), Some(b)), update("y", Some(a), None)]).unwrap();
    assert_eq!(store.read_ref(&branch("y")).unwrap(), None);
    git(&repo, &["pack-refs", "--all"]);
    store.publish(&[update("x", Some(b), None)]).unwrap();
    assert_eq!(git(&repo, &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    assert_eq!(git(&repo, &["status", "--porcelain"]), "", "the work tree is left alone");
}

#[test]
fn two_writers_race_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init_bare(&dir.path().join("r"));
    let race = |writer: &str| {
        let store = open(&repo);
        for n in 0..100 {
            let path = format!("{writer}{n}");
            loop {
                let old = store.read_ref(&branch("r")).unwrap();
                let changes = [Change::write(&path, b"")];
                let new = commit_on(&store, old, &changes);
                match store.publish(&[update("r", old, Some(new))]) {
                    Ok(()) => break,
                    Err(PublishError::Moved { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| race("a"));
        scope.spawn(|| race("b"));
    });
    assert_eq!(git(&repo, &["rev-list", "--count", "r"]), "200");
    assert_eq!(git(&repo, &["ls-tree", "--name-only", "r"]).lines().count(), 200);
}

#[test]
fn locks_of_a_killed_publication_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let a = id(&commit(&repo, &[("a", "1")]));
    let store = open(&repo);
    std::fs::write(repo.join(".git/git-fleet.publish"), "refs/heads/x\n").unwrap();
    let lock = repo.join(".git/refs/heads/x.lock");
    std::fs::write(&lock, "").unwrap();
    store.publish(&[update("x", None, Some(a))]).unwrap();
    assert!(!lock.exists());
}

#[test]
fn a_lock_of_somebody_else_is_respected() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let a = id(&commit(&repo, &[("a", "1")]));
    let lock = repo.join(".git/refs/heads/x.lock");
    std::fs::write(&lock, "").unwrap();
    let error = open(&repo).publish(&[update("x", None, Some(a))]).unwrap_err();
    assert_eq!(error.code(), "REF_LOCKED");
    assert!(lock.exists());
}

#[test]
fn notes_are_gits_notes() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let a = id(&commit(&repo, &[("a", "1")]));
    let b = id(&commit(&repo, &[("a", "2")]));
    let store = open(&repo);
    let mut tip = None;
    for (commit, text) in [(a, "refused: a.yaml\n"), (b, "first\n"), (b, "placed web/shop\n")] {
        let mut batch = store.batch();
        let new = batch.note(tip, commit, text, at(1)).unwrap();
        batch.write().unwrap();
        let name = RefName::new("refs/notes/fleet").unwrap();
        store.publish(&[RefUpdate { name, old: tip, new: Some(new) }]).unwrap();
        tip = Some(new);
    }
    let log = git(&repo, &["log", "--notes=fleet", "--format=%N"]);
    assert_eq!(log, "placed web/shop\n\nrefused: a.yaml");
    assert_eq!(store.note(tip.unwrap(), b).unwrap().as_deref(), Some("placed web/shop\n"));
    assert_eq!(store.note(tip.unwrap(), tip.unwrap()).unwrap(), None);
}

#[test]
fn the_past_proves_what_was_held_across_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&init_bare(&dir.path().join("r")));
    let first = commit_on(&store, None, &[write("web/a.yaml", "a"), write("web/b.yaml", "b")]);
    let delete = Change::delete("web/a.yaml");
    let second = commit_on(&store, Some(first), &[delete]);
    let mut batch = store.batch();
    let checkpoint = batch.checkpoint(second, "start afresh", at(2)).unwrap();
    batch.write().unwrap();
    let tip = commit_on(&store, Some(checkpoint), &[write("web/c.yaml", "c")]);
    let walk = |until: Option<ObjectId>| {
        let mut told = Vec::new();
        let take = |path: &str, change| told.push((path.to_owned(), change));
        store.walk_changes(tip, "web", 10, |commit| Some(commit) != until, take).unwrap();
        told
    };
    let written = ("c.yaml".to_owned(), PathChange::Written);
    let removed = ("a.yaml".to_owned(), PathChange::Removed);
    assert_eq!(walk(None)[..2], [written.clone(), removed], "the checkpoint hides nothing");
    assert_eq!(walk(Some(checkpoint)), [written]);
    let asked = BTreeSet::from(["web/a.yaml", "web/b.yaml", "web/never.yaml", "web"]);
    let held = store.held_by_history(tip, &asked).unwrap();
    assert_eq!(held, BTreeSet::from(["web/a.yaml", "web/b.yaml"]));
    let info = store.commit_info(checkpoint).unwrap();
    assert!(info.parents.is_empty());
    assert_eq!(info.trailer("Fleet-Checkpoint-Of"), Some(second.to_string().as_str()));
    assert_eq!(store.tree(checkpoint).unwrap(), store.tree(second).unwrap());
    assert_eq!(store.past(tip, 10).unwrap(), Past { n_commits: 2, since: at(2) });
    assert_eq!(store.past(tip, 1).unwrap().n_commits, 1);

    let mut batch = store.batch();
    let amended = batch.amend(tip, &[write("web/c.yaml", "d")], "status", at(3)).unwrap();
    batch.write().unwrap();
    assert_eq!(store.commit_info(amended).unwrap().parents, [checkpoint]);
}

/// Set for the child process below: the directory of a small, full file system.
const FULL_DISK: &str = "GIT_FLEET_TEST_FULL_DISK";

#[test]
fn a_full_disk_leaves_every_ref_where_it_was() {
    if let Ok(dir) = std::env::var(FULL_DISK) {
        return fill(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let test = "store::publishing::a_full_disk_leaves_every_ref_where_it_was";
    let can_mount = format!("mount -t tmpfs -o size=2m none {path}");
    let run = |script: &str| {
        std::process::Command::new("unshare")
            .args(["-rm", "sh", "-c", script])
            .env(FULL_DISK, path)
            .output()
    };
    if !run(&can_mount).is_ok_and(|output| output.status.success()) {
        eprintln!("left out: this machine lets a test mount no file system of its own");
        return;
    }
    let me = std::env::current_exe().unwrap();
    let script = format!("{can_mount} && exec {} --exact {test} --nocapture", me.display());
    let output = run(&script).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn fill(dir: &Path) {
    let repo = init_bare(&dir.join("r"));
    let store = open(&repo);
    let first = commit_on(&store, None, &[write("a", "a")]);
    store.publish(&[update("r", None, Some(first))]).unwrap();
    // Text that does not deflate to nothing: a few objects, then a pack.
    let noise = |n: u64, len: u64| -> String {
        let mut state = n + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + (state >> 33) as u8 % 90)
        };
        (0..len).map(|_| next()).collect()
    };
    for (n_files, len) in [(4, 1 << 20), (400, 16 << 10)] {
        let files: Vec<_> = (0..n_files).map(|n| (n.to_string(), noise(n, len))).collect();
        let changes: Vec<_> =
            files.iter().map(|(path, text)| Change::write(path, text.as_bytes())).collect();
        let new = NewCommit { parent: Some(first), changes: &changes, message: "m", time: at(2) };
        let error = store.commit(&new).unwrap_err();
        assert_eq!(error.code(), "DISK_FULL", "{error}");
        assert_eq!(error.hint(), "free some space; nothing was lost and it is tried again");
        assert_eq!(open(&repo).read_ref(&branch("r")).unwrap(), Some(first));
    }
    git(&repo, &["rev-list", "--objects", "--all"]);
}
