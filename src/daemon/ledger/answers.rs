//! What webhooks answered, as part of the results: an input of the next plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Ledger, LedgerError};
use crate::api::names::ObjectId;
use crate::customize::Records;
use crate::fleet::Fleet;
use crate::plan::RenderedFile;

impl Ledger {
    /// For verbs that only look, and are to ask webhooks all the same.
    pub fn call_webhooks(&mut self) {
        self.calls_webhooks = true;
    }

    /// Has the answers among the files of a results commit stand for those of before. A ledger that
    /// only looks sends nothing anywhere: to it, other questions have no answer.
    pub(super) fn recall_answers(
        &mut self,
        commit: Option<ObjectId>,
        files: &BTreeMap<String, ObjectId>,
    ) -> Result<(), LedgerError> {
        let mut blobs = Vec::new();
        for (path, blob) in files.iter().filter(|(path, _)| path.starts_with(Records::DIR)) {
            blobs.push((path.as_str(), self.store.blob(*blob)?));
        }
        let records = Records::read(blobs.iter().map(|(path, bytes)| (*path, bytes.as_slice())));
        let records = match (records, commit) {
            (Ok(records), _) => records,
            (Err(_), None) => Records::default(),
            (Err(error), Some(commit)) => {
                let (refname, reason) = (self.layout.results().to_string(), error.to_string());
                return Err(LedgerError::Results { refname, commit, reason });
            }
        };
        if self.only_looks() && !self.calls_webhooks {
            self.interpreter.replay(records);
        } else {
            self.interpreter.recall(records);
        }
        Ok(())
    }

    /// The files of all answers that this fleet's plans ask for.
    pub(super) fn answers(&mut self, fleet: &Fleet) -> BTreeMap<String, Arc<RenderedFile>> {
        let template = |key: &_| fleet.templates.get(key).map(|template| template.manifest.open());
        self.interpreter.prune_records(template);
        self.interpreter.records().files()
    }
}
