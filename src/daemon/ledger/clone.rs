//! Clones of a fleet repository: verbs that only look answer there as in the repository itself, the
//! engine does not run in one.

use super::{Ledger, LedgerError};
use crate::api::names::ObjectId;
use crate::store::{Lane, RefName, Role, Upstream};

/// What a remote is to the repository that the engine is to run in.
enum Relation {
    /// The repository is a copy of it; with the branch that says so by following it, if one does.
    Original(Option<RefName>),
    /// Neither brings the other's branches up to date: usually it is a backup.
    Other,
}

impl Ledger {
    /// Refuses a copy of a repository that a fleet is run from: the results there are the fleet's, and
    /// here the engine would begin with none or with old ones.
    ///
    /// A copy is what fetches a remote's branches over its own, or has a source or results branch that
    /// follows a remote: unless that remote is known to have no results, nothing is run. Any other
    /// repository may be the fleet's own, with a backup as its remote, or an old copy: the engine runs
    /// unless the remote has results that are not known here.
    ///
    /// # Errors
    /// It is a copy, a remote that has to be asked cannot be, or the repository cannot be read.
    pub fn refuse_clone(&self) -> Result<(), LedgerError> {
        let results = self.layout.results();
        if self.store.is_remote() || self.store.lane(&results) != Lane::Own {
            return Ok(());
        }
        let mut remotes = self.store.upstreams()?;
        // A branch may follow an address that has no name.
        for branch in [results, self.layout.source()] {
            let followed = self.store.upstream_of(&branch)?;
            remotes.extend(followed.filter(|one| !remotes.contains(one)));
        }
        for remote in remotes {
            match self.relation(&remote)? {
                Relation::Original(branch) => self.refuse_copy_of(&remote, branch.as_ref())?,
                Relation::Other => self.refuse_older_than(&remote)?,
            }
        }
        Ok(())
    }

    fn relation(&self, remote: &Upstream) -> Result<Relation, LedgerError> {
        let branches = [self.layout.results(), self.layout.source()];
        for branch in &branches {
            if self.store.is_fetched_from(remote, branch)? {
                return Ok(Relation::Original(None));
            }
        }
        for branch in branches {
            if self.store.upstream_of(&branch)?.as_ref() == Some(remote) {
                return Ok(Relation::Original(Some(branch)));
            }
        }
        Ok(Relation::Other)
    }

    fn refuse_copy_of(
        &self,
        remote: &Upstream,
        follower: Option<&RefName>,
    ) -> Result<(), LedgerError> {
        let results = self.layout.results();
        let origin = remote.url().to_owned();
        let way_out = match follower {
            Some(branch) => format!("git branch --unset-upstream {}", branch.short()),
            None => format!("git remote remove {}", remote.name()),
        };
        if self.store.is_shallow() || self.store.read_ref_of(remote, &results)?.is_some() {
            return Err(LedgerError::Clone { origin, way_out });
        }
        match self.store.ask(remote, &results) {
            Ok(Some(_)) => Err(LedgerError::Clone { origin, way_out }),
            Ok(None) => {
                warn_unseen(&origin);
                Ok(())
            }
            Err(source) => Err(LedgerError::Unasked { origin, way_out, source }),
        }
    }

    fn refuse_older_than(&self, remote: &Upstream) -> Result<(), LedgerError> {
        let results = self.layout.results();
        let origin = remote.url().to_owned();
        let here = self.store.read_ref(&results)?;
        let there = match self.store.ask(remote, &results) {
            Ok(there) => there,
            // A backup may be away at night; what it had is known.
            Err(_) if here.is_some() => self.store.read_ref_of(remote, &results)?,
            Err(source) => {
                let way_out = format!("git remote remove {}", remote.name());
                return Err(LedgerError::Unasked { origin, way_out, source });
            }
        };
        match (there, here) {
            (None, Some(_)) => Ok(()),
            (None, None) => {
                warn_unseen(&origin);
                Ok(())
            }
            (Some(there), Some(here)) if self.store.is_in_past(there, here) => Ok(()),
            (Some(there), here) => Err(LedgerError::Stale {
                name: remote.name().to_owned(),
                origin,
                branch: results,
                there,
                here,
            }),
        }
    }

    /// From now on refs are also looked for where `git clone` puts a remote's branches, so that a
    /// clone of a fleet repository answers as the repository itself does. No ref may be moved then.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn look_only(&mut self) -> Result<(), LedgerError> {
        self.looked_at = Some(self.store.upstreams()?);
        Ok(())
    }

    pub(super) fn only_looks(&self) -> bool {
        self.looked_at.is_some()
    }

    /// How a clone learns of the results of the repository that it was cloned from; `None` where they
    /// are known, or no other repository is. For a ledger that only looks.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn how_to_fetch(&self) -> Result<Option<String>, LedgerError> {
        if self.tip(&self.layout.results())?.is_some() {
            return Ok(None);
        }
        let upstream = self.looked_at.iter().flatten().next();
        let Some(upstream) = upstream else { return Ok(None) };
        let prefix = self.layout.prefix();
        let (name, url) = (upstream.name(), upstream.url());
        Ok(Some(format!(
            "if the fleet runs from {url}, first: git fetch {name} '+refs/heads/{prefix}/*:refs/remotes/{name}/{prefix}/*'"
        )))
    }

    /// Commit of one of our refs, or of the source.
    pub(super) fn tip(&self, name: &RefName) -> Result<Option<ObjectId>, LedgerError> {
        let here = self.store.read_ref(name)?;
        let Some(upstreams) = &self.looked_at else { return Ok(here) };
        // A machine-owned branch that somebody checked out to read it stays as old as that day.
        let is_copy =
            self.layout.role(name) != Role::Source && self.store.follows_upstream(name)?;
        if here.is_some() && !is_copy {
            return Ok(here);
        }
        for upstream in upstreams {
            if let Some(tip) = self.store.read_ref_of(upstream, name)? {
                return Ok(Some(tip));
            }
        }
        Ok(here)
    }
}

fn warn_unseen(remote: &str) {
    tracing::warn!(
        %remote,
        "results are written to this repository only; the remote does not see them"
    );
}
