//! What every decision of one plan looks at: the fleet's policies and clusters, indexed.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Inputs;
use super::clusters::{ClusterState, snapshot};
use super::policies::{Policy, PolicyIndex};
use super::rendered::blob_id;
use crate::api::manifest::ObjectKey;
use crate::api::names::{ClusterName, ObjectId};
use crate::api::settings::NamespaceTargets;
use crate::fleet::{Fleet, Template};
use crate::interpret::{Interpreter, NoAnswer};
use crate::overrides::{OverrideIndex, OverridePolicies};
use crate::schedule::{Profile, Snapshot};
use crate::status::Reports;

/// The classes that every Kubernetes has.
const SYSTEM_PRIORITY_CLASSES: [(&str, i32); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// The PriorityClasses of the source, by name.
fn classes_of(fleet: &Fleet) -> impl Iterator<Item = (&ObjectKey, &Template)> {
    let first = ObjectKey::new("scheduling.k8s.io", "PriorityClass", None, "");
    let kind = first.group_kind.clone();
    fleet.templates.range(first..).take_while(move |(key, _)| key.group_kind == kind)
}

/// Values of the PriorityClasses that a policy may name: those of the source, and Kubernetes' own.
#[must_use]
pub fn priority_classes(fleet: &Fleet) -> BTreeMap<&str, i32> {
    let mut classes = BTreeMap::from(SYSTEM_PRIORITY_CLASSES);
    for (key, class) in classes_of(fleet) {
        let value = class.manifest.open().0.get("value").and_then(serde_json::Value::as_i64);
        let value = value.and_then(|value| i32::try_from(value).ok());
        classes.extend(value.map(|value| (&*key.name, value)));
    }
    classes
}

/// The surroundings of one plan.
pub(super) struct World<'a> {
    /// Which policy a template gets.
    pub(super) policies: PolicyIndex<'a>,
    overrides: OverrideIndex<'a>,
    override_names: BTreeSet<(Option<&'a str>, &'a str)>,
    /// The plugins of the scheduler that take part.
    pub(super) profile: Profile,
    /// Values of the PriorityClasses that a policy may name.
    priority_classes: BTreeMap<&'a str, i32>,
    /// The clusters of the fleet, with what is known of each.
    pub(super) clusters: &'a BTreeMap<ClusterName, Arc<ClusterState>>,
    /// What the executors report of their clusters and of the objects in them.
    pub(super) reports: &'a Reports,
    /// Who says what a template means.
    pub(super) interpreter: &'a dyn Interpreter,
    /// Changes iff its answers may.
    pub(super) interpreter_basis: ObjectId,
    /// Whether an answer that was wanted may come later.
    asked_in_vain: Cell<bool>,
    /// The instant of the plan.
    pub(super) now: Timestamp,
    /// Changes iff a policy, a user's rule for a kind, or something about a cluster that decisions look at,
    /// changes.
    pub(super) basis: ObjectId,
}

impl<'a> World<'a> {
    pub(super) fn new(
        inputs: &Inputs<'a>,
        clusters: &'a BTreeMap<ClusterName, Arc<ClusterState>>,
    ) -> Self {
        let Inputs { fleet, reports, interpreter, now, .. } = *inputs;
        let mut ids = Vec::new();
        let policies: Vec<Policy<'a>> = Policy::all(fleet).collect();
        ids.extend(policies.iter().map(|policy| policy.id));

        let mut override_names = BTreeSet::new();
        for ((namespace, name), policy) in &fleet.override_policies {
            ids.push(policy.id);
            override_names.insert((Some(&**namespace), &**name));
        }
        for (name, policy) in &fleet.cluster_override_policies {
            ids.push(policy.id);
            override_names.insert((None, &**name));
        }
        ids.extend(clusters.values().map(|state| state.basis));
        let interpreter_basis = interpreter.basis();
        ids.push(interpreter_basis);
        let scheduler = &fleet.settings.scheduler;
        let profile = serde_json::to_vec(scheduler).expect("names and numbers have a JSON form");
        ids.push(blob_id(&profile));
        ids.push(blob_id(&[u8::from(fleet.settings.namespaces.targets == NamespaceTargets::All)]));
        ids.extend(classes_of(fleet).map(|(_, class)| class.id));
        let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
        Self {
            policies: PolicyIndex::new(policies),
            overrides: OverrideIndex::new(fleet),
            override_names,
            // A profile that names what there is not does not validate.
            profile: Profile::new(scheduler).unwrap_or_default(),
            priority_classes: priority_classes(fleet),
            clusters,
            reports,
            interpreter,
            interpreter_basis,
            asked_in_vain: Cell::new(false),
            now,
            basis: blob_id(&bytes),
        }
    }

    /// Notes that a question had no answer.
    pub(super) fn asked_in_vain(&self, no_answer: &NoAnswer) {
        self.asked_in_vain.set(self.asked_in_vain.get() || no_answer.is_passing);
    }

    /// Whether some answer was missing since this was last asked, that the next plan may get.
    pub(super) fn take_asked_in_vain(&self) -> bool {
        self.asked_in_vain.take()
    }

    /// The members as the scheduler sees them.
    pub(super) fn snapshot(&self) -> Snapshot<'a> {
        snapshot(self.clusters)
    }

    /// The place of a policy's bindings in the order of decisions.
    ///
    /// # Errors
    /// The name of the priority class that the source does not have.
    pub(super) fn priority(&self, policy: &Policy<'a>) -> Result<Option<i32>, &'a str> {
        let Some(wanted) = &policy.spec.schedule_priority else { return Ok(None) };
        let name = wanted.priority_class_name.as_str();
        self.priority_classes.get(name).copied().map(Some).ok_or(name)
    }

    /// The override policies for objects of `namespace`.
    pub(super) fn overrides_for(&self, namespace: Option<&str>) -> OverridePolicies<'_> {
        self.overrides.of(namespace)
    }

    /// The first override policy that `policy` wants to exist and that does not.
    pub(super) fn missing_override(&self, policy: &Policy<'a>) -> Option<&'a str> {
        policy
            .spec
            .dependent_overrides
            .iter()
            .map(String::as_str)
            .find(|name| !self.override_names.contains(&(policy.namespace, *name)))
    }
}
