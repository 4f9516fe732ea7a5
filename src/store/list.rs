//! What a commit holds: its watched files, read from trees and never from a work tree.
//!
//! What a person did wrong (a symlink, a name that another file system cannot hold) is a Problem;
//! what cannot be read is an error, because an incomplete list looks like a deletion.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::api::names::ObjectId;
use crate::api::problem::{Place, Problem};
use crate::fleet::is_manifest_path;

use super::error::SnapshotError;
use super::filter::PathFilter;
use super::path_rules::{self, Fold};
use super::repository::Store;
use super::tree::Mode;

/// Most bytes of all manifests together: they are held in memory.
pub const SNAPSHOT_BYTES_MAX: u64 = 64 << 20;

/// Longest path.
pub const PATH_BYTES_MAX: usize = 512;

/// Most parts of a path.
pub const PATH_DEPTH_MAX: usize = 32;

/// Most Problems of one listing: beyond it nobody reads on.
const PROBLEMS_MAX: usize = 200;

/// A watched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path from the root, `/`-separated.
    pub path: Arc<str>,
    /// Id of its content.
    pub blob: ObjectId,
    /// Size of its content in bytes.
    pub size: u64,
}

/// The watched files of one commit, and what is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The commit's tree: equal trees are equal fleets.
    pub tree: ObjectId,
    /// Sorted by path. Empty when there are too many.
    pub entries: Vec<Entry>,
    /// Sorted by place.
    pub problems: Vec<Problem>,
}

/// What the last listing found, directory by directory, so that the next one reads only what
/// changed.
#[derive(Default)]
pub(super) struct ListCache {
    filter: PathFilter,
    directories: HashMap<Arc<str>, Arc<Directory>>,
    sizes: HashMap<ObjectId, u64>,
}

/// One directory without what is below its subdirectories.
struct Directory {
    tree: ObjectId,
    files: Vec<(Arc<str>, ObjectId)>,
    directories: Vec<(Arc<str>, ObjectId)>,
    problems: Vec<Problem>,
}

impl Store {
    /// Lists the watched files of `commit`.
    ///
    /// Cost follows what changed since the last listing: an unchanged directory is not read again.
    pub fn list(&self, commit: ObjectId, filter: &PathFilter) -> Result<Listing, SnapshotError> {
        let tree = self.tree(commit)?;
        let mut last = self.list_cache.take();
        if last.filter != *filter {
            last.directories.clear();
        }
        let mut walk = Walk {
            store: self,
            filter,
            last,
            directories: HashMap::new(),
            files: Vec::new(),
            problems: Vec::new(),
        };
        walk.directory(&Arc::from(""), tree, 1)?;
        walk.finish(tree)
    }

    /// Every file of a machine-owned tree, without limits and without Problems.
    pub fn files(&self, commit: ObjectId) -> Result<BTreeMap<String, ObjectId>, SnapshotError> {
        let mut files = BTreeMap::new();
        let mut to_read = vec![(String::new(), self.tree(commit)?)];
        while let Some((prefix, tree)) = to_read.pop() {
            for row in self.rows(tree)? {
                let malformed = |reason| SnapshotError::Malformed { id: tree, reason };
                let name = std::str::from_utf8(&row.name).map_err(|_| {
                    malformed("a machine-owned tree holds a name that is not UTF-8")
                })?;
                let path = format!("{prefix}{name}");
                match row.mode {
                    Mode::File | Mode::Executable => {
                        files.insert(path, row.id);
                    }
                    Mode::Directory if prefix.split('/').count() > PATH_DEPTH_MAX => {
                        return Err(malformed("a machine-owned tree is too deep"));
                    }
                    Mode::Directory => to_read.push((format!("{path}/"), row.id)),
                    Mode::Symlink | Mode::Submodule => {
                        return Err(malformed("a machine-owned tree holds a symlink or submodule"));
                    }
                }
            }
        }
        Ok(files)
    }
}

struct Walk<'a> {
    store: &'a Store,
    filter: &'a PathFilter,
    last: ListCache,
    directories: HashMap<Arc<str>, Arc<Directory>>,
    files: Vec<(Arc<str>, ObjectId)>,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn directory(
        &mut self,
        path: &Arc<str>,
        tree: ObjectId,
        depth: usize,
    ) -> Result<(), SnapshotError> {
        let directory = match self.last.directories.get(path) {
            Some(directory) if directory.tree == tree => Arc::clone(directory),
            _ => Arc::new(self.read(path, tree, depth)?),
        };
        self.files.extend(directory.files.iter().cloned());
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.extend(directory.problems.iter().cloned());
        }
        self.directories.insert(Arc::clone(path), Arc::clone(&directory));
        for (path, tree) in &directory.directories {
            self.directory(path, *tree, depth + 1)?;
        }
        Ok(())
    }

    /// Reads one directory and judges the names in it.
    fn read(&self, path: &str, tree: ObjectId, depth: usize) -> Result<Directory, SnapshotError> {
        let mut read =
            Directory { tree, files: Vec::new(), directories: Vec::new(), problems: Vec::new() };
        let mut folds = Fold::default();
        for row in self.store.rows(tree)? {
            let shown = row.name.escape_ascii().to_string();
            let name = std::str::from_utf8(&row.name);
            let shown_name = name.map_or(shown, path_rules::escaped);
            let joined = |name: &str| match path {
                "" => name.to_owned(),
                _ => format!("{path}/{name}"),
            };
            let place = || Place { file: joined(&shown_name).into(), ..Place::default() };
            if let Ok(name) = name
                && path_rules::is_forbidden(name)
            {
                read.problems.push(path_rules::forbidden(place()));
                continue;
            }
            let Ok(name) = name else {
                if self.filter.may_have_below(path) || path.is_empty() {
                    read.problems.push(path_rules::bad_chars(place()));
                }
                continue;
            };
            let full = joined(name);
            if name == ".gitattributes" && matches!(row.mode, Mode::File | Mode::Executable) {
                let text = self.store.blob(row.id)?;
                read.problems.extend(path_rules::attributes(place(), &text));
            }
            let is_watched = match row.mode {
                Mode::Directory => self.filter.may_have_below(&full),
                _ => self.filter.has_file(&full),
            };
            if !is_watched {
                continue;
            }
            if path_rules::has_bad_chars(name) {
                read.problems.push(path_rules::bad_chars(place()));
                continue;
            }
            let matters = row.mode == Mode::Directory || is_manifest_path(name);
            if matters && let Some(problem) = folds.collision(path, name, place()) {
                read.problems.push(problem);
            }
            if full.len() > PATH_BYTES_MAX {
                read.problems.push(path_rules::too_long(place(), full.len(), PATH_BYTES_MAX));
                continue;
            }
            let full: Arc<str> = Arc::from(full);
            match row.mode {
                Mode::File | Mode::Executable => read.files.push((full, row.id)),
                Mode::Directory if depth >= PATH_DEPTH_MAX => {
                    read.problems.push(path_rules::too_deep(place(), PATH_DEPTH_MAX));
                }
                Mode::Directory => read.directories.push((full, row.id)),
                Mode::Symlink => read.problems.push(path_rules::symlink(place(), name)),
                Mode::Submodule => read.problems.push(path_rules::submodule(place())),
            }
        }
        Ok(read)
    }

    /// Looks at the blobs and puts everything in order.
    fn finish(mut self, tree: ObjectId) -> Result<Listing, SnapshotError> {
        let limits = &self.filter.limits;
        let n_files = self.files.len();
        let mut sizes = HashMap::with_capacity(n_files);
        let mut entries = Vec::new();
        if n_files > limits.files as usize {
            self.problems.push(path_rules::limit(
                Place::default(),
                "LIMIT_FILES",
                format!("the commit has {n_files} watched files, the limit is {}", limits.files),
                "narrow `paths`, raise `limits.files` in fleet.yaml, or split the fleet",
            ));
        } else {
            entries.reserve(n_files);
            let blob_bytes_max = u64::try_from(limits.blob_bytes.value()).unwrap_or(0);
            let mut n_bytes = 0;
            for (path, blob) in std::mem::take(&mut self.files) {
                let size = match self.last.sizes.get(&blob).or_else(|| sizes.get(&blob)) {
                    Some(size) => *size,
                    None => self.store.blob_size(blob)?,
                };
                sizes.insert(blob, size);
                if is_manifest_path(&path) {
                    n_bytes += size;
                    if size > blob_bytes_max {
                        self.problems.push(too_large(&path, size, blob_bytes_max));
                    }
                }
                entries.push(Entry { path, blob, size });
            }
            if n_bytes > SNAPSHOT_BYTES_MAX {
                self.problems.push(path_rules::limit(
                    Place::default(),
                    "LIMIT_SNAPSHOT",
                    format!(
                        "the manifests have {n_bytes} bytes, the limit is {SNAPSHOT_BYTES_MAX}"
                    ),
                    "narrow `paths` in fleet.yaml or split the fleet",
                ));
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        self.problems.sort();
        self.problems.truncate(PROBLEMS_MAX);
        self.store.list_cache.replace(ListCache {
            filter: self.filter.clone(),
            directories: self.directories,
            sizes,
        });
        Ok(Listing { tree, entries, problems: self.problems })
    }
}

fn too_large(path: &str, actual: u64, limit: u64) -> Problem {
    path_rules::limit(
        Place { file: path.into(), ..Place::default() },
        "LIMIT_BLOB",
        format!("the file has {actual} bytes, the limit is {limit}"),
        "split the file, leave it out with `paths` or raise `limits.blobBytes` in fleet.yaml",
    )
}
