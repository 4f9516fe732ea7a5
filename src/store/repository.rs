//! An open repository: objects and refs, read in-process.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use git2::{ErrorCode, ObjectType, Oid, Repository};

use crate::api::names::ObjectId;

use super::error::{SnapshotError, StoreError};
use super::list::ListCache;
use super::location::Location;
use super::refs::RefName;
use super::remote::Remote;
use super::routes::Routes;
use super::tree::{self, Mode, Row};
use super::wire::default_program;

/// A fleet repository: a local one opened in place, or our bare clone of a remote.
///
/// `Send`, not `Sync`: one thread owns it. Nothing here touches a work tree or an index.
pub struct Store {
    repository: RefCell<Repository>,
    common_dir: PathBuf,
    pub(super) remote: Option<Remote>,
    pub(super) routes: Option<Routes>,
    pub(super) git_program: OsString,
    pub(super) list_cache: RefCell<ListCache>,
}

impl Store {
    /// Opens the repository at `location`: a path in place (upwards from a directory inside its
    /// work tree, as git does), a remote as a bare clone below `state_dir`.
    ///
    /// A new clone is empty until [`Store::fetch`].
    pub fn open(location: &Location, state_dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(location, state_dir, &default_program())
    }

    /// The same, with this `git` program for the wire.
    pub fn open_with(
        location: &Location,
        state_dir: &Path,
        git_program: &OsStr,
    ) -> Result<Self, StoreError> {
        match location {
            Location::Path(path) => Self::open_path(path, None, git_program),
            Location::Remote(url) => {
                let (remote, clone) = Remote::prepare(url, state_dir, git_program)?;
                Self::open_path(&clone, Some(remote), git_program)
            }
        }
    }

    fn open_path(
        path: &Path,
        remote: Option<Remote>,
        git_program: &OsStr,
    ) -> Result<Self, StoreError> {
        let repository = open_repository(path)?;
        let common_dir = repository.commondir().to_owned();
        Ok(Self {
            repository: RefCell::new(repository),
            common_dir,
            remote,
            routes: None,
            git_program: git_program.to_owned(),
            list_cache: RefCell::default(),
        })
    }

    /// The directory that holds objects and refs: what a trigger watches.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The `git` program to run for what goes over a wire.
    pub(super) fn git_program(&self) -> &OsStr {
        &self.git_program
    }

    /// Whether the source is a remote: it is polled, where a local repository is watched.
    pub fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Whether anything is published over a wire.
    pub fn has_remotes(&self) -> bool {
        self.is_remote() || self.is_routed()
    }

    /// Whether a file at `path` would be committed by who adds all that is new in the work tree.
    #[must_use]
    pub fn would_commit(&self, path: &Path) -> bool {
        let repository = self.repository.borrow();
        let Some(tree) = repository.workdir().and_then(|dir| dir.canonicalize().ok()) else {
            return false;
        };
        // What is not there yet will be below what is.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let there = path.ancestors().find_map(|dir| Some((dir, dir.canonicalize().ok()?)));
        let Some((dir, there)) = there else { return false };
        let path = path.strip_prefix(dir).map_or(there.clone(), |rest| there.join(rest));
        let is_git_s = path.starts_with(repository.path());
        let Ok(within) = path.strip_prefix(&tree) else { return false };
        !is_git_s && !repository.is_path_ignored(within).unwrap_or(false)
    }

    /// Where `name` points; for a remote, as of the last fetch or publication.
    pub fn read_ref(&self, name: &RefName) -> Result<Option<ObjectId>, StoreError> {
        self.read_ref_at(&self.local_name(name))
    }

    /// Whether the past of its commits is cut off.
    pub fn is_shallow(&self) -> bool {
        self.repository.borrow().is_shallow()
    }

    /// The commit that `name` points to, or the error that says what there is instead.
    pub fn head(&self, name: &RefName) -> Result<ObjectId, StoreError> {
        if let Some(id) = self.read_ref(name)? {
            return Ok(id);
        }
        Err(StoreError::RefMissing { name: name.clone(), have: self.branches()? })
    }

    /// Short names of the branches that there are, at the remote if it can be asked.
    fn branches(&self) -> Result<Vec<String>, StoreError> {
        let short = |name: RefName| name.short().to_owned();
        match self.list_refs("refs/heads/") {
            Ok(refs) => Ok(refs.into_keys().map(short).collect()),
            Err(_) => {
                Ok(self.refs("refs/heads/")?.into_iter().map(|(name, _)| short(name)).collect())
            }
        }
    }

    /// Every ref below `prefix` (e.g. `refs/heads/fleet/status/`) and where it points, by name.
    /// Refs whose names are not ours to speak of ([`RefName::new`]) are left out.
    pub fn refs(&self, prefix: &str) -> Result<Vec<(RefName, ObjectId)>, StoreError> {
        let fail = |source| StoreError::ReadRef { name: prefix.to_owned(), source };
        let local_prefix = match &self.remote {
            Some(_) => prefix.replacen("refs/", Remote::TRACKING, 1),
            None => prefix.to_owned(),
        };
        let repository = self.repository.borrow();
        let mut found = Vec::new();
        for reference in repository.references_glob(&format!("{local_prefix}*")).map_err(fail)? {
            let reference = reference.map_err(fail)?;
            let Ok(local) = reference.name() else { continue };
            let full = match &self.remote {
                Some(_) => local.replacen(Remote::TRACKING, "refs/", 1),
                None => local.to_owned(),
            };
            let (Ok(name), Some(target)) = (RefName::new(&full), reference.target()) else {
                continue;
            };
            found.push((name, object_id(target)));
        }
        found.sort();
        Ok(found)
    }

    /// The commit that a person's `revision` means, e.g. `HEAD~1`, `main` or an id.
    pub fn resolve(&self, revision: &str) -> Result<ObjectId, StoreError> {
        let found = {
            let repository = self.repository.borrow();
            let object = repository.revparse_single(revision);
            let commit = object.and_then(|object| object.peel(ObjectType::Commit));
            commit.map(|commit| object_id(commit.id()))
        };
        found.map_err(|source| {
            let name = revision.escape_debug().to_string();
            if !matches!(source.code(), ErrorCode::NotFound | ErrorCode::UnbornBranch) {
                return StoreError::ReadRef { name, source };
            }
            let have = match self.branches() {
                Ok(have) => have,
                Err(error) => return error,
            };
            match self.unborn().filter(|_| revision == "HEAD") {
                Some(branch) => StoreError::RefMissing { name: branch, have },
                None => StoreError::NoCommit { revision: name, have },
            }
        })
    }

    /// The branch that is checked out, if it has no commit yet.
    fn unborn(&self) -> Option<RefName> {
        let repository = self.repository.borrow();
        let head = repository.find_reference("HEAD").ok()?;
        let branch = RefName::new(head.symbolic_target().ok()??).ok()?;
        repository.find_reference(branch.as_str()).is_err().then_some(branch)
    }

    /// The content of a blob.
    pub fn blob(&self, id: ObjectId) -> Result<Vec<u8>, SnapshotError> {
        self.read(id, ObjectType::Blob, "blob")
    }

    /// The id of the tree of `commit`.
    pub fn tree(&self, commit: ObjectId) -> Result<ObjectId, SnapshotError> {
        let bytes = self.read(commit, ObjectType::Commit, "commit")?;
        commit_tree(&bytes).ok_or(SnapshotError::Malformed { id: commit, reason: "it has no tree" })
    }

    /// The id of the directory or file at `path` in `commit`.
    pub fn find(&self, commit: ObjectId, path: &str) -> Result<Option<ObjectId>, SnapshotError> {
        let tree = self.tree(commit)?;
        find_in(tree, path, |id| self.rows(id))
    }

    /// The content of the file at `path` in `commit`.
    pub fn file(&self, commit: ObjectId, path: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        self.find(commit, path)?.map(|id| self.blob(id)).transpose()
    }

    /// The rows of a tree.
    pub(super) fn rows(&self, id: ObjectId) -> Result<Vec<Row>, SnapshotError> {
        let bytes = self.read(id, ObjectType::Tree, "tree")?;
        tree::parse(&bytes).map_err(|reason| SnapshotError::Malformed { id, reason })
    }

    /// The bytes of the object `id`, which must be a `kind`.
    pub(super) fn read(
        &self,
        id: ObjectId,
        kind: ObjectType,
        expected: &'static str,
    ) -> Result<Vec<u8>, SnapshotError> {
        self.with_object(id, |odb| {
            let object = odb.read(oid(id))?;
            Ok((object.kind() == kind).then(|| object.data().to_vec()))
        })?
        .ok_or(SnapshotError::WrongKind { id, expected })
    }

    /// The size of the blob `id`, which must be there.
    pub(super) fn blob_size(&self, id: ObjectId) -> Result<u64, SnapshotError> {
        self.with_object(id, |odb| {
            let (size, kind) = odb.read_header(oid(id))?;
            Ok((kind == ObjectType::Blob).then_some(size as u64))
        })?
        .ok_or(SnapshotError::WrongKind { id, expected: "blob" })
    }

    /// Reads through the object database; a first failure may only mean that someone repacked the
    /// repository under us, so it is opened afresh once.
    fn with_object<T>(
        &self,
        id: ObjectId,
        read: impl Fn(&git2::Odb<'_>) -> Result<T, git2::Error>,
    ) -> Result<T, SnapshotError> {
        let attempt = || {
            let repository = self.repository.borrow();
            let odb = repository.odb()?;
            read(&odb)
        };
        if let Ok(value) = attempt() {
            return Ok(value);
        }
        self.reopen();
        attempt().map_err(|source| match source.code() {
            ErrorCode::NotFound => SnapshotError::Incomplete { id },
            _ => SnapshotError::Corrupt { id, source },
        })
    }

    /// Opens the repository afresh: sees packs as they are now, and lets go of what was mapped of them.
    pub(super) fn reopen(&self) {
        let reopened = Repository::open(self.repository.borrow().path());
        // What cannot be opened now is told by whoever reads of it.
        if let Ok(repository) = reopened {
            self.repository.replace(repository);
        }
    }

    /// Calls `run` with the repository, for what has no wrapper here.
    pub(super) fn with<T>(&self, run: impl FnOnce(&Repository) -> T) -> T {
        run(&self.repository.borrow())
    }

    /// The name under which our repository keeps `name`.
    pub(super) fn local_name(&self, name: &RefName) -> String {
        match self.remote_of(name) {
            Some(remote) => remote.tracking(name),
            None => name.as_str().to_owned(),
        }
    }

    pub(super) fn read_ref_at(&self, full_name: &str) -> Result<Option<ObjectId>, StoreError> {
        match self.repository.borrow().refname_to_id(full_name) {
            Ok(id) => Ok(Some(object_id(id))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(source) => Err(StoreError::ReadRef { name: full_name.to_owned(), source }),
        }
    }
}

/// Opens the repository at or above `path`, as git does, but without a look at the environment.
pub(super) fn open_repository(path: &Path) -> Result<Repository, StoreError> {
    let no_ceilings: [&Path; 0] = [];
    Repository::open_ext(path, git2::RepositoryOpenFlags::empty(), no_ceilings)
        .map_err(|source| StoreError::Open { path: path.to_owned(), source })
}

/// Follows `path` from `tree`, reading rows with `rows`.
pub(super) fn find_in(
    tree: ObjectId,
    path: &str,
    rows: impl Fn(ObjectId) -> Result<Vec<Row>, SnapshotError>,
) -> Result<Option<ObjectId>, SnapshotError> {
    let mut here = Row { mode: Mode::Directory, name: Vec::new(), id: tree };
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if here.mode != Mode::Directory {
            return Ok(None);
        }
        let found = rows(here.id)?.into_iter().find(|row| row.name == part.as_bytes());
        let Some(row) = found else { return Ok(None) };
        here = row;
    }
    Ok(match here.mode {
        Mode::File | Mode::Executable | Mode::Directory => Some(here.id),
        Mode::Symlink | Mode::Submodule => None,
    })
}

/// The tree that a commit object names on its first line.
pub(super) fn commit_tree(bytes: &[u8]) -> Option<ObjectId> {
    let line = bytes.strip_prefix(b"tree ")?.get(..40)?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// The id as libgit2 takes it.
pub(super) fn oid(id: ObjectId) -> Oid {
    Oid::from_bytes(id.as_bytes()).expect("an id has 20 bytes")
}

/// The id as everyone else takes it.
pub(super) fn object_id(oid: Oid) -> ObjectId {
    ObjectId::from_bytes(oid.as_bytes().try_into().expect("a SHA-1 id has 20 bytes"))
}
