//! How long scripts and webhooks may keep their callers waiting, and which questions are asked again.
//!
//! A question that ended in vain (a limit, a server that is away) is remembered: for [`REST`] it is
//! answered with what it ended with, and nobody is called. So one object that makes a script loop costs
//! its own answer and no other object's.
//!
//! Each script and each webhook has a time in which it is waited for. Of that, questions that failed
//! before have a third at most, so they keep no other out, whatever the order. They are asked again in
//! rounds: nothing for the second time before everything was asked once that is due. When the time is
//! used up, the rest waits for the next window: what never failed as not asked, what did with its own
//! failure, so that what is told of it stays the same.
//!
//! A window is a plan, for the questions that plans ask; all time counts then. Live objects are asked
//! about beside the member by one thread for all rules, at any time. There a window is a minute, and only
//! calls in vain count: a script that answers is never at rest, and one that fails for everything holds up the
//! others for no more than its share of each minute.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::api::names::ObjectId;

/// For so long a question that failed is not asked again.
const REST: Duration = Duration::from_mins(1);
/// How long the window of questions about live objects lasts.
const MINUTE: Duration = Duration::from_mins(1);
/// A failure that nobody asked about for so long is forgotten.
const KEPT: Duration = Duration::from_mins(10);
/// So many failures of one script or webhook are remembered. With more of them, some are asked as if
/// they had never failed.
const FAILED_MAX: usize = 50_000;

/// The time that scripts and webhooks have taken, and the questions that failed.
#[derive(Debug)]
pub(super) struct Patience<Q, C> {
    window: Window,
    most: Duration,
    of: BTreeMap<ObjectId, Account<Q, C>>,
}

/// What the time is counted by.
#[derive(Debug)]
enum Window {
    /// By plan: all of it.
    Plan,
    /// By minute, which began then: what was in vain.
    Minute(Option<Instant>),
}

/// Of one script or webhook.
#[derive(Debug)]
struct Account<Q, C> {
    /// Spent in this window on questions that never failed.
    first: Duration,
    /// Spent in this window on questions that had failed.
    again: Duration,
    failed: BTreeMap<Q, Failed<C>>,
    /// When the round began in which what failed is asked again.
    round: Instant,
    /// Whether something of this round had to wait in this window.
    is_behind: bool,
}

#[derive(Debug)]
struct Failed<C> {
    cause: C,
    /// When it was asked last.
    asked: Instant,
    /// When somebody wanted to know last.
    wanted: Instant,
}

/// What becomes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leave<C> {
    /// It may be asked.
    Ask,
    /// It is not asked; it ended like this the last time.
    Failed(C),
    /// It is not asked: there is no time left in this window.
    Spent,
}

impl<Q: Ord, C: Clone> Patience<Q, C> {
    /// A plan waits so long at most for each of them, all its answers together.
    pub(super) fn of_plans(most: Duration) -> Self {
        Self { window: Window::Plan, most, of: BTreeMap::new() }
    }

    /// Each of them takes at most a third of what a plan waits from every minute, for nothing.
    pub(super) fn of_live(most_of_plan: Duration) -> Self {
        Self { window: Window::Minute(None), most: most_of_plan / 3, of: BTreeMap::new() }
    }

    /// A new window begins.
    pub(super) fn begin(&mut self, now: Instant) {
        for account in self.of.values_mut() {
            account.failed.retain(|_, failed| now - failed.wanted < KEPT);
            (account.first, account.again) = (Duration::ZERO, Duration::ZERO);
            if !std::mem::take(&mut account.is_behind) {
                account.round = now;
            }
        }
    }

    /// Whether `called` is asked this question.
    pub(super) fn may_ask(&mut self, called: ObjectId, question: &Q, now: Instant) -> Leave<C> {
        if let Window::Minute(since) = self.window
            && since.is_none_or(|since| now - since >= MINUTE)
        {
            self.window = Window::Minute(Some(now));
            self.begin(now);
        }
        if let Some(cause) = self.rests(called, question, now) {
            return Leave::Failed(cause);
        }
        let third = self.most / 3;
        let Some(account) = self.of.get_mut(&called) else { return Leave::Ask };
        let Some(failed) = account.failed.get(question) else {
            return if is_spent(account.first, self.most.saturating_sub(account.again.min(third))) {
                Leave::Spent
            } else {
                Leave::Ask
            };
        };
        let was_asked = failed.asked >= account.round;
        if was_asked || is_spent(account.again, third) {
            account.is_behind |= !was_asked;
            return Leave::Failed(failed.cause.clone());
        }
        Leave::Ask
    }

    /// What this question ended with, if that is not long ago.
    pub(super) fn rests(&mut self, called: ObjectId, question: &Q, now: Instant) -> Option<C> {
        let failed = self.of.get_mut(&called)?.failed.get_mut(question)?;
        failed.wanted = now;
        (now - failed.asked < REST).then(|| failed.cause.clone())
    }

    /// Counts a question that was asked from `began` to `now`: with what it ended, if in vain.
    pub(super) fn count(
        &mut self,
        called: ObjectId,
        question: Q,
        (began, now): (Instant, Instant),
        in_vain: Option<C>,
    ) {
        if in_vain.is_none()
            && !self.of.contains_key(&called)
            && !matches!(self.window, Window::Plan)
        {
            return;
        }
        let account = self.of.entry(called).or_insert_with(|| Account {
            first: Duration::ZERO,
            again: Duration::ZERO,
            failed: BTreeMap::new(),
            round: began,
            is_behind: false,
        });
        let before = account.failed.remove(&question);
        if in_vain.is_some() || matches!(self.window, Window::Plan) {
            let spent = if before.is_some() { &mut account.again } else { &mut account.first };
            *spent += now - began;
        }
        if let Some(cause) = in_vain {
            if account.failed.len() >= FAILED_MAX {
                account.failed.pop_first();
            }
            account.failed.insert(question, Failed { cause, asked: now, wanted: now });
        }
    }

    /// Forgets those that are not called any more.
    pub(super) fn retain(&mut self, is_called: impl Fn(ObjectId) -> bool) {
        self.of.retain(|called, _| is_called(*called));
    }

    /// Forgets all failures: what is asked now is another question.
    pub(super) fn forget(&mut self) {
        for account in self.of.values_mut() {
            account.failed.clear();
        }
    }

    /// How long it waits for each of them in a window at most, in whole seconds.
    pub(super) fn seconds(&self) -> u64 {
        self.most.as_secs()
    }
}

/// The first call is always made, whatever it may take.
fn is_spent(spent: Duration, most: Duration) -> bool {
    !spent.is_zero() && spent >= most
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn one() -> ObjectId {
        ObjectId::from_bytes([1; 20])
    }

    /// Asks these questions in one window, where each call takes a second and `is_bad` ones fail.
    /// What became of each.
    fn ask(
        patience: &mut Patience<u32, u32>,
        now: &mut Instant,
        questions: impl IntoIterator<Item = u32>,
        is_bad: impl Fn(u32) -> bool,
    ) -> Vec<Leave<u32>> {
        let of_one = |question| {
            let turned = patience.may_ask(one(), &question, *now);
            if turned == Leave::Ask {
                let began = *now;
                *now += SECOND;
                let in_vain = is_bad(question).then_some(question);
                patience.count(one(), question, (began, *now), in_vain);
            }
            turned
        };
        questions.into_iter().map(of_one).collect()
    }

    fn n_asked(turned: &[Leave<u32>]) -> usize {
        turned.iter().filter(|one| **one == Leave::Ask).count()
    }

    #[test]
    fn however_many_fail_first_in_order_the_others_get_their_answers() {
        let mut now = Instant::now();
        let mut patience = Patience::of_plans(30 * SECOND);
        let mut answered = BTreeSet::new();
        let mut n_plans = 0;
        while answered.len() < 10 {
            patience.begin(now);
            let start = now;
            let open: Vec<u32> = (0..110).filter(|n| !answered.contains(n)).collect();
            let turned = ask(&mut patience, &mut now, open.iter().copied(), |n| n < 100);
            assert!(now - start <= 30 * SECOND, "a plan waits no longer");
            for (n, turned) in open.iter().zip(turned) {
                match turned {
                    Leave::Ask if *n >= 100 => drop(answered.insert(*n)),
                    Leave::Failed(cause) => assert_eq!(cause, *n, "never another one's failure"),
                    Leave::Ask | Leave::Spent => {}
                }
            }
            now += MINUTE;
            n_plans += 1;
        }
        assert_eq!(n_plans, 5, "30 questions, then 20 a plan that never failed");
    }

    #[test]
    fn what_failed_is_asked_again_in_rounds_and_not_within_a_minute() {
        let mut now = Instant::now();
        let mut patience = Patience::of_plans(30 * SECOND);
        assert_eq!(n_asked(&ask(&mut patience, &mut now, 0..20, |_| true)), 20);
        patience.begin(now);
        assert_eq!(n_asked(&ask(&mut patience, &mut now, 0..20, |_| true)), 0, "too soon");
        let mut again = [0; 20];
        for _ in 0..4 {
            now += MINUTE;
            patience.begin(now);
            let turned = ask(&mut patience, &mut now, 0..20, |_| true);
            assert_eq!(n_asked(&turned), 10);
            for (n, turned) in turned.iter().enumerate() {
                again[n] += u32::from(*turned == Leave::Ask);
            }
        }
        assert_eq!(again, [2; 20]);
        now += MINUTE;
        patience.begin(now);
        ask(&mut patience, &mut now, 0..20, |_| false);
        patience.begin(now);
        assert_eq!(n_asked(&ask(&mut patience, &mut now, 0..20, |_| false)), 20, "no failure");
    }

    #[test]
    fn late_late_ok_by_turns_uses_up_the_time_of_one_plan() {
        let mut now = Instant::now();
        let mut patience = Patience::of_plans(30 * SECOND);
        let turned = ask(&mut patience, &mut now, 0..100, |n| n % 3 != 2);
        assert_eq!(
            (n_asked(&turned), turned[30..].iter().all(|one| *one == Leave::Spent)),
            (30, true)
        );
        let other = ObjectId::from_bytes([2; 20]);
        assert_eq!(patience.may_ask(other, &0, now), Leave::Ask);
    }

    #[test]
    fn beside_a_member_only_what_is_in_vain_counts_and_only_for_a_minute() {
        let mut now = Instant::now();
        let mut patience = Patience::of_live(90 * SECOND); // 30 s a minute
        assert_eq!(n_asked(&ask(&mut patience, &mut now, 0..25, |_| false)), 25);
        let turned = ask(&mut patience, &mut now, 50..100, |_| true);
        assert_eq!((n_asked(&turned), turned.last()), (30, Some(&Leave::Spent)));
        now += 2 * MINUTE;
        // What failed has a third of the time for itself, and does not keep the others out.
        assert_eq!(n_asked(&ask(&mut patience, &mut now, 50..70, |_| true)), 10);
        assert_eq!(n_asked(&ask(&mut patience, &mut now, 80..100, |_| false)), 20);
        patience.forget();
        assert_eq!(n_asked(&ask(&mut patience, &mut now, 50..51, |_| false)), 1);
        patience.retain(|called| called != one());
        assert!(patience.of.is_empty());
    }
}
