//! What bindings of one plan need to know of each other: capacity that others have taken and no
//! report shows yet, and where the other workloads of a group run.
//!
//! Bindings that are decided on anew take their turn by priority, the highest first, then by group
//! and kind, namespace and name; each sees the decisions before it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::binding::Binding;
use super::previous::{Previous, Remembered};
use crate::api::binding::TargetCluster;
use crate::api::manifest::ObjectKey;
use crate::api::names::ClusterName;
use crate::api::report::Health;
use crate::schedule::{Companions, Snapshot};

/// How long after a decision replicas that are not reported count as taken; then something keeps
/// them from being made, and the room is free.
const AWAITED: SignedDuration = SignedDuration::from_mins(5);

/// Replicas of a decision that the cluster does not report yet.
fn awaited(binding: &Binding) -> impl Iterator<Item = (&TargetCluster, i64)> {
    let items = &binding.status.aggregated_status;
    binding.spec.clusters.iter().filter_map(move |target| {
        let item = items.iter().find(|item| item.cluster_name == target.name);
        if item.is_some_and(|item| item.applied && item.health == Health::Healthy) {
            return None;
        }
        let there =
            item.and_then(|item| item.status.as_ref()?.get("replicas")?.as_i64()).unwrap_or(0);
        let left = i64::from(target.replicas) - there;
        (left > 0).then_some((target, left))
    })
}

/// What the bindings of a plan see of each other.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    groups: BTreeMap<Group, BTreeMap<ObjectKey, BTreeSet<ClusterName>>>,
    /// When the first of the replicas that are waited for no longer count.
    pub(super) until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    namespace: String,
    is_affinity: bool,
    name: String,
}

impl Rivals {
    /// What the previous decisions on templates that are still there left, taken off `snapshot`.
    pub(super) fn new(
        previous: &Previous,
        is_there: impl Fn(&ObjectKey) -> bool,
        snapshot: &mut Snapshot<'_>,
        now: Timestamp,
    ) -> Self {
        let mut rivals = Self::default();
        for (key, remembered) in &previous.bindings {
            let binding = remembered.binding();
            let is_awaited = remembered.is_awaited();
            if !(is_awaited || binding.spec.workload_affinity_groups.is_some()) || !is_there(key) {
                continue;
            }
            rivals.join(key, binding);
            let since = binding.status.last_scheduled_time;
            let until = since.map(|since| since + AWAITED).filter(|until| *until > now);
            let Some(until) = until.filter(|_| is_awaited) else { continue };
            rivals.until = Some(rivals.until.map_or(until, |earlier| earlier.min(until)));
            for (target, replicas) in awaited(binding) {
                let requirements = binding.spec.replica_requirements.as_ref();
                snapshot.assume(&target.name, requirements, replicas);
            }
        }
        rivals
    }

    /// Takes note of a new decision: what it added is taken off `snapshot`.
    pub(super) fn decided(
        &mut self,
        key: &ObjectKey,
        binding: &Binding,
        previous: Option<&Remembered>,
        snapshot: &mut Snapshot<'_>,
    ) {
        let before = previous.map(|previous| &previous.binding().spec.clusters);
        if before != Some(&binding.spec.clusters) {
            for target in &binding.spec.clusters {
                let mut old = before.into_iter().flatten();
                let old = old.find(|old| old.name == target.name).map_or(0, |old| old.replicas);
                let added = i64::from(target.replicas) - i64::from(old);
                if added > 0 {
                    let requirements = binding.spec.replica_requirements.as_ref();
                    snapshot.assume(&target.name, requirements, added);
                }
            }
        }
        self.join(key, binding);
    }

    fn join(&mut self, key: &ObjectKey, binding: &Binding) {
        for group in groups(key, binding) {
            let members = self.groups.entry(group).or_default();
            let clusters = binding.spec.clusters.iter().map(|target| target.name.clone());
            members.insert(key.clone(), clusters.collect());
        }
    }

    /// Where the other workloads of the binding's groups run.
    pub(super) fn companions(&self, key: &ObjectKey, binding: &Binding) -> Companions {
        let mut companions = Companions::default();
        for group in groups(key, binding) {
            let is_affinity = group.is_affinity;
            let members = self.groups.get(&group);
            let others = members.into_iter().flatten().filter(|(other, _)| *other != key);
            for (_, clusters) in others.filter(|(_, clusters)| !clusters.is_empty()) {
                if !is_affinity {
                    companions.apart.extend(clusters.iter().cloned());
                } else if let Some(together) = &mut companions.together {
                    together.retain(|name| clusters.contains(name));
                } else {
                    companions.together = Some(clusters.clone());
                }
            }
        }
        companions
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
    binding.spec.replicas > 0 && awaited(binding).next().is_some()
}
