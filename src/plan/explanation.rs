//! A stored decision, told by cluster. It computes nothing: all of it stands in the binding.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::binding::Binding;
use super::reasons::{ClusterGroup, LostPolicy, Rest, Standing, TriedGroup};
use super::survey::SurveyFile;
use crate::api::condition::{self, Condition};
use crate::api::manifest::ObjectKey;
use crate::api::marks;
use crate::api::names::ClusterName;
use crate::api::placement::{Placement, SpreadField};
use crate::schedule::divide::{Strategy, is_workload, strategy};
use crate::schedule::select;

/// Why a template runs where it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The template: kind, namespace and name.
    pub template: String,
    /// Replicas that it asks for; absent when its kind has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How clusters were chosen and replicas divided.
    pub method: String,
    /// The policy that decided; empty when none did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// Policies that select the template too, and why each lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beats: Vec<LostPolicy>,
    /// Why an earlier decision stays in force, or why there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub held: String,
    /// What the policy asks for that is not done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether clusters could be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Condition>,
    /// Groups of `clusterAffinities` that do not fit, and were tried before the one in use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedGroup>,
    /// The group of `clusterAffinities` in use.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub affinity: String,
    /// Each cluster that is named: those that it runs in, then the others, by name.
    pub clusters: Vec<ClusterExplanation>,
    /// Why all others are out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

/// Why one cluster is in or out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterExplanation {
    /// The cluster.
    pub cluster: ClusterName,
    /// Whether it runs the template.
    pub runs: bool,
    /// Its share of the replicas; absent when there are none to share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The plugin of the scheduler that rejects it; empty for other reasons.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub plugin: String,
    /// The reason.
    pub why: String,
    /// How it stood when this was decided, if that mattered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// How it stood when a later decision was tried in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Standing>,
    /// Override policies that changed its manifest, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// Why its work is not what the template says now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

impl Explanation {
    /// Tells `binding`, with the survey that its reasons refer to.
    #[must_use]
    pub fn of(binding: &Binding, survey: Option<&SurveyFile>) -> Self {
        let (spec, reasons) = (&binding.spec, &binding.reasons);
        let has_replicas = spec.replicas > 0 || spec.replica_requirements.is_some();
        let resource = &spec.resource;
        let group = resource.api_version.split_once('/').map(|(group, _)| format!(".{group}"));
        let namespace = resource.namespace.as_deref().map(|namespace| format!("{namespace}/"));
        let template = format!(
            "{}{} {}{}",
            resource.kind,
            group.unwrap_or_default(),
            namespace.unwrap_or_default(),
            resource.name
        );
        let overrides = reasons.overrides.iter();
        let overrides = by_cluster(overrides.map(|group| (&*group.clusters, &group.policies)));
        let stale = by_cluster(reasons.stale.iter().map(|group| (&*group.clusters, &group.why)));
        let (standings, attempt) = (stood(&reasons.standings), stood(&reasons.attempt));
        let explain = |(group, name): (&ClusterGroup, &ClusterName), runs: bool| {
            let target = binding.target(name);
            ClusterExplanation {
                cluster: name.clone(),
                runs,
                replicas: target.filter(|_| has_replicas).map(|target| target.replicas),
                plugin: group.plugin.clone(),
                why: group.why.clone(),
                attempt: attempt.get(name).copied().cloned(),
                standing: standings.get(name).copied().cloned(),
                overrides: overrides.get(name).copied().cloned().unwrap_or_default(),
                stale: stale.get(name).copied().cloned(),
            }
        };
        let names = |groups: &'_ [ClusterGroup], runs: bool| -> Vec<ClusterExplanation> {
            let pairs =
                groups.iter().flat_map(|group| group.clusters.iter().map(move |n| (group, n)));
            let mut told: Vec<_> = pairs.map(|pair| explain(pair, runs)).collect();
            told.sort_by(|left, right| left.cluster.cmp(&right.cluster));
            told
        };
        let mut clusters = names(&reasons.chosen, true);
        let surveyed = survey.into_iter().flat_map(|survey| names(&survey.out, false));
        let runs: BTreeSet<&ClusterName> =
            reasons.chosen.iter().flat_map(|group| &group.clusters).collect();
        let mut out = names(&reasons.rejected, false);
        out.extend(surveyed);
        out.retain(|one| !runs.contains(&one.cluster));
        out.sort_by(|left, right| left.cluster.cmp(&right.cluster));
        clusters.extend(out);
        Self {
            template,
            replicas: has_replicas.then_some(spec.replicas),
            method: spec.placement.as_ref().map_or_else(
                || unplaced_method(spec.required_by.is_empty()).to_owned(),
                |placement| method(placement, is_workload(spec)),
            ),
            policy: reasons.policy.clone(),
            beats: reasons.beats.clone(),
            held: reasons.held.clone(),
            notes: reasons.notes.clone(),
            scheduled: condition::find(&binding.status.conditions, marks::CONDITION_SCHEDULED)
                .cloned(),
            tried: reasons.tried.clone(),
            affinity: binding.status.scheduler_observed_affinity_name.clone(),
            clusters,
            rest: reasons.rest.clone(),
        }
    }

    /// Tells of a template without a binding why it runs nowhere.
    #[must_use]
    pub fn of_unplaced(template: &ObjectKey, reason: &str) -> Self {
        Self {
            template: template.to_string(),
            replicas: None,
            method: "it runs nowhere".to_owned(),
            policy: String::new(),
            beats: Vec::new(),
            held: reason.to_owned(),
            notes: Vec::new(),
            scheduled: None,
            tried: Vec::new(),
            affinity: String::new(),
            clusters: Vec::new(),
            rest: None,
        }
    }

    /// The same for one cluster. A cluster that is not named is one of the rest, if there is a rest.
    #[must_use]
    pub fn only(mut self, cluster: &ClusterName) -> Self {
        self.clusters.retain(|one| one.cluster == *cluster);
        if self.clusters.is_empty() {
            self.clusters.extend(self.rest.as_ref().map(|rest| ClusterExplanation {
                cluster: cluster.clone(),
                runs: false,
                replicas: None,
                plugin: String::new(),
                why: rest.why.clone(),
                standing: None,
                attempt: None,
                overrides: Vec::new(),
                stale: None,
            }));
        }
        self.rest = None;
        self
    }
}

fn stood(standings: &[Standing]) -> BTreeMap<&ClusterName, &Standing> {
    by_cluster(standings.iter().map(|one| (std::slice::from_ref(&one.cluster), one)))
}

/// What is said of each cluster, of things that are said of several; the first of each.
fn by_cluster<'b, T>(
    groups: impl Iterator<Item = (&'b [ClusterName], &'b T)>,
) -> BTreeMap<&'b ClusterName, &'b T> {
    let mut said = BTreeMap::new();
    for (clusters, what) in groups {
        for name in clusters {
            said.entry(name).or_insert(what);
        }
    }
    said
}

const fn unplaced_method(is_for_all: bool) -> &'static str {
    if is_for_all { "every member gets it" } else { "it goes along with what needs it" }
}

fn method(placement: &Placement, is_workload: bool) -> String {
    let mut parts = vec![match strategy(placement) {
        _ if !is_workload => "each chosen cluster gets it".to_owned(),
        Strategy::Duplicated => "each chosen cluster runs all replicas".to_owned(),
        Strategy::StaticWeight => "replicas are divided by fixed weights".to_owned(),
        Strategy::DynamicWeight => {
            "replicas are divided by the room that the clusters have".to_owned()
        }
        Strategy::Aggregated => "replicas go to as few clusters as have room".to_owned(),
    }];
    for constraint in select::in_force(placement) {
        let what = match constraint.spread_by_field {
            Some(SpreadField::Region) => "region",
            _ => "cluster",
        };
        let (min, max) = (constraint.min_groups.max(1), constraint.max_groups);
        let plural = if min.max(max) == 1 { "" } else { "s" };
        parts.push(match max {
            0 => format!("in at least {min} {what}{plural}"),
            max if max == min => format!("in {min} {what}{plural}"),
            max => format!("in {min} to {max} {what}{plural}"),
        });
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::placement::SpreadConstraint;

    fn told(min_groups: i64, max_groups: i64) -> String {
        let spread_by_field = Some(SpreadField::Cluster);
        let constraint =
            SpreadConstraint { spread_by_field, max_groups, min_groups, ..Default::default() };
        method(&Placement { spread_constraints: vec![constraint], ..Default::default() }, false)
    }

    #[test]
    fn one_cluster_is_told_in_the_singular() {
        assert_eq!(told(1, 1), "each chosen cluster gets it, in 1 cluster");
        assert_eq!(told(1, 0), "each chosen cluster gets it, in at least 1 cluster");
        assert_eq!(told(1, 2), "each chosen cluster gets it, in 1 to 2 clusters");
        assert_eq!(told(2, 2), "each chosen cluster gets it, in 2 clusters");
    }
}
