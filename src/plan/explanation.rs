//! A stored decision, told by cluster. It computes nothing: all of it stands in the binding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::binding::Binding;
use super::method::method;
use super::reasons::{
    Answer, ClusterGroup, Found, LostPolicy, Reasons, Rest, Standing, TriedGroup,
};
use super::survey::SurveyFile;
use crate::api::binding::TargetCluster;
use crate::api::condition::{self, Condition};
use crate::api::manifest::ObjectKey;
use crate::api::marks;
use crate::api::names::ClusterName;

/// Why a template runs where it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    /// Groups of `clusterAffinities` that do not fit, and were tried before the one in use; after an
    /// attempt in vain those that it tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedGroup>,
    /// The group of `clusterAffinities` in use.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub affinity: String,
    /// The groups before the one in use that were not tried, since it was in use already: there is no way
    /// back to them by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untried: Vec<String>,
    /// When the clusters were chosen that it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Timestamp>,
    /// What a later decision that was tried in vain found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// Each cluster that is named: those that are chosen or that it runs in, then the others, by name.
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
    /// Whether it runs the template, be it in an earlier form.
    pub runs: bool,
    /// Whether it is chosen to. One that is not may run it on until what replaces it can be made, one
    /// that is may have no work yet.
    pub chosen: bool,
    /// Its share of the replicas; absent when there are none to share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The plugin of the scheduler that rejects it; absent for other reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Arc<str>>,
    /// The reason.
    pub why: Arc<str>,
    /// What it was about the cluster, where the reason alone does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<Arc<str>>,
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
    pub stale: Option<Arc<str>>,
    /// Why its work is not in force in the cluster, as its executor says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unapplied: Option<String>,
}

impl Explanation {
    /// Tells `binding`, with the survey that its reasons refer to.
    #[must_use]
    pub fn of(binding: &Binding, survey: Option<&SurveyFile>) -> Self {
        let (spec, reasons) = (&binding.spec, &binding.reasons);
        let (clusters, rest) = clusters(binding, survey);
        Self {
            template: spec.resource.key().to_string(),
            replicas: has_replicas(binding).then_some(spec.replicas),
            method: method(binding),
            policy: reasons.policy.clone(),
            beats: reasons.beats.clone(),
            held: reasons.kept().unwrap_or_default().to_owned(),
            notes: notes(reasons),
            scheduled: condition::find(&binding.status.conditions, marks::CONDITION_SCHEDULED)
                .cloned(),
            tried: reasons.tried.clone(),
            untried: untried(binding),
            affinity: binding.status.scheduler_observed_affinity_name.clone(),
            chosen: binding.status.last_scheduled_time.filter(|_| !spec.clusters.is_empty()),
            found: reasons.found,
            clusters,
            rest,
        }
    }

    /// Tells of a template without a binding why it runs nowhere.
    #[must_use]
    pub fn of_unplaced(template: &ObjectKey, reason: &str) -> Self {
        Self {
            template: template.to_string(),
            method: "it runs nowhere".to_owned(),
            held: reason.to_owned(),
            ..Self::default()
        }
    }

    /// The same for one cluster; `None` if nothing is said of it. One that is not named is one of the
    /// rest, or has the template run nowhere as everybody has, if the fleet knows it.
    #[must_use]
    pub fn only(mut self, cluster: &ClusterName, is_known: bool) -> Option<Self> {
        self.clusters.retain(|one| one.cluster == *cluster);
        if self.clusters.is_empty() {
            let runs_nowhere = self.policy.is_empty().then_some(&self.held);
            let why = self.rest.as_ref().map(|rest| &rest.why).or(runs_nowhere);
            let why = why.filter(|_| is_known)?;
            self.clusters.push(ClusterExplanation::new(cluster, Arc::from(why.as_str())));
        }
        self.rest = None;
        Some(self)
    }
}

impl ClusterExplanation {
    /// A cluster that does not run the template, and of which nothing more is said.
    #[must_use]
    pub fn new(cluster: &ClusterName, why: Arc<str>) -> Self {
        Self {
            cluster: cluster.clone(),
            runs: false,
            chosen: false,
            replicas: None,
            plugin: None,
            why,
            fact: None,
            standing: None,
            attempt: None,
            overrides: Vec::new(),
            stale: None,
            unapplied: None,
        }
    }
}

fn has_replicas(binding: &Binding) -> bool {
    binding.spec.replicas > 0 || binding.spec.replica_requirements.is_some()
}

/// Each cluster that is named: those that are chosen or that it runs in, then the others, by name; and
/// the rest, of which those are no part that more is known of.
fn clusters(
    binding: &Binding,
    survey: Option<&SurveyFile>,
) -> (Vec<ClusterExplanation>, Option<Rest>) {
    let reasons = &binding.reasons;
    let known = Known::of(binding);
    // What is said of a cluster by its name comes before what the survey says of it.
    let mut groups: BTreeMap<&ClusterName, &ClusterGroup> = BTreeMap::new();
    let out = reasons.rejected.iter().chain(survey.into_iter().flat_map(|survey| &survey.out));
    for group in reasons.chosen.iter().chain(out) {
        for name in &group.clusters {
            groups.entry(name).or_insert(group);
        }
    }
    let mut rest = reasons.rest.clone();
    let why = rest.as_ref().map_or("was not chosen", |rest| &rest.why);
    let of_rest = ClusterGroup::new(Answer::new(why), Vec::new());
    let more = known.attempt.keys().filter(|_| rest.is_some()).chain(known.runs_on.keys());
    let n_told = groups.len();
    for name in more {
        groups.entry(name).or_insert(&of_rest);
    }
    if let Some(rest) = &mut rest {
        rest.n_clusters = rest.n_clusters.saturating_sub(groups.len() - n_told);
    }
    let mut told: Vec<ClusterExplanation> =
        groups.into_iter().map(|(name, group)| known.tell(name, group)).collect();
    told.sort_by_key(|one| !(one.chosen || one.runs));
    (told, rest.filter(|rest| rest.n_clusters > 0))
}

/// What a binding says of its clusters, by their names.
struct Known<'b> {
    has_replicas: bool,
    chosen: BTreeSet<&'b ClusterName>,
    shares: BTreeMap<&'b ClusterName, i32>,
    /// Clusters that are not chosen and run it on, with what they were given.
    runs_on: BTreeMap<&'b ClusterName, i32>,
    unmade: BTreeSet<&'b ClusterName>,
    standings: BTreeMap<&'b ClusterName, &'b Standing>,
    attempt: BTreeMap<&'b ClusterName, &'b Standing>,
    overrides: BTreeMap<&'b ClusterName, &'b Vec<String>>,
    stale: BTreeMap<&'b ClusterName, &'b Arc<str>>,
    unapplied: BTreeMap<&'b ClusterName, &'b String>,
}

impl<'b> Known<'b> {
    fn of(binding: &'b Binding) -> Self {
        let reasons = &binding.reasons;
        let overrides = reasons.overrides.iter();
        let stale = reasons.stale.iter();
        let unapplied = binding.status.aggregated_status.iter();
        let unapplied = unapplied.filter(|one| !one.applied && !one.applied_message.is_empty());
        let replicas = |targets: &'b [TargetCluster]| {
            targets.iter().map(|target| (&target.name, target.replicas)).collect()
        };
        Self {
            has_replicas: has_replicas(binding),
            chosen: reasons.chosen.iter().flat_map(|group| &group.clusters).collect(),
            shares: replicas(&binding.spec.clusters),
            runs_on: replicas(&reasons.runs_on),
            unmade: reasons.unmade.iter().collect(),
            standings: stood(&reasons.standings),
            attempt: stood(&reasons.attempt),
            overrides: by_cluster(overrides.map(|group| (&*group.clusters, &group.policies))),
            stale: by_cluster(stale.map(|group| (&*group.clusters, &group.why))),
            unapplied: unapplied.map(|one| (&one.cluster_name, &one.applied_message)).collect(),
        }
    }

    /// Tells of one cluster that is in or out for what `group` says.
    fn tell(&self, name: &ClusterName, group: &ClusterGroup) -> ClusterExplanation {
        let chosen = self.chosen.contains(name);
        let left_over = self.runs_on.get(name).copied();
        let share = self.shares.get(name).copied().filter(|_| chosen);
        let is_concerned = chosen || left_over.is_some();
        let overrides = self.overrides.get(name).filter(|_| is_concerned).copied();
        ClusterExplanation {
            runs: left_over.is_some() || (chosen && !self.unmade.contains(name)),
            chosen,
            replicas: share.or(left_over).filter(|_| self.has_replicas),
            plugin: group.plugin.clone(),
            fact: group.fact.clone(),
            standing: self.standings.get(name).copied().cloned(),
            attempt: self.attempt.get(name).copied().cloned(),
            overrides: overrides.cloned().unwrap_or_default(),
            stale: self.stale.get(name).filter(|_| is_concerned).copied().cloned(),
            unapplied: self.unapplied.get(name).filter(|_| is_concerned).copied().cloned(),
            ..ClusterExplanation::new(name, Arc::clone(&group.why))
        }
    }
}

/// Groups before the one in use that the decision that is told did not try.
fn untried(binding: &Binding) -> Vec<String> {
    let in_use = &binding.status.scheduler_observed_affinity_name;
    if in_use.is_empty() {
        return Vec::new();
    }
    let terms = binding.spec.placement.iter().flat_map(|placement| &placement.cluster_affinities);
    let before = terms.map(|term| &term.affinity_name).take_while(|name| *name != in_use);
    let is_tried = |name: &&String| binding.reasons.tried.iter().any(|one| one.group == **name);
    before.filter(|name| !is_tried(name)).cloned().collect()
}

fn notes(reasons: &Reasons) -> Vec<String> {
    let at_odds = reasons.is_at_odds.then(|| {
        "it and bindings that depend on each other were still changing when the tries of this plan \
         ran out; the next plan tries again"
            .to_owned()
    });
    reasons.notes.iter().cloned().chain(at_odds).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ClusterName {
        name.parse().unwrap()
    }

    #[test]
    fn a_cluster_must_be_known_only_where_it_is_not_named() {
        let left = ClusterExplanation::new(&name("left"), Arc::from("has left the fleet"));
        let rest = Rest { why: "would fit".to_owned(), n_clusters: 3 };
        let explanation = Explanation {
            policy: "PropagationPolicy web/shop".to_owned(),
            clusters: vec![left],
            rest: Some(rest),
            ..Explanation::default()
        };
        let why = |cluster: &str, is_known: bool| {
            let only = explanation.clone().only(&name(cluster), is_known)?;
            assert_eq!((only.clusters.len(), only.rest), (1, None));
            Some(only.clusters[0].why.to_string())
        };
        assert_eq!(why("left", false).as_deref(), Some("has left the fleet"));
        assert_eq!(why("spare", true).as_deref(), Some("would fit"));
        assert_eq!(why("typo", false), None);
        let all = Explanation { rest: None, ..explanation.clone() };
        assert_eq!(all.only(&name("new"), true), None, "it came after the decision");
    }

    #[test]
    fn what_runs_nowhere_does_so_in_each_cluster_that_there_is() {
        let key = ObjectKey::new("", "ConfigMap", Some("web"), "settings");
        let nowhere = Explanation::of_unplaced(&key, "no policy selects it");
        let only = nowhere.clone().only(&name("one"), true).unwrap();
        assert_eq!(&*only.clusters[0].why, "no policy selects it");
        assert_eq!(nowhere.only(&name("typo"), false), None);
    }
}
