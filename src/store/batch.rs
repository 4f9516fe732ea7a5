//! Commits in the making: objects are collected and come into the repository in one go.
//!
//! No ref moves here. Author, time and message come from the caller: neither the user's git
//! configuration nor a clock has a say, so the same input gives the same commit.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use git2::ObjectType;
use jiff::Timestamp;
use sha1::{Digest, Sha1};

use crate::api::names::ObjectId;

use super::error::{PublishError, SnapshotError};
use super::pack::Pack;
use super::repository::{Store, commit_tree, find_in, oid};
use super::tree::{self, Mode, Row};

/// From this many objects on, one pack is cheaper than a file for each.
const BULK_OBJECTS_MIN: usize = 200;

/// Who our commits are by.
const AUTHOR: &str = "git-fleet <git-fleet@localhost>";

/// Content of a file that is made when the file is put into a batch, and not held beside it.
pub trait Render: fmt::Debug {
    /// The whole content; the same each time.
    fn render(&self) -> Cow<'_, [u8]>;
}

/// The new content of a file.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// At hand.
    Bytes(&'a [u8]),
    /// Made when it is put.
    Rendered(&'a dyn Render),
}

impl<'a> Content<'a> {
    fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Bytes(bytes) => bytes.into(),
            Self::Rendered(file) => file.render(),
        }
    }
}

/// One file of a commit that differs from the parent's.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Path from the root, `/`-separated.
    pub path: &'a str,
    /// The file's new content; `None` deletes it, or everything below it when it is a directory.
    pub content: Option<Content<'a>>,
}

impl<'a> Change<'a> {
    /// The file at `path` gets these bytes.
    pub fn write(path: &'a str, bytes: &'a [u8]) -> Self {
        Self { path, content: Some(Content::Bytes(bytes)) }
    }

    /// The file at `path` gets what `file` renders.
    pub fn render(path: &'a str, file: &'a dyn Render) -> Self {
        Self { path, content: Some(Content::Rendered(file)) }
    }

    /// What is at `path` goes.
    pub fn delete(path: &'a str) -> Self {
        Self { path, content: None }
    }
}

/// A commit to write: its parent's tree with changes.
#[derive(Clone, Copy, Debug)]
pub struct NewCommit<'a> {
    /// The commit to build on; `None` starts from nothing.
    pub parent: Option<ObjectId>,
    /// What differs from the parent. A later change of the same path wins.
    pub changes: &'a [Change<'a>],
    /// The whole message, trailers included.
    pub message: &'a str,
    /// Date of the commit.
    pub time: Timestamp,
}

/// The object kinds that a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Tree,
    Blob,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }

    fn object_type(self) -> ObjectType {
        match self {
            Self::Commit => ObjectType::Commit,
            Self::Tree => ObjectType::Tree,
            Self::Blob => ObjectType::Blob,
        }
    }
}

/// One object that is not written yet.
struct Pending {
    kind: Kind,
    id: ObjectId,
    bytes: Vec<u8>,
}

/// Objects of one publication, shared by all its commits. Git sees none of them before
/// [`Batch::write`].
///
/// From `BULK_OBJECTS_MIN` objects on, files are deflated into an unfinished pack as they come;
/// trees and commits are few, are read again, and stay in memory.
#[must_use = "git sees nothing before `write`"]
pub struct Batch<'s> {
    store: &'s Store,
    /// In the order of writing: an object comes after those that it names.
    objects: Vec<Pending>,
    index: HashMap<ObjectId, usize>,
    pack: Option<Pack>,
}

impl Store {
    /// Starts a batch: several commits that go to disk together.
    pub fn batch(&self) -> Batch<'_> {
        Batch { store: self, objects: Vec::new(), index: HashMap::new(), pack: None }
    }

    /// Writes one commit; moves no ref.
    pub fn commit(&self, commit: &NewCommit<'_>) -> Result<ObjectId, PublishError> {
        let mut batch = self.batch();
        let id = batch.commit(commit)?;
        batch.write()?;
        Ok(id)
    }

    /// Writes a commit of a tree that exists; moves no ref.
    pub fn commit_tree(
        &self,
        parent: Option<ObjectId>,
        tree: ObjectId,
        message: &str,
        time: Timestamp,
    ) -> Result<ObjectId, PublishError> {
        let mut batch = self.batch();
        let id = batch.commit_tree(parent, tree, message, time);
        batch.write()?;
        Ok(id)
    }
}

impl Batch<'_> {
    /// Adds a commit.
    pub fn commit(&mut self, commit: &NewCommit<'_>) -> Result<ObjectId, PublishError> {
        let tree = self.tree(commit.parent, commit.changes)?;
        Ok(self.commit_tree(commit.parent, tree, commit.message, commit.time))
    }

    /// Adds the tree of `parent` with `changes`, and says its id: the parent's own when nothing
    /// differs.
    pub fn tree(
        &mut self,
        parent: Option<ObjectId>,
        changes: &[Change<'_>],
    ) -> Result<ObjectId, PublishError> {
        let mut sorted = Vec::with_capacity(changes.len());
        for change in changes {
            check_path(change.path)?;
            sorted.push(change);
        }
        // Stable: of several changes of one path, the last comes last.
        sorted.sort_by(|a, b| parts(a.path).cmp(parts(b.path)));
        let base = parent.map(|parent| self.tree_of(parent)).transpose()?;
        match self.edited(base, 0, &sorted)? {
            Some(tree) => Ok(tree),
            None => Ok(self.put(Kind::Tree, Vec::new())),
        }
    }

    /// Adds a commit of `tree`.
    pub fn commit_tree(
        &mut self,
        parent: Option<ObjectId>,
        tree: ObjectId,
        message: &str,
        time: Timestamp,
    ) -> ObjectId {
        let parent = parent.map_or_else(String::new, |parent| format!("parent {parent}\n"));
        let seconds = time.as_second();
        let end = if message.ends_with('\n') { "" } else { "\n" };
        let text = format!(
            "tree {tree}\n{parent}author {AUTHOR} {seconds} +0000\ncommitter {AUTHOR} {seconds} +0000\n\n{message}{end}"
        );
        self.put(Kind::Commit, text.into_bytes())
    }

    /// The tree of a commit, written or not.
    pub fn tree_of(&self, commit: ObjectId) -> Result<ObjectId, SnapshotError> {
        match self.pending(commit) {
            Some(pending) => commit_tree(&pending.bytes)
                .ok_or(SnapshotError::WrongKind { id: commit, expected: "commit" }),
            None => self.store.tree(commit),
        }
    }

    /// The id of the directory or file at `path` in a commit, written or not.
    pub fn find(&self, commit: ObjectId, path: &str) -> Result<Option<ObjectId>, SnapshotError> {
        find_in(self.tree_of(commit)?, path, |tree| self.rows(tree))
    }

    pub(super) fn store(&self) -> &Store {
        self.store
    }

    /// How many objects wait to be written.
    pub fn n_objects(&self) -> usize {
        self.objects.len() + self.pack.as_ref().map_or(0, Pack::n_objects)
    }

    /// Writes everything: few objects as a file each, many as one pack. A crash in the middle
    /// leaves objects that nothing names.
    pub fn write(mut self) -> Result<(), PublishError> {
        let path = self.store.common_dir();
        if self.is_bulk() {
            let mut packed = || {
                let mut pack = self.pack.take().map_or_else(|| Pack::begin(path), Ok)?;
                for object in &self.objects {
                    pack.add(object.kind, object.id, &object.bytes)?;
                }
                pack.finish()
            };
            packed().map_err(|source| PublishError::write_file(path, source))?;
            // Every pack that was read of stays mapped, mostly for one large directory.
            self.store.reopen();
            return Ok(());
        }
        if self.objects.is_empty() {
            return Ok(());
        }
        let written = self.store.with(|repository| {
            let odb = repository.odb()?;
            for object in &self.objects {
                let id = odb.write(object.kind.object_type(), &object.bytes)?;
                assert_eq!(id, oid(object.id), "both sides hash the same bytes");
            }
            Ok(())
        });
        written.map_err(|source| {
            PublishError::write(format!("{} objects", self.objects.len()), path, source)
        })
    }

    /// Builds the tree `base` with `changes`, sorted, whose paths go on in it at the byte `at`; `None`
    /// when nothing is left in it.
    fn edited(
        &mut self,
        base: Option<ObjectId>,
        at: usize,
        changes: &[&Change<'_>],
    ) -> Result<Option<ObjectId>, PublishError> {
        let mut rows = base.map(|base| self.rows(base)).transpose()?.unwrap_or_default();
        rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut is_changed = base.is_none();
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for changes in changes.chunk_by(|a, b| first_part(a, at) == first_part(b, at)) {
            let name = first_part(changes[0], at);
            let end = at + name.len();
            // Changes of the name itself come before those below it.
            let n_own = changes.partition_point(|change| change.path.len() == end);
            let (own, below) = changes.split_at(n_own);
            let place = rows.binary_search_by(|row| row.name.as_slice().cmp(name.as_bytes()));
            let before = place.ok().map(|place| (rows[place].mode, rows[place].id));
            let file = match own.last().map(|change| change.content) {
                None => before,
                Some(None) => None,
                Some(Some(content)) => Some((Mode::File, self.put_file(&content.bytes())?)),
            };
            let after = if below.is_empty() {
                file
            } else {
                let base = file.filter(|(mode, _)| *mode == Mode::Directory).map(|(_, id)| id);
                let tree = self.edited(base, end + 1, below)?;
                tree.map(|tree| (Mode::Directory, tree))
                    .or(file.filter(|(mode, _)| *mode != Mode::Directory))
            };
            is_changed |= after != before;
            match (place, after) {
                (Ok(place), Some((mode, id))) => {
                    rows[place].mode = mode;
                    rows[place].id = id;
                }
                (Ok(place), None) => removed.push(place),
                (Err(_), Some((mode, id))) => {
                    added.push(Row { mode, name: name.as_bytes().to_vec(), id });
                }
                (Err(_), None) => {}
            }
        }
        let mut removed = removed.into_iter().peekable();
        let mut places = 0..rows.len();
        rows.retain(|_| places.next().and_then(|place| removed.next_if_eq(&place)).is_none());
        rows.append(&mut added);
        match base {
            _ if rows.is_empty() => Ok(None),
            Some(base) if !is_changed => Ok(Some(base)),
            _ => Ok(Some(self.put(Kind::Tree, tree::render(rows)))),
        }
    }

    fn rows(&self, id: ObjectId) -> Result<Vec<Row>, SnapshotError> {
        match self.pending(id) {
            Some(pending) => tree::parse(&pending.bytes)
                .map_err(|reason| SnapshotError::Malformed { id, reason }),
            None => self.store.rows(id),
        }
    }

    fn pending(&self, id: ObjectId) -> Option<&Pending> {
        self.index.get(&id).map(|at| &self.objects[*at])
    }

    fn is_bulk(&self) -> bool {
        self.pack.is_some() || self.objects.len() >= BULK_OBJECTS_MIN
    }

    /// Adds an object. One that the repository already holds is written again all the same: that
    /// renews its age, so that nobody's `git gc` prunes it before a ref names it.
    fn put(&mut self, kind: Kind, bytes: Vec<u8>) -> ObjectId {
        let id = object_id(kind, &bytes);
        let next = self.objects.len();
        self.index.entry(id).or_insert_with(|| {
            self.objects.push(Pending { kind, id, bytes });
            next
        });
        id
    }

    /// Adds a file: to the pack, once it is worth one.
    fn put_file(&mut self, bytes: &[u8]) -> Result<ObjectId, PublishError> {
        let id = object_id(Kind::Blob, bytes);
        if self.index.contains_key(&id) {
            return Ok(id);
        }
        if !self.is_bulk() {
            return Ok(self.put(Kind::Blob, bytes.to_vec()));
        }
        let path = self.store.common_dir();
        let mut packed = || {
            if self.pack.is_none() {
                self.pack = Some(Pack::begin(path)?);
            }
            let pack = self.pack.as_mut().expect("begun if it was not");
            pack.add(Kind::Blob, id, bytes)
        };
        packed().map_err(|source| PublishError::write_file(path, source))?;
        Ok(id)
    }
}

/// The id that git gives to these bytes.
fn object_id(kind: Kind, bytes: &[u8]) -> ObjectId {
    let mut sha1 = Sha1::new();
    sha1.update(format!("{} {}\0", kind.word(), bytes.len()));
    sha1.update(bytes);
    ObjectId::from_bytes(sha1.finalize().into())
}

fn check_path(path: &str) -> Result<(), PublishError> {
    let is_bad = |part: &str| {
        matches!(part, "" | "." | "..") || part.contains('\0') || part.eq_ignore_ascii_case(".git")
    };
    if path.split('/').any(is_bad) {
        return Err(PublishError::BadPath { path: path.escape_debug().to_string() });
    }
    Ok(())
}

/// Orders paths by their parts: a directory's are next to each other, and behind its own.
fn parts(path: &str) -> impl Iterator<Item = u8> {
    // No path has a NUL.
    path.bytes().map(|byte| if byte == b'/' { 0 } else { byte })
}

/// The part of a path that begins at the byte `at`.
fn first_part<'a>(change: &Change<'a>, at: usize) -> &'a str {
    let rest = &change.path[at..];
    rest.split_once('/').map_or(rest, |(part, _)| part)
}
