//! Which files of the source are watched, and how much of them is taken.

use crate::api::settings::{LimitSettings, PathSettings, Settings};

/// The watched files of the source, as `fleet.yaml` says, and its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFilter {
    /// Which paths.
    pub paths: PathSettings,
    /// How much at most.
    pub limits: LimitSettings,
}

impl From<&Settings> for PathFilter {
    fn from(settings: &Settings) -> Self {
        Self { paths: settings.paths.clone(), limits: settings.limits.clone() }
    }
}

impl PathFilter {
    /// Whether the file at `path` is watched.
    pub fn has_file(&self, path: &str) -> bool {
        self.paths.includes(path)
    }

    /// Whether a file below the directory `path` may be watched.
    pub(super) fn may_have_below(&self, path: &str) -> bool {
        let leads_there = |pattern: &str| {
            let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
            parts
                .zip(path.split('/'))
                .take_while(|(pattern, _)| !pattern.contains(['*', '?']))
                .all(|(pattern, part)| pattern == part)
        };
        self.paths.include.iter().any(|glob| leads_there(glob.as_str()))
            && !self.paths.exclude.iter().any(|glob| glob.matches(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::glob::Glob;

    #[test]
    fn directories_that_no_pattern_leads_to_are_not_walked() {
        let globs = |patterns: &[&str]| patterns.iter().map(|p| Glob::new(p)).collect();
        let paths = PathSettings {
            include: globs(&["apps/**/prod", "fleet.yaml"]),
            exclude: globs(&["apps/old"]),
        };
        let filter = PathFilter { paths, ..PathFilter::default() };
        for (path, walked) in [
            ("apps", true),
            ("apps/x/y", true),
            ("apps/old", false),
            ("docs", false),
            ("docs/apps", false),
        ] {
            assert_eq!(filter.may_have_below(path), walked, "{path}");
        }
    }

    #[test]
    fn dot_paths_are_watched_only_when_asked_for() {
        let filter = PathFilter::default();
        assert!(!filter.has_file(".github/workflows/ci.yaml"));
        assert!(!filter.may_have_below(".github"));
        assert!(filter.has_file("a/b.yaml"));
    }
}
