//! Reading commits: what is listed, what is a Problem, what is an error.

use std::fmt::Write as _;

use git_fleet::api::problem::Severity;
use git_fleet::store::{PathFilter, SnapshotError, StoreError};
use git2::ObjectType;

use super::git::{commit, git, init};
use super::{branch, id, open};

/// Writes a tree object with these rows, well-formed or not.
fn raw_tree(repository: &git2::Repository, rows: &[(&str, &[u8], git2::Oid)]) -> git2::Oid {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|(mode, name, _)| {
        let end: &[u8] = if *mode == "40000" { b"/" } else { b"" };
        [*name, end].concat()
    });
    let mut bytes = Vec::new();
    for (mode, name, oid) in rows {
        bytes.extend_from_slice(format!("{mode} ").as_bytes());
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(oid.as_bytes());
    }
    repository.odb().unwrap().write(ObjectType::Tree, &bytes).unwrap()
}

fn raw_commit(repository: &git2::Repository, tree: git2::Oid) -> String {
    let person = "a <a@b> 1700000000 +0000";
    let text = format!("tree {tree}\nauthor {person}\ncommitter {person}\n\nx\n");
    repository.odb().unwrap().write(ObjectType::Commit, text.as_bytes()).unwrap().to_string()
}

#[test]
fn lists_watched_files_by_path() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let head = commit(
        &repo,
        &[("b.yaml", "b"), ("a/x.yaml", "ax"), ("a.yaml", ""), (".github/ci.yaml", "no")],
    );
    let listing = open(&repo).list(id(&head), &PathFilter::default()).unwrap();
    let entries: Vec<_> = listing.entries.iter().map(|e| (&*e.path, e.size)).collect();
    assert_eq!(entries, [("a.yaml", 0), ("a/x.yaml", 2), ("b.yaml", 1)]);
    assert_eq!(listing.tree.to_string(), git(&repo, &["rev-parse", "HEAD^{tree}"]));
    assert!(listing.problems.is_empty());
}

#[test]
fn bad_names_are_problems() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let raw = git2::Repository::open(&repo).unwrap();
    let blob = raw.blob(b"x: 1\n").unwrap();
    let attributes = raw.blob(b"# filter=no\n*.yaml filter=evil\n").unwrap();
    let file = |name: &'static [u8]| ("100644", name, blob);
    let deep = (0..40).fold(raw_tree(&raw, &[file(b"a.yaml")]), |tree, _| {
        raw_tree(&raw, &[("40000", b"d", tree)])
    });
    let long_name = vec![b'n'; 600];
    let tree = raw_tree(
        &raw,
        &[
            file(b"good.yaml"),
            ("120000", b"passwd.yaml", blob),
            ("120000", b"a-directory", blob),
            ("120000", b"NOTES.md", blob),
            ("160000", b"module", blob),
            file(b".GIT"),
            file(b"git~1"),
            file(b".g\xe2\x80\x8cit"),
            file(b".git "),
            file(b"new\nline.yaml"),
            file(b"esc\x1b[31m.yaml"),
            file("rtl\u{202e}lmay.yaml".as_bytes()),
            file(b"latin\xe9.yaml"),
            file(b"App.yaml"),
            file(b"app.yaml"),
            file("caf\u{e9}.yaml".as_bytes()),
            file("cafe\u{301}.yaml".as_bytes()),
            ("100644", &long_name, blob),
            ("40000", b"deep", deep),
            ("100644", b".gitattributes", attributes),
        ],
    );
    let commit = id(&raw_commit(&raw, tree));
    let store = open(&repo);
    let listing = store.list(commit, &PathFilter::default()).unwrap();
    let mut shown = String::new();
    for problem in &listing.problems {
        writeln!(shown, "{problem}").unwrap();
    }
    insta::assert_snapshot!(shown);
    let again = store.list(commit, &PathFilter::default()).unwrap();
    assert_eq!(listing, again, "a cached directory keeps its Problems");
}

#[test]
fn too_much_is_refused_with_the_actual_number() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let raw = git2::Repository::open(&repo).unwrap();
    let blob = raw.blob(b"x: 1\n").unwrap();
    let names: Vec<String> = (0..60_000).map(|n| format!("{n:05}.yaml")).collect();
    let rows: Vec<_> = names.iter().map(|name| ("100644", name.as_bytes(), blob)).collect();
    let many = raw_tree(&raw, &rows);
    let big = raw.blob(&vec![b'#'; (16 << 20) + 1]).unwrap();
    let big = raw_tree(&raw, &[("100644", b"big.yaml", big), ("100644", b"big.png", big)]);
    let store = open(&repo);
    for (tree, expected) in [
        (many, "error[LIMIT_FILES]: the commit has 60000 watched files, the limit is 50000"),
        (big, "big.yaml: error[LIMIT_BLOB]: the file has 16777217 bytes, the limit is 16777216"),
    ] {
        let commit = id(&raw_commit(&raw, tree));
        let problems = store.list(commit, &PathFilter::default()).unwrap().problems;
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].to_string().lines().next(), Some(expected));
        assert_eq!(problems[0].severity, Severity::Error);
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_an_empty_list() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let head = commit(&repo, &[("a.yaml", "a: 1\n"), ("d/b.yaml", "b: 1\n"), ("d/c.yaml", "c")]);
    let object = |revision: &str| {
        let hex = git(&repo, &["rev-parse", revision]);
        (hex.clone(), repo.join(".git/objects").join(&hex[..2]).join(&hex[2..]))
    };
    let take_away = |revision: &str| {
        let (hex, path) = object(revision);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        (hex, path, bytes)
    };
    for revision in ["HEAD:a.yaml", "HEAD:d", "HEAD^{tree}", "HEAD"] {
        let (hex, path, bytes) = take_away(revision);
        let error = open(&repo).list(id(&head), &PathFilter::default()).unwrap_err();
        assert!(matches!(error, SnapshotError::Incomplete { id } if id.to_string() == hex));
        assert_eq!(error.code(), "SNAPSHOT_INCOMPLETE");
        std::fs::write(path, bytes).unwrap();
    }
    let (_, path, _) = take_away("HEAD:a.yaml");
    std::fs::copy(object("HEAD:d/b.yaml").1, &path).unwrap();
    let error = open(&repo).blob(id(&object("HEAD:a.yaml").0)).unwrap_err();
    assert_eq!(error.code(), "OBJECT_CORRUPT");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "junk").unwrap();
    let error = open(&repo).blob(id(&object("HEAD:a.yaml").0)).unwrap_err();
    assert_eq!(error.code(), "OBJECT_CORRUPT");
}

#[test]
fn a_tree_that_leaves_itself_is_malformed() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let raw = git2::Repository::open(&repo).unwrap();
    let blob = raw.blob(b"x").unwrap();
    for name in ["..", ".", "a/b", ""] {
        let tree = raw_tree(&raw, &[("100644", name.as_bytes(), blob)]);
        let commit = id(&raw_commit(&raw, tree));
        let error = open(&repo).list(commit, &PathFilter::default()).unwrap_err();
        assert_eq!(error.code(), "TREE_MALFORMED", "{name:?}");
    }
}

#[test]
fn a_missing_head_says_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let store = open(&repo);
    let mut shown = Vec::new();
    let mut show = |error: StoreError| {
        shown.push(format!("{}: {error}\n  hint: {}", error.code(), error.hint()));
    };
    show(store.head(&branch("main")).unwrap_err());
    let first = id(&commit(&repo, &[("a.yaml", "1")]));
    show(store.head(&branch("prod")).unwrap_err());
    let second = id(&commit(&repo, &[("a.yaml", "2")]));
    assert_eq!(store.head(&branch("main")).unwrap(), second);
    git(&repo, &["checkout", "-q", "--orphan", "other"]);
    let other = id(&commit(&repo, &[("b.yaml", "3")]));
    let main = branch("main");
    store.check_moved_forward(&main, first, second).unwrap();
    show(store.check_moved_forward(&main, second, first).unwrap_err());
    show(store.check_moved_forward(&main, second, other).unwrap_err());
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_push_and_a_repack_by_others_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    commit(&repo, &[("a.yaml", "0"), ("d/b.yaml", "b")]);
    let store = open(&repo);
    for round in 1..6 {
        let head = commit(&repo, &[("a.yaml", &round.to_string())]);
        if round % 2 == 0 {
            git(&repo, &["gc", "-q", "--prune=now"]);
        }
        assert_eq!(store.head(&branch("main")).unwrap(), id(&head));
        let listing = store.list(id(&head), &PathFilter::default()).unwrap();
        assert_eq!(listing, open(&repo).list(id(&head), &PathFilter::default()).unwrap());
        assert_eq!(store.blob(listing.entries[0].blob).unwrap(), round.to_string().as_bytes());
    }
}

#[test]
fn replacements_of_objects_have_no_effect() {
    let dir = tempfile::tempdir().unwrap();
    let repo = init(&dir.path().join("r"));
    let honest = commit(&repo, &[("a.yaml", "honest")]);
    let evil = commit(&repo, &[("a.yaml", "evil")]);
    git(&repo, &["replace", &honest, &evil]);
    assert_eq!(open(&repo).file(id(&honest), "a.yaml").unwrap().unwrap(), b"honest");
}
