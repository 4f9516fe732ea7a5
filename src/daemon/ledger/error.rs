//! What goes wrong with the repository, and what to do about it.

use crate::api::names::ObjectId;
use crate::daemon::Fault;
use crate::store::{
    BadRefName, FetchError, GitError, PublishError, RefName, SnapshotError, StoreError,
};

/// Everything that goes wrong between the ledger and the world. A user's mistake is a
/// [`Problem`](crate::api::problem::Problem), not an error.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The repository could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit could not be read whole.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A name of a ref that was asked for is none.
    #[error(transparent)]
    Name(#[from] BadRefName),
    /// The remote could not be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The results could not be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The repository is a copy of the one that the fleet is run from.
    #[error("this is a clone of {origin}, and what the engine writes here nobody would see")]
    Clone {
        /// Address of the repository that it is a copy of.
        origin: String,
        /// The command after which it is none.
        way_out: String,
    },
    /// A remote may have results that the engine has to begin with.
    #[error("{origin} cannot be asked whether the fleet is run from there")]
    Unasked {
        /// Its address.
        origin: String,
        /// The command after which it need not be asked.
        way_out: String,
        /// Why not.
        source: GitError,
    },
    /// A remote has results that are not in the past of those here.
    #[error(
        "{branch} of {origin} is at {}, which is not known here, where it {}: this is an old copy of a fleet's repository",
        there.short(),
        here.map_or_else(|| "has no commit".to_owned(), |here| format!("is at {}", here.short()))
    )]
    Stale {
        /// The remote's name in the repository.
        name: String,
        /// Its address.
        origin: String,
        /// The results branch.
        branch: RefName,
        /// Its commit in the remote.
        there: ObjectId,
        /// Its commit here.
        here: Option<ObjectId>,
    },
    /// The source is not where [`Ledger::expect`](super::Ledger::expect) says.
    #[error("{branch} is at {found}, not at {expected}: nothing is begun")]
    Elsewhere {
        /// The source branch.
        branch: String,
        /// Its commit.
        found: ObjectId,
        /// The commit that it should be at.
        expected: ObjectId,
    },
    /// The results that are in git are not what an engine of this version writes.
    #[error("the results in {refname} at {commit} cannot be read: {reason}")]
    Results {
        /// The ref.
        refname: String,
        /// Its commit.
        commit: ObjectId,
        /// What is wrong.
        reason: String,
    },
}

impl LedgerError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Snapshot(error) => error.code(),
            Self::Name(error) => error.code(),
            Self::Fetch(error) => error.code(),
            Self::Publish(error) => error.code(),
            Self::Clone { .. } | Self::Unasked { .. } => "REPO_CLONE",
            Self::Stale { .. } => "REPO_STALE",
            Self::Elsewhere { .. } => "REF_MOVED",
            Self::Results { .. } => "RESULTS_UNREADABLE",
        }
    }

    /// It in words: its code, its causes, what to do.
    #[must_use]
    pub fn told(&self) -> Fault {
        Fault::new(self.code(), crate::daemon::chain(self), self.hint())
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Store(error) => error.hint(),
            Self::Snapshot(error) => error.hint().to_owned(),
            Self::Name(error) => error.hint().to_owned(),
            Self::Fetch(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Clone { origin, way_out } | Self::Unasked { origin, way_out, .. } => format!(
                "name the fleet repository itself: --repo {origin}; if it is this one, and the other a backup or nothing of yours: {way_out}"
            ),
            Self::Stale { name, origin, branch, here, .. } => {
                let way_out = match here {
                    Some(_) => format!("and its results are the newer: git push --force {name} {branch}"),
                    None => format!("and its results are lost: git fetch {name} {branch}:{branch}"),
                };
                format!("name the fleet repository itself: --repo {origin}; if it is this one, {way_out}")
            }
            Self::Elsewhere { .. } => {
                "look at the plan of the commit that it is at now, and apply that".to_owned()
            }
            Self::Results { .. } => {
                "move the branch back to a commit that this version wrote, or delete it to have it made anew".to_owned()
            }
        }
    }
}
