//! Steps of pointers into a value, escaped as RFC 6901 asks: `~` is `~0`, and `/` is `~1`.

use std::borrow::Cow;

/// A key as one step of a pointer.
#[must_use]
pub fn escape(key: &str) -> Cow<'_, str> {
    if !key.contains(['~', '/']) {
        return key.into();
    }
    key.replace('~', "~0").replace('/', "~1").into()
}

/// The key that one step of a pointer means.
#[must_use]
pub fn unescape(step: &str) -> Cow<'_, str> {
    if !step.contains('~') {
        return step.into();
    }
    step.replace("~1", "/").replace("~0", "~").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_means_the_key_that_it_was_made_of() {
        for (key, step) in [("a", "a"), ("a/b", "a~1b"), ("~1", "~01"), ("~/", "~0~1"), ("", "")] {
            assert_eq!((&*escape(key), &*unescape(step)), (step, key));
        }
    }
}
