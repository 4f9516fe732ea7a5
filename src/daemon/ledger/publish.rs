//! Moving refs, also while the remote is away.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ledger, LedgerError};
use crate::api::names::ObjectId;
use crate::store::{Lane, PublishError, RefName, RefUpdate, Role};

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
        debug_assert!(!self.only_looks(), "what a clone shows is not where a ref is here");
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
        // By name is also record first: `…/results` before `…/status/…` before `…/work/…`. So is
        // the order of the lanes.
        let mut by_lane: BTreeMap<Lane, Vec<RefUpdate>> = BTreeMap::new();
        for update in all.into_values() {
            by_lane.entry(self.store.lane(&update.name)).or_default().push(update);
        }
        let mut waiting = Vec::new();
        let mut published = BTreeSet::new();
        for mut updates in by_lane.into_values() {
            // INVARIANT: no work ref shows what the record does not hold yet.
            if waiting.iter().any(|update: &RefUpdate| update.name == self.layout.results()) {
                let is_work = |update: &mut RefUpdate| {
                    matches!(self.layout.role(&update.name), Role::Work(_))
                };
                waiting.extend(updates.extract_if(.., is_work));
            }
            match self.store.publish(&updates) {
                Ok(()) => published.extend(updates.into_iter().map(|update| update.name)),
                Err(error) if is_out_of_reach(&error) => {
                    tracing::warn!(error = %crate::daemon::chain(&error), "the remote is out of reach; going on without it");
                    waiting.extend(updates);
                }
                Err(error) => {
                    self.upkeep.failed(&error);
                    self.unpushed.retain(|name, _| !published.contains(name));
                    if matches!(error, PublishError::Moved { .. }) {
                        let names: Vec<_> = updates.into_iter().map(|update| update.name).collect();
                        self.drop_moved(&names);
                        // The next try starts from where they are now.
                        self.store.fetch(&names)?;
                    }
                    return Err(error.into());
                }
            }
        }
        let mut reach = Reach::HereOnly;
        if waiting.is_empty() {
            self.upkeep.published();
            reach = Reach::Everywhere;
        }
        self.unpushed = waiting.into_iter().map(|update| (update.name.clone(), update)).collect();
        Ok(reach)
    }

    /// Drops what waits of these refs, which someone else moved; and with the record what follows from it.
    fn drop_moved(&mut self, names: &[RefName]) {
        let is_record = names.contains(&self.layout.results());
        let layout = &self.layout;
        let follows = |name: &RefName| is_record && matches!(layout.role(name), Role::Work(_));
        self.unpushed.retain(|name, _| !names.contains(name) && !follows(name));
    }

    /// Brings the remote what it lacks. While it cannot be reached, that waits.
    ///
    /// # Errors
    /// It is refused: what it does not have goes on waiting. Or someone else moved a ref of ours meanwhile:
    /// then what was waiting for that place is dropped and has to be planned again.
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
