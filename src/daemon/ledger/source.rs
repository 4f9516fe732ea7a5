//! From the source branch to a fleet.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checks::fleet_of;
use super::plan::has_trailer;
use super::{Ledger, LedgerError};
use crate::api::names::ObjectId;
use crate::api::problem::{Problem, Severity};
use crate::api::settings::{GuardSettings, SETTINGS_PATH, Settings};
use crate::daemon::inputs::{self, PlanInputs};
use crate::fleet::{Document, Fleet, Object, ParsedFile, is_manifest_path};
use crate::store::{Layout, PathFilter, RefName, StoreError};

/// Trailer of a source commit that accepts that the source does not go on from this commit.
const ACCEPT_REWRITE: &str = "Fleet-Accept-Rewrite";
/// Most new commits that are looked at for it.
const REWRITTEN_MAX: usize = 1_000;

/// What a source commit holds.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The commit.
    pub commit: ObjectId,
    /// The fleet; with errors among the problems it is what could be understood, for showing only.
    pub fleet: Arc<Fleet>,
    /// Everything that is wrong, in order of place.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Whether the commit may be acted upon.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity != Severity::Error)
    }
}

impl Ledger {
    /// The commit that the source branch shows now.
    ///
    /// # Errors
    /// The branch or the repository is missing or out of reach.
    pub fn source_head(&self) -> Result<ObjectId, LedgerError> {
        let source = self.layout.source();
        self.store.fetch(std::slice::from_ref(&source))?;
        if let Some(commit) = self.tip(&source)? {
            return Ok(commit);
        }
        // Says what there is instead; our own branches are nobody's source.
        Ok(self.store.head(&source).map_err(|error| match error {
            StoreError::RefMissing { name, mut have } => {
                let ours = format!("{}/", self.layout.prefix());
                have.retain(|branch| !branch.starts_with(&ours));
                StoreError::RefMissing { name, have }
            }
            error => error,
        })?)
    }

    /// A warning where the branch that the fleet follows by its own settings is known not to be there:
    /// the commit may be as valid as can be, nothing would be acted upon.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn missing_source(&self, fleet: &Fleet) -> Result<Option<Problem>, LedgerError> {
        if self.overrides.source_branch.is_some() {
            return Ok(None);
        }
        let branch = fleet.settings.source.branch.as_str();
        let source = RefName::branch(branch)?;
        // Of a remote that cannot be asked nothing is known.
        if self.store.fetch(std::slice::from_ref(&source)).is_err()
            || self.tip(&source)?.is_some()
            || !self.store.is_remote() && self.store.may_be_elsewhere(&source)?
        {
            return Ok(None);
        }
        Ok(Some(Problem::warning(
            fleet.place_of_setting("/spec/source/branch"),
            "REF_MISSING",
            format!(
                "the fleet follows `{branch}`, and there is no such branch: `apply` and `run` stop at that"
            ),
            "make the branch, or name the one that people push to: `spec.source.branch` in fleet.yaml",
        )))
    }

    /// What is wrong with a commit that has the fleet follow another branch, which is not there: nobody could
    /// mend that where it was said.
    fn leads_nowhere(&self, fleet: &Fleet) -> Result<Option<Problem>, LedgerError> {
        let followed = self.layout.source();
        if followed.short() == fleet.settings.source.branch.as_str() {
            return Ok(None);
        }
        let missing = self.missing_source(fleet)?;
        Ok(missing.map(|problem| {
            let hint = format!(
                "make the branch first, or correct `spec.source.branch`; until then `{}` is followed",
                followed.short()
            );
            let branch = fleet.settings.source.branch.as_str();
            let text = format!("the fleet is to follow `{branch}`, and there is no such branch");
            Problem::error(problem.place, problem.code, text, hint)
        }))
    }

    /// Reads one commit, whatever branch it is on. Nothing of the ledger's state changes but caches.
    ///
    /// # Errors
    /// The commit cannot be read whole. What users did wrong is in the result, not an error.
    pub fn read(&mut self, commit: ObjectId) -> Result<Loaded, LedgerError> {
        // fleet.yaml first: it says which of the other files count.
        let settings = self.settings_at(commit)?;
        let listing = self.store.list(commit, &PathFilter::from(&settings))?;
        let mut files = Vec::with_capacity(listing.entries.len());
        let mut kept = BTreeMap::new();
        for entry in &listing.entries {
            if !is_manifest_path(&entry.path) {
                continue;
            }
            let file = self.parse(&entry.path, entry.blob)?;
            kept.insert(Arc::clone(&file.path), Arc::clone(&file));
            files.push(file);
        }
        self.parsed = kept;
        let (fleet, problems) =
            fleet_of(commit, &files, self.origin, &self.interpreter, listing.problems);
        Ok(Loaded { commit, fleet: Arc::new(fleet), problems })
    }

    /// Reads the source and, if it validates, makes it the fleet that is planned for.
    ///
    /// # Errors
    /// The source is missing, out of reach or cannot be read whole.
    pub fn load(&mut self) -> Result<Loaded, LedgerError> {
        let commit = self.expected_head()?;
        let mut loaded = self.read(commit)?;
        if loaded.is_valid() {
            if let Some(problem) = self.leads_nowhere(&loaded.fleet)? {
                loaded.problems.push(problem);
            } else if self.adopt_settings(&loaded.fleet.settings)? {
                let commit = self.expected_head()?;
                loaded = self.read(commit)?;
            }
        }
        if let Some(problem) = self.rewritten(&loaded)? {
            loaded.problems.push(problem);
        }
        if loaded.is_valid() {
            self.fleet = Some(Arc::clone(&loaded.fleet));
            self.warnings.clone_from(&loaded.problems);
            self.upkeep.set_limits(&loaded.fleet.settings.history);
        } else if self.fleet.is_none() {
            self.recall_last_good()?;
        }
        // Before any executor speaks: what it says is compared with what its ref holds.
        if let Some(fleet) = self.fleet.clone() {
            self.refresh_statuses(&fleet)?;
        }
        Ok(loaded)
    }

    /// What is wrong with a source that does not go on from the commit that the results were made of: what
    /// was pushed since is not in it, and would be removed (`spec/reliability-security.md` R-81). `None` if it
    /// does, if one of its new commits says that this is meant, or if there are no results yet.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn rewritten(&self, loaded: &Loaded) -> Result<Option<Problem>, LedgerError> {
        let Some(old) = self.in_force()? else { return Ok(None) };
        let (name, new) = (self.layout.source(), loaded.commit);
        let error = match self.store.check_moved_forward(&name, old, new) {
            Ok(()) => return Ok(None),
            Err(error @ StoreError::HistoryRewritten { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        let accepts = |message: String| has_trailer(&message, ACCEPT_REWRITE, &old.to_string());
        if self.store.messages_since(Some(old), new, REWRITTEN_MAX)?.any(accepts) {
            return Ok(None);
        }
        let place = loaded.fleet.place_of_setting("/spec/source/branch");
        let hint = format!(
            "to go back to an earlier state, `git revert` on top of {}; if the new history is meant, push a commit on \
             top of it with the trailer\n    {ACCEPT_REWRITE}: {old}",
            old.short()
        );
        Ok(Some(Problem::error(place, error.code(), error.to_string(), hint)))
    }

    /// The source commit that the results were made of; `None` where nothing is recorded of it that this
    /// version can read.
    ///
    /// # Errors
    /// The repository cannot be read, or the remote of the results is away and none are here.
    pub(super) fn in_force(&self) -> Result<Option<ObjectId>, LedgerError> {
        let results = self.layout.results();
        // The first look at them, in a clone that may be a moment old.
        if self.results.is_none() {
            self.fetch_ours(std::slice::from_ref(&results))?;
        }
        let Some(tip) = self.our_tip(&results)? else { return Ok(None) };
        let bytes = self.store.file(tip, inputs::PATH)?;
        Ok(bytes.and_then(|bytes| PlanInputs::read(&bytes)).map(|inputs| inputs.source))
    }

    /// The guards of the commit that the results were made of; `None` where nobody knows it any more.
    ///
    /// # Errors
    /// As [`Ledger::in_force`].
    pub(super) fn guards_in_force(&self) -> Result<Option<GuardSettings>, LedgerError> {
        // After a rewrite it may have been swept away, or never have come here.
        let commit = self.in_force()?.filter(|commit| self.store.tree(*commit).is_ok());
        Ok(commit.map(|commit| self.settings_at(commit)).transpose()?.map(|one| one.guards))
    }

    /// The commit that the source branch shows.
    ///
    /// # Errors
    /// The source is missing, out of reach, or at another commit than [`Ledger::expect`] says.
    pub fn expected_head(&self) -> Result<ObjectId, LedgerError> {
        let found = self.source_head()?;
        match self.expected {
            Some(expected) if expected != found => Err(LedgerError::Elsewhere {
                branch: self.layout.source().short().to_owned(),
                found,
                expected,
            }),
            _ => Ok(found),
        }
    }

    /// After a start with a source that does not validate: the commit that the results name stays in
    /// force, watched over as before.
    fn recall_last_good(&mut self) -> Result<(), LedgerError> {
        // After a rewrite it may have been swept away, or never have come here.
        let commit = self.in_force()?.filter(|commit| self.store.tree(*commit).is_ok());
        let Some(commit) = commit else { return Ok(()) };
        let loaded = self.read(commit)?;
        if loaded.is_valid() {
            self.upkeep.set_limits(&loaded.fleet.settings.history);
            self.fleet = Some(loaded.fleet);
            self.warnings = loaded.problems;
        }
        Ok(())
    }

    /// Takes branch, prefix and repositories from the source's own `fleet.yaml` without reading the
    /// rest: for verbs that only look at what the engine wrote.
    ///
    /// # Errors
    /// The source cannot be read.
    pub fn find_refs(&mut self) -> Result<(), LedgerError> {
        let commit = self.source_head()?;
        let settings = self.settings_at(commit)?;
        self.adopt_settings(&settings)?;
        Ok(())
    }

    fn settings_at(&self, commit: ObjectId) -> Result<Settings, LedgerError> {
        Ok(match self.store.find(commit, SETTINGS_PATH)? {
            Some(blob) => settings_of(&*self.parse(SETTINGS_PATH, blob)?),
            None => Settings::default(),
        })
    }

    /// Makes a commit that need not be the source's the one that is planned for, for a look ahead.
    ///
    /// # Errors
    /// Its settings name refs that cannot be.
    pub fn adopt(&mut self, loaded: &Loaded) -> Result<(), LedgerError> {
        self.adopt_settings(&loaded.fleet.settings)?;
        self.fleet = Some(Arc::clone(&loaded.fleet));
        Ok(())
    }

    /// Takes source branch, ref prefix and, once, the repositories from `fleet.yaml`, where no flag fixes them. Returns
    /// whether the source branch is another one now.
    fn adopt_settings(&mut self, spec: &Settings) -> Result<bool, LedgerError> {
        let source = self.overrides.source_branch.as_deref();
        let source = source.unwrap_or(spec.source.branch.as_str());
        let prefix = self.overrides.refs_prefix.as_deref().unwrap_or(spec.refs.prefix.as_str());
        let before = std::mem::replace(&mut self.layout, Layout::new(source, prefix)?);
        self.has_moved |= self.results.is_some() && self.layout.prefix() != before.prefix();
        self.adopt_remotes(&spec.remotes)?;
        Ok(self.layout.source() != before.source())
    }

    fn parse(&self, path: &str, blob: ObjectId) -> Result<Arc<ParsedFile>, LedgerError> {
        if let Some(file) = self.parsed.get(path).filter(|file| file.blob == blob) {
            return Ok(Arc::clone(file));
        }
        let bytes = self.store.blob(blob)?;
        Ok(Arc::new(crate::fleet::parse_file(path, blob, &bytes)))
    }

    /// Resolves what a person typed to a commit: a branch, a tag, an id, `HEAD`. At a remote, which
    /// nobody has checked out, `HEAD` is the source, and ids are those of its past.
    ///
    /// # Errors
    /// There is no such commit, or the remote is out of reach.
    pub fn resolve(&self, revision: &str) -> Result<ObjectId, LedgerError> {
        if !self.store.is_remote() {
            return Ok(self.store.resolve(revision)?);
        }
        let source = self.source_head()?;
        if revision == "HEAD" {
            return Ok(source);
        }
        let branch = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        if let Ok(name) = RefName::branch(branch) {
            // A branch that is not there is no failure yet: it may be an id.
            let _ = self.store.fetch(std::slice::from_ref(&name));
            if let Some(tip) = self.tip(&name)? {
                return Ok(tip);
            }
        }
        Ok(self.store.resolve(revision)?)
    }
}

/// The settings in `fleet.yaml`; the defaults while it has an error.
fn settings_of(file: &ParsedFile) -> Settings {
    let settings = |document: &Document| match &document.object {
        Object::Settings(settings) => Some(settings.spec.clone()),
        _ => None,
    };
    file.documents.iter().find_map(settings).unwrap_or_default()
}
