//! Which paths of the source are watched.

/// The paths of the source that are read: what `include` names, without what `exclude` names.
///
/// A pattern is a path from the root; `*` and `?` stay inside one part, `**` spans parts. A pattern
/// that names a directory means everything below it. Without `include` everything is read except
/// parts that begin with a dot (`.github`), which an `include` must name literally.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFilter {
    include: Vec<Vec<String>>,
    exclude: Vec<Vec<String>>,
}

impl PathFilter {
    /// The filter with these patterns.
    pub fn new<S: AsRef<str>>(include: &[S], exclude: &[S]) -> Self {
        let parts = |patterns: &[S]| patterns.iter().map(|p| split(p.as_ref())).collect();
        Self { include: parts(include), exclude: parts(exclude) }
    }

    /// Whether the file at `path` is watched.
    pub fn has_file(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let included = self.include.is_empty()
            || self.include.iter().any(|pattern| matches_or_holds(pattern, &parts));
        included && self.allows_dots(&parts) && !self.excludes(&parts)
    }

    /// Whether a file below the directory `path` may be watched.
    pub(super) fn may_have_below(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let leads_there = |pattern: &Vec<String>| {
            pattern
                .iter()
                .zip(&parts)
                .take_while(|(pattern, _)| !is_glob(pattern))
                .all(|(pattern, part)| pattern == part)
        };
        (self.include.is_empty() || self.include.iter().any(leads_there))
            && self.allows_dots(&parts)
            && !self.excludes(&parts)
    }

    fn excludes(&self, parts: &[&str]) -> bool {
        self.exclude.iter().any(|pattern| matches_or_holds(pattern, parts))
    }

    fn allows_dots(&self, parts: &[&str]) -> bool {
        let named = |part: &str| self.include.iter().flatten().any(|pattern| pattern == part);
        parts.iter().filter(|part| part.starts_with('.')).all(|part| named(part))
    }
}

fn split(pattern: &str) -> Vec<String> {
    pattern.split('/').filter(|p| !p.is_empty() && *p != ".").map(str::to_owned).collect()
}

fn is_glob(part: &str) -> bool {
    part.contains(['*', '?'])
}

/// Whether `pattern` matches the path or a directory above it. Linear in both lengths: for each
/// number of parts of the pattern we keep whether it can have consumed the parts so far.
fn matches_or_holds(pattern: &[String], parts: &[&str]) -> bool {
    let skip_stars = |reached: &mut Vec<bool>| {
        for (at, part) in pattern.iter().enumerate() {
            if reached[at] && part == "**" {
                reached[at + 1] = true;
            }
        }
    };
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    skip_stars(&mut reached);
    for part in parts {
        let mut next = vec![false; pattern.len() + 1];
        for (at, wanted) in pattern.iter().enumerate().filter(|(at, _)| reached[*at]) {
            if wanted == "**" {
                next[at] = true;
            } else if part_matches(wanted, part) {
                next[at + 1] = true;
            }
        }
        skip_stars(&mut next);
        if next[pattern.len()] {
            return true;
        }
        reached = next;
    }
    false
}

/// Whether one part matches, with `*` and `?`: on a mismatch the last `*` takes one character more.
fn part_matches(pattern: &str, part: &str) -> bool {
    let (pattern, part): (Vec<char>, Vec<char>) = (pattern.chars().collect(), part.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < part.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == part[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    p = after_star;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_paths_and_directories() {
        let filter = PathFilter::new(&["apps/**/prod", "fleet.yaml", "c*/?.yaml"], &["apps/old"]);
        for (path, watched) in [
            ("fleet.yaml", true),
            ("apps/prod/a.yaml", true),
            ("apps/x/y/prod/z/a.yaml", true),
            ("apps/x/dev/a.yaml", false),
            ("apps/old/prod/a.yaml", false),
            ("clusters/a.yaml", true),
            ("clusters/ab.yaml", false),
            ("c/a.yaml", true),
        ] {
            assert_eq!(filter.has_file(path), watched, "{path}");
        }
        assert!(filter.may_have_below("apps/x"));
        assert!(!filter.may_have_below("docs"));
        assert!(!filter.may_have_below("apps/old"));
    }

    #[test]
    fn dot_paths_are_watched_only_when_named() {
        assert!(!PathFilter::default().has_file(".github/workflows/ci.yaml"));
        assert!(PathFilter::default().has_file("a/b.yaml"));
        assert!(PathFilter::new(&[".fleet"], &[]).has_file(".fleet/a.yaml"));
    }

    #[test]
    fn many_stars_do_not_take_long() {
        let pattern = "**/*a*a*a*a*a*a*a*a*a*b/".repeat(20);
        let path = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/".repeat(40);
        assert!(!PathFilter::new(&[pattern], &[]).has_file(&path));
    }
}
