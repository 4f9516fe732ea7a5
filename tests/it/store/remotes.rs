//! Fetch and push by the git program: over file://, and over ssh:// with a stand-in for ssh.

use std::path::{Path, PathBuf};

use git_fleet::api::names::ObjectId;
use git_fleet::store::{Change, Location, NewCommit, PathFilter, PublishError, RefUpdate, Store};

use super::git::{commit, git, init, init_bare, script};
use super::{at, branch, id};

/// A bare remote, a clone that a person works in, and a place for our own clones.
struct World {
    dir: tempfile::TempDir,
    remote: PathBuf,
    person: PathBuf,
    program: PathBuf,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let remote = init_bare(&dir.path().join("remote.git"));
        let person = init(&dir.path().join("person"));
        git(&person, &["remote", "add", "origin", remote.to_str().unwrap()]);
        let ssh = script(
            &dir.path().join("ssh"),
            "[ \"$1\" = -G ] && exit 1\nfor last; do :; done\nexec sh -c \"$last\"",
        );
        let program = dir.path().join("git");
        let world = Self { dir, remote, person, program };
        world.git_does(&format!("export GIT_SSH_COMMAND={}; exec git \"$@\"", ssh.display()));
        world
    }

    /// Replaces the git program that the store runs.
    fn git_does(&self, text: &str) {
        let hermetic = "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1";
        script(&self.program, &format!("{hermetic}\n{text}"));
    }

    fn push(&self, files: &[(&str, &str)]) -> ObjectId {
        let head = commit(&self.person, files);
        git(&self.person, &["push", "-q", "origin", "HEAD:main"]);
        id(&head)
    }

    fn open_at(&self, url: &str, state: &str) -> Store {
        let location = Location::parse(url).unwrap();
        let state_dir = self.dir.path().join(state);
        Store::open_with(&location, &state_dir, self.program.as_os_str()).unwrap()
    }

    fn open(&self, state: &str) -> Store {
        self.open_at(&format!("file://{}", self.remote.display()), state)
    }
}

fn new_commit(store: &Store, parent: Option<ObjectId>, text: &str) -> ObjectId {
    let changes = [Change::write("a.yaml", text.as_bytes())];
    store.commit(&NewCommit { parent, changes: &changes, message: "m", time: at(1) }).unwrap()
}

fn update(name: &str, old: Option<ObjectId>, new: ObjectId) -> RefUpdate {
    RefUpdate { name: branch(name), old, new: Some(new) }
}

fn tip(repo: &Path, name: &str) -> ObjectId {
    id(&git(repo, &["rev-parse", name]))
}

#[test]
fn what_is_pushed_is_fetched_and_what_is_published_is_there() {
    let world = World::new();
    let ssh = format!("ssh://someone@host{}", world.remote.display());
    let file = format!("file://{}", world.remote.display());
    for (n, url) in [file, ssh].iter().enumerate() {
        let head = world.push(&[("a.yaml", &format!("{n}"))]);
        let store = world.open_at(url, &format!("state{n}"));
        assert_eq!(store.read_ref(&branch("main")).unwrap(), None, "nobody was asked yet");
        store.fetch(&[branch("main")]).unwrap();
        assert_eq!(store.head(&branch("main")).unwrap(), head);
        let listing = store.list(head, &PathFilter::default()).unwrap();
        assert_eq!(store.blob(listing.entries[0].blob).unwrap(), n.to_string().as_bytes());

        let results = new_commit(&store, None, url);
        let names = [format!("fleet{n}/results"), format!("fleet{n}/work/member1")];
        let updates = names.clone().map(|name| update(&name, None, results));
        store.publish(&updates).unwrap();
        for name in &names {
            assert_eq!(tip(&world.remote, name), results);
            assert_eq!(store.read_ref(&branch(name)).unwrap(), Some(results));
        }
        store.publish(&updates).unwrap();
        let listed = store.list_refs(&format!("refs/heads/fleet{n}/")).unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(store.refs(&format!("refs/heads/fleet{n}/")).unwrap().len(), 2);
    }
}

#[test]
fn a_ref_that_the_remote_lost_is_lost_here_too() {
    let world = World::new();
    let head = world.push(&[("a.yaml", "a")]);
    git(&world.person, &["push", "-q", "origin", "HEAD:extra"]);
    let store = world.open("state");
    let names = [branch("main"), branch("extra"), branch("never")];
    store.fetch(&names).unwrap();
    assert_eq!(store.read_ref(&branch("extra")).unwrap(), Some(head));
    git(&world.person, &["push", "-q", "origin", ":extra"]);
    store.fetch(&names).unwrap();
    assert_eq!(store.read_ref(&branch("extra")).unwrap(), None);
    assert_eq!(store.head(&branch("main")).unwrap(), head);
    let error = store.head(&branch("never")).unwrap_err();
    assert_eq!(error.to_string(), "there is no branch `never`, only `main`");
}

#[test]
fn only_what_was_asked_for_is_fetched() {
    let world = World::new();
    let head = world.push(&[("a.yaml", "honest")]);
    let evil = commit(&world.person, &[("a.yaml", "evil")]);
    git(&world.person, &["tag", "v1"]);
    git(&world.person, &["replace", &head.to_string(), &evil]);
    git(&world.person, &["push", "-q", "origin", "v1", "refs/replace/*"]);
    let store = world.open("state");
    store.fetch(&[branch("main")]).unwrap();
    let refs = git(store.common_dir(), &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/remote/heads/main");
    assert_eq!(store.file(head, "a.yaml").unwrap().unwrap(), b"honest");
}

#[test]
fn someone_elses_push_is_told_and_nothing_moves() {
    for has_atomic_push in ["true", "false"] {
        let world = World::new();
        git(&world.remote, &["config", "receive.advertiseAtomic", has_atomic_push]);
        let (ours, theirs) = (world.open("ours"), world.open("theirs"));
        let first = new_commit(&ours, None, "1");
        ours.publish(&[update("x", None, first), update("y", None, first)]).unwrap();
        let second = new_commit(&theirs, None, "2");
        theirs.publish(&[update("x", None, second)]).unwrap_err();
        theirs.fetch(&[branch("x")]).unwrap();
        theirs.publish(&[update("x", Some(first), second)]).unwrap();
        let third = new_commit(&ours, Some(first), "3");
        let error = ours
            .publish(&[update("x", Some(first), third), update("y", Some(first), third)])
            .unwrap_err();
        let PublishError::Moved { name, actual, .. } = error else { panic!("{error}") };
        assert_eq!((name, actual), (branch("x"), Some(second)));
        assert_eq!(tip(&world.remote, "x"), second);
        assert_eq!(tip(&world.remote, "y"), first);
    }
}

#[test]
fn a_refusal_carries_the_servers_words() {
    let world = World::new();
    script(&world.remote.join("hooks/pre-receive"), "echo protected branch >&2; exit 1");
    let store = world.open("state");
    let new = new_commit(&store, None, "1");
    let error = store.publish(&[update("x", None, new)]).unwrap_err();
    assert_eq!(error.code(), "PUSH_REFUSED");
    assert!(error.to_string().contains("protected branch"), "{error}");
    assert_eq!(store.read_ref(&branch("x")).unwrap(), None);
}

#[test]
fn an_answer_that_got_lost_is_looked_up() {
    let world = World::new();
    let store = world.open("state");
    let push_then_fail = |before: &str| {
        format!("case \" $* \" in *' push '*) {before} exit 128;; *) exec git \"$@\";; esac")
    };
    let new = new_commit(&store, None, "1");
    world.git_does(&push_then_fail("git \"$@\" >/dev/null 2>&1;"));
    store.publish(&[update("x", None, new)]).unwrap();
    assert_eq!(tip(&world.remote, "x"), new);
    world.git_does(&push_then_fail(""));
    let next = new_commit(&store, Some(new), "2");
    assert_eq!(store.publish(&[update("x", Some(new), next)]).unwrap_err().code(), "PUSH_REFUSED");
    world.git_does("exit 128");
    assert_eq!(store.publish(&[update("x", Some(new), next)]).unwrap_err().code(), "PUSH_UNKNOWN");
    assert_eq!(store.fetch(&[branch("x")]).unwrap_err().code(), "GIT_REMOTE");
    world.git_does("exec git \"$@\"");
    store.publish(&[update("x", Some(new), next)]).unwrap();
}

#[test]
fn a_damaged_clone_is_set_aside() {
    let world = World::new();
    let head = world.push(&[("a.yaml", "a")]);
    let store = world.open("state");
    store.fetch(&[branch("main")]).unwrap();
    std::fs::write(store.common_dir().join("HEAD"), "").unwrap();
    std::fs::remove_dir_all(store.common_dir().join("refs")).unwrap();
    let store = world.open("state");
    store.fetch(&[branch("main")]).unwrap();
    assert_eq!(store.head(&branch("main")).unwrap(), head);
}

#[test]
fn an_address_cannot_run_a_command() {
    let world = World::new();
    let marker = world.dir.path().join("marker");
    for address in
        ["--upload-pack=touch {}", "ext::sh -c touch% {}", "ssh://-oProxyCommand=touch {}/x"]
    {
        let address = address.replace("{}", marker.to_str().unwrap());
        Location::parse(&address).unwrap_err();
    }
    let repo = format!("file://{}/nothing; touch {}", world.dir.path().display(), marker.display());
    let store = world.open_at(&repo, "state");
    assert_eq!(store.fetch(&[branch("main")]).unwrap_err().code(), "GIT_REMOTE");
    assert!(!marker.exists());
}
