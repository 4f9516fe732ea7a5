//! Commits in the making: objects are collected in memory and written in one go.
//!
//! No ref moves here. Author, time and message come from the caller: neither the user's git
//! configuration nor a clock has a say, so the same input gives the same commit.

use std::collections::{BTreeMap, HashMap};

use git2::ObjectType;
use jiff::Timestamp;
use sha1::{Digest, Sha1};

use crate::api::names::ObjectId;

use super::error::{PublishError, SnapshotError};
use super::pack;
use super::repository::{Store, commit_tree, find_in, oid};
use super::tree::{self, Mode, Row};

/// From this many objects on, one pack is cheaper than a file for each.
const BULK_OBJECTS_MIN: usize = 200;

/// Who our commits are by.
const AUTHOR: &str = "git-fleet <git-fleet@localhost>";

/// One file of a commit that differs from the parent's.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Path from the root, `/`-separated.
    pub path: &'a str,
    /// The file's new content; `None` deletes it, or everything below it when it is a directory.
    pub content: Option<&'a [u8]>,
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
pub(super) struct Pending {
    pub(super) kind: Kind,
    pub(super) id: ObjectId,
    pub(super) bytes: Vec<u8>,
}

/// Objects of one publication, shared by all its commits. Nothing is on disk before
/// [`Batch::write`].
#[must_use = "nothing is on disk before `write`"]
pub struct Batch<'s> {
    store: &'s Store,
    /// In the order of writing: an object comes after those that it names.
    objects: Vec<Pending>,
    index: HashMap<ObjectId, usize>,
}

impl Store {
    /// Starts a batch: several commits that go to disk together.
    pub fn batch(&self) -> Batch<'_> {
        Batch { store: self, objects: Vec::new(), index: HashMap::new() }
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
        let mut root = Edit::default();
        for change in changes {
            root.add(change)?;
        }
        let base = parent.map(|parent| self.tree_of(parent)).transpose()?;
        match self.edited(base, &root)? {
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
        self.objects.len()
    }

    /// Writes everything: few objects as a file each, many as one pack. A crash in the middle
    /// leaves objects that nothing names.
    pub fn write(self) -> Result<(), PublishError> {
        let path = self.store.common_dir();
        if self.objects.is_empty() {
            return Ok(());
        }
        if self.objects.len() >= BULK_OBJECTS_MIN {
            return pack::write(path, &self.objects)
                .map_err(|source| PublishError::write_file(path, source));
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

    /// Builds the tree `base` with `edit`; `None` when nothing is left in it.
    fn edited(
        &mut self,
        base: Option<ObjectId>,
        edit: &Edit<'_>,
    ) -> Result<Option<ObjectId>, PublishError> {
        let before = base.map(|base| self.rows(base)).transpose()?.unwrap_or_default();
        let mut rows: BTreeMap<Vec<u8>, Row> =
            before.iter().map(|row| (row.name.clone(), row.clone())).collect();
        for (name, child) in &edit.children {
            let name = name.as_bytes().to_vec();
            let file = match child.file {
                FileEdit::Keep => rows.remove(&name),
                FileEdit::Delete => None,
                FileEdit::Write(bytes) => {
                    let id = self.put(Kind::Blob, bytes.to_vec());
                    Some(Row { mode: Mode::File, name: name.clone(), id })
                }
            };
            let row = if child.children.is_empty() {
                file
            } else {
                let base = file.as_ref().filter(|row| row.mode == Mode::Directory);
                let tree = self.edited(base.map(|row| row.id), child)?;
                let directory = |id| Row { mode: Mode::Directory, name: name.clone(), id };
                tree.map(directory).or(file.filter(|row| row.mode != Mode::Directory))
            };
            match row {
                Some(row) => rows.insert(name, row),
                None => rows.remove(&name),
            };
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let after: Vec<Row> = rows.into_values().collect();
        let bytes = tree::render(after);
        if let Some(base) = base
            && bytes == tree::render(before)
        {
            return Ok(Some(base));
        }
        Ok(Some(self.put(Kind::Tree, bytes)))
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

    /// Adds an object. One that the repository already holds is written again all the same: that
    /// renews its age, so that nobody's `git gc` prunes it before a ref names it.
    pub(super) fn put(&mut self, kind: Kind, bytes: Vec<u8>) -> ObjectId {
        let id = object_id(kind, &bytes);
        let next = self.objects.len();
        self.index.entry(id).or_insert_with(|| {
            self.objects.push(Pending { kind, id, bytes });
            next
        });
        id
    }
}

/// The id that git gives to these bytes.
fn object_id(kind: Kind, bytes: &[u8]) -> ObjectId {
    let mut sha1 = Sha1::new();
    sha1.update(format!("{} {}\0", kind.word(), bytes.len()));
    sha1.update(bytes);
    ObjectId::from_bytes(sha1.finalize().into())
}

/// What becomes of one name in a directory: as a file, and as a directory.
#[derive(Default)]
struct Edit<'a> {
    file: FileEdit<'a>,
    children: BTreeMap<&'a str, Edit<'a>>,
}

#[derive(Clone, Copy, Default)]
enum FileEdit<'a> {
    #[default]
    Keep,
    Delete,
    Write(&'a [u8]),
}

impl<'a> Edit<'a> {
    fn add(&mut self, change: &Change<'a>) -> Result<(), PublishError> {
        let mut here = self;
        for part in change.path.split('/') {
            let is_bad = part.is_empty() || part == "." || part == ".." || part.contains('\0');
            if is_bad || part.eq_ignore_ascii_case(".git") {
                return Err(PublishError::BadPath { path: change.path.escape_debug().to_string() });
            }
            here = here.children.entry(part).or_default();
        }
        here.file = change.content.map_or(FileEdit::Delete, FileEdit::Write);
        Ok(())
    }
}
