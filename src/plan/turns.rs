//! The turns of one plan: who is decided on when, in sight of whom, until all agree.

use std::collections::{BTreeMap, BTreeSet};

use super::Inputs;
use super::binding::Binding;
use super::cursor::Cursor;
use super::decide::{Case, Drafted, Outcome, draft, place, priority};
use super::memo::Memo;
use super::previous::Remembered;
use super::rivals::Rivals;
use super::survey::{Sight, Surveys};
use super::world::World;
use crate::api::manifest::ObjectKey;
use crate::api::names::ObjectId;
use crate::fleet::Template;
use crate::schedule::Snapshot;

/// The decisions of one plan, as they are made.
pub(super) struct Round<'r, 'w> {
    pub(super) world: &'r World<'w>,
    pub(super) inputs: &'r Inputs<'r>,
    pub(super) memo: &'r mut Memo,
    /// Templates of which an answer is missing that the next plan may get.
    pub(super) in_vain: BTreeSet<ObjectKey>,
}

/// A template that clusters are to be chosen for, with its draft.
type Open<'c> = (Case<'c>, Box<Binding>);

/// A template with its content id, and what was decided.
type Settled<'c> = (&'c ObjectKey, ObjectId, Outcome);

/// How often decisions that depend on each other are made again, at most, to agree.
const PASSES_MAX: usize = 8;

impl<'r> Round<'r, '_> {
    /// Decides on these templates, or remembers the decisions. `told` gets every decision.
    ///
    /// What needs clusters to be chosen takes turns: by priority, then by the keys. What depends on
    /// what others were given is then decided on again, until all agree: as the next plan would.
    pub(super) fn settle(
        &mut self,
        templates: impl Iterator<Item = (&'r ObjectKey, &'r Template)>,
        base: &Snapshot<'_>,
        mut told: impl FnMut(&ObjectKey, &Outcome),
    ) {
        let mut cases = Vec::new();
        let mut before = Cursor::new(&self.inputs.previous.bindings);
        let mut recall = self.memo.recall();
        for (key, template) in templates {
            let previous = before.seek(key);
            if let Some(outcome) = recall.outcome(key, template.id, previous) {
                told(key, outcome);
                continue;
            }
            cases.push(Case::new(key, template, previous));
        }
        let (open, mut settled) = self.draft(cases);
        let mut decided: BTreeMap<&ObjectKey, Remembered> = BTreeMap::new();
        let mut turns: Vec<(&ObjectKey, &Template)> = Vec::new();
        self.pass(open, &mut decided, base, |key| {
            turns.push((key, &self.inputs.fleet.templates[key]));
        });
        let mut at_odds: Vec<&ObjectKey> = Vec::new();
        for _ in 1..PASSES_MAX {
            let unsettled = turns.iter().filter(|(key, _)| {
                let (new, old) = (decided[key].binding(), self.inputs.previous.bindings.get(key));
                new.is_unsettled() || old.is_some_and(|old| new.leaves(old.binding()))
            });
            let standing: Vec<(&ObjectKey, &Template, Remembered)> =
                unsettled.map(|(key, template)| (*key, *template, decided[key].clone())).collect();
            let cases = standing
                .iter()
                .map(|(key, template, previous)| Case::new(key, template, Some(previous)));
            let (open, _) = self.draft(cases);
            self.pass(open, &mut decided, base, |_| {});
            let changed = standing.iter().filter(|(key, _, old)| !decided[key].is_same(old));
            at_odds = changed.map(|(key, _, _)| *key).collect();
            if at_odds.is_empty() {
                break;
            }
        }
        for key in at_odds {
            if let Some(Remembered::Planned(planned)) = decided.get_mut(key) {
                *planned = planned.at_odds();
            }
        }
        for (key, remembered) in decided {
            let Remembered::Planned(planned) = remembered else { continue };
            settled.push((key, self.inputs.fleet.templates[key].id, Outcome::Bound(planned)));
        }
        for (key, id, outcome) in settled {
            told(key, &outcome);
            self.memo.keep(key, id, outcome);
        }
    }

    /// Whether the decision on `key` that was just made lacks an answer.
    pub(super) fn note_if_in_vain(&mut self, key: &ObjectKey) {
        if self.world.take_asked_in_vain() {
            self.in_vain.insert(key.clone());
        }
    }

    /// Finds the policies. What needs clusters to be chosen, in the order of its turns, and what is
    /// decided without.
    fn draft<'c>(
        &mut self,
        cases: impl IntoIterator<Item = Case<'c>>,
    ) -> (Vec<Open<'c>>, Vec<Settled<'c>>) {
        let (mut open, mut done) = (Vec::new(), Vec::new());
        for case in cases {
            let drafted = draft(self.world, &case);
            self.note_if_in_vain(case.key);
            match drafted {
                Drafted::Done(outcome) => done.push((case.key, case.id, outcome)),
                Drafted::Open(binding) => open.push((case, binding)),
            }
        }
        // Stable: of equal priority in the order of the keys.
        open.sort_by_key(|(_, binding)| std::cmp::Reverse(priority(binding)));
        (open, done)
    }

    /// Decides on what is open, each in its turn, in sight of all that stands.
    fn pass<'c>(
        &mut self,
        open: Vec<Open<'c>>,
        decided: &mut BTreeMap<&'r ObjectKey, Remembered>,
        base: &Snapshot<'_>,
        mut told: impl FnMut(&'r ObjectKey),
    ) where
        'r: 'c,
    {
        if open.is_empty() {
            return;
        }
        let mut snapshot = base.clone();
        let templates = &self.inputs.fleet.templates;
        let previous = self.inputs.previous.bindings.iter();
        let stands = previous.filter(|(key, remembered)| {
            !decided.contains_key(key) && remembered.is_of_interest() && templates.contains_key(key)
        });
        let new = decided.iter().map(|(key, remembered)| (*key, remembered));
        let Inputs { reports, now, .. } = *self.inputs;
        let mut rivals = Rivals::new(stands.chain(new), &mut snapshot, reports, now);
        let mut surveys = Surveys::default();
        for (case, binding) in open {
            rivals.begin_turn(case.key);
            let companions = rivals.companions(case.key, &binding);
            let profile = &self.world.profile;
            let sight = Sight { snapshot: &snapshot, companions, profile };
            let outcome = place(self.world, &case, *binding, sight, &mut surveys);
            self.note_if_in_vain(case.key);
            let Outcome::Bound(planned) = outcome else { continue };
            rivals.decided(case.key, &planned.binding, case.previous, &mut snapshot);
            let (key, _) = templates.get_key_value(case.key).expect("its case is of the fleet");
            decided.insert(key, Remembered::Planned(planned));
            told(key);
        }
    }
}
