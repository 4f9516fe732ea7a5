//! What a plan changes: for `git fleet plan`, for pull requests, for commit subjects, and for the
//! guard that asks before much is removed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Plan;
use super::binding::Binding;
use super::cursor::join;
use super::packed::PackedBinding;
use super::previous::{Previous, Remembered};
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};

/// Everything that differs between two results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanDiff {
    /// Templates whose clusters or replicas differ, by key.
    pub templates: Vec<TemplateChange>,
    /// Templates that another policy decides on than before, though nothing of them moves, by key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub takeovers: Vec<Takeover>,
    /// Works that differ, by cluster; clusters without any are left out.
    pub works: BTreeMap<ClusterName, WorkChanges>,
    /// Clusters that left the fleet, and how many objects stay there as they are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<ClusterName, usize>,
    /// Whether any binding's file differs, be it only in its status.
    pub is_any_binding_changed: bool,
    /// What the guard looks at.
    pub removals: Removals,
}

/// Clusters and replicas of one template, before and after; a template that is new or gone has none
/// on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateChange {
    /// The template, as `Deployment.apps web/shop`.
    pub template: String,
    /// Replicas by cluster before; 0 for what has none.
    pub before: BTreeMap<ClusterName, i32>,
    /// Replicas by cluster after.
    pub after: BTreeMap<ClusterName, i32>,
    /// Clusters of `after` that are not chosen, and run on until what replaces them can be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs_on: Vec<ClusterName>,
    /// The policy that decided; empty when none did.
    pub policy: String,
    /// The policy that decided before, if it was another one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub policy_before: String,
    /// Why an earlier decision stays in force; empty when it is fresh.
    pub held: String,
    /// Whether no clusters could be chosen: what runs runs on.
    pub refused: bool,
}

impl TemplateChange {
    /// What the change does, in one word or two.
    fn verb(&self) -> &'static str {
        match (self.before.is_empty(), self.chosen().next().is_none()) {
            (_, true) if self.refused => "cannot place",
            (true, true) => "place nowhere",
            (false, true) => "remove",
            (_, false) => "place",
        }
    }

    /// The clusters of `after` that are chosen, with their replicas.
    fn chosen(&self) -> impl Iterator<Item = (&ClusterName, &i32)> {
        self.after.iter().filter(|(cluster, _)| !self.runs_on.contains(cluster))
    }
}

/// A template that another policy places, in the same clusters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Takeover {
    /// The template, as `Deployment.apps web/shop`.
    pub template: String,
    /// The policy that decided before.
    pub from: String,
    /// The policy that decides now.
    pub to: String,
}

/// Works of one cluster that differ, each list sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkChanges {
    /// Objects that the cluster gets.
    pub added: Vec<String>,
    /// Objects that change.
    pub changed: Vec<String>,
    /// Objects that the cluster loses.
    pub removed: Vec<String>,
}

/// Facts about removal, from which the guard decides whether to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removals {
    /// How many works each cluster had, and loses.
    pub clusters: BTreeMap<ClusterName, Lost>,
    /// Namespaces that some cluster loses: everything in them goes with them.
    pub namespaces: BTreeSet<String>,
    /// CustomResourceDefinitions that some cluster loses: every resource of the kind goes with them.
    pub definitions: BTreeSet<String>,
    /// Whether nobody knows any more why anything was there: the results are lost.
    pub is_blind: bool,
    /// What keeps data and is to leave every cluster that has it, as `StatefulSet.apps web/db`.
    pub stores: BTreeSet<String>,
    /// Where what some cluster loses is made instead, by object; what is made nowhere is left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: BTreeMap<String, BTreeSet<ClusterName>>,
    /// What a cluster goes on having in a Namespace that it loses, by Namespace, as
    /// `ConfigMap web/settings in eu`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub still_used: BTreeMap<String, BTreeSet<String>>,
}

/// What one cluster loses, or the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lost {
    /// Works that there were.
    pub n_before: usize,
    /// Works that go away.
    pub n_removed: usize,
    /// Those of them that another cluster gets instead.
    pub n_moved: usize,
}

impl Lost {
    /// Works that go away and are made nowhere else.
    #[must_use]
    pub fn for_good(self) -> usize {
        self.n_removed - self.n_moved
    }

    /// Whether all that there was goes, and it was more than the one object that somebody tries
    /// things with.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.n_before > 1 && self.for_good() == self.n_before
    }
}

impl Removals {
    /// What the whole fleet had and loses.
    #[must_use]
    pub fn total(&self) -> Lost {
        self.clusters.values().fold(Lost::default(), |sum, lost| Lost {
            n_before: sum.n_before + lost.n_before,
            n_removed: sum.n_removed + lost.n_removed,
            n_moved: sum.n_moved + lost.n_moved,
        })
    }
}

/// Kinds that keep data: (group, kind).
const STORES: [(&str, &str); 3] =
    [("", "PersistentVolume"), ("", "PersistentVolumeClaim"), ("apps", "StatefulSet")];

impl PlanDiff {
    /// Whether nothing that runs would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty() && self.works.is_empty() && self.left.is_empty()
    }

    /// Takes note of a cluster that comes back with what it `held` when it left: what the plan does
    /// not give it again goes away.
    pub fn come_back(
        &mut self,
        plan: &Plan,
        cluster: &ClusterName,
        held: impl IntoIterator<Item = ObjectKey>,
    ) {
        let works = plan.works.get(cluster);
        for key in held {
            self.had(cluster);
            if works.is_none_or(|works| !works.contains_key(&key)) {
                self.lose(cluster, &key, &BTreeSet::new());
                self.lose_namespace(plan, cluster, &key);
                let runs = plan.bindings.get(&key).is_some_and(|one| !one.works.is_empty());
                self.lose_store(&key, runs);
            }
        }
        if let Some(changes) = self.works.get_mut(cluster) {
            changes.removed.sort();
        }
    }

    fn lose_store(&mut self, key: &ObjectKey, is_kept: bool) {
        let kind = (&*key.group_kind.group, &*key.group_kind.kind);
        if !is_kept && STORES.contains(&kind) {
            self.removals.stores.insert(key.to_string());
        }
    }

    /// Takes note of what the plan goes on having in a Namespace that it takes away.
    fn lose_namespace(&mut self, plan: &Plan, cluster: &ClusterName, key: &ObjectKey) {
        if !key.group_kind.group.is_empty() || &*key.group_kind.kind != "Namespace" {
            return;
        }
        let works = plan.works.get(cluster).into_iter().flat_map(|works| works.keys());
        let is_in = |other: &&ObjectKey| other.namespace.as_deref() == Some(&*key.name);
        let inside: Vec<String> =
            works.filter(is_in).map(|other| format!("{other} in {cluster}")).collect();
        if !inside.is_empty() {
            self.removals.still_used.entry(key.name.to_string()).or_default().extend(inside);
        }
    }

    fn had(&mut self, cluster: &ClusterName) {
        if let Some(lost) = self.removals.clusters.get_mut(cluster) {
            lost.n_before += 1;
        } else {
            let one = Lost { n_before: 1, ..Lost::default() };
            self.removals.clusters.insert(cluster.clone(), one);
        }
    }

    /// What is `moved` to other clusters is no loss.
    fn lose(&mut self, cluster: &ClusterName, key: &ObjectKey, moved: &BTreeSet<ClusterName>) {
        self.works.entry(cluster.clone()).or_default().removed.push(key.to_string());
        let lost = self.removals.clusters.entry(cluster.clone()).or_default();
        lost.n_removed += 1;
        if !moved.is_empty() {
            lost.n_moved += 1;
            self.removals.moves.insert(key.to_string(), moved.clone());
        }
        match (&*key.group_kind.group, &*key.group_kind.kind) {
            ("", "Namespace") => {
                self.removals.namespaces.insert(key.name.to_string());
            }
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                self.removals.definitions.insert(key.name.to_string());
            }
            _ => {}
        }
    }
}

impl Plan {
    /// What this plan changes of what was in force before.
    #[must_use]
    pub fn diff(&self, before: &Previous) -> PlanDiff {
        let mut diff = PlanDiff::default();
        for (key, old, new) in join(&before.bindings, &self.bindings) {
            // Clusters that leave the fleet lose nothing, and make no share look smaller.
            let stays = |(name, _): &(&ClusterName, ObjectId)| self.works.contains_key(*name);
            for (cluster, _) in old.into_iter().flat_map(Remembered::works).filter(stays) {
                diff.had(cluster);
            }
            if let (Some(old), Some(new)) = (old, new)
                && old.is(new)
            {
                continue;
            }
            diff.is_any_binding_changed |=
                old.map(Remembered::packed) != new.map(|new| &new.packed);
            let decision = |packed: &PackedBinding| packed.decision;
            if old.map(|old| decision(old.packed())) != new.map(|new| decision(&new.packed)) {
                let (old, new) = (old.map(Remembered::binding), new.map(|new| new.binding()));
                match template_change(key, old.as_ref(), new.as_ref()) {
                    Some(change) => diff.templates.push(change),
                    None => diff.takeovers.extend(takeover(key, old.as_ref(), new.as_ref())),
                }
            }
            let old_works: BTreeMap<&ClusterName, ObjectId> =
                old.into_iter().flat_map(Remembered::works).collect();
            let new_works: BTreeMap<&ClusterName, ObjectId> = new
                .into_iter()
                .flat_map(|new| new.works.iter().map(|(name, work)| (name, work.id)))
                .collect();
            // Where it is new it has none of the data. What leaves the fleet keeps what it has.
            let keeps =
                |name: &ClusterName| new_works.contains_key(name) || !self.works.contains_key(name);
            let is_kept = old_works.keys().any(|name| keeps(name));
            let mut moved = BTreeSet::new();
            for (cluster, id) in &new_works {
                match old_works.get(cluster) {
                    Some(old_id) if old_id == id => {}
                    Some(_) => changes(&mut diff, cluster).changed.push(key.to_string()),
                    None => {
                        moved.insert((*cluster).clone());
                        changes(&mut diff, cluster).added.push(key.to_string());
                    }
                }
            }
            for cluster in old_works.keys().filter(|name| !new_works.contains_key(*name)) {
                // Nobody is told to remove anything from a cluster that is no longer of the fleet.
                if self.works.contains_key(*cluster) {
                    diff.lose(cluster, key, &moved);
                    diff.lose_namespace(self, cluster, key);
                    diff.lose_store(key, is_kept);
                } else {
                    *diff.left.entry((*cluster).clone()).or_default() += 1;
                }
            }
        }
        diff
    }
}

fn changes<'d>(diff: &'d mut PlanDiff, cluster: &ClusterName) -> &'d mut WorkChanges {
    diff.works.entry(cluster.clone()).or_default()
}

fn takeover(key: &ObjectKey, old: Option<&Binding>, new: Option<&Binding>) -> Option<Takeover> {
    let from = policy_before(old, new)?.to_owned();
    let to = new?.reasons.policy.clone();
    Some(Takeover { template: key.to_string(), from, to })
}

/// The policy that decided before, if another one decides now.
fn policy_before<'b>(old: Option<&'b Binding>, new: Option<&'b Binding>) -> Option<&'b str> {
    let (old, new) = (old?.deciding_policy()?, new?.deciding_policy()?);
    (old != new).then_some(old)
}

fn template_change(
    key: &ObjectKey,
    old: Option<&Binding>,
    new: Option<&Binding>,
) -> Option<TemplateChange> {
    let clusters = |binding: Option<&Binding>| binding.map(Binding::places).unwrap_or_default();
    let (before, after) = (clusters(old), clusters(new));
    if before == after && old.is_none() == new.is_none() {
        return None;
    }
    let reasons = new.map(|binding| binding.reasons.clone()).unwrap_or_default();
    Some(TemplateChange {
        template: key.to_string(),
        before,
        after,
        held: reasons.kept().unwrap_or_default().to_owned(),
        runs_on: reasons.runs_on.into_iter().map(|target| target.name).collect(),
        policy_before: policy_before(old, new).unwrap_or_default().to_owned(),
        policy: reasons.policy,
        refused: new.is_some_and(Binding::is_waiting),
    })
}

/// Most characters of a commit subject.
const SUBJECT_LEN_MAX: usize = 100;

/// One line that says what changed: `place web/shop on member1(3) member2(2)`,
/// `place 14 workloads`, `update web/shop on 2 clusters`.
#[must_use]
pub fn subject(diff: &PlanDiff) -> String {
    if let [change] = diff.templates.as_slice() {
        let line = subject_of(change);
        if line.len() <= SUBJECT_LEN_MAX {
            return line;
        }
    }
    let count = |verb: &str| diff.templates.iter().filter(|change| change.verb() == verb).count();
    let verbs = ["place", "remove", "place nowhere", "cannot place"];
    let parts: Vec<(&str, usize)> =
        verbs.map(|verb| (verb, count(verb))).into_iter().filter(|(_, n)| *n > 0).collect();
    if let Some(((verb, n), before)) = parts.split_last() {
        let before = before.iter().map(|(verb, n)| format!("{verb} {n}"));
        let last = format!("{verb} {}", workloads(*n));
        return before.chain([last]).collect::<Vec<_>>().join(", ");
    }
    let changed: BTreeSet<&String> = diff.works.values().flat_map(|works| &works.changed).collect();
    let n_clusters = match diff.works.len() {
        1 => "1 cluster".to_owned(),
        n => format!("{n} clusters"),
    };
    match changed.first() {
        Some(one) if changed.len() == 1 => format!("update {} on {n_clusters}", short(one)),
        Some(_) => format!("update {} on {n_clusters}", workloads(changed.len())),
        None if !diff.takeovers.is_empty() => match diff.takeovers.as_slice() {
            [one] => format!("hand {} over to {}", short(&one.template), one.to),
            several => format!("hand {} over to other policies", workloads(several.len())),
        },
        None if diff.is_any_binding_changed => "record status".to_owned(),
        None => "record the state of the clusters".to_owned(),
    }
}

fn workloads(n: usize) -> String {
    if n == 1 { "1 workload".to_owned() } else { format!("{n} workloads") }
}

/// A template without its kind: `web/shop`.
fn short(template: &str) -> &str {
    template.rsplit(' ').next().unwrap_or(template)
}

fn subject_of(change: &TemplateChange) -> String {
    let name = short(&change.template);
    if change.chosen().next().is_none() {
        return format!("{} {name}", change.verb());
    }
    let clusters = change.chosen().map(|(cluster, replicas)| match replicas {
        0 => cluster.to_string(),
        n => format!("{cluster}({n})"),
    });
    format!("place {name} on {}", clusters.collect::<Vec<_>>().join(" "))
}
