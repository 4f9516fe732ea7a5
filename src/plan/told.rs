//! What is told of a plan beside its difference: templates of which the fleet does not do what the source
//! says, each with the reason.

use std::fmt;

use serde::Serialize;

use super::Plan;
use super::binding::Binding;
use crate::api::manifest::ObjectKey;
use crate::api::names::ClusterName;

/// Clusters that one line names.
const CLUSTERS_MAX: usize = 10;

/// A template and why it is as it is.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// The template, as `Deployment.apps web/shop`.
    pub template: String,
    /// Why, for a person.
    pub why: String,
}

/// A template whose work in some clusters is not what the source says now.
#[derive(Clone, Debug, Serialize)]
pub struct Stale {
    /// The template, as `Deployment.apps web/shop`.
    pub template: String,
    /// The clusters, in order of their names.
    pub clusters: Vec<ClusterName>,
    /// Why, for a person.
    pub why: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.template, self.why)
    }
}

impl fmt::Display for Stale {
    /// Names ten clusters, and says how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.clusters.iter().take(CLUSTERS_MAX).map(ClusterName::as_str);
        write!(f, "{} in {}", self.template, shown.collect::<Vec<_>>().join(", "))?;
        let n_more = self.clusters.len().saturating_sub(CLUSTERS_MAX);
        if n_more > 0 {
            write!(f, " and {n_more} more")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// Templates that run nowhere: first those that nothing was decided on, then those that no cluster
/// fits; each by key.
pub fn not_placed(plan: &Plan) -> impl Iterator<Item = Told> {
    let unplaced = plan
        .unplaced
        .iter()
        .map(|(key, unplaced)| Told { template: key.to_string(), why: unplaced.reason.clone() });
    unplaced.chain(undecided(plan, |binding| binding.places().is_empty()))
}

/// Templates that run on as they were, whatever the source says of them now, by key.
pub fn not_decided_anew(plan: &Plan) -> impl Iterator<Item = Told> {
    undecided(plan, |binding| !binding.places().is_empty())
}

fn undecided(plan: &Plan, picks: impl Fn(&Binding) -> bool) -> impl Iterator<Item = Told> {
    notable(plan).filter(move |(_, binding)| picks(binding)).filter_map(|(key, binding)| {
        let why = binding.undecided()?.to_owned();
        Some(Told { template: key.to_string(), why })
    })
}

/// Templates whose work cannot be made or is on hold in clusters that are to run them, by key.
pub fn not_up_to_date(plan: &Plan) -> impl Iterator<Item = Stale> {
    notable(plan).flat_map(|(key, binding)| {
        binding.reasons.stale.into_iter().map(|group| Stale {
            template: key.to_string(),
            clusters: group.clusters,
            why: group.why.to_string(),
        })
    })
}

/// What else there is to say of templates, by key: that policies disagree on what both need.
pub fn remarks(plan: &Plan) -> impl Iterator<Item = Told> {
    notable(plan).flat_map(|(key, binding)| {
        let notes = binding.reasons.notes.into_iter();
        notes.map(|why| Told { template: key.to_string(), why })
    })
}

/// The decisions of which there is something to say, by key.
fn notable(plan: &Plan) -> impl Iterator<Item = (&ObjectKey, Binding)> {
    let notable = plan.bindings.iter().filter(|(_, planned)| planned.packed.is_notable);
    notable.map(|(key, planned)| (key, planned.binding()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_few_clusters_and_counts_the_others() {
        let clusters: Vec<ClusterName> =
            (0..12).map(|n| ClusterName::new(&format!("c{n:02}")).expect("a name")).collect();
        let stale = |n: usize| {
            let template = "ConfigMap web/a".to_owned();
            Stale { template, clusters: clusters[..n].to_vec(), why: "on hold".to_owned() }
                .to_string()
        };
        assert_eq!(stale(2), "ConfigMap web/a in c00, c01: on hold");
        assert!(stale(10).ends_with("c08, c09: on hold"), "{}", stale(10));
        assert!(stale(12).ends_with("c08, c09 and 2 more: on hold"), "{}", stale(12));
    }
}
