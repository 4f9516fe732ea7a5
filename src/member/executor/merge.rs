//! New work is merged into what is held: only objects that changed are looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::api::manifest::{GroupKind, ObjectKey, PackedManifest};
use crate::member::{DesiredObject, DesiredWork};

use super::{Cause, Executor};

impl Executor {
    /// Makes `work` the newest. Requests on their way end as they began; what they did is compared
    /// with the new work.
    pub(super) fn merge(&mut self, work: &Arc<DesiredWork>) {
        let before = self.work.replace(work.clone());
        let nothing = BTreeMap::new();
        let objects_before = before.as_ref().map_or(&nothing, |before| &before.objects);
        let mut touched = Vec::new();

        for (key, change) in changes(objects_before, &work.objects) {
            match change {
                Change::Set(desired) => {
                    self.gone.remove(key);
                    self.kept.remove(key);
                    let entry = self.entries.entry(key.clone()).or_default();
                    if entry.desired.as_ref().is_none_or(|before| before.work != desired.work) {
                        entry.renew();
                    }
                    entry.desired = Some(desired.clone());
                    entry.leaving = false;
                    if let Some(unusual) = entry.if_unusual() {
                        unusual.leaving_since = None;
                    }
                    if let Some(defined) = defined_kind(key, &desired.manifest) {
                        self.crds.insert(defined, key.clone());
                    }
                }
                Change::Removed => {
                    self.crds.retain(|_, crd| crd != key);
                    if let Some(entry) = self.entries.get_mut(key) {
                        entry.desired = None;
                        entry.renew();
                    }
                    self.dirty.insert(key.clone());
                }
            }
            touched.push(key.clone());
        }
        for key in left_out(work) {
            if self.gone.contains(key) {
                continue;
            }
            let entry = self.entries.entry(key.clone()).or_default();
            if !std::mem::replace(&mut entry.leaving, true) {
                entry.unusual_mut().leaving_since.get_or_insert_with(Instant::now);
                touched.push(key.clone());
            }
        }
        if before.is_some_and(|before| !Arc::ptr_eq(&before.meaning, &work.meaning)) {
            self.look_again();
        }
        let namespaces = self.entries.keys().filter_map(|key| key.namespace.clone()).collect();
        self.namespaces.send_if_modified(|known| {
            let is_news = *known != namespaces;
            *known = namespaces;
            is_news
        });
        self.models.send_if_modified(|models| {
            let is_news = *models != work.models;
            *models = Arc::clone(&work.models);
            is_news
        });
        self.round.is_new = true;
        for key in touched {
            self.consider(&key);
            // Whoever waits for a Namespace or CRD that is no longer in the work need not.
            for waiting in self.queues.blocked_by(&Cause::Foundation(key)) {
                self.consider(&waiting);
            }
        }
    }
}

enum Change<'w> {
    Set(&'w DesiredObject),
    Removed,
}

/// Keys that differ between two works, in order: one walk over both.
fn changes<'w>(
    before: &'w BTreeMap<ObjectKey, DesiredObject>,
    after: &'w BTreeMap<ObjectKey, DesiredObject>,
) -> Vec<(&'w ObjectKey, Change<'w>)> {
    let mut changes = Vec::new();
    let mut before = before.iter().peekable();
    for (key, desired) in after {
        while let Some((removed, _)) = before.next_if(|(other, _)| *other < key) {
            changes.push((removed, Change::Removed));
        }
        match before.next_if(|(other, _)| *other == key) {
            Some((_, same)) if same.work == desired.work => {}
            _ => changes.push((key, Change::Set(desired))),
        }
    }
    changes.extend(before.map(|(removed, _)| (removed, Change::Removed)));
    changes
}

/// Keys that are held and no longer desired: one walk over both.
fn left_out(work: &DesiredWork) -> impl Iterator<Item = &ObjectKey> {
    let mut objects = work.objects.keys().peekable();
    work.held.iter().filter(move |key| {
        while objects.next_if(|other| other < key).is_some() {}
        objects.peek().is_none_or(|other| other != key)
    })
}

/// The kind that a CustomResourceDefinition defines.
fn defined_kind(key: &ObjectKey, manifest: &PackedManifest) -> Option<GroupKind> {
    if &*key.group_kind.kind != "CustomResourceDefinition" {
        return None;
    }
    let manifest = manifest.open();
    let spec = manifest.0.get("spec")?;
    Some(GroupKind {
        group: spec.get("group")?.as_str()?.into(),
        kind: spec.pointer("/names/kind")?.as_str()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use crate::api::manifest::Manifest;
    use crate::api::names::ObjectId;
    use crate::member::meaning::Bundled;

    use super::*;

    fn objects(works: &[(&str, u8)]) -> BTreeMap<ObjectKey, DesiredObject> {
        let object = |(name, work): &(&str, u8)| {
            let key = ObjectKey::new("", "ConfigMap", Some("a"), name);
            let manifest = (&Manifest(serde_json::Map::new())).into();
            (key, DesiredObject { manifest, work: ObjectId::from_bytes([*work; 20]) })
        };
        works.iter().map(object).collect()
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let before = objects(&[("a", 1), ("b", 1), ("d", 1), ("e", 1)]);
        let after = objects(&[("b", 1), ("c", 1), ("d", 2)]);
        let names: Vec<String> = changes(&before, &after)
            .into_iter()
            .map(|(key, change)| match change {
                Change::Set(_) => format!("+{}", key.name),
                Change::Removed => format!("-{}", key.name),
            })
            .collect();
        assert_eq!(names, ["-a", "+c", "+d", "-e"]);
    }

    #[test]
    fn what_is_held_and_not_desired_is_left_out() {
        let work = DesiredWork {
            source: ObjectId::from_bytes([0; 20]),
            commit: ObjectId::from_bytes([0; 20]),
            objects: objects(&[("b", 1), ("d", 1)]),
            held: objects(&[("a", 1), ("b", 1), ("c", 1), ("e", 1)]).into_keys().collect(),
            leaves: false,
            models: Arc::default(),
            meaning: Arc::new(Bundled),
        };
        let names: Vec<&str> = left_out(&work).map(|key| &*key.name).collect();
        assert_eq!(names, ["a", "c", "e"]);
    }
}
