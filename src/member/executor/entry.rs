//! What the executor knows of one object, and what follows from it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::names::ObjectId;
use crate::api::report::ObjectReport;
use crate::member::DesiredObject;
use crate::member::backoff::Backoff;
use crate::member::live::Live;
use crate::member::meaning::Observed;

use super::drifted::Drift;
use super::observations::Standing;

/// Stable code of an object that does not go away.
const LINGERS: &str = "DELETE_STUCK";
/// With more repairs of one object than this within [`FIGHT_WINDOW`], somebody else is set on it.
pub(super) const FIGHT_REPAIRS: usize = 5;
/// See [`FIGHT_REPAIRS`].
pub(super) const FIGHT_WINDOW: Duration = Duration::from_mins(1);
/// Waits between the repairs of a fight.
const FIGHT_BACKOFF: Backoff = Backoff::new(Duration::from_secs(30), Duration::from_mins(10));
/// A fight is over when nothing had to be put back for so long; longer than its longest wait.
const FIGHT_OVER: Duration = Duration::from_mins(30);
/// Waits after a failure that may pass by itself.
const PASSING_BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_mins(1));
/// Waits after a failure that somebody has to act upon.
const LASTING_BACKOFF: Backoff = Backoff::new(Duration::from_secs(20), Duration::from_mins(5));

/// The live object, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(super) enum Sight {
    /// Never looked.
    #[default]
    Unknown,
    /// No object with our label has this key. One without it may.
    NotOurs,
    /// There.
    There(Live),
}

/// How a key that is no longer desired leaves the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Deleted.
    Deleted,
    /// Stripped of our marks.
    LetGo,
}

/// Which kind of failure came last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Passing,
    Lasting,
}

/// What an entry adds to the executor's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Desired, not suspended, and not in place.
    pub unplaced: bool,
    /// That, with something to say about it.
    pub failing: bool,
}

/// Somebody else changes an object whenever it was put back.
struct Fight {
    /// For a person. The same until it is over: it is told once.
    message: String,
    /// How often the next repair has waited.
    n_waits: u32,
    /// When it was put back last.
    last: Instant,
}

/// One object.
#[derive(Default)]
pub(super) struct Entry {
    /// What it should be; `None` when it should not be.
    pub desired: Option<DesiredObject>,
    /// Nothing is written for it.
    pub suspended: bool,
    /// Set when it should not be.
    pub leaving: Option<Leaving>,
    /// Since when.
    pub leaving_since: Option<Instant>,
    pub sight: Sight,
    /// The work that the sight was compared with.
    pub looked_for: Option<ObjectId>,
    /// A request for it is on its way.
    pub in_flight: bool,
    /// Why it is not in place, for a person; empty when it is, or when its turn has not come.
    pub message: String,
    /// Failures since the last success.
    pub attempts: u32,
    /// Not before this instant.
    pub not_before: Option<Instant>,
    /// Whether it was in place with its present work: what follows is repair.
    pub was_in_place: bool,
    /// The work of another engine that was found in place of ours, and since when.
    others_work: Option<(ObjectId, Instant)>,
    /// Fields that the server does not keep.
    pub tolerated: Vec<String>,
    /// When it was repaired, not longer ago than [`FIGHT_WINDOW`].
    repairs: VecDeque<Instant>,
    /// The other party is at it again and again.
    fight: Option<Fight>,
    /// Seen in the list that is being read.
    pub listed: bool,
    /// Where its observations stand that take a while.
    pub observing: Standing,
    /// Why its health or status is not known, for a person; empty when both are.
    pub unclear: String,
    /// The reflected status or the health changed since the report was last noted.
    pub observed_anew: bool,
    /// How the executor's counts have it.
    pub counted: Counted,
    /// Newest report.
    pub report: ObjectReport,
}

impl Entry {
    pub(super) fn live(&self) -> Option<&Live> {
        match &self.sight {
            Sight::There(live) => Some(live),
            Sight::Unknown | Sight::NotOurs => None,
        }
    }

    /// Whether the newest work is in force, untouched.
    pub(super) fn in_place(&self) -> bool {
        match (&self.desired, &self.sight) {
            (Some(desired), Sight::There(live)) => live.runs(desired.work, &self.tolerated),
            _ => false,
        }
    }

    /// Notes whether another engine put its work in place of ours. Gives the source commit of that work when
    /// it is news.
    ///
    /// Whoever else changes the object leaves our marks as they are, or takes them away.
    pub(super) fn note_others_work(&mut self, now: Instant) -> Option<ObjectId> {
        let ours = self.desired.as_ref().map(|desired| desired.work);
        let live = self.live().filter(|live| self.was_in_place && live.applied_by_us);
        let others = live.and_then(|live| Some((live.work?, live.source?)));
        let others = others.filter(|(work, _)| Some(*work) != ours);
        let Some((work, source)) = others else {
            self.others_work = None;
            return None;
        };
        if self.others_work.is_some_and(|(known, _)| known == work) {
            return None;
        }
        self.others_work = Some((work, now));
        Some(source)
    }

    /// Until when the work of another engine stays, which is given `patience`.
    pub(super) fn yields_until(&self, patience: Duration) -> Option<Instant> {
        self.others_work.map(|(_, since)| since + patience)
    }

    /// What there is to say of an object that is in place, for a person; mostly nothing.
    pub(super) fn remark(&self) -> Cow<'static, str> {
        match self.live().and_then(|live| live.autoscaler) {
            _ if !self.unclear.is_empty() => self.unclear.clone().into(),
            Some(autoscaler) => format!("spec.replicas are left to {autoscaler}").into(),
            None => "".into(),
        }
    }

    /// Why an object that was deleted is still there, for a person; once that takes long.
    pub(super) fn lingers(&self) -> Option<String> {
        let live = self.live().filter(|live| self.leaving.is_some() && live.terminating)?;
        let what = match live.kept_by.as_slice() {
            [] => "the API server has not removed it yet".to_owned(),
            kept_by => format!("it waits for {}", kept_by.join(", ")),
        };
        Some(format!(
            "{LINGERS} it was deleted and is still there: {what}; see why, or take the finalizer off if \
             nobody is there any more to do so; nothing else of this cluster waits for it"
        ))
    }

    /// Whether others may rely on it.
    pub(super) fn is_usable(&self) -> bool {
        self.live().is_some_and(|live| live.usable && !live.terminating)
            && (self.in_place() || self.suspended)
    }

    pub(super) fn failed(&mut self, nature: Nature, message: String, now: Instant) {
        self.attempts += 1;
        let backoff = match nature {
            Nature::Passing => PASSING_BACKOFF,
            Nature::Lasting => LASTING_BACKOFF,
        };
        self.not_before = Some(now + backoff.wait(self.attempts));
        self.message = message;
    }

    pub(super) fn succeeded(&mut self) {
        self.attempts = 0;
        self.not_before = None;
        self.message.clear();
        self.was_in_place = true;
    }

    /// Notes a repair of `drift`; when it is one of a fight, the next one waits and the message says
    /// who the other party is. Gives whether the fight has just begun.
    pub(super) fn repaired(&mut self, now: Instant, drift: &Drift) -> bool {
        self.fight.take_if(|fight| now.duration_since(fight.last) >= FIGHT_OVER);
        let is_new = self.fight.is_none();
        if is_new {
            self.repairs.retain(|at| now.duration_since(*at) < FIGHT_WINDOW);
            self.repairs.push_back(now);
            if self.repairs.len() <= FIGHT_REPAIRS {
                return false;
            }
        }
        let n_repairs = self.repairs.len();
        let fight = self.fight.get_or_insert_with(|| Fight {
            message: drift.fight(n_repairs),
            n_waits: 0,
            last: now,
        });
        fight.n_waits += 1;
        fight.last = now;
        self.not_before = Some(now + FIGHT_BACKOFF.wait(fight.n_waits));
        self.message.clone_from(&fight.message);
        is_new
    }

    /// Takes in what was seen of the live object. A status that could not be read is the last one.
    pub(super) fn observed(&mut self, observed: Observed) {
        let Observed { health, mut status, failure, is_passing: _ } = observed;
        if !failure.is_empty() && status.is_none() {
            status.clone_from(&self.report.status);
        }
        self.observed_anew |=
            self.report.health != health || self.report.status != status || self.unclear != failure;
        self.report.health = health;
        self.report.status = status;
        self.unclear = failure;
    }

    /// There is no object of ours with this key: what is being found out of one is not about it.
    pub(super) fn gone(&mut self) {
        self.sight = Sight::NotOurs;
        self.observing = Standing::default();
        self.observed(Observed::default());
    }

    /// New work: what was held against the old one is forgotten.
    pub(super) fn renew(&mut self) {
        self.attempts = 0;
        self.not_before = None;
        self.message.clear();
        self.was_in_place = false;
        self.tolerated.clear();
        self.others_work = None;
        self.repairs.clear();
        self.fight = None;
    }
}

#[cfg(test)]
mod tests {
    use crate::api::report::Health;

    use super::*;

    #[test]
    fn a_fight_makes_repairs_wait_and_is_told_once() {
        let (mut entry, drift) = (Entry::default(), Drift::of(None, &[]));
        let now = Instant::now();
        for _ in 0..FIGHT_REPAIRS {
            assert!(!entry.repaired(now, &drift));
            assert_eq!((entry.not_before, &*entry.message), (None, ""));
        }
        let mut at = now + Duration::from_secs(3);
        assert!(entry.repaired(at, &drift), "the sixth within a minute");
        let told = entry.message.clone();
        assert!(told.starts_with("DRIFT_FIGHT "), "{told}");
        let mut waits = Vec::new();
        for _ in 0..8 {
            let until = entry.not_before.expect("the next one waits");
            waits.push(until.duration_since(at));
            at = until + Duration::from_secs(1);
            entry.succeeded();
            let is_told_again = entry.repaired(at, &drift);
            assert_eq!((is_told_again, &entry.message), (false, &told));
        }
        let [first, .., last] = &*waits else { panic!("{waits:?}") };
        assert!(*first >= Duration::from_secs(15) && *last >= Duration::from_mins(5), "{waits:?}");

        entry.succeeded();
        assert!(!entry.repaired(at + FIGHT_OVER, &drift));
        assert_eq!(entry.not_before, None, "the old fight is forgotten");
    }

    #[test]
    fn what_is_put_back_now_and_then_is_no_fight() {
        let (mut entry, drift) = (Entry::default(), Drift::of(None, &[]));
        let now = Instant::now();
        for n in 0..20 {
            assert!(!entry.repaired(now + FIGHT_WINDOW / FIGHT_REPAIRS as u32 * n, &drift));
        }
    }

    #[test]
    fn what_was_seen_of_an_object_goes_with_it() {
        let mut entry = Entry { sight: Sight::There(Live::default()), ..Entry::default() };
        entry.observed(Observed {
            health: Health::Healthy,
            status: Some("fine".into()),
            failure: "half of it".to_owned(),
            is_passing: true,
        });
        entry.gone();
        assert_eq!((entry.report.health, &entry.report.status), (Health::Unknown, &None));
        assert!(entry.unclear.is_empty() && entry.live().is_none());
    }

    #[test]
    fn new_work_forgets_what_was_held_against_the_old() {
        let mut entry = Entry::default();
        entry.failed(Nature::Lasting, "no".to_owned(), Instant::now());
        entry.renew();
        assert!(entry.not_before.is_none() && entry.message.is_empty() && entry.attempts == 0);
    }
}
