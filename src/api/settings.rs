//! `git-fleet.io/v1alpha1 FleetSettings`: the file `fleet.yaml` at the root of the repository.
//!
//! Our only kind of our own. It is optional, and so is every field: what is absent has the value
//! that [`Default`] gives.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::glob::Glob;
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};
use super::period::Period;
use super::quantity::Quantity;

/// Path of the settings in the repository.
pub const SETTINGS_PATH: &str = "fleet.yaml";

/// Settings of the fleet, in `fleet.yaml` at the root of the repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetSettings {
    /// Always `git-fleet.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `FleetSettings`.
    pub kind: Kind<Self>,
    /// Metadata; optional, the name is for people.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// The settings.
    #[serde(default)]
    pub spec: Settings,
}

impl Resource for FleetSettings {
    const API_VERSION: &'static str = "git-fleet.io/v1alpha1";
    const KIND: &'static str = "FleetSettings";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Where the fleet is read from.
    pub source: SourceSettings,
    /// Where results go.
    pub refs: RefSettings,
    /// Which files of the repository count.
    pub paths: PathSettings,
    /// Other repositories for what the engine writes.
    pub remotes: RemoteSettings,
    /// How often things happen.
    pub intervals: IntervalSettings,
    /// What needs a person's approval.
    pub guards: GuardSettings,
    /// How much is read.
    pub limits: LimitSettings,
    /// How much history of what the engine writes is kept.
    pub history: HistorySettings,
    /// Which plugins of the scheduler take part.
    pub scheduler: SchedulerSettings,
    /// Where Namespaces go that no policy selects.
    pub namespaces: NamespaceSettings,
}

/// Where the fleet is read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceSettings {
    /// The users' branch: `main`.
    pub branch: BranchName,
}

/// Where results go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RefSettings {
    /// First part of the names of the engine's branches: `fleet` for `fleet/results`,
    /// `fleet/work/<cluster>` and `fleet/status/<cluster>`.
    pub prefix: BranchName,
}

impl Default for RefSettings {
    fn default() -> Self {
        Self { prefix: BranchName("fleet".to_owned()) }
    }
}

/// Which files of the repository count: those that an `include` pattern fits and no `exclude`
/// pattern does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PathSettings {
    /// Patterns of paths that count: `**`.
    pub include: Vec<Glob>,
    /// Patterns of paths that do not count: folders and files whose names begin with a dot.
    pub exclude: Vec<Glob>,
}

impl Default for PathSettings {
    fn default() -> Self {
        Self { include: vec![Glob::new("**")], exclude: vec![Glob::new("**/.*")] }
    }
}

impl PathSettings {
    /// Whether the file at `path` counts.
    #[must_use]
    pub fn includes(&self, path: &str) -> bool {
        self.include.iter().any(|glob| glob.matches(path))
            && !self.exclude.iter().any(|glob| glob.matches(path))
    }
}

/// Other repositories for what the engine writes; absent means the source's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RemoteSettings {
    /// Repository of the results branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<String>,
    /// Repository of the work branches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    /// Repository of the status branches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Which plugins of the scheduler take part, and how much they count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SchedulerSettings {
    /// Names of plugins; `*` means all, `-Name` all but that one: `["*"]`.
    pub plugins: Vec<String>,
    /// What the score of a plugin is multiplied by; 1 for those that are not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        Self { plugins: vec!["*".to_owned()], weights: BTreeMap::new() }
    }
}

/// Where Namespaces go that no policy selects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceSettings {
    /// `All` clusters, or those `WhereNeeded`.
    pub targets: NamespaceTargets,
}

/// Which clusters get a Namespace that no policy selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NamespaceTargets {
    /// Every cluster, as in Karmada.
    #[default]
    All,
    /// Clusters that something in it is to run in, and those that have it already.
    WhereNeeded,
}

/// How often things happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IntervalSettings {
    /// How often a remote repository is asked for news: `15s`.
    pub poll: Period,
    /// At most one push to a remote repository in this time: `10s`. A local one is written at
    /// once.
    pub publish: Period,
    /// At most one commit of status in this time: `1s`.
    pub status: Period,
    /// How often everything is compared afresh, as if all of it had changed: `10m`.
    pub resync: Period,
}

impl Default for IntervalSettings {
    fn default() -> Self {
        Self {
            poll: Period::seconds(15),
            publish: Period::seconds(10),
            status: Period::seconds(1),
            resync: Period::seconds(600),
        }
    }
}

/// What needs a person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GuardSettings {
    /// A plan that removes more than this share of a cluster's works, or of the fleet's, waits: 20.
    pub max_removed_percent: Percent,
    /// A plan that removes no more than this many works of a cluster, or of the fleet, never waits: 10.
    pub always_removable: u32,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self { max_removed_percent: Percent(20), always_removable: 10 }
    }
}

/// How much is read from one commit; more is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LimitSettings {
    /// Files: 50,000.
    pub files: u32,
    /// Bytes of one file: `16Mi`.
    pub blob_bytes: Quantity,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            files: 50_000,
            blob_bytes: "16Mi".parse().expect("a constant in the grammar of quantities"),
        }
    }
}

/// When a branch that the engine writes starts afresh, with the same content and no past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HistorySettings {
    /// After this many commits: 10,000.
    pub max_commits: u32,
    /// When its first commit is this old: `90d`.
    pub max_age: Period,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self { max_commits: 10_000, max_age: Period::seconds(90 * 86_400) }
    }
}

/// A whole number of hundredths, 0 to 100.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u8", extend("maximum" = 100))]
pub struct Percent(u8);

/// A number that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a percentage from 0 to 100")]
pub struct BadPercent(pub u64);

impl Percent {
    /// The number of hundredths.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u64> for Percent {
    type Error = BadPercent;
    fn try_from(n: u64) -> Result<Self, BadPercent> {
        u8::try_from(n).ok().filter(|n| *n <= 100).map(Self).ok_or(BadPercent(n))
    }
}

impl From<Percent> for u64 {
    fn from(percent: Percent) -> Self {
        Self::from(percent.0)
    }
}

/// Name of a git branch, or of the first parts of one, without `refs/heads/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct BranchName(String);

/// A text that git does not take as a branch's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name that git allows for a branch")]
pub struct BadBranchName(pub String);

/// Whether a branch is `above`, or lies below it in git's tree of names: git keeps no two branches of which
/// one lies below the other.
#[must_use]
pub fn is_or_lies_below(branch: &str, above: &str) -> bool {
    branch.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl BranchName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BranchName {
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BranchName {
    type Error = BadBranchName;

    /// Takes what `git check-ref-format --branch` takes, and no name that begins with `refs/`.
    fn try_from(name: String) -> Result<Self, BadBranchName> {
        let bad_part = |part: &str| {
            part.is_empty()
                || part.starts_with('.')
                || part.strip_suffix(".lock").is_some()
                || part == "@"
        };
        let bad_character =
            |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c) || c == '\u{7f}';
        let bad = name.starts_with('-')
            || name.starts_with("refs/")
            || name.ends_with('.')
            || name.contains("..")
            || name.contains("@{")
            || name.chars().any(bad_character)
            || name.split('/').any(bad_part);
        if bad { Err(BadBranchName(name.escape_debug().to_string())) } else { Ok(Self(name)) }
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<FleetSettings, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    const HEAD: &str = "apiVersion: git-fleet.io/v1alpha1\nkind: FleetSettings\n";

    #[test]
    fn an_empty_file_of_settings_has_every_default() {
        let settings = read(HEAD).unwrap();
        assert_eq!(settings, FleetSettings::default());
        assert_eq!(settings.spec.source.branch.as_str(), "main");
        assert_eq!(settings.spec.refs.prefix.as_str(), "fleet");
        assert_eq!(settings.spec.intervals.poll, Period::seconds(15));
        assert_eq!(settings.spec.limits.blob_bytes.value(), 16 << 20);
    }

    #[test]
    fn one_setting_leaves_the_others_alone() {
        let settings = read(&format!("{HEAD}spec: {{intervals: {{poll: 1m}}}}")).unwrap();
        assert_eq!(settings.spec.intervals.poll, Period::seconds(60));
        assert_eq!(settings.spec.intervals.publish, Period::seconds(10));
    }

    #[test]
    fn bad_values_say_what_is_wrong() {
        for (spec, words) in [
            ("{intervals: {poll: 10}}", "needs a unit"),
            ("{guards: {maxRemovedPercent: 130}}", "not a percentage"),
            ("{source: {branch: 'a b'}}", "not a name that git allows"),
            ("{limits: {blobBytes: lots}}", "not a quantity"),
        ] {
            let error = read(&format!("{HEAD}spec: {spec}")).unwrap_err();
            assert!(error.contains(words), "{spec}: {error}");
        }
    }

    #[test]
    fn branch_names_follow_gits_rules() {
        for name in ["main", "team/fleet", "v1.2", "a@b", "ü"] {
            assert!(BranchName::try_from(name.to_owned()).is_ok(), "{name}");
        }
        for name in [
            "",
            "-x",
            "a b",
            "a..b",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "@",
            "a@{b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "a\n",
            "a.",
            "refs/heads/main",
        ] {
            assert!(BranchName::try_from(name.to_owned()).is_err(), "{name}");
        }
    }

    #[test]
    fn hidden_files_do_not_count_unless_asked_for() {
        let paths = PathSettings::default();
        assert!(paths.includes("apps/shop.yaml"));
        assert!(!paths.includes(".github/workflows/ci.yaml"));
        assert!(!paths.includes("apps/.hidden.yaml"));
        let only_apps = PathSettings { include: vec![Glob::new("apps")], ..paths };
        assert!(only_apps.includes("apps/shop.yaml"));
        assert!(!only_apps.includes("docs/shop.yaml"));
    }
}
