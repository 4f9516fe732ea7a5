//! Clones of a fleet repository: verbs that only look answer there as in the repository itself, the
//! engine does not run in one.

use super::{Ledger, LedgerError};
use crate::api::names::ObjectId;
use crate::store::{RefName, Role};

impl Ledger {
    /// Refuses a clone, as `git clone` makes it, of a repository that a fleet is run from: the
    /// results there are the fleet's, and here the engine would begin with none or with old ones.
    ///
    /// What a clone fetched does not decide, since it may be one branch only: a repository without
    /// results of its own asks every remote that it has.
    ///
    /// # Errors
    /// It is one, a remote cannot be asked, or the repository cannot be read.
    pub fn refuse_clone(&self) -> Result<(), LedgerError> {
        if self.store.has_remotes() {
            return Ok(());
        }
        let results = self.layout.results();
        let is_run_here = self.store.read_ref(&results)?.is_some();
        if is_run_here && !self.store.follows_upstream(&results)? {
            return Ok(());
        }
        for upstream in self.store.upstreams()? {
            let origin = upstream.url().to_owned();
            if is_run_here
                || self.store.is_shallow()
                || self.store.read_ref_of(&upstream, &results)?.is_some()
            {
                return Err(LedgerError::Clone { origin });
            }
            match self.store.ask(&upstream, &results) {
                Ok(None) => tracing::warn!(
                    remote = %origin,
                    "results are written to this repository only; the remote does not see them"
                ),
                Ok(Some(_)) => return Err(LedgerError::Clone { origin }),
                Err(source) => {
                    let name = upstream.name().to_owned();
                    return Err(LedgerError::Unasked { name, origin, source });
                }
            }
        }
        Ok(())
    }

    /// From now on refs are also looked for where `git clone` puts a remote's branches, so that a
    /// clone of a fleet repository answers as the repository itself does. Nothing may be written.
    pub fn read_only(&mut self) {
        self.is_read_only = true;
    }

    /// How a clone learns of the results of the repository that it was cloned from; `None` where they
    /// are known, or no other repository is.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn how_to_fetch(&self) -> Result<Option<String>, LedgerError> {
        if self.tip(&self.layout.results())?.is_some() {
            return Ok(None);
        }
        let upstreams = self.store.upstreams()?;
        let Some(upstream) = upstreams.first() else { return Ok(None) };
        let prefix = self.layout.prefix();
        let (name, url) = (upstream.name(), upstream.url());
        Ok(Some(format!(
            "if the fleet runs from {url}, first: git fetch {name} '+refs/heads/{prefix}/*:refs/remotes/{name}/{prefix}/*'"
        )))
    }

    /// Commit of one of our refs, or of the source.
    pub(super) fn tip(&self, name: &RefName) -> Result<Option<ObjectId>, LedgerError> {
        let here = self.store.read_ref(name)?;
        if !self.is_read_only {
            return Ok(here);
        }
        // A machine-owned branch that somebody checked out to read it stays as old as that day.
        let is_copy =
            self.layout.role(name) != Role::Source && self.store.follows_upstream(name)?;
        if here.is_some() && !is_copy {
            return Ok(here);
        }
        for upstream in self.store.upstreams()? {
            if let Some(tip) = self.store.read_ref_of(&upstream, name)? {
                return Ok(Some(tip));
            }
        }
        Ok(here)
    }
}
