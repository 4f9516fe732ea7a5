//! What can go wrong in the store: one variant for each thing that a caller can do about it.
//!
//! `code()` is stable and documented, `hint()` says what to do; `Display` says only its own level.

use std::path::PathBuf;

use crate::api::names::ObjectId;

use super::refs::RefName;

/// An object of a commit could not be read. Never taken for "the file is gone": nothing may be
/// computed, let alone pruned, from such a commit.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The object is not there: a shallow, partial or damaged clone.
    #[error("object {id} is missing")]
    Incomplete {
        /// Its id.
        id: ObjectId,
    },
    /// The object is there and its bytes are not what its id says.
    #[error("object {id} is damaged")]
    Corrupt {
        /// Its id.
        id: ObjectId,
        /// What git says.
        source: git2::Error,
    },
    /// The object is another kind of object.
    #[error("object {id} is not a {expected}")]
    WrongKind {
        /// Its id.
        id: ObjectId,
        /// What it should have been.
        expected: &'static str,
    },
    /// A tree or commit that no well-behaved program writes.
    #[error("object {id} is malformed: {reason}")]
    Malformed {
        /// Its id.
        id: ObjectId,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl SnapshotError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "SNAPSHOT_INCOMPLETE",
            Self::Corrupt { .. } | Self::WrongKind { .. } => "OBJECT_CORRUPT",
            Self::Malformed { .. } => "TREE_MALFORMED",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => {
                "fetch the whole history (`git fetch --unshallow`, no `--filter`)"
            }
            Self::Corrupt { .. } | Self::WrongKind { .. } => {
                "run `git fsck` and restore the repository from a good clone"
            }
            Self::Malformed { .. } => "run `git fsck` and push a commit made with git",
        }
    }
}

/// The repository could not be opened, or a ref could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no repository at this path, or it is not ours to open.
    #[error("failed to open the git repository at {}", path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// What git says.
        source: git2::Error,
    },
    /// The `git` program is missing, too old or cannot run.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The state directory cannot be written.
    #[error("failed to prepare {}", path.display())]
    State {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The branch is not there, or has no commit yet.
    #[error("there is no branch `{}`{}", name.short(), others(have))]
    RefMissing {
        /// The ref that was looked for.
        name: RefName,
        /// Short names of the branches that there are.
        have: Vec<String>,
    },
    /// A ref that must only move forward did not.
    #[error("history of {name} was rewritten: {old} → {new}{}", if *rollback { " (moved back)" } else { "" })]
    HistoryRewritten {
        /// The ref.
        name: RefName,
        /// The last commit that was accepted.
        old: ObjectId,
        /// Where it points now.
        new: ObjectId,
        /// Whether `new` is an ancestor of `old`.
        rollback: bool,
    },
    /// What a person named is no commit of this repository.
    #[error("there is no commit `{revision}`{}", others(have))]
    NoCommit {
        /// The revision as a person wrote it.
        revision: String,
        /// Short names of the branches that there are.
        have: Vec<String>,
    },
    /// A ref could not be read.
    #[error("failed to read {name}")]
    ReadRef {
        /// The ref, or the revision as a person wrote it.
        name: String,
        /// What git says.
        source: git2::Error,
    },
    /// An object could not be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } | Self::ReadRef { .. } => "REPO_OPEN",
            Self::State { .. } => "STATE_DIR",
            Self::Git(error) => error.code(),
            Self::RefMissing { .. } | Self::NoCommit { .. } => "REF_MISSING",
            Self::HistoryRewritten { .. } => "HISTORY_REWRITTEN",
            Self::Snapshot(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Open { .. } => {
                "name a git repository (`git init`), owned by the user who runs this".into()
            }
            Self::State { .. } => "name a directory that can be written with `--state-dir`".into(),
            Self::Git(error) => error.hint().into(),
            Self::RefMissing { name, have } if have.is_empty() => format!(
                "make the first commit on `{}` and push it; `git fleet validate PATH…` looks at files that are not committed",
                name.short()
            ),
            Self::RefMissing { name, .. } => format!(
                "push `{}`, or name another branch: `spec.source.branch` in fleet.yaml, or --source-branch",
                name.short()
            ),
            Self::NoCommit { .. } => {
                "name a branch, a tag or the id of a commit that is here".into()
            }
            Self::HistoryRewritten { rollback: true, .. } => {
                "go back with a new commit (`git revert`)".into()
            }
            Self::HistoryRewritten { new, .. } => format!(
                "push a commit that descends from the old one, or accept {} explicitly",
                new.short()
            ),
            Self::ReadRef { .. } => "check the name, and the repository with `git fsck`".into(),
            Self::Snapshot(error) => error.hint().into(),
        }
    }
}

/// The `git` program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// It is not there.
    #[error("failed to run the git program `{program}`")]
    Missing {
        /// Its name or path.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is older than we need.
    #[error("git {found} is too old: need 2.30 or newer")]
    TooOld {
        /// What it says that it is.
        found: String,
    },
    /// It was stopped because nothing came for too long, or it took too long.
    #[error("{what} {remote} stalled and was stopped after {seconds} s")]
    Stalled {
        /// What was being done, e.g. "fetch from".
        what: &'static str,
        /// The remote.
        remote: String,
        /// How long we waited.
        seconds: u64,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full", path.display())]
    DiskFull {
        /// The clone.
        path: PathBuf,
    },
    /// It failed; `text` is its own words, cut and without secrets.
    #[error("{what} {remote} failed: {text}")]
    Failed {
        /// What was being done.
        what: &'static str,
        /// The remote.
        remote: String,
        /// The program's words.
        text: String,
    },
}

impl GitError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::TooOld { .. } => "GIT_BINARY",
            Self::Stalled { .. } => "FETCH_STALLED",
            Self::DiskFull { .. } => "DISK_FULL",
            Self::Failed { .. } => "GIT_REMOTE",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::TooOld { .. } => {
                "install git 2.30 or newer and put it on PATH, or name it with GIT_FLEET_GIT"
            }
            Self::Stalled { .. } => "check the network; it is tried again with back-off",
            Self::DiskFull { .. } => "free some space; nothing was lost and it is tried again",
            Self::Failed { .. } => {
                "try `git ls-remote` with the same address and user: address, credentials, network"
            }
        }
    }
}

/// Refs could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The `git` program did not do its work: the remote is as good as unreachable.
    #[error(transparent)]
    Git(#[from] GitError),
    /// What was fetched cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FetchError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Git(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Git(error) => error.hint().into(),
            Self::Store(error) => error.hint(),
        }
    }
}

/// Objects could not be written or refs not be moved. No ref is left half-moved unless
/// [`PublishError::Partial`] says so.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Someone else moved a ref. Not a fault: read again, plan again.
    #[error("{name} moved: expected {}, found {}", id(*expected), id(*actual))]
    Moved {
        /// The ref.
        name: RefName,
        /// The id that was expected, `None` for no ref.
        expected: Option<ObjectId>,
        /// The id that was found.
        actual: Option<ObjectId>,
    },
    /// Another process holds the lock of a ref for too long.
    #[error("{name} is locked by another process")]
    Locked {
        /// The ref.
        name: RefName,
    },
    /// The disk is full. Every ref is where it was.
    #[error("the disk that holds {} is full", path.display())]
    DiskFull {
        /// The repository.
        path: PathBuf,
    },
    /// The server said no for a reason of its own: a protected branch, a hook, a size limit.
    #[error("{remote} refused the push: {text}")]
    Refused {
        /// The remote.
        remote: String,
        /// The server's words, cut and without secrets: for people, never parsed.
        text: String,
    },
    /// The connection broke and the refs cannot be read: the push may or may not have been done.
    /// Publish the same again, or read the refs first.
    #[error("the outcome of the push to {remote} is unknown")]
    Unknown {
        /// The remote.
        remote: String,
        /// Why the refs cannot be read.
        source: GitError,
    },
    /// The server has no atomic push and some refs moved before one did not. Publish again.
    #[error("{n_moved} of {n_refs} refs moved, then {name} did not")]
    Partial {
        /// The first ref that did not move.
        name: RefName,
        /// How many moved.
        n_moved: usize,
        /// How many should have.
        n_refs: usize,
        /// Why it stopped.
        source: Box<PublishError>,
    },
    /// Writing failed.
    #[error("failed to write {what}")]
    Write {
        /// What was being written.
        what: String,
        /// What git says.
        source: git2::Error,
    },
    /// Writing failed below git.
    #[error("failed to write {}", path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A path of a change cannot be in a tree.
    #[error("`{path}` cannot be a path in a repository")]
    BadPath {
        /// The path, escaped.
        path: String,
    },
    /// What the commit builds on cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The refs to move cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The `git` program cannot run at all.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl PublishError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Moved { .. } => "REF_MOVED",
            Self::Locked { .. } => "REF_LOCKED",
            Self::DiskFull { .. } => "DISK_FULL",
            Self::Refused { .. } => "PUSH_REFUSED",
            Self::Unknown { .. } => "PUSH_UNKNOWN",
            Self::Partial { .. } => "PUSH_PARTIAL",
            Self::Write { .. } | Self::WriteFile { .. } | Self::BadPath { .. } => "REPO_WRITE",
            Self::Snapshot(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Git(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Moved { .. } | Self::Partial { .. } | Self::Unknown { .. } => {
                "nothing: the refs are read again and the plan is made again".into()
            }
            Self::Locked { name } => {
                format!(
                    "if no git process is running, remove the file `{name}.lock` in the git directory"
                )
            }
            Self::DiskFull { .. } => {
                "free some space; nothing was lost and it is tried again".into()
            }
            Self::Refused { .. } => {
                "allow this user to push to the branches below the prefix, or choose another prefix"
                    .into()
            }
            Self::Write { .. } | Self::WriteFile { .. } => {
                "check that the repository can be written by the user who runs this".into()
            }
            Self::BadPath { .. } => "this is a fault of the engine: please report it".into(),
            Self::Snapshot(error) => error.hint().into(),
            Self::Store(error) => error.hint(),
            Self::Git(error) => error.hint().into(),
        }
    }

    /// The error for a failed write of `what` in the repository at `path`.
    pub(super) fn write(
        what: impl Into<String>,
        path: &std::path::Path,
        source: git2::Error,
    ) -> Self {
        if says_disk_full(source.message()) {
            return Self::DiskFull { path: path.to_owned() };
        }
        Self::Write { what: what.into(), source }
    }

    /// The error for a failed write of a file below git.
    pub(super) fn write_file(path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if matches!(source.kind(), StorageFull | QuotaExceeded) {
            return Self::DiskFull { path: path.to_owned() };
        }
        Self::WriteFile { path: path.to_owned(), source }
    }
}

/// Whether the system's words in `text` mean a full disk: libgit2 and git give no better sign.
pub(super) fn says_disk_full(text: &str) -> bool {
    text.contains("No space left on device") || text.contains("Disk quota exceeded")
}

fn id(id: Option<ObjectId>) -> String {
    id.map_or_else(|| "no ref".to_owned(), |id| id.short())
}

/// The end of a sentence that says what is not there.
fn others(have: &[String]) -> String {
    let n_more = have.len().saturating_sub(REFS_SHOWN_MAX);
    match &have[..have.len() - n_more] {
        [] => ", nor any other: nothing is committed yet".to_owned(),
        [one] => format!(", only `{one}`"),
        several if n_more > 0 => format!("; there are {} and {n_more} more", several.join(", ")),
        several => format!("; there are {}", several.join(", ")),
    }
}

/// How many branches a `REF_MISSING` names.
const REFS_SHOWN_MAX: usize = 20;
