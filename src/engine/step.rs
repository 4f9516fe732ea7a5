//! One step: take in an event, then say what is to be done now.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Effect, Engine, Event, Job, LoadOutcome, Member, News, PlanOutcome, PushOutcome, StatusOutcome,
};
use crate::api::cluster::SyncMode;
use crate::api::names::ClusterName;

impl Engine {
    /// Takes in one event at `now` and returns what to do, in the order in which to start it.
    ///
    /// Repository jobs are answered by exactly one event each; until then no other is started.
    pub fn step(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Started | Event::SourceMoved => self.need.load = true,
            Event::StatusMoved(_) => self.need.plan = true,
            Event::Reported(cluster, news) => self.reported(cluster, news, now),
            Event::Loaded(outcome) => self.loaded(outcome, now, &mut effects),
            Event::Planned(outcome) => self.planned(outcome, now, &mut effects),
            Event::StatusCommitted(outcome) => self.status_committed(outcome, now),
            Event::Pushed(outcome) => self.pushed(outcome, now),
            Event::Woke => {}
        }
        self.resync_if_due(now);
        self.start_next_job(now, &mut effects);
        if let Some(instant) = self.next_wake(now) {
            effects.push(Effect::WakeAt(instant));
        }
        effects
    }

    fn reported(&mut self, cluster: ClusterName, news: News, now: Timestamp) {
        // INVARIANT: a ref has one writer, and the status of a Pull member has its agent. What an executor
        // of ours says last, that was stopped since, is not for us to write.
        let member = self.members.get_mut(&cluster).filter(|member| member.mode == SyncMode::Push);
        let Some(member) = member else { return };
        let by = match news {
            News::Member => now,
            News::Objects => after(now, self.timing.status),
        };
        self.need.status_first |= news == News::Member;
        member.awaited_until = None;
        // The earlier of the two instants: news that wait never delay news that do not.
        let due = self.need.status.entry(cluster).or_insert(by);
        *due = by.min(*due);
    }

    fn loaded(&mut self, outcome: LoadOutcome, now: Timestamp, effects: &mut Vec<Effect>) {
        self.job = None;
        self.last_load = Some(now);
        match outcome {
            LoadOutcome::Ready { members, .. } => {
                self.load_backoff.succeed();
                self.loaded = true;
                self.need.plan = true;
                self.register(members, now, effects);
            }
            // INVARIANT: a commit that does not validate changes nothing, so nothing follows from it.
            LoadOutcome::Refused { .. } => self.load_backoff.succeed(),
            LoadOutcome::Failed => {
                self.need.load = true;
                self.load_backoff.fail(now);
            }
        }
    }

    fn register(
        &mut self,
        members: std::collections::BTreeMap<ClusterName, SyncMode>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let gone: Vec<ClusterName> = self
            .members
            .iter()
            .filter(|(name, member)| members.get(*name) != Some(&member.mode))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.need.status.remove(&name);
            let member = self.members.remove(&name);
            if member.is_some_and(|member| member.mode == SyncMode::Push) {
                effects.push(Effect::Disconnect(name));
            }
        }
        for (name, mode) in members {
            if self.members.contains_key(&name) {
                continue;
            }
            let awaited_until = match mode {
                SyncMode::Push => Some(after(now, self.timing.first_report)),
                SyncMode::Pull => None,
            };
            if mode == SyncMode::Push {
                effects.push(Effect::Connect(name.clone()));
            }
            self.members.insert(name, Member { mode, awaited_until, handed: None });
        }
    }

    fn planned(&mut self, outcome: PlanOutcome, now: Timestamp, effects: &mut Vec<Effect>) {
        self.job = None;
        match outcome {
            PlanOutcome::InForce { results, pushed, works, next } => {
                self.plan_backoff.succeed();
                self.last_publish = Some(now);
                // One that passed while the plan was published is due at once.
                self.replan_at = next;
                self.need.push |= !pushed;
                for (cluster, member) in &mut self.members {
                    let Some(work) = works.get(cluster) else { continue };
                    // INVARIANT: only work that a commit holds is handed on, and only to an
                    // executor of ours; a pull-mode member reads its own ref.
                    if member.mode == SyncMode::Push && member.handed != Some(*work) {
                        member.handed = Some(*work);
                        effects.push(Effect::Apply { cluster: cluster.clone(), results });
                    }
                }
            }
            // The next source commit or report asks again; nothing else could change the answer.
            PlanOutcome::Held => self.plan_backoff.succeed(),
            PlanOutcome::Moved | PlanOutcome::Failed => {
                self.need.plan = true;
                self.plan_backoff.fail(now);
            }
        }
    }

    fn status_committed(&mut self, outcome: StatusOutcome, now: Timestamp) {
        self.job = None;
        match outcome {
            StatusOutcome::Committed { changed, pushed } => {
                self.status_backoff.succeed();
                self.need.plan |= changed;
                self.need.push |= !pushed;
            }
            StatusOutcome::Failed(clusters) => {
                self.status_backoff.fail(now);
                for cluster in clusters {
                    if self.members.contains_key(&cluster) {
                        self.need.status.entry(cluster).or_insert(now);
                    }
                }
            }
        }
    }

    fn pushed(&mut self, outcome: PushOutcome, now: Timestamp) {
        self.job = None;
        match outcome {
            PushOutcome::Done => self.push_backoff.succeed(),
            PushOutcome::Moved => {
                self.push_backoff.succeed();
                self.need.plan = true;
            }
            PushOutcome::Failed => {
                self.need.push = true;
                self.push_backoff.fail(now);
            }
        }
    }

    fn resync_if_due(&mut self, now: Timestamp) {
        if self.resync_at().is_some_and(|instant| instant <= now) && self.job != Some(Job::Load) {
            self.need.load = true;
        }
    }

    fn resync_at(&self) -> Option<Timestamp> {
        self.last_load.map(|last| after(last, self.timing.resync))
    }

    /// Starts the most urgent job that may run now, if the repository is free.
    ///
    /// In this order: what users pushed, then what follows from it, then what members said, then
    /// the remote. Only a member's first word, or that it is ready no more, goes before a plan.
    fn start_next_job(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.job.is_some() {
            return;
        }
        if self.need.load && self.load_backoff.waits_until(now).is_none() {
            self.need.load = false;
            self.begin(Job::Load, Effect::Load, effects);
        } else if self.need.status_first && self.status_backoff.waits_until(now).is_none() {
            self.begin_status(effects);
        } else if self.may_plan_at(now).is_some_and(|instant| instant <= now) {
            self.need.plan = false;
            self.replan_at = None;
            self.begin(Job::Plan, Effect::Plan, effects);
        } else if self.status_due_at(now).is_some_and(|instant| instant <= now) {
            self.begin_status(effects);
        } else if self.need.push && self.push_backoff.waits_until(now).is_none() {
            self.need.push = false;
            self.begin(Job::Push, Effect::Push, effects);
        }
    }

    /// All that is waiting goes along: one round of commits instead of several.
    fn begin_status(&mut self, effects: &mut Vec<Effect>) {
        self.need.status_first = false;
        let clusters = std::mem::take(&mut self.need.status).into_keys().collect();
        self.begin(Job::CommitStatus, Effect::CommitStatus(clusters), effects);
    }

    fn begin(&mut self, job: Job, effect: Effect, effects: &mut Vec<Effect>) {
        self.job = Some(job);
        effects.push(effect);
    }

    /// From when on a wanted plan may start; `None` if none is wanted.
    fn may_plan_at(&self, now: Timestamp) -> Option<Timestamp> {
        let wanted = self.need.plan || self.replan_at.is_some_and(|instant| instant <= now);
        if !wanted || !self.loaded {
            return None;
        }
        let spaced = self.last_publish.map(|last| after(last, self.timing.publish));
        let awaited = self.members.values().filter_map(|member| member.awaited_until).max();
        let backed_off = self.plan_backoff.waits_until(now);
        Some([spaced, awaited, backed_off].into_iter().flatten().fold(now, Timestamp::max))
    }

    fn status_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.need.status.values().min()?;
        Some(self.status_backoff.waits_until(now).map_or(*due, |until| until.max(*due)))
    }

    /// The next instant at which time alone lets something start.
    fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        if self.job.is_some() {
            return None;
        }
        let load = self.need.load.then(|| self.load_backoff.waits_until(now)).flatten();
        let push = self.need.push.then(|| self.push_backoff.waits_until(now)).flatten();
        let plan = self.may_plan_at(now).or(self.replan_at.filter(|_| self.loaded));
        [load, push, plan, self.status_due_at(now), self.resync_at()].into_iter().flatten().min()
    }
}

/// `instant` plus `duration`, or the end of time.
fn after(instant: Timestamp, duration: Duration) -> Timestamp {
    instant.checked_add(duration).unwrap_or(Timestamp::MAX)
}
