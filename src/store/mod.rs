//! The git store: snapshot, publish, refs, wire, triggers.
//!
//! Objects and refs are read and written in-process (git2); fetch and push run the user's own `git`
//! program, which knows their credentials, proxies and ssh configuration. There is never a work
//! tree: a path of the repository is a row of a tree, not a file.
//!
//! - [`Location`] says where the repository is, [`RefName`] and [`Layout`] what its refs are for.
//! - [`Store::list`] and [`Store::blob`] read a commit; [`Store::batch`] writes commits; nothing is
//!   visible to others before [`Store::publish`] moves refs by compare-and-swap.
//!
//! Not here: what a file means (`fleet`), when to look or to publish (`engine`, `daemon`).

mod batch;
mod error;
mod filter;
mod history;
mod list;
mod location;
mod notes;
mod pack;
mod path_rules;
mod publish;
mod refs;
mod remote;
mod repository;
mod routes;
mod tree;
mod triggers;
mod upstream;
mod wire;

pub use batch::{Batch, Change, Content, NewCommit, Render};
pub use error::{FetchError, GitError, PublishError, SnapshotError, StoreError};
pub use filter::PathFilter;
pub use history::{CHECKPOINT_TRAILER, CommitInfo, HISTORY_COMMITS_MAX, Past, PathChange};
pub use list::{Entry, Listing, PATH_BYTES_MAX, PATH_DEPTH_MAX, SNAPSHOT_BYTES_MAX};
pub use location::{Location, LocationError, RemoteUrl};
pub use publish::RefUpdate;
pub use refs::{BadRefName, Layout, RefName, Role};
pub use repository::Store;
pub use routes::Lane;
pub use triggers::{Hint, Trigger, TriggerError};
pub use upstream::Upstream;
