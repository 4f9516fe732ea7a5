//! Namespaces that no policy selects (`spec/placement.md` §5.6): to every member as in Karmada, or only
//! where something in them runs.

use std::collections::{BTreeMap, BTreeSet};

use super::binding::Binding;
use super::choose::record_success;
use super::decide::{Case, Outcome, carry_over};
use super::finish::{finish, make_works};
use super::previous::Remembered;
use super::reserved::is_reserved_namespace;
use super::turns::Round;
use super::world::World;
use super::{PlannedBinding, explain};
use crate::api::binding::TargetCluster;
use crate::api::manifest::ObjectKey;
use crate::api::marks;
use crate::api::names::ClusterName;
use crate::api::propagation_policy::ConflictResolution;
use crate::api::settings::NamespaceTargets;
use crate::fleet::Template;

/// Whether a Namespace goes to members without a policy.
pub(super) fn is_spread(case: &Case<'_>) -> bool {
    let template = &case.template;
    let skips = template
        .label(marks::SKIP_AUTO_PROPAGATION)
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    (template.api_version(), template.kind()) == ("v1", "Namespace")
        && template.name() != "default"
        && !is_reserved_namespace(template.name())
        && !skips
}

/// Places it in every member. Where only those count that need it, [`Round::narrow_namespaces`] follows.
pub(super) fn place_everywhere(world: &World<'_>, case: &Case<'_>) -> Outcome {
    let everywhere = world.clusters.iter().filter(|(_, state)| !state.cluster.is_leaving());
    let names = everywhere.map(|(name, _)| name);
    place(world, case, names, "every Namespace goes to every member")
}

fn place<'c>(
    world: &World<'_>,
    case: &Case<'_>,
    clusters: impl Iterator<Item = &'c ClusterName>,
    why: &str,
) -> Outcome {
    let mut binding = Binding::new(case.key, &case.template);
    binding.spec.resource.resource_version = Some(case.id.to_string());
    carry_over(&mut binding, case);
    binding.spec.conflict_resolution = ConflictResolution::Overwrite;
    binding.spec.clusters = clusters.map(|name| TargetCluster::new(name.clone(), 0)).collect();
    why.clone_into(&mut binding.reasons.policy);
    record_success(&mut binding, case.before.as_ref(), world.now);
    explain::without_policy(&mut binding, why);
    let works = make_works(world, case, &mut binding);
    Outcome::Bound(finish(world, case, &mut binding, works, None))
}

const WHERE_NEEDED: &str = "a Namespace goes where something in it runs, and stays where it is";

impl Round<'_, '_> {
    /// Takes Namespaces back to where something in them is to run, if the settings say so.
    ///
    /// From where it runs already it is not taken away: what people keep in it would go with it, and a
    /// workload that moves back and forth would ask for a word each time.
    pub(super) fn narrow_namespaces(&mut self) {
        let fleet = self.inputs.fleet;
        if fleet.settings.namespaces.targets != NamespaceTargets::WhereNeeded {
            return;
        }
        let mut needed: BTreeMap<&str, BTreeSet<&ClusterName>> = BTreeMap::new();
        for (key, planned) in self.memo.bindings() {
            if let Some(namespace) = key.namespace.as_deref() {
                needed.entry(namespace).or_default().extend(planned.works.keys());
            }
        }
        let mut narrowed = Vec::new();
        for (key, template) in namespaces(&fleet.templates) {
            let previous = self.inputs.previous.bindings.get(key);
            let case = Case::new(key, template, previous);
            let is_selected = || self.world.policies.select(&case.template).is_some();
            if !is_spread(&case) || is_selected() {
                continue;
            }
            let mut wanted = needed.remove(&*key.name).unwrap_or_default();
            let is_there = |name: &&ClusterName| {
                self.world.clusters.get(*name).is_some_and(|state| !state.cluster.is_leaving())
            };
            let before = previous.into_iter().flat_map(Remembered::works).map(|(name, _)| name);
            wanted.extend(before.filter(is_there));
            if self.memo.decided(key).is_none_or(|planned| !is_placed(planned, &wanted)) {
                let outcome = place(self.world, &case, wanted.into_iter(), WHERE_NEEDED);
                narrowed.push((key, template.id, outcome));
            }
        }
        for (key, id, outcome) in narrowed {
            self.note_if_in_vain(key);
            self.memo.keep(key, id, outcome);
        }
    }
}

fn is_placed(planned: &PlannedBinding, wanted: &BTreeSet<&ClusterName>) -> bool {
    let binding = planned.binding();
    let clusters = &binding.spec.clusters;
    binding.reasons.policy == WHERE_NEEDED
        && clusters.iter().map(|one| &one.name).eq(wanted.iter().copied())
}

fn namespaces(
    templates: &BTreeMap<ObjectKey, Template>,
) -> impl Iterator<Item = (&ObjectKey, &Template)> {
    let first = ObjectKey::new("", "Namespace", None, "");
    let kind = first.group_kind.clone();
    templates.range(first..).take_while(move |(key, _)| key.group_kind == kind)
}
