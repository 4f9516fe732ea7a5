//! What the past of a branch says, and keeping it short.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use git2::ObjectType;
use jiff::Timestamp;

use crate::api::names::ObjectId;

use super::batch::{Batch, Change};
use super::error::{PublishError, SnapshotError, StoreError};
use super::refs::RefName;
use super::repository::{Store, object_id, oid};
use super::tree::{Mode, Row};

/// Most commits of a branch that are looked at for what it once held: as many as are kept before a
/// checkpoint, twice.
pub const HISTORY_COMMITS_MAX: usize = 20_000;

/// Trailer of a checkpoint: the commit whose past it leaves behind.
pub const CHECKPOINT_TRAILER: &str = "Fleet-Checkpoint-Of";

/// What a commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents, the first one first.
    pub parents: Vec<ObjectId>,
    /// Name and address of the author.
    pub author: String,
    /// When it was committed.
    pub time: Timestamp,
    /// The whole message.
    pub message: String,
}

impl CommitInfo {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The value of the last trailer `key: value` in the message's last paragraph.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        trailer(&self.message, key)
    }
}

fn trailer<'m>(message: &'m str, key: &str) -> Option<&'m str> {
    let paragraph = message.trim_end().rsplit("\n\n").next()?;
    paragraph.lines().rev().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

/// What one commit did to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathChange {
    /// It is new, or has other content.
    Written,
    /// It is gone.
    Removed,
}

/// How long and how old a branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its commits.
    pub n_commits: usize,
    /// When the first of them was made.
    pub since: Timestamp,
}

impl Store {
    /// Reads a commit.
    pub fn commit_info(&self, id: ObjectId) -> Result<CommitInfo, SnapshotError> {
        let bytes = self.read(id, ObjectType::Commit, "commit")?;
        let malformed = |reason| SnapshotError::Malformed { id, reason };
        let text = String::from_utf8_lossy(&bytes);
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let fields = |key: &'static str| {
            head.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let parse = |text: &str| text.parse().map_err(|_| malformed("it names no object"));
        let tree = fields("tree").next().ok_or(malformed("it has no tree"))?;
        // `Name <address> seconds zone`, the name as free as people are.
        let person = |key| fields(key).next().and_then(|line| line.rsplit_once("> "));
        let (author, _) = person("author").ok_or(malformed("it has no author"))?;
        let (_, date) = person("committer").ok_or(malformed("it has no committer"))?;
        let seconds = date.split(' ').next().and_then(|seconds| seconds.parse().ok());
        let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        Ok(CommitInfo {
            tree: parse(tree)?,
            parents: fields("parent").map(parse).collect::<Result<_, _>>()?,
            author: format!("{author}>"),
            time: time.ok_or(malformed("its date is none"))?,
            message: message.to_owned(),
        })
    }

    /// Whether `ancestor` is `commit` or in its past.
    pub fn is_ancestor(&self, ancestor: ObjectId, commit: ObjectId) -> Result<bool, StoreError> {
        if ancestor == commit {
            return Ok(true);
        }
        self.with(|repository| repository.graph_descendant_of(oid(commit), oid(ancestor)))
            .map_err(|source| StoreError::ReadRef { name: commit.to_string(), source })
    }

    /// The messages of `tip` and of the commits in its past that are not in that of `since`, the newest
    /// first, `n_max` at most. Without a `since`, or with one that is gone, that of `tip` alone.
    pub fn messages_since(
        &self,
        since: Option<ObjectId>,
        tip: ObjectId,
        n_max: usize,
    ) -> Result<impl Iterator<Item = String>, StoreError> {
        let fault = |source| StoreError::ReadRef { name: tip.to_string(), source };
        let messages = self.with(|repository| {
            let since = since.filter(|since| repository.find_commit(oid(*since)).is_ok());
            let mut walk = repository.revwalk()?;
            walk.push(oid(tip))?;
            if let Some(since) = since {
                walk.hide(oid(since))?;
            }
            let n_max = if since.is_some() { n_max } else { 1 };
            // The tip itself may be planned once more.
            let mut ids = vec![oid(tip)];
            ids.extend(walk.take(n_max).filter_map(Result::ok));
            let message = |id| {
                let commit = repository.find_commit(id)?;
                Ok(String::from_utf8_lossy(commit.message_bytes()).into_owned())
            };
            ids.into_iter().map(message).collect::<Result<Vec<String>, git2::Error>>()
        });
        Ok(messages.map_err(fault)?.into_iter())
    }

    /// Refuses a `new` head of `name` that does not descend from the last accepted one, as far as the past
    /// is here: a shallow clone that has not the old one says nothing.
    pub fn check_moved_forward(
        &self,
        name: &RefName,
        old: ObjectId,
        new: ObjectId,
    ) -> Result<(), StoreError> {
        // When the old commit is gone altogether the history was rewritten, too.
        let is_unknown = self.is_shallow() && self.tree(old).is_err();
        if is_unknown || self.is_ancestor(old, new).unwrap_or(false) {
            return Ok(());
        }
        self.tree(new)?;
        let rollback = self.is_ancestor(new, old).unwrap_or(false);
        Err(StoreError::HistoryRewritten { name: name.clone(), old, new, rollback })
    }

    /// How long and how old the branch at `tip` is, looked at no further back than `n_max` commits.
    /// It ends where its past does, be it only that the rest was never fetched.
    pub fn past(&self, tip: ObjectId, n_max: usize) -> Result<Past, SnapshotError> {
        let info = self.commit_info(tip)?;
        let mut past = Past { n_commits: 1, since: info.time };
        let mut next = info.parents.first().copied();
        while let Some(commit) = next.filter(|_| past.n_commits < n_max) {
            let Ok(info) = self.commit_info(commit) else { break };
            past = Past { n_commits: past.n_commits + 1, since: info.time };
            next = info.parents.first().copied();
        }
        Ok(past)
    }

    /// Whether the machine-owned branch at `tip` is, or once was, at `older`: first parents are
    /// followed, and a checkpoint to what it left behind. A past of which the rest is not here, or
    /// that is longer than [`HISTORY_COMMITS_MAX`], proves nothing.
    pub fn is_in_past(&self, older: ObjectId, tip: ObjectId) -> bool {
        let mut next = Some(tip);
        for _ in 0..HISTORY_COMMITS_MAX {
            let Some(commit) = next else { break };
            if commit == older {
                return true;
            }
            let Ok(info) = self.commit_info(commit) else { break };
            let left = info.trailer(CHECKPOINT_TRAILER).and_then(|id| id.parse().ok());
            next = info.parents.first().copied().or(left);
        }
        false
    }

    /// Walks the machine-owned branch at `tip` backwards, `n_max` commits at most, and tells what each
    /// of them changed below `dir`, which is empty for the whole tree. `is_wanted` is asked before a
    /// commit is looked at; the walk ends with its first no. `take` gets each path below `dir`.
    ///
    /// Follows a checkpoint to what it left behind while that is still here. Costs what changed
    /// between the commits, not what they hold.
    pub fn walk_changes(
        &self,
        tip: ObjectId,
        dir: &str,
        n_max: usize,
        mut is_wanted: impl FnMut(ObjectId) -> bool,
        mut take: impl FnMut(&str, PathChange),
    ) -> Result<(), StoreError> {
        let fault = |source| StoreError::ReadRef { name: tip.to_string(), source };
        self.with(|repository| {
            let below = |commit: &git2::Commit<'_>| -> Result<Option<git2::Oid>, git2::Error> {
                let tree = commit.tree()?;
                if dir.is_empty() {
                    return Ok(Some(tree.id()));
                }
                match tree.get_path(std::path::Path::new(dir)) {
                    Ok(entry) => Ok(Some(entry.id())),
                    Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
                    Err(error) => Err(error),
                }
            };
            let tree = |id: Option<git2::Oid>| id.map(|id| repository.find_tree(id)).transpose();
            let mut commit = repository.find_commit(oid(tip))?;
            let mut new = below(&commit)?;
            for _ in 0..n_max {
                if !is_wanted(object_id(commit.id())) {
                    break;
                }
                let Some(parent) = before(repository, &commit) else { break };
                let old = below(&parent)?;
                if old != new {
                    let (old, new) = (tree(old)?, tree(new)?);
                    let diff = repository.diff_tree_to_tree(old.as_ref(), new.as_ref(), None)?;
                    for delta in diff.deltas() {
                        let (file, change) = match delta.status() {
                            git2::Delta::Deleted => (delta.old_file(), PathChange::Removed),
                            _ => (delta.new_file(), PathChange::Written),
                        };
                        if let Some(path) = file.path().and_then(std::path::Path::to_str) {
                            take(path, change);
                        }
                    }
                }
                new = old;
                commit = parent;
            }
            Ok(())
        })
        .map_err(fault)
    }

    /// Which of `paths` the machine-owned branch at `tip` holds or once held: the proof that an
    /// object may be pruned.
    ///
    /// Follows first parents, and a checkpoint to what it left behind while that is still here. A
    /// past that cannot be read, or is longer than [`HISTORY_COMMITS_MAX`], proves nothing: the
    /// answer is then smaller, never larger.
    pub fn held_by_history<'p>(
        &self,
        tip: ObjectId,
        paths: &BTreeSet<&'p str>,
    ) -> Result<BTreeSet<&'p str>, SnapshotError> {
        let mut past = PastTrees { store: self, rows: HashMap::new() };
        let mut missing = paths.clone();
        let mut held = BTreeSet::new();
        let mut seen_trees = HashSet::new();
        let mut next = Some(tip);
        for _ in 0..HISTORY_COMMITS_MAX {
            let Some(commit) = next.filter(|_| !missing.is_empty()) else { break };
            let info = match self.commit_info(commit) {
                Ok(info) => info,
                Err(error) if commit == tip => return Err(error),
                Err(_) => break,
            };
            if seen_trees.insert(info.tree) {
                let mut found = BTreeSet::new();
                for path in &missing {
                    if past.holds(info.tree, path)? {
                        found.insert(*path);
                    }
                }
                missing.retain(|path| !found.contains(path));
                held.append(&mut found);
            }
            let before = info.trailer(CHECKPOINT_TRAILER).and_then(|id| id.parse().ok());
            next = info.parents.first().copied().or(before);
        }
        Ok(held)
    }
}

/// The commit before this one on its branch: its parent, or what a checkpoint left behind.
fn before<'r>(
    repository: &'r git2::Repository,
    commit: &git2::Commit<'r>,
) -> Option<git2::Commit<'r>> {
    if let Ok(parent) = commit.parent(0) {
        return Some(parent);
    }
    let message = String::from_utf8_lossy(commit.message_bytes());
    let left = trailer(&message, CHECKPOINT_TRAILER)?.parse().ok()?;
    repository.find_commit(oid(left)).ok()
}

/// Trees of a branch's past; most of one commit's are the next one's.
struct PastTrees<'s> {
    store: &'s Store,
    rows: HashMap<ObjectId, Rc<HashMap<Vec<u8>, Row>>>,
}

impl PastTrees<'_> {
    fn holds(&mut self, tree: ObjectId, path: &str) -> Result<bool, SnapshotError> {
        let mut here = tree;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let rows = if let Some(rows) = self.rows.get(&here) {
                Rc::clone(rows)
            } else {
                let rows = self.store.rows(here)?;
                let rows = Rc::new(rows.into_iter().map(|row| (row.name.clone(), row)).collect());
                self.rows.insert(here, Rc::clone(&rows));
                rows
            };
            let Some(row) = rows.get(part.as_bytes()) else { return Ok(false) };
            let is_last = parts.peek().is_none();
            match row.mode {
                Mode::File | Mode::Executable if is_last => return Ok(true),
                Mode::Directory if !is_last => here = row.id,
                _ => return Ok(false),
            }
        }
        Ok(false)
    }
}

impl Batch<'_> {
    /// Adds a commit with the tree of `tip` and no past: it replaces `tip` to keep the branch short.
    pub fn checkpoint(
        &mut self,
        tip: ObjectId,
        subject: &str,
        time: Timestamp,
    ) -> Result<ObjectId, PublishError> {
        let tree = self.tree_of(tip)?;
        let message = format!("{subject}\n\n{CHECKPOINT_TRAILER}: {tip}\n");
        Ok(self.commit_tree(None, tree, &message, time))
    }

    /// Adds a commit that replaces `tip` on a rolling branch: its tree with `changes`, its parent as
    /// parent.
    pub fn amend(
        &mut self,
        tip: ObjectId,
        changes: &[Change<'_>],
        message: &str,
        time: Timestamp,
    ) -> Result<ObjectId, PublishError> {
        let parent = self.store().commit_info(tip)?.parents.first().copied();
        let tree = self.tree(Some(tip), changes)?;
        Ok(self.commit_tree(parent, tree, message, time))
    }
}
