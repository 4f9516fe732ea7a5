//! Moving refs, also while the remote is away.

use super::{Ledger, LedgerError};
use crate::api::names::ObjectId;
use crate::store::{PublishError, RefName, RefUpdate};

/// Where a publication got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The repository that users push to has it.
    Everywhere,
    /// The remote could not be reached. The commits are in our clone; [`Ledger::push`] brings them.
    HereOnly,
}

impl Ledger {
    /// Moves refs by compare-and-swap, together with those that the remote still lacks.
    ///
    /// A remote that is away does not stop the fleet: the commits are on our disk, the work may be
    /// applied, and the refs follow when the remote is back.
    pub(super) fn move_refs(&mut self, updates: Vec<RefUpdate>) -> Result<Reach, LedgerError> {
        let mut all = self.unpushed.clone();
        for update in updates {
            match all.get_mut(&update.name) {
                // The remote still is where the first of them found it.
                Some(waiting) => waiting.new = update.new,
                None => {
                    all.insert(update.name.clone(), update);
                }
            }
        }
        // By name is also record first: `…/results` before `…/status/…` before `…/work/…`.
        let ordered: Vec<RefUpdate> = all.values().cloned().collect();
        let outcome = self.store.publish(&ordered);
        self.upkeep.published(outcome.as_ref().copied());
        match outcome {
            Ok(()) => {
                self.unpushed.clear();
                Ok(Reach::Everywhere)
            }
            Err(error) if self.store.is_remote() && is_out_of_reach(&error) => {
                tracing::warn!(error = %crate::daemon::chain(&error), "the remote is out of reach; going on without it");
                self.unpushed = all;
                Ok(Reach::HereOnly)
            }
            Err(error) => {
                self.unpushed.clear();
                Err(error.into())
            }
        }
    }

    /// Brings the remote what it lacks.
    ///
    /// # Errors
    /// It still cannot be reached, or someone else moved a ref of ours meanwhile: then what was
    /// waiting is dropped and has to be planned again.
    pub fn push(&mut self) -> Result<Reach, LedgerError> {
        self.move_refs(Vec::new())
    }

    /// Where a ref of ours is, counting what the remote still lacks.
    pub(super) fn our_tip(&self, name: &RefName) -> Result<Option<ObjectId>, LedgerError> {
        match self.unpushed.get(name) {
            Some(waiting) => Ok(waiting.new),
            None => self.tip(name),
        }
    }
}

fn is_out_of_reach(error: &PublishError) -> bool {
    matches!(error, PublishError::Git(_) | PublishError::Unknown { .. })
}
