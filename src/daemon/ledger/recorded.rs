//! The results at one commit, for verbs that only look.

use std::collections::BTreeMap;

use super::{Ledger, LedgerError};
use crate::api::names::ObjectId;
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
