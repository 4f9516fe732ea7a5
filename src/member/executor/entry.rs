//! What the executor knows of one object, and what follows from it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::depth::{DEPTH_MAX, depth};
use crate::api::names::ObjectId;
use crate::api::report::{ObjectReport, ReflectedStatus};
use crate::member::DesiredObject;
use crate::member::backoff::Backoff;
use crate::member::live::Live;
use crate::member::meaning::Observed;

use super::QueuePlace;
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

/// Which kind of failure came last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Passing,
    Lasting,
}

/// What an entry adds to the executor's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Desired, and not in place.
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

/// One object. There are tens of thousands: what most have nothing of is [`Unusual`].
#[derive(Default)]
pub(super) struct Entry {
    /// What it should be; `None` when it should not be.
    pub desired: Option<DesiredObject>,
    pub sight: Sight,
    /// The work that the sight was compared with.
    pub looked_for: Option<ObjectId>,
    /// Where it waits for its turn.
    pub place: Option<QueuePlace>,
    /// Newest report.
    pub report: Arc<ObjectReport>,
    /// It should not be, and did.
    pub leaving: bool,
    /// Nothing was ever known of it but that the account may not look at it.
    pub is_hidden: bool,
    /// A request for it is on its way.
    pub in_flight: bool,
    /// Whether it was in place with its present work: what follows is repair.
    pub was_in_place: bool,
    /// Seen in the list that is being read.
    pub listed: bool,
    /// The reflected status or the health changed since the report was last noted.
    pub observed_anew: bool,
    /// How the executor's counts have it.
    pub counted: Counted,
    unusual: Option<Box<Unusual>>,
}

/// What an object that is in place, and was so at the first try, has nothing of.
#[derive(Default)]
pub(super) struct Unusual {
    /// Since when it should not be.
    pub leaving_since: Option<Instant>,
    /// Since when it is being deleted, as far as was seen.
    pub going_since: Option<Instant>,
    /// What has to happen before its turn comes, for a person; empty when nothing has.
    waits_for: String,
    /// What came of its last turn, or of its deletion, if it is not as it should be, for a person; empty when it is.
    pub message: String,
    /// Failures since the last success.
    pub attempts: u32,
    /// Not before this instant.
    pub not_before: Option<Instant>,
    /// The work of another engine that was found in place of ours, and since when.
    others_work: Option<(ObjectId, Instant)>,
    /// Fields that the server does not keep.
    pub tolerated: Vec<String>,
    /// When it was repaired, not longer ago than [`FIGHT_WINDOW`].
    repairs: VecDeque<Instant>,
    /// The other party is at it again and again.
    fight: Option<Fight>,
    /// Where its observations stand that take a while.
    pub observing: Standing,
    /// Why its health or status is not known, for a person; empty when both are.
    pub unclear: String,
}

static NOTHING_UNUSUAL: Unusual = Unusual {
    leaving_since: None,
    going_since: None,
    waits_for: String::new(),
    message: String::new(),
    attempts: 0,
    not_before: None,
    others_work: None,
    tolerated: Vec::new(),
    repairs: VecDeque::new(),
    fight: None,
    observing: Standing::NONE,
    unclear: String::new(),
};

impl Unusual {
    fn is_nothing(&self) -> bool {
        let Self {
            leaving_since,
            going_since,
            waits_for,
            message,
            attempts,
            not_before,
            others_work,
            tolerated,
            repairs,
            fight,
            observing,
            unclear,
        } = self;
        (leaving_since, going_since, not_before) == (&None, &None, &None)
            && *attempts == 0
            && waits_for.is_empty()
            && message.is_empty()
            && others_work.is_none()
            && tolerated.is_empty()
            && repairs.is_empty()
            && fight.is_none()
            && observing.is_nothing()
            && unclear.is_empty()
    }
}

impl Entry {
    /// What is unusual about it.
    pub(super) fn unusual(&self) -> &Unusual {
        self.unusual.as_deref().unwrap_or(&NOTHING_UNUSUAL)
    }

    /// The same, to change it.
    pub(super) fn unusual_mut(&mut self) -> &mut Unusual {
        self.unusual.get_or_insert_default()
    }

    /// What is unusual about it, if anything is.
    pub(super) fn if_unusual(&mut self) -> Option<&mut Unusual> {
        self.unusual.as_deref_mut()
    }

    /// Gives back the room of what is unusual once nothing is.
    pub(super) fn tidy(&mut self) {
        self.unusual.take_if(|unusual| unusual.is_nothing());
    }

    /// Why it is not in place, for a person; empty when it is.
    pub(super) fn message(&self) -> &str {
        let Unusual { waits_for, message, .. } = self.unusual();
        if waits_for.is_empty() { message } else { waits_for }
    }

    /// Notes what has to happen before its turn comes, for a person; empty: nothing has.
    pub(super) fn wait_for(&mut self, what: String) {
        if self.unusual().waits_for != what {
            self.unusual_mut().waits_for = what;
        }
    }

    /// Notes why it is not in place.
    pub(super) fn say(&mut self, message: String) {
        if self.message() != message {
            self.unusual_mut().message = message;
        }
    }

    pub(super) fn live(&self) -> Option<&Live> {
        match &self.sight {
            Sight::There(live) => Some(live),
            Sight::Unknown | Sight::NotOurs => None,
        }
    }

    /// Whether a newer version of the live object than this one was seen.
    pub(super) fn has_seen_after(&self, version: u64) -> bool {
        self.live().is_some_and(|live| version > 0 && live.version > version)
    }

    /// Whether the newest work is in force, untouched.
    pub(super) fn in_place(&self) -> bool {
        match (&self.desired, &self.sight) {
            (Some(desired), Sight::There(live)) => {
                live.runs(desired.work, &self.unusual().tolerated)
            }
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
            if let Some(unusual) = self.if_unusual() {
                unusual.others_work = None;
            }
            return None;
        };
        if self.unusual().others_work.is_some_and(|(known, _)| known == work) {
            return None;
        }
        self.unusual_mut().others_work = Some((work, now));
        Some(source)
    }

    /// Until when the work of another engine stays, which is given `patience`.
    pub(super) fn yields_until(&self, patience: Duration) -> Option<Instant> {
        self.unusual().others_work.map(|(_, since)| since + patience)
    }

    /// What there is to say of an object that is in place, for a person; mostly nothing.
    pub(super) fn remark(&self) -> Cow<'static, str> {
        match self.live().and_then(|live| live.autoscaler) {
            _ if !self.unusual().unclear.is_empty() => self.unusual().unclear.clone().into(),
            Some(autoscaler) => format!("spec.replicas are left to {autoscaler}").into(),
            None => "".into(),
        }
    }

    /// Notes whether it is being deleted, as it was to be.
    pub(super) fn note_going(&mut self, now: Instant) {
        let is_going = self.leaving && self.live().is_some_and(|live| live.terminating);
        if is_going {
            self.unusual_mut().going_since.get_or_insert(now);
        } else if let Some(unusual) = self.if_unusual() {
            unusual.going_since = None;
        }
    }

    /// Why an object that was deleted is still there, for a person; once that takes long.
    pub(super) fn lingers(&self) -> Option<String> {
        let live = self.live().filter(|live| self.leaving && live.terminating)?;
        let what = match &*live.kept_by {
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
        self.live().is_some_and(|live| live.usable && !live.terminating) && self.in_place()
    }

    /// Notes which fields the server does not keep. Gives those that were known.
    pub(super) fn tolerate(&mut self, fields: Vec<String>) -> Vec<String> {
        if fields == self.unusual().tolerated {
            return fields;
        }
        std::mem::replace(&mut self.unusual_mut().tolerated, fields)
    }

    pub(super) fn failed(&mut self, nature: Nature, message: String, now: Instant) {
        let unusual = self.unusual_mut();
        unusual.attempts += 1;
        let backoff = match nature {
            Nature::Passing => PASSING_BACKOFF,
            Nature::Lasting => LASTING_BACKOFF,
        };
        unusual.not_before = Some(now + backoff.wait(unusual.attempts));
        unusual.message = message;
    }

    pub(super) fn succeeded(&mut self) {
        if let Some(unusual) = self.if_unusual() {
            unusual.attempts = 0;
            unusual.not_before = None;
            unusual.message.clear();
        }
        self.was_in_place = true;
    }

    /// Notes a repair of `drift`; when it is one of a fight, the next one waits and the message says
    /// who the other party is. Gives whether the fight has just begun.
    pub(super) fn repaired(&mut self, now: Instant, drift: &Drift) -> bool {
        let unusual = self.unusual_mut();
        unusual.fight.take_if(|fight| now.duration_since(fight.last) >= FIGHT_OVER);
        let is_new = unusual.fight.is_none();
        if is_new {
            unusual.repairs.retain(|at| now.duration_since(*at) < FIGHT_WINDOW);
            unusual.repairs.push_back(now);
            if unusual.repairs.len() <= FIGHT_REPAIRS {
                return false;
            }
        }
        let n_repairs = unusual.repairs.len();
        let fight = unusual.fight.get_or_insert_with(|| Fight {
            message: drift.fight(n_repairs),
            n_waits: 0,
            last: now,
        });
        fight.n_waits += 1;
        fight.last = now;
        unusual.not_before = Some(now + FIGHT_BACKOFF.wait(fight.n_waits));
        unusual.message.clone_from(&fight.message);
        is_new
    }

    /// Takes in what was seen of the live object. A status that could not be read is the last one.
    pub(super) fn observed(&mut self, observed: Observed) {
        let Observed { health, mut status, mut failure, is_passing: _ } = observed;
        if status.take_if(|status| depth(status) > DEPTH_MAX).is_some() {
            failure = format!(
                "its status is not reflected: maps and lists are nested more than {DEPTH_MAX} levels deep in it"
            );
        }
        let mut status = status.as_ref().and_then(ReflectedStatus::of);
        if !failure.is_empty() && status.is_none() {
            status.clone_from(&self.report.status);
        }
        if self.report.health != health || self.report.status != status {
            let report = Arc::make_mut(&mut self.report);
            report.health = health;
            report.status = status;
            self.observed_anew = true;
        }
        if self.unusual().unclear != failure {
            self.unusual_mut().unclear = failure;
            self.observed_anew = true;
        }
    }

    /// There is no object of ours with this key: what is being found out of one is not about it.
    pub(super) fn gone(&mut self) {
        self.sight = Sight::NotOurs;
        self.stop_observing();
        self.observed(Observed::default());
    }

    /// What is being found out of it is not about it any more, or is known.
    pub(super) fn stop_observing(&mut self) {
        if let Some(unusual) = self.if_unusual() {
            unusual.observing = Standing::NONE;
        }
    }

    /// New work: what was held against the old one is forgotten.
    pub(super) fn renew(&mut self) {
        self.was_in_place = false;
        if let Some(unusual) = self.if_unusual() {
            unusual.attempts = 0;
            unusual.not_before = None;
            unusual.message.clear();
            unusual.tolerated.clear();
            unusual.others_work = None;
            unusual.repairs.clear();
            unusual.fight = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::api::report::Health;

    use super::*;

    #[test]
    fn what_it_waits_for_is_told_while_it_waits_and_then_what_came_before() {
        let mut entry = Entry::default();
        entry.failed(Nature::Lasting, "refused".to_owned(), Instant::now());
        entry.wait_for("waits for Namespace web".to_owned());
        assert_eq!(entry.message(), "waits for Namespace web");
        entry.wait_for(String::new());
        assert_eq!(entry.message(), "refused");
        entry.succeeded();
        entry.tidy();
        assert_eq!((entry.message(), entry.unusual.is_none()), ("", true));
    }

    #[test]
    fn a_status_that_is_nested_without_end_is_not_reflected() {
        let status = |n| (0..n).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
        let mut entry = Entry::default();
        let observed = |status| Observed { status: Some(status), ..Observed::default() };
        entry.observed(observed(status(DEPTH_MAX)));
        let before = entry.report.status.clone();
        assert!(before.is_some() && entry.unusual().unclear.is_empty());
        entry.observed(observed(status(DEPTH_MAX + 1)));
        assert_eq!(entry.report.status, before);
        assert!(entry.unusual().unclear.contains("more than 100 levels"));
    }

    #[test]
    fn a_fight_makes_repairs_wait_and_is_told_once() {
        let (mut entry, drift) = (Entry::default(), Drift::of(None, &[]));
        let now = Instant::now();
        for _ in 0..FIGHT_REPAIRS {
            assert!(!entry.repaired(now, &drift));
            assert_eq!((entry.unusual().not_before, entry.message()), (None, ""));
        }
        let mut at = now + Duration::from_secs(3);
        assert!(entry.repaired(at, &drift), "the sixth within a minute");
        let told = entry.message().to_owned();
        assert!(told.starts_with("DRIFT_FIGHT "), "{told}");
        let mut waits = Vec::new();
        for _ in 0..8 {
            let until = entry.unusual().not_before.expect("the next one waits");
            waits.push(until.duration_since(at));
            at = until + Duration::from_secs(1);
            entry.succeeded();
            let is_told_again = entry.repaired(at, &drift);
            assert_eq!((is_told_again, entry.message()), (false, &*told));
        }
        let [first, .., last] = &*waits else { panic!("{waits:?}") };
        assert!(*first >= Duration::from_secs(15) && *last >= Duration::from_mins(5), "{waits:?}");

        entry.succeeded();
        assert!(!entry.repaired(at + FIGHT_OVER, &drift));
        assert_eq!(entry.unusual().not_before, None, "the old fight is forgotten");
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
        assert!(entry.unusual().unclear.is_empty() && entry.live().is_none());
    }

    #[test]
    fn new_work_forgets_what_was_held_against_the_old() {
        let mut entry = Entry::default();
        entry.failed(Nature::Lasting, "no".to_owned(), Instant::now());
        entry.renew();
        assert!(
            entry.unusual().not_before.is_none()
                && entry.message().is_empty()
                && entry.unusual().attempts == 0
        );
    }

    #[test]
    fn the_usual_entry_is_small() {
        assert!(size_of::<Entry>() <= 224, "{} bytes", size_of::<Entry>());
        let mut entry = Entry::default();
        let drift = Drift::of(None, &[]);
        entry.say(String::new());
        entry.succeeded();
        entry.observed(Observed::default());
        assert!(entry.unusual.is_none(), "nothing was said");
        entry.failed(Nature::Passing, "no".to_owned(), Instant::now());
        entry.tidy();
        assert_eq!(entry.message(), "no");
        entry.succeeded();
        entry.tidy();
        assert!(entry.unusual.is_none(), "it went well at last");
        entry.repaired(Instant::now(), &drift);
        entry.tidy();
        assert!(entry.unusual.is_some(), "the next repairs are counted together with this one");
    }
}
