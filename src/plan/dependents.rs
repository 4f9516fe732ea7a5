//! What goes along: templates that others refer to and cannot run without (`propagateDeps`,
//! `spec/placement.md` §2.4).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::binding::Binding;
use super::decide::{Case, attach};
use super::reserved::why_reserved;
use super::turns::Round;
use crate::api::binding::BindingSnapshot;
use crate::api::manifest::{ObjectKey, group_of};
use crate::api::propagation_policy::ConflictResolution;
use crate::api::selector::Selectable as _;
use crate::fleet::Fleet;
use crate::interpret::Dependency;

/// Who takes a template along, and on which terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attachment {
    /// The bindings that need it and where they run, by namespace and name.
    pub(super) required_by: Vec<BindingSnapshot>,
    /// Overwrite if one of them says so.
    pub(super) conflict_resolution: ConflictResolution,
    /// Whether one of them says so; `None` when nobody needs it.
    pub(super) preserve_resources_on_deletion: Option<bool>,
    /// Where those who need it disagree.
    pub(super) notes: Vec<String>,
}

impl Attachment {
    /// How a binding is attached.
    pub(super) fn of(binding: &Binding) -> Self {
        let spec = &binding.spec;
        Self {
            required_by: spec.required_by.clone(),
            conflict_resolution: spec.conflict_resolution,
            preserve_resources_on_deletion: spec.preserve_resources_on_deletion,
            notes: binding.reasons.notes.clone(),
        }
    }

    /// Who takes it along, for a person.
    pub(super) fn told(&self) -> String {
        let name = |one: &BindingSnapshot| match &one.namespace {
            Some(namespace) => format!("{namespace}/{}", one.name),
            None => one.name.clone(),
        };
        let names: Vec<String> = self.required_by.iter().map(name).collect();
        format!("it goes along with what needs it: binding {}", names.join(", "))
    }

    fn new(needed_by: &[&Binding]) -> Self {
        let snapshot = |binding: &&Binding| BindingSnapshot {
            namespace: binding.metadata.namespace.clone(),
            name: binding.metadata.name.clone(),
            clusters: binding.spec.clusters.clone(),
        };
        let overwrites =
            |binding: &&&Binding| binding.spec.conflict_resolution == ConflictResolution::Overwrite;
        let preserves =
            |binding: &&&Binding| binding.spec.preserve_resources_on_deletion == Some(true);
        let n_overwrite = needed_by.iter().filter(overwrites).count();
        let n_preserve = needed_by.iter().filter(preserves).count();
        let mut notes = Vec::new();
        if !matches!(n_overwrite, 0) && n_overwrite < needed_by.len() {
            notes.push(disputed("conflictResolution", "Overwrite"));
        }
        if !matches!(n_preserve, 0) && n_preserve < needed_by.len() {
            notes.push(disputed("preserveResourcesOnDeletion", "true"));
        }
        let conflict_resolution = if n_overwrite > 0 {
            ConflictResolution::Overwrite
        } else {
            ConflictResolution::default()
        };
        Self {
            required_by: needed_by.iter().map(snapshot).collect(),
            conflict_resolution,
            preserve_resources_on_deletion: (!needed_by.is_empty()).then_some(n_preserve > 0),
            notes,
        }
    }
}

fn disputed(field: &str, winner: &str) -> String {
    format!(
        "DependencyPolicyConflict: what needs it is of policies that disagree on {field}; \
         `{winner}` is taken: set it alike in all of them"
    )
}

/// Whether a binding is there only because others need its template: it has no clusters of its own. (A
/// Namespace has no placement either, and is everywhere.)
pub(super) fn is_attached(binding: &Binding) -> bool {
    let spec = &binding.spec;
    spec.placement.is_none() && spec.clusters.is_empty() && !spec.required_by.is_empty()
}

impl Round<'_, '_> {
    /// Sends along what the decisions of this plan refer to, and calls back what none refers to any
    /// more.
    pub(super) fn send_along(&mut self) {
        let fleet = self.inputs.fleet;
        if !self.memo.is_along_in_doubt(&fleet.templates) {
            return;
        }
        let mut needed_by: BTreeMap<&ObjectKey, Vec<Rc<Binding>>> = BTreeMap::new();
        let mut attached: BTreeSet<&ObjectKey> = BTreeSet::new();
        let mut does_select = false;
        for (key, planned) in self.memo.along() {
            let Some((key, _)) = fleet.templates.get_key_value(key) else { continue };
            let binding = Rc::new(planned.binding());
            if !binding.spec.required_by.is_empty() {
                attached.insert(key);
            }
            if binding.spec.clusters.is_empty() {
                continue;
            }
            does_select |= planned.dependencies.iter().any(|one| one.label_selector.is_some());
            let found: BTreeSet<&ObjectKey> =
                planned.dependencies.iter().flat_map(|one| referred_to(fleet, one)).collect();
            // What is reserved runs nowhere, whoever needs it.
            let goes = |dependent: &&ObjectKey| {
                *dependent != key
                    && why_reserved(&fleet.templates[*dependent].manifest.open()).is_none()
            };
            for dependent in found.into_iter().filter(goes) {
                needed_by.entry(dependent).or_default().push(Rc::clone(&binding));
            }
        }
        let mut changed = Vec::new();
        attached.extend(needed_by.keys());
        for key in attached {
            let needed_by = needed_by.remove(key).unwrap_or_default();
            let mut needed_by: Vec<&Binding> = needed_by.iter().map(|one| &**one).collect();
            needed_by.sort_by_key(|one| (&one.metadata.namespace, &one.metadata.name));
            let binding = self.memo.decided(key).map(|planned| planned.binding());
            if !binding.is_some_and(|binding| is_as_wanted(&binding, &needed_by)) {
                changed.push((key, Attachment::new(&needed_by)));
            }
        }
        for (key, wanted) in changed {
            let template = &fleet.templates[key];
            let previous = self.inputs.previous.bindings.get(key);
            let case = Case::new(key, template, previous);
            let decided = self.memo.decided(key).cloned();
            let outcome = attach(self.world, &case, decided.as_deref(), &wanted);
            self.note_if_in_vain(key);
            self.memo.keep(key, template.id, outcome);
        }
        self.memo.along_is_settled(does_select);
    }
}

/// Whether a binding goes along with these, by namespace and name, and on their terms.
fn is_as_wanted(binding: &Binding, needed_by: &[&Binding]) -> bool {
    let is_snapshot_of = |(snapshot, needed_by): (&BindingSnapshot, &&Binding)| {
        snapshot.name == needed_by.metadata.name
            && snapshot.namespace == needed_by.metadata.namespace
            && snapshot.clusters == needed_by.spec.clusters
    };
    let required_by = &binding.spec.required_by;
    required_by.len() == needed_by.len()
        && required_by.iter().zip(needed_by).all(is_snapshot_of)
        && (!is_attached(binding) || Attachment::of(binding) == Attachment::new(needed_by))
}

/// The templates of the fleet that a reference means: the one of its name, or all of its labels.
fn referred_to<'f>(fleet: &'f Fleet, reference: &Dependency) -> Vec<&'f ObjectKey> {
    let group = group_of(&reference.api_version);
    // A template may leave the namespace `default` out.
    let namespaces = match reference.namespace.as_deref() {
        None | Some("default") => [None, Some("default")].as_slice(),
        named => &[named],
    };
    let mut found = Vec::new();
    for namespace in namespaces {
        let first = ObjectKey::new(group, &reference.kind, *namespace, &reference.name);
        if !reference.name.is_empty() {
            found.extend(fleet.templates.get_key_value(&first).map(|(key, _)| key));
        } else if let Some(selector) = &reference.label_selector {
            let is_next = |key: &ObjectKey| {
                (&key.group_kind, &key.namespace) == (&first.group_kind, &first.namespace)
            };
            let of_kind = fleet.templates.range(&first..).take_while(|(key, _)| is_next(key));
            let selected = of_kind.filter(|(_, template)| template.is_labelled(selector));
            found.extend(selected.map(|(key, _)| key));
        }
    }
    found
}
