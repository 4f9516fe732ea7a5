//! The results at one commit, for verbs that only look.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::plan::HISTORY_MAX;
use super::{Ledger, LedgerError};
use crate::api::cluster::{Cluster, Departure, SyncMode};
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::daemon::inputs::{self, PlanInputs};

/// The results at one commit. What is read from it belongs together, whatever is published meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    tip: Option<ObjectId>,
    files: BTreeMap<String, ObjectId>,
}

impl Recorded {
    /// Whether nothing was ever recorded.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.tip.is_none()
    }

    /// Whether there is a file at this path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The blob id of the file at this path.
    #[must_use]
    pub fn blob(&self, path: &str) -> Option<ObjectId> {
        self.files.get(path).copied()
    }

    /// The paths that begin with `prefix`, in order.
    pub fn paths<'r>(&'r self, prefix: &'r str) -> impl Iterator<Item = &'r str> {
        let from = self.files.range(prefix.to_owned()..).map(|(path, _)| path.as_str());
        from.take_while(move |path| path.starts_with(prefix))
    }
}

impl Ledger {
    /// The results as they are now.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn recorded(&self) -> Result<Recorded, LedgerError> {
        let refname = self.layout.results();
        self.store.fetch(std::slice::from_ref(&refname))?;
        let Some(tip) = self.tip(&refname)? else { return Ok(Recorded::default()) };
        Ok(Recorded { tip: Some(tip), files: self.store.files(tip)? })
    }

    /// Whether there ever was work for a cluster of this name.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn was_member(&self, cluster: &ClusterName) -> Result<bool, LedgerError> {
        let work = self.layout.work(cluster);
        self.store.fetch(std::slice::from_ref(&work))?;
        Ok(self.tip(&work)?.is_some())
    }

    /// Whether a cluster that leaves has said that nothing is left of what it had: what it let go of until
    /// then, and why. `None` if it said that of earlier work only, or never.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn emptied(
        &self,
        recorded: &Recorded,
        cluster: &ClusterName,
        mode: SyncMode,
    ) -> Result<Option<Vec<String>>, LedgerError> {
        let (status, work) = (self.layout.status(cluster), self.layout.work(cluster));
        self.store.fetch(&[status.clone(), work.clone()])?;
        let Some(status) = self.status_at(cluster, &status)? else { return Ok(None) };
        let Some(settled) = status.settled() else { return Ok(None) };
        // An agent knows the commits of its work branch, and the controller those of the results.
        let (tip, dir, prefix) = match mode {
            SyncMode::Push => (recorded.tip, "work", format!("{cluster}/")),
            SyncMode::Pull => (self.tip(&work)?, "", String::new()),
        };
        let Some(tip) = tip else { return Ok(None) };
        let Ok(files) = self.store.files(settled.work) else { return Ok(None) };
        let dir_then = if dir.is_empty() { prefix.clone() } else { format!("{dir}/{prefix}") };
        let held = files.keys().filter_map(|path| path.strip_prefix(dir_then.as_str()));
        if held.into_iter().any(|path| ObjectKey::from_file(path).is_some()) {
            return Ok(None);
        }
        let (is_reached, is_changed) = (Cell::new(false), Cell::new(false));
        let is_wanted = |commit| {
            is_reached.set(commit == settled.work);
            !is_reached.get()
        };
        let take = |path: &str, _| {
            let is_object = |path| ObjectKey::from_file(path).is_some();
            is_changed.set(is_changed.get() || path.strip_prefix(&*prefix).is_some_and(is_object));
        };
        self.store.walk_changes(tip, dir, HISTORY_MAX, is_wanted, take)?;
        // A past that was cut short proves nothing: then the commit itself says that it was of a cluster
        // that leaves.
        let file = files.get(&format!("clusters/{cluster}.yaml"));
        let said = file.map(|blob| self.store.blob(*blob)).transpose()?;
        let said = said.and_then(|bytes| crate::api::yaml::from_bytes::<Cluster>(&bytes).ok());
        let is_of_leaving = said.is_some_and(|one| one.departure() == Some(Departure::Remove));
        let is_proof = if is_reached.get() { !is_changed.get() } else { is_of_leaving };
        Ok(is_proof.then(|| settled.kept.iter().cloned().collect()))
    }

    /// The file of the results at this path, if there is one.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn recorded_file(
        &self,
        recorded: &Recorded,
        path: &str,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(recorded.files.get(path).map(|blob| self.store.blob(*blob)).transpose()?)
    }

    /// The source commit that was planned for; `None` where nothing is recorded of it that this
    /// version can read.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn recorded_source(&self, recorded: &Recorded) -> Result<Option<ObjectId>, LedgerError> {
        let Some(bytes) = self.recorded_file(recorded, inputs::PATH)? else { return Ok(None) };
        Ok(PlanInputs::read(&bytes).map(|inputs| inputs.source))
    }

    /// The files of the results below `prefix` as they are now, in order of their paths.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn result_files(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        let recorded = self.recorded()?;
        let files = recorded.files.iter().filter(|(path, _)| path.starts_with(prefix));
        files.map(|(path, blob)| Ok((path.clone(), self.store.blob(*blob)?))).collect()
    }
}
