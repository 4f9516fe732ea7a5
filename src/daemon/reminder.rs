//! A failure that lasts is said once, when it changes, and again after long: it is tried again and
//! again, and a log that repeats it each time hides everything else.

use std::time::{Duration, Instant};

/// How long the same failure is not said again.
const SILENCE: Duration = Duration::from_mins(15);

/// What was last said of something that is tried again and again.
#[derive(Debug, Default)]
pub(super) struct Reminder {
    said: Option<(String, Instant)>,
}

impl Reminder {
    /// Whether `text` is to be said at `now`; it then counts as said.
    pub(super) fn is_due(&mut self, text: &str, now: Instant) -> bool {
        let is_known = self
            .said
            .as_ref()
            .is_some_and(|(said, at)| said == text && now.duration_since(*at) < SILENCE);
        if !is_known {
            self.said = Some((text.to_owned(), now));
        }
        !is_known
    }

    /// It went well: the next failure is news.
    pub(super) fn forget(&mut self) {
        self.said = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_again_after_long_or_after_a_success_only() {
        let (mut reminder, start) = (Reminder::default(), Instant::now());
        assert!(reminder.is_due("a", start));
        assert!(!reminder.is_due("a", start + Duration::from_mins(1)));
        assert!(reminder.is_due("b", start + Duration::from_secs(61)), "it is another one");
        assert!(reminder.is_due("a", start + Duration::from_secs(62)), "and the first again");
        assert!(!reminder.is_due("a", start + SILENCE));
        assert!(reminder.is_due("a", start + SILENCE + Duration::from_secs(62)));
        reminder.forget();
        assert!(reminder.is_due("a", start + SILENCE + Duration::from_secs(63)));
    }
}
