//! Keeps the branches that the engine writes short.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::api::names::ObjectId;
use crate::api::settings::HistorySettings;
use crate::store::{Batch, Past, PublishError, RefName, Store};

/// Lengths and ages of the branches that this process writes, and when they start afresh.
///
/// A branch starts afresh in the same move of its ref that brings its next commit: that commit is
/// built on a checkpoint, a commit with the last one's tree and no past. So nothing is ever
/// published for the sake of tidiness alone, and the ref goes from where it was to the new commit by
/// compare-and-swap as always.
///
/// A branch is walked once, when its first commit of this process is made; from then on its commits
/// are counted as they come.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    limits: HistorySettings,
    known: BTreeMap<RefName, (ObjectId, Past)>,
    /// Whether a server has refused to let a branch start afresh.
    is_forbidden: bool,
    /// Whether the publication in the making starts a branch afresh.
    is_pending: bool,
}

impl Upkeep {
    pub(super) fn set_limits(&mut self, limits: &HistorySettings) {
        self.limits.clone_from(limits);
    }

    /// The commit on which the next one of `name` is to be built: `tip`, or a checkpoint of it when
    /// the branch is too long or too old.
    pub(super) fn base(
        &mut self,
        store: &Store,
        batch: &mut Batch<'_>,
        name: &RefName,
        tip: Option<ObjectId>,
        now: Timestamp,
    ) -> Result<Option<ObjectId>, PublishError> {
        let Some(tip) = tip else {
            self.known.remove(name);
            return Ok(None);
        };
        let n_max = usize::try_from(self.limits.max_commits).unwrap_or(usize::MAX);
        let past = match self.known.get(name) {
            Some((known, past)) if *known == tip => *past,
            _ => store.past(tip, n_max.max(2))?,
        };
        let age = Duration::try_from(now.duration_since(past.since)).unwrap_or_default();
        let is_old = age > self.limits.max_age.duration();
        // A checkpoint and one commit on it are as short as a branch gets.
        let has_past = past.n_commits > 1;
        if self.is_forbidden || !has_past || !(past.n_commits >= n_max || is_old) {
            self.known.insert(name.clone(), (tip, past));
            return Ok(Some(tip));
        }
        let subject = format!("start {} afresh", name.short());
        let base = batch.checkpoint(tip, &subject, now)?;
        tracing::info!(branch = name.short(), commits = past.n_commits, since = %past.since, "the branch starts afresh");
        self.is_pending = true;
        self.known.insert(name.clone(), (base, Past { n_commits: 1, since: now }));
        Ok(Some(base))
    }

    /// Counts a commit that was built on what [`Upkeep::base`] said.
    pub(super) fn grew(&mut self, name: &RefName, new: ObjectId, now: Timestamp) {
        let past = self.known.get(name).map_or(Past { n_commits: 1, since: now }, |(_, past)| {
            Past { n_commits: past.n_commits + 1, ..*past }
        });
        self.known.insert(name.clone(), (new, past));
    }

    /// Learns that all commits so far are where they belong.
    pub(super) fn published(&mut self) {
        self.is_pending = false;
    }

    /// Learns why a publication failed. A server that protects branches refuses every commit that
    /// does not descend from the last one; better a long branch than none.
    pub(super) fn failed(&mut self, error: &PublishError) {
        if self.is_pending && matches!(error, PublishError::Refused { .. }) {
            tracing::warn!("the server does not let branches start afresh; they grow on");
            self.is_forbidden = true;
            self.is_pending = false;
        }
    }
}
