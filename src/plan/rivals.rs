//! What bindings of one plan need to know of each other: capacity that others have taken and no
//! report shows yet, and where the other workloads of a group run.
//!
//! Bindings that are decided on anew take their turn by priority, the highest first, then by group
//! and kind, namespace and name; each sees the decisions before it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::binding::Binding;
use super::previous::Remembered;
use crate::api::binding::{AggregatedStatusItem, Component, TargetCluster};
use crate::api::manifest::ObjectKey;
use crate::api::names::ClusterName;
use crate::api::quantity::Quantity;
use crate::api::report::Health;
use crate::schedule::{Companions, Crowd, Snapshot};
use crate::status::{self, Reports};

/// How long after a decision replicas that are not reported count as taken; then something keeps
/// them from being made, and the room is free.
const AWAITED: SignedDuration = SignedDuration::from_mins(5);

/// When replicas of this decision that are not reported no longer count as taken.
pub(super) fn awaited_until(binding: &Binding) -> Option<Timestamp> {
    binding.status.last_scheduled_time?.checked_add(AWAITED).ok()
}

/// What a decision gives to a cluster and the cluster does not report yet.
fn awaited<'b>(
    binding: &'b Binding,
    items: &'b [AggregatedStatusItem],
) -> impl Iterator<Item = (&'b TargetCluster, Vec<Need<'b>>)> {
    binding.spec.clusters.iter().filter_map(move |target| {
        let item = items.binary_search_by(|item| item.cluster_name.cmp(&target.name)).ok();
        let item = item.map(|at| &items[at]);
        if item.is_some_and(|item| item.applied && item.health == Health::Healthy) {
            return None;
        }
        let there =
            item.and_then(|item| item.status.as_ref()?.get("replicas")?.as_i64()).unwrap_or(0);
        let missing = i64::from(target.replicas).saturating_sub(there.max(0));
        let needs = needs(binding, missing, target);
        (!needs.is_empty()).then_some((target, needs))
    })
}

/// Replicas, and the resources that each of them wants.
struct Need<'b> {
    replicas: i64,
    requests: &'b BTreeMap<String, Quantity>,
}

static NOTHING: BTreeMap<String, Quantity> = BTreeMap::new();

/// What so many replicas need, or the set of components that the target has.
fn needs<'b>(binding: &'b Binding, replicas: i64, target: &TargetCluster) -> Vec<Need<'b>> {
    let spec = &binding.spec;
    if !target.components.is_empty() {
        let need = |component: &'b Component| Need {
            replicas: i64::from(component.replicas),
            requests: component
                .replica_requirements
                .as_ref()
                .map_or(&NOTHING, |requirements| &requirements.resource_request),
        };
        return spec.components.iter().map(need).collect();
    }
    let requirements = spec.replica_requirements.as_ref();
    let requests = requirements.map_or(&NOTHING, |requirements| &requirements.resource_request);
    (replicas > 0).then_some(Need { replicas, requests }).into_iter().collect()
}

/// What the bindings of a plan see of each other.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    crowds: BTreeMap<Group, Crowd>,
    members: BTreeMap<ObjectKey, Membership>,
}

/// The groups that a binding is counted in, and the clusters, each named once.
#[derive(Debug)]
struct Membership {
    groups: Vec<Group>,
    clusters: Vec<ClusterName>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    namespace: String,
    is_affinity: bool,
    name: String,
}

impl Rivals {
    /// What these decisions left, taken off `snapshot`.
    pub(super) fn new<'b>(
        standing: impl Iterator<Item = (&'b ObjectKey, &'b Remembered)>,
        snapshot: &mut Snapshot<'_>,
        reports: &Reports,
        now: Timestamp,
    ) -> Self {
        let mut rivals = Self::default();
        for (key, remembered) in standing {
            let packed = remembered.packed();
            let is_awaited =
                packed.is_awaited && packed.awaited_until.is_some_and(|until| until > now);
            if !is_awaited && !packed.has_groups {
                continue;
            }
            let binding = &packed.open();
            rivals.join(key, binding);
            if !is_awaited {
                continue;
            }
            // By the reports that the snapshot is made of, not by those of the decision.
            let given = remembered.works().map(|(name, id)| (name.clone(), Some(id))).collect();
            let items = status::aggregate(key, &given, reports);
            for (target, needs) in awaited(binding, &items) {
                take(snapshot, target, &needs);
            }
        }
        rivals
    }

    /// Takes note of a new decision: what it added is taken off `snapshot`.
    pub(super) fn decided(
        &mut self,
        key: &ObjectKey,
        binding: &Binding,
        before: Option<&Binding>,
        snapshot: &mut Snapshot<'_>,
    ) {
        if before.is_none_or(|before| before.spec.clusters != binding.spec.clusters) {
            for target in &binding.spec.clusters {
                let old = before.and_then(|before| before.target(&target.name));
                if old.is_some() && !target.components.is_empty() {
                    continue;
                }
                let old = old.map_or(0, |old| i64::from(old.replicas));
                take(snapshot, target, &needs(binding, i64::from(target.replicas) - old, target));
            }
        }
        self.join(key, binding);
    }

    fn join(&mut self, key: &ObjectKey, binding: &Binding) {
        let groups: Vec<Group> = groups(key, binding).collect();
        if groups.is_empty() {
            return;
        }
        let targets = binding.spec.clusters.iter();
        let mut clusters: Vec<ClusterName> = targets.map(|target| target.name.clone()).collect();
        clusters.sort();
        clusters.dedup();
        for group in &groups {
            self.crowds.entry(group.clone()).or_default().join(&clusters);
        }
        self.members.insert(key.clone(), Membership { groups, clusters });
    }

    /// Begins the turn of a binding: what it was before no longer counts.
    pub(super) fn begin_turn(&mut self, key: &ObjectKey) {
        let Some(Membership { groups, clusters }) = self.members.remove(key) else { return };
        for group in groups {
            self.crowds.entry(group).or_default().leave(&clusters);
        }
    }

    /// The other workloads of the groups of a binding whose turn it is.
    pub(super) fn companions(&self, key: &ObjectKey, binding: &Binding) -> Companions<'_> {
        let mut companions = Companions::default();
        for group in groups(key, binding) {
            let crowd = self.crowds.get(&group);
            if group.is_affinity {
                companions.together = crowd;
            } else {
                companions.apart = crowd;
            }
        }
        companions
    }
}

fn take(snapshot: &mut Snapshot<'_>, target: &TargetCluster, needs: &[Need<'_>]) {
    for need in needs {
        snapshot.assume(&target.name, need.requests, need.replicas);
    }
}

fn groups<'b>(key: &'b ObjectKey, binding: &'b Binding) -> impl Iterator<Item = Group> + use<'b> {
    let groups = binding.spec.workload_affinity_groups.iter();
    let named = groups
        .flat_map(|groups| [(true, &groups.affinity_group), (false, &groups.anti_affinity_group)]);
    named.filter(|(_, name)| !name.is_empty()).map(|(is_affinity, name)| Group {
        namespace: key.namespace.as_deref().unwrap_or_default().to_owned(),
        is_affinity,
        name: name.clone(),
    })
}

/// Whether some of its replicas are not reported yet.
pub(super) fn is_awaited(binding: &Binding) -> bool {
    let spec = &binding.spec;
    (spec.replicas > 0 || !spec.components.is_empty())
        && awaited(binding, &binding.status.aggregated_status).next().is_some()
}
