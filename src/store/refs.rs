//! Names of refs, and which ref holds what: one writer each.

use std::fmt;
use std::sync::Arc;

use crate::api::names::ClusterName;
use crate::api::settings::is_or_lies_below;

/// Longest name of a ref: git keeps each as a file with `.lock` behind it.
const REF_LEN_MAX: usize = 200;

/// The full name of a branch or notes ref, e.g. `refs/heads/fleet/results`; always well-formed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(Arc<str>);

/// A text that is not the full name of a branch or notes ref.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not the name of a branch: it {rule}")]
pub struct BadRefName {
    /// The text as given, escaped for display.
    pub name: String,
    /// The rule, as the end of a sentence that starts with "it".
    pub rule: &'static str,
}

impl BadRefName {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "REF_NAME"
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "choose a name that `git check-ref-format --branch` accepts"
    }
}

impl RefName {
    /// Parses a full name: `refs/heads/…` or `refs/notes/…`.
    ///
    /// # Errors
    /// Names the rule that `name` breaks. The rules are git's, and plain ASCII besides: a name may
    /// be shown on a terminal and becomes a file on file systems that fold case and accents.
    pub fn new(name: &str) -> Result<Self, BadRefName> {
        let bad = |rule| Err(BadRefName { name: name.escape_debug().to_string(), rule });
        if !name.starts_with("refs/heads/") && !name.starts_with("refs/notes/") {
            return bad("must begin with `refs/heads/` or `refs/notes/`");
        }
        if name.len() > REF_LEN_MAX {
            return bad("is longer than 200 characters");
        }
        if !name.chars().all(|c| c.is_ascii_graphic()) {
            return bad("must be plain ASCII without spaces");
        }
        if name.split('/').any(|part| part.starts_with('-')) {
            return bad("has a part that begins with `-`");
        }
        if !git2::Reference::is_valid_name(name) {
            return bad("breaks git's rules (`git help check-ref-format`)");
        }
        Ok(Self(Arc::from(name)))
    }

    /// The branch with this short name, e.g. `main`.
    pub fn branch(short: &str) -> Result<Self, BadRefName> {
        Self::new(&format!("refs/heads/{short}"))
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without `refs/heads/` or `refs/`, as people say it.
    pub fn short(&self) -> &str {
        self.0.strip_prefix("refs/heads/").unwrap_or(&self.0["refs/".len()..])
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a ref is for, and so who writes it. Ordered as one publication moves them: the record of
/// the decision first, then what executors act on, then what people read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The users' branch.
    Source,
    /// The controller's record: bindings, work, reasons.
    Results,
    /// What one cluster is to run; the controller writes it.
    Work(ClusterName),
    /// What one cluster's executor reports; the executor writes it.
    Status(ClusterName),
    /// The controller's notes on source commits.
    Notes,
    /// Not ours to read or write.
    Other,
}

impl Role {
    /// Whether the controller itself writes refs of this role, so that their moving is no news.
    pub fn is_written_by_controller(&self) -> bool {
        matches!(self, Self::Results | Self::Work(_) | Self::Notes)
    }
}

/// The refs of one fleet: a source branch and everything below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    source: RefName,
    prefix: Arc<str>,
}

impl Layout {
    /// The layout with this source branch (short name) and prefix, e.g. `main` and `fleet`.
    ///
    /// # Errors
    /// When a name made of them is none, or the source lies below the prefix: the engine's own
    /// commits would then be its input.
    pub fn new(source_branch: &str, prefix: &str) -> Result<Self, BadRefName> {
        let source = RefName::branch(source_branch)?;
        let root = RefName::branch(prefix)?;
        // The longest name below the prefix must be one too.
        RefName::new(&format!("{root}/status/{}", "c".repeat(48)))?;
        if is_or_lies_below(source.as_str(), root.as_str()) {
            return Err(BadRefName {
                name: source_branch.to_owned(),
                rule: "lies below the prefix of the machine-owned refs",
            });
        }
        Ok(Self { source, prefix: Arc::from(prefix) })
    }

    /// What the short names of the machine-owned branches begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The users' branch.
    pub fn source(&self) -> RefName {
        self.source.clone()
    }

    /// The controller's record.
    pub fn results(&self) -> RefName {
        self.below("results")
    }

    /// What `cluster` is to run.
    pub fn work(&self, cluster: &ClusterName) -> RefName {
        self.below(&format!("work/{cluster}"))
    }

    /// What the executor of `cluster` reports.
    pub fn status(&self, cluster: &ClusterName) -> RefName {
        self.below(&format!("status/{cluster}"))
    }

    /// Notes on source commits.
    pub fn notes(&self) -> RefName {
        RefName(Arc::from(format!("refs/notes/{}", self.prefix)))
    }

    /// What `name` is for.
    pub fn role(&self, name: &RefName) -> Role {
        if *name == self.source {
            return Role::Source;
        }
        if *name == self.notes() {
            return Role::Notes;
        }
        let below = name
            .as_str()
            .strip_prefix("refs/heads/")
            .and_then(|rest| rest.strip_prefix(&*self.prefix))
            .and_then(|rest| rest.strip_prefix('/'));
        let cluster = |text: &str| ClusterName::new(text).ok();
        match below.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
            Some(("results", "")) => Role::Results,
            Some(("work", name)) => cluster(name).map_or(Role::Other, Role::Work),
            Some(("status", name)) => cluster(name).map_or(Role::Other, Role::Status),
            _ => Role::Other,
        }
    }

    fn below(&self, rest: &str) -> RefName {
        RefName(Arc::from(format!("refs/heads/{}/{rest}", self.prefix)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_gits_names() {
        for good in ["refs/heads/main", "refs/heads/a/b-c.d", "refs/notes/fleet"] {
            assert!(RefName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "main",
            "refs/tags/v1",
            "refs/replace/abc",
            "refs/heads/",
            "refs/heads/../x",
            "refs/heads/a..b",
            "refs/heads/a.lock",
            "refs/heads/-x",
            "refs/heads/a b",
            "refs/heads/a\u{1b}b",
            "refs/heads/é",
            "refs/heads/a:b",
        ] {
            assert!(RefName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_ref_has_one_role() {
        let layout = Layout::new("main", "fleet").unwrap();
        let member = ClusterName::new("member1").unwrap();
        assert_eq!(layout.role(&layout.source()), Role::Source);
        assert_eq!(layout.role(&layout.results()), Role::Results);
        assert_eq!(layout.role(&layout.work(&member)), Role::Work(member.clone()));
        assert_eq!(layout.role(&layout.status(&member)), Role::Status(member));
        assert_eq!(layout.role(&layout.notes()), Role::Notes);
        for other in ["refs/heads/fleet2/results", "refs/heads/fleet/work/A/b", "refs/heads/x"] {
            assert_eq!(layout.role(&RefName::new(other).unwrap()), Role::Other, "{other}");
        }
        assert_eq!(layout.work(&ClusterName::new("a").unwrap()).short(), "fleet/work/a");
    }

    #[test]
    fn the_engine_does_not_read_what_it_writes() {
        assert!(Layout::new("fleet/main", "fleet").is_err());
        assert!(Layout::new("fleet", "fleet").is_err());
        assert!(Layout::new("fleet-2", "fleet").is_ok());
    }
}
