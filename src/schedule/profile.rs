//! Which plugins take part, and how much they count.

use std::collections::{BTreeMap, BTreeSet};

use super::plugins::{FILTERS, SCORES};
use crate::api::settings::SchedulerSettings;

/// A choice of plugins. The default is all of them, each with weight 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    disabled: BTreeSet<&'static str>,
    weights: BTreeMap<String, i64>,
}

/// A choice of plugins that nobody can mean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProfile {
    /// A name that no plugin has.
    #[error("there is no {what} `{name}`; there are: {known}")]
    NoSuchPlugin {
        /// The name as given.
        name: String,
        /// What kind of plugin was looked for.
        what: &'static str,
        /// The names that there are.
        known: String,
        /// Where it stands below the settings of the scheduler (RFC 6901).
        pointer: String,
    },
    /// No filter is left: everything would go everywhere, against every affinity and taint.
    #[error("no filter takes part, so everything would go to every cluster")]
    NoFilter,
}

impl BadProfile {
    /// Where it stands below the settings of the scheduler (RFC 6901).
    #[must_use]
    pub fn pointer(&self) -> &str {
        match self {
            Self::NoSuchPlugin { pointer, .. } => pointer,
            Self::NoFilter => "/plugins",
        }
    }
}

impl Profile {
    /// The plugins that `settings` choose.
    ///
    /// # Errors
    /// The first name that no plugin, or among the weights no score plugin, has; or no filter is
    /// among the plugins.
    pub fn new(settings: &SchedulerSettings) -> Result<Self, BadProfile> {
        let scores: BTreeSet<&'static str> = SCORES.iter().map(|plugin| plugin.name()).collect();
        let filters = FILTERS.iter().map(|plugin| plugin.name());
        let all: BTreeSet<&'static str> = filters.chain(scores.iter().copied()).collect();
        let find = |name: &str, what, known: &BTreeSet<&'static str>, pointer: String| {
            known.get(name).copied().ok_or_else(|| {
                let known = known.iter().copied().collect::<Vec<_>>().join(", ");
                BadProfile::NoSuchPlugin { name: name.to_owned(), what, known, pointer }
            })
        };
        let mut enabled = BTreeSet::new();
        for (idx, plugin) in settings.plugins.iter().enumerate() {
            let pointer = format!("/plugins/{idx}");
            match (plugin.as_str(), plugin.strip_prefix('-')) {
                ("*", _) => enabled.extend(all.iter().copied()),
                (_, Some(name)) => {
                    enabled.remove(find(name, "plugin", &all, pointer)?);
                }
                (name, None) => {
                    enabled.insert(find(name, "plugin", &all, pointer)?);
                }
            }
        }
        for name in settings.weights.keys() {
            find(name, "score plugin", &scores, format!("/weights/{name}"))?;
        }
        if FILTERS.iter().all(|filter| !enabled.contains(filter.name())) {
            return Err(BadProfile::NoFilter);
        }
        let disabled = all.difference(&enabled).copied().collect();
        let weights = settings.weights.iter().map(|(name, n)| (name.clone(), i64::from(*n)));
        Ok(Self { disabled, weights: weights.collect() })
    }

    /// Whether the plugin of this name takes part.
    pub(super) fn has(&self, name: &str) -> bool {
        self.disabled.is_empty() || !self.disabled.contains(name)
    }

    /// What the score of the plugin of this name is multiplied by.
    pub(super) fn weight(&self, name: &str) -> i64 {
        if self.has(name) { self.weights.get(name).copied().unwrap_or(1) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(plugins: &[&str], weights: &[(&str, u32)]) -> Result<Profile, BadProfile> {
        Profile::new(&SchedulerSettings {
            plugins: plugins.iter().map(|name| (*name).to_owned()).collect(),
            weights: weights.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        })
    }

    #[test]
    fn plugins_are_chosen_by_name() {
        let all_but_one = profile(&["*", "-TaintToleration"], &[("ClusterLocality", 3)]).unwrap();
        assert!(!all_but_one.has("TaintToleration") && all_but_one.has("APIEnablement"));
        assert_eq!(all_but_one.weight("ClusterLocality"), 3);
        let one = profile(&["ClusterAffinity"], &[]).unwrap();
        assert!(one.has("ClusterAffinity") && !one.has("TaintToleration"));
        assert_eq!(one.weight("ClusterLocality"), 0);
        assert_eq!(profile(&["*"], &[]).unwrap(), Profile::default());
    }

    #[test]
    fn a_choice_without_any_filter_is_refused() {
        for plugins in [&[][..], &["ClusterLocality"], &["-TaintToleration"]] {
            assert_eq!(profile(plugins, &[]), Err(BadProfile::NoFilter), "{plugins:?}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_those_that_there_are() {
        let told = profile(&["*", "-Taints"], &[]).unwrap_err().to_string();
        assert!(
            told.starts_with("there is no plugin `Taints`; there are: APIEnablement, "),
            "{told}"
        );
        let told = profile(&["*"], &[("TaintToleration", 1)]).unwrap_err().to_string();
        assert_eq!(told, "there is no score plugin `TaintToleration`; there are: ClusterLocality");
    }
}
