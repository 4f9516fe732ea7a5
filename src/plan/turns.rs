//! The turns of one plan: who is decided on when, in sight of whom, until all agree.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Inputs;
use super::cursor::Cursor;
use super::decide::{Case, Drafted, Outcome, draft, place, priority};
use super::memo::Memo;
use super::policies::Policy;
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

/// A template whose turn is to come, and what was decided on it before.
#[derive(Clone, Copy)]
struct Turn<'c> {
    key: &'c ObjectKey,
    template: &'c Template,
    previous: Option<&'c Remembered>,
}

/// A template for which clusters were chosen.
struct Chosen<'c> {
    key: &'c ObjectKey,
    template: &'c Template,
    /// Whether it leaves a cluster that it ran in before the plan.
    does_leave: bool,
}

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
        let mut turns = Vec::new();
        let mut before = Cursor::new(&self.inputs.previous.bindings);
        let mut recall = self.memo.recall();
        for (key, template) in templates {
            let previous = before.seek(key);
            if let Some(outcome) = recall.outcome(key, template.id, previous) {
                told(key, outcome);
                continue;
            }
            turns.push(Turn { key, template, previous });
        }
        self.put_in_order(&mut turns);
        let mut decided: BTreeMap<&ObjectKey, Remembered> = BTreeMap::new();
        let (mut chosen, mut settled) = self.pass(turns, &mut decided, base);
        let mut at_odds: Vec<&ObjectKey> = Vec::new();
        for _ in 1..PASSES_MAX {
            let unsettled = chosen
                .iter()
                .filter(|one| one.does_leave || decided[one.key].packed().is_unsettled);
            let standing: Vec<(&ObjectKey, &Template, Remembered)> =
                unsettled.map(|one| (one.key, one.template, decided[one.key].clone())).collect();
            let mut turns: Vec<Turn<'_>> = standing
                .iter()
                .map(|(key, template, previous)| Turn { key, template, previous: Some(previous) })
                .collect();
            self.put_in_order(&mut turns);
            self.pass(turns, &mut decided, base);
            for one in &mut chosen {
                if standing.binary_search_by_key(&one.key, |(key, ..)| key).is_ok() {
                    let before = self.inputs.previous.bindings.get(one.key);
                    let new = decided[one.key].binding();
                    one.does_leave = before.is_some_and(|before| new.leaves(&before.binding()));
                }
            }
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

    /// By priority, the highest first; what has the same keeps its place.
    fn put_in_order(&mut self, turns: &mut [Turn<'_>]) {
        let policies = Policy::all(self.inputs.fleet);
        let is_alike = policies.into_iter().all(|one| one.spec.schedule_priority.is_none())
            && !turns.iter().filter_map(|turn| turn.previous).any(|one| one.packed().has_priority);
        if is_alike {
            return;
        }
        turns.sort_by_cached_key(|turn| {
            let priority = match draft(self.world, &turn.case()) {
                Drafted::Done(_) => 0,
                Drafted::Open(binding) => priority(&binding),
            };
            self.note_if_in_vain(turn.key);
            Reverse(priority)
        });
    }

    /// Decides on each in its turn, in sight of all that stands. Those for which clusters were chosen are in
    /// `decided` then; the others come back with what was decided.
    ///
    /// One after the other from the draft to the works: what is held of a decision is small, its draft is not.
    fn pass<'c>(
        &mut self,
        turns: Vec<Turn<'c>>,
        decided: &mut BTreeMap<&'r ObjectKey, Remembered>,
        base: &Snapshot<'_>,
    ) -> (Vec<Chosen<'r>>, Vec<Settled<'c>>)
    where
        'r: 'c,
    {
        let (mut chosen, mut settled) = (Vec::new(), Vec::new());
        if turns.is_empty() {
            return (chosen, settled);
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
        for turn in turns {
            let case = turn.case();
            let drafted = draft(self.world, &case);
            self.note_if_in_vain(case.key);
            let mut binding = match drafted {
                Drafted::Done(outcome) => {
                    settled.push((case.key, case.id, outcome));
                    continue;
                }
                Drafted::Open(binding) => *binding,
            };
            rivals.begin_turn(case.key);
            let companions = rivals.companions(case.key, &binding);
            let profile = &self.world.profile;
            let sight = Sight { snapshot: &snapshot, companions, profile };
            let planned = place(self.world, &case, &mut binding, sight, &mut surveys);
            self.note_if_in_vain(case.key);
            let before = case.before.as_ref();
            rivals.decided(case.key, &binding, before, &mut snapshot);
            let (key, template) =
                templates.get_key_value(case.key).expect("its case is of the fleet");
            let does_leave = before.is_some_and(|before| binding.leaves(before));
            decided.insert(key, Remembered::Planned(planned));
            chosen.push(Chosen { key, template, does_leave });
        }
        (chosen, settled)
    }
}

impl<'c> Turn<'c> {
    /// Opens what it is about.
    fn case(&self) -> Case<'c> {
        Case::new(self.key, self.template, self.previous)
    }
}
