//! What a name that is not there was probably meant to be.

use crate::fleet::did_you_mean;

/// Most misses of one lint for which it is guessed: each is compared with every name that there is,
/// and a person corrects a few at a time.
const GUESSES_MAX: usize = 20;

/// Guesses for the first misses of one lint.
pub(super) struct Guesses {
    left: usize,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { left: GUESSES_MAX }
    }
}

impl Guesses {
    /// `did you mean …?`, or `otherwise` where nothing known is near or the guesses are used up.
    pub(super) fn hint<'k>(
        &mut self,
        name: &str,
        known: impl Iterator<Item = &'k str>,
        otherwise: &str,
    ) -> String {
        let mut known = known.peekable();
        if self.left == 0 || known.peek().is_none() {
            return otherwise.to_owned();
        }
        self.left -= 1;
        did_you_mean(name, known, otherwise)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_the_first_misses_are_compared_with_all_names() {
        let n_seen = Cell::new(0);
        let mut guesses = Guesses::default();
        let mut hint = |name: &str, known: &'static [&str]| {
            let known = known.iter().copied().inspect(|_| n_seen.set(n_seen.get() + 1));
            guesses.hint(name, known, "add it")
        };
        assert_eq!(hint("x", &[]), "add it", "a miss among no names uses up nothing");
        let hints: Vec<String> = (0..1000).map(|_| hint("shpo", &["shop", "web"])).collect();
        let n_guessed = hints.iter().filter(|hint| *hint == "did you mean `shop`?").count();
        assert_eq!(n_guessed, GUESSES_MAX);
        assert_eq!(hints[GUESSES_MAX], "add it");
        assert!(n_seen.get() <= 2 * GUESSES_MAX, "{}", n_seen.get());
    }
}
