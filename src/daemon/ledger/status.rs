//! Members' reports: read from the status refs of pull-mode members, written to those of the rest.

use jiff::Timestamp;

use super::{Ledger, LedgerError, Reach};
use crate::api::cluster::{ClusterStatus, SyncMode};
use crate::api::manifest::ObjectKey;
use crate::api::names::ClusterName;
use crate::daemon::identities::{Decision, Registration};
use crate::daemon::status_ref::StatusRef;
use crate::engine::News;
use crate::fleet::Fleet;
use crate::member::{Identity, MemberReport};
use crate::store::{NewCommit, RefUpdate};

/// What committing reports came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCommitted {
    /// Whether any status tree changed.
    pub changed: bool,
    /// Whether the remote has it too.
    pub pushed: bool,
}

impl Ledger {
    /// Brings every member's reports up to what its status ref says.
    ///
    /// For a push-mode member that is done once, at the start: afterwards we are the ref's writer.
    /// A pull-mode member whose status cannot be read keeps its last good one.
    pub(super) fn refresh_statuses(&mut self, fleet: &Fleet) -> Result<(), LedgerError> {
        self.statuses.retain(|name, _| fleet.clusters.contains_key(name));
        let pulls = |name: &ClusterName| {
            fleet.clusters.get(name).is_some_and(|c| c.value.spec.sync_mode == SyncMode::Pull)
        };
        let wanted: Vec<ClusterName> = fleet
            .clusters
            .keys()
            .filter(|name| !self.statuses.contains_key(*name) || pulls(name))
            .cloned()
            .collect();
        let refs: Vec<_> = wanted.iter().map(|name| self.layout.status(name)).collect();
        if let Err(error) = self.store.fetch(&refs) {
            tracing::warn!(error = %crate::daemon::chain(&error), "the status refs cannot be fetched; the last known reports stand");
        }
        for (name, refname) in wanted.into_iter().zip(refs) {
            let tip = self.our_tip(&refname)?;
            let status =
                self.statuses.entry(name.clone()).or_insert_with(|| StatusRef::new(name.clone()));
            let Some(tip) = tip.filter(|tip| status.tip() != Some(*tip)) else { continue };
            let store = &self.store;
            let files = store.files(tip)?;
            // A tip that is gone from the repository costs only that all is read.
            let known = status.committed().and(status.tip());
            let before = known.and_then(|tip| store.files(tip).ok()).unwrap_or_default();
            if let Err(error) = status.advance(tip, &files, &before, |blob| store.blob(blob)) {
                tracing::warn!(cluster = %name, commit = %tip, %error, "a status is unreadable; the last good one stands");
            }
        }
        self.register(fleet);
        Ok(())
    }

    /// Has it known who is registered, and as which cluster each was recorded.
    fn register(&mut self, fleet: &Fleet) {
        let registrations = fleet.clusters.iter().map(|(name, cluster)| Registration {
            cluster: name.clone(),
            written: cluster.value.spec.id.clone(),
            recorded: self.statuses.get(name).map_or("", StatusRef::id).to_owned(),
            is_ours: cluster.value.spec.sync_mode == SyncMode::Push,
        });
        self.identities.register(registrations.collect());
    }

    /// Takes in which cluster answers a push-mode member's executor.
    pub(in crate::daemon) fn saw(&mut self, cluster: &ClusterName, identity: Identity) {
        self.identities.saw(cluster, identity);
    }

    /// The status to take in when a push-mode member's executor says this one: that the cluster is
    /// refused, if it is.
    pub(in crate::daemon) fn status_of(
        &mut self,
        cluster: &ClusterName,
        status: ClusterStatus,
    ) -> ClusterStatus {
        self.identities.status(cluster, status)
    }

    /// Which executors may write, and which may not: what is new of that.
    pub(in crate::daemon) fn decide(&mut self) -> Vec<Decision> {
        self.identities.decide()
    }

    /// Records which cluster a push-mode member is. Returns how urgent it is to commit it.
    pub(in crate::daemon) fn identify(&mut self, cluster: &ClusterName, id: &str) -> Option<News> {
        self.statuses.get_mut(cluster)?.identify(id)
    }

    /// Takes in what a push-mode member's executor said. Returns how urgent it is to commit it.
    pub fn absorb(&mut self, cluster: &ClusterName, report: MemberReport) -> Option<News> {
        let status =
            self.statuses.entry(cluster.clone()).or_insert_with(|| StatusRef::new(cluster.clone()));
        status.absorb(report)
    }

    /// Takes what is gone from a member off what its executors may have to prune.
    pub fn release(&mut self, cluster: &ClusterName, gone: &[ObjectKey]) {
        if let Some(held) = self.held.get_mut(cluster) {
            for key in gone {
                held.remove(key);
            }
        }
    }

    /// Forgets that a member's executor has spoken: the next one's first word is news again.
    pub fn reconnected(&mut self, cluster: &ClusterName) {
        if let Some(status) = self.statuses.get_mut(cluster) {
            status.expect_first_word();
        }
        self.identities.connecting(cluster);
    }

    /// Commits what these push-mode members said and no commit holds yet.
    ///
    /// # Errors
    /// Git cannot be written, or someone else moved a status ref. What was said stays pending.
    pub fn commit_statuses(
        &mut self,
        clusters: &[ClusterName],
        now: Timestamp,
    ) -> Result<StatusCommitted, LedgerError> {
        let mut updates = Vec::new();
        let mut settled = Vec::new();
        let mut batch = self.store.batch();
        for cluster in clusters {
            let Some(status) = self.statuses.get(cluster) else { continue };
            let edits = status.edits();
            let old = status.tip();
            if edits.is_empty() && old.is_some() {
                settled.push((cluster, old));
                continue;
            }
            let name = self.layout.status(cluster);
            let parent = self.upkeep.base(&self.store, &mut batch, &name, old, now)?;
            let message = format!("status of {cluster}\n\nFleet-Time: {now}\n");
            let new = batch.commit(&NewCommit {
                parent,
                changes: &edits.changes(),
                message: &message,
                time: now,
            })?;
            self.upkeep.grew(&name, new, now);
            updates.push(RefUpdate { name, old, new: Some(new) });
            settled.push((cluster, Some(new)));
        }
        batch.write()?;
        let changed = !updates.is_empty();
        let mut pushed = true;
        if changed {
            match self.move_refs(updates) {
                Ok(reach) => pushed = reach == Reach::Everywhere,
                Err(error) => {
                    // Someone else wrote a ref of ours: read it again before the next try.
                    for (cluster, _) in settled {
                        self.reread_status(cluster)?;
                    }
                    return Err(error);
                }
            }
        }
        for (cluster, tip) in settled {
            if let (Some(status), Some(tip)) = (self.statuses.get_mut(cluster), tip) {
                status.settle(tip);
            }
        }
        Ok(StatusCommitted { changed, pushed })
    }

    fn reread_status(&mut self, cluster: &ClusterName) -> Result<(), LedgerError> {
        let tip = self.our_tip(&self.layout.status(cluster))?;
        let Some(status) = self.statuses.get_mut(cluster) else { return Ok(()) };
        if status.tip() == tip {
            return Ok(());
        }
        tracing::warn!(%cluster, "someone else wrote to the status branch of a cluster that this controller runs; what is reported is committed again");
        let store = &self.store;
        let tip = tip.map(|tip| store.files(tip).map(|files| (tip, files))).transpose()?;
        // People accept another cluster by its registration.
        if let Err(error) = status.go_on_from(tip, true, |blob| store.blob(blob)) {
            tracing::warn!(%cluster, %error, "a status is unreadable and is replaced");
        }
        Ok(())
    }
}
