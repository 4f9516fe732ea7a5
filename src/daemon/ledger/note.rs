//! A note on each source commit: what it changed, or why it was refused.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Hold, Ledger, LedgerError, Loaded};
use crate::api::names::ObjectId;
use crate::plan::{Plan, PlanDiff, not_decided_anew, not_placed, not_up_to_date, remarks};
use crate::store::RefUpdate;

/// Problems that a note lists; a person looks at the first ones, and a note is no log.
const PROBLEMS_MAX: usize = 100;
/// What a commit did that only moved files, or changed what nobody runs; as `git fleet plan` says it.
const SAME: &str = "no difference in what runs";
/// First word of the note on a commit that waits for an approval.
const HELD: &str = "held";
/// First word of the note on a commit that does not validate.
const REFUSED: &str = "refused";
/// Trailer that names the results commit that followed.
const RESULTS: &str = "Fleet-Results";

impl Ledger {
    /// Notes on a source commit why it was not acted upon.
    ///
    /// # Errors
    /// Git cannot be written.
    pub fn note_refusal(&mut self, loaded: &Loaded, now: Timestamp) -> Result<(), LedgerError> {
        let mut text = format!("{REFUSED}: this commit changed nothing\n");
        for problem in loaded.problems.iter().take(PROBLEMS_MAX) {
            let _ = write!(text, "\n{problem}\n");
        }
        let n_more = loaded.problems.len().saturating_sub(PROBLEMS_MAX);
        if n_more > 0 {
            let _ = write!(
                text,
                "\nand {n_more} more: git fleet validate --commit {}\n",
                loaded.commit
            );
        }
        self.note(loaded.commit, text, now)
    }

    /// Notes on a source commit that it waits for an approval.
    ///
    /// # Errors
    /// Git cannot be written.
    pub fn note_hold(&mut self, hold: &Hold, now: Timestamp) -> Result<(), LedgerError> {
        let Some(commit) = self.fleet().map(|fleet| fleet.commit) else { return Ok(()) };
        let text = format!("{HELD}: this commit changed nothing\n\n{hold}\n");
        self.note(commit, text, now)
    }

    /// Notes on the source commit what came of it.
    ///
    /// # Errors
    /// Git cannot be written.
    pub fn note_plan(
        &mut self,
        plan: &Plan,
        diff: &PlanDiff,
        results: ObjectId,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Some(commit) = self.fleet().map(|fleet| fleet.commit) else { return Ok(()) };
        // Reports change the results without a new source commit: that is no news about it.
        // But that it is held no longer, is.
        let is_said =
            |(noted, text): &(ObjectId, String)| *noted == commit && !text.starts_with(HELD);
        if self.noted.as_ref().is_some_and(is_said) {
            return Ok(());
        }
        let is_same = diff.is_empty() && diff.takeovers.is_empty();
        // After a start the note of the plan before says what the commit did.
        if is_same
            && self.noted.is_none()
            && let Some(text) = self.planned_note(commit)?
        {
            self.noted = Some((commit, text));
            return Ok(());
        }
        // What the results record of the clusters is no doing of the commit.
        let subject = if is_same { SAME.to_owned() } else { crate::plan::subject(diff) };
        let mut text = format!("{subject}\n\n{RESULTS}: {results}\n");
        for told in not_placed(plan).take(PROBLEMS_MAX) {
            let _ = write!(text, "\nnot placed: {told}\n");
        }
        for told in not_decided_anew(plan).take(PROBLEMS_MAX) {
            let _ = write!(text, "\nnot decided anew: {told}\n");
        }
        for stale in not_up_to_date(plan).take(PROBLEMS_MAX) {
            let _ = write!(text, "\nnot up to date: {stale}\n");
        }
        for told in remarks(plan).take(PROBLEMS_MAX) {
            let _ = write!(text, "\nremark: {told}\n");
        }
        for problem in self.warnings.iter().take(PROBLEMS_MAX) {
            let _ = write!(text, "\n{problem}\n");
        }
        self.note(commit, text, now)
    }

    /// The source commit, if its note says that it is not in force, and what it is instead.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn waiting(&self) -> Result<Option<(ObjectId, &'static str)>, LedgerError> {
        let (source, notes) = (self.layout.source(), self.layout.notes());
        self.store.fetch(&[source.clone(), notes.clone()])?;
        let (Some(commit), Some(tip)) = (self.tip(&source)?, self.tip(&notes)?) else {
            return Ok(None);
        };
        let text = self.store.note(tip, commit)?.unwrap_or_default();
        let words = [HELD, REFUSED].into_iter();
        let mut said = words.filter(|word| text.split(':').next() == Some(word));
        Ok(said.next().map(|word| (commit, word)))
    }

    /// The note that is on a commit since it was planned for.
    fn planned_note(&self, commit: ObjectId) -> Result<Option<String>, LedgerError> {
        let Some(tip) = self.our_tip(&self.layout.notes())? else { return Ok(None) };
        let note = self.store.note(tip, commit)?;
        Ok(note.filter(|text| text.lines().any(|line| line.starts_with(RESULTS))))
    }

    fn note(&mut self, commit: ObjectId, text: String, now: Timestamp) -> Result<(), LedgerError> {
        if self.noted.as_ref().is_some_and(|(noted, said)| (*noted, said) == (commit, &text)) {
            return Ok(());
        }
        let name = self.layout.notes();
        if self.results.is_none() {
            self.store.fetch(std::slice::from_ref(&name))?;
        }
        let old = self.our_tip(&name)?;
        let mut batch = self.store.batch();
        let new = batch.note(old, commit, &text, now)?;
        batch.write()?;
        self.move_refs(vec![RefUpdate { name, old, new: Some(new) }])?;
        self.noted = Some((commit, text));
        Ok(())
    }
}
