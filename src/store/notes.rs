//! Notes on source commits, in git's own format: `git log --notes=fleet` shows them.

use jiff::Timestamp;

use crate::api::names::ObjectId;

use super::batch::{Batch, Change, NewCommit};
use super::error::{PublishError, SnapshotError};
use super::repository::Store;

/// The two places where git looks for the note on a commit in trees of any size that we meet: flat,
/// and below the first two digits. Ours are below two digits, so that no directory grows large.
fn paths(commit: ObjectId) -> [String; 2] {
    let id = commit.to_string();
    [format!("{}/{}", &id[..2], &id[2..]), id]
}

impl Store {
    /// The note on `commit` in the notes at `tip`.
    pub fn note(&self, tip: ObjectId, commit: ObjectId) -> Result<Option<String>, SnapshotError> {
        for path in paths(commit) {
            if let Some(bytes) = self.file(tip, &path)? {
                return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        Ok(None)
    }
}

impl Batch<'_> {
    /// Adds a commit of the notes ref, now at `tip`, where the note on `commit` is `text` in place
    /// of an earlier one.
    pub fn note(
        &mut self,
        tip: Option<ObjectId>,
        commit: ObjectId,
        text: &str,
        time: Timestamp,
    ) -> Result<ObjectId, PublishError> {
        let [path, flat] = paths(commit);
        let changes = [Change::delete(&flat), Change::write(&path, text.as_bytes())];
        let message = format!("note on {}", commit.short());
        self.commit(&NewCommit { parent: tip, changes: &changes, message: &message, time })
    }
}
