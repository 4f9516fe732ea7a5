//! Patterns for paths in the repository: `apps/**/*.yaml`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pattern for `/`-separated paths: `?` is one character and `*` any number of them inside one
/// part of the path, `**` any number of whole parts. A pattern that names a folder means all that
/// is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// The pattern with this text; every text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// The pattern's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path`, or a folder that it is in, fits the pattern.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let pattern: Vec<&str> = parts(&self.0).collect();
        let path: Vec<&str> = parts(path).collect();
        !path.is_empty() && fits_prefix(&pattern, &path)
    }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

/// Whether the pattern fits some first parts of the path. Remembers only the last `**`, so it
/// takes at most |pattern| × |path| steps.
fn fits_prefix(pattern: &[&str], path: &[&str]) -> bool {
    let (mut p, mut t, mut retry) = (0, 0, None);
    loop {
        if p == pattern.len() {
            return true;
        }
        if pattern[p] == "**" {
            retry = Some((p, t));
            p += 1;
            // `a/**` means what is below `a`, not `a` itself.
            if p == pattern.len() {
                return t < path.len();
            }
        } else if t < path.len() && fits_part(pattern[p].as_bytes(), path[t].as_bytes()) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star, from)) = retry.filter(|(_, from)| *from < path.len()) {
            retry = Some((star, from + 1));
            (p, t) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
}

fn fits_part(pattern: &[u8], part: &[u8]) -> bool {
    let (mut p, mut t, mut retry) = (0, 0, None);
    while t < part.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
                while t < part.len() && part[t] & 0b1100_0000 == 0b1000_0000 {
                    t += 1;
                }
            }
            Some(byte) if *byte == part[t] => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_in_their_part_and_double_stars_do_not() {
        for (pattern, path, fits) in [
            ("**", "a/b.yaml", true),
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a/b.yaml", false),
            ("**/*.yaml", "b.yaml", true),
            ("**/*.yaml", "a/b/c.yaml", true),
            ("apps/**/*.yaml", "apps/x/y.yaml", true),
            ("apps/**/*.yaml", "apps/y.yaml", true),
            ("apps/**/*.yaml", "other/apps/y.yaml", false),
            ("apps/**", "apps", false),
            ("apps/**", "apps/x", true),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("**/test/**", "a/test/b", true),
            ("**/test/**", "a/tests/b", false),
            ("", "a", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn a_folder_means_all_that_is_in_it() {
        for pattern in ["docs", "docs/", "/docs", "./docs"] {
            assert!(Glob::new(pattern).matches("docs/a/b.yaml"), "{pattern}");
            assert!(!Glob::new(pattern).matches("docs2/a.yaml"), "{pattern}");
        }
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let pattern = Glob::new(&"*a".repeat(200));
        assert!(!pattern.matches(&"a".repeat(5_000).replace("aaaaa", "aaaab")));
        let pattern = Glob::new(&"**/a/".repeat(200));
        assert!(!pattern.matches(&"a/b/".repeat(90)));
    }
}
