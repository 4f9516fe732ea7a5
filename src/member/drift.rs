//! Drift, decided without a schema: who owns the fields that we want.
//!
//! After a server-side apply, the live object's `metadata.managedFields` names every field that we
//! set under our field manager. When another actor changes or removes one, the API server takes
//! it from our entry. So the object has drifted exactly when a leaf of the desired object is not
//! in our entry: no defaults, no normalised quantities and no webhook's additions can fool it.

use serde_json::{Map, Value};

use crate::api::manifest::Manifest;
use crate::api::marks::FIELD_MANAGER;

/// Fields that identify the object or belong to the server: never in `managedFields`.
const UNOWNED_METADATA: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "selfLink",
    "managedFields",
];

/// Field managers that scale workloads by what they measure: the controller of HorizontalPodAutoscalers
/// by itself, in the controller manager, or in the one program of k3s and of MicroK8s, and KEDA, which
/// takes a workload from and to 0 before and behind the HorizontalPodAutoscaler that it makes.
const AUTOSCALERS: [&str; 5] =
    ["horizontal-pod-autoscaler", "k3s", "keda", "kube-controller-manager", "kubelite"];

/// Whether we ever applied `live`.
pub fn is_ours(live: &Value) -> bool {
    our_fields(live).is_some()
}

/// Paths of the fields of `desired` that we no longer own in `live`, e.g. `.spec.replicas`, in
/// order; empty when nothing has drifted. All of them when we never applied the object.
pub fn uncovered(desired: &Manifest, live: &Value) -> Vec<String> {
    let nothing = Value::Object(Map::new());
    let owned = our_fields(live).unwrap_or(&nothing);
    let mut walk = Walk { path: String::new(), lost: Vec::new() };
    for (key, value) in &desired.0 {
        match (key.as_str(), value) {
            ("apiVersion" | "kind" | "status", _) => {}
            ("metadata", Value::Object(metadata)) => {
                let none = Value::Object(Map::new());
                let owned = owned.get("f:metadata").unwrap_or(&none);
                walk.within(".metadata", |walk| {
                    for (key, value) in metadata {
                        if !UNOWNED_METADATA.contains(&key.as_str()) {
                            walk.field(key, value, owned);
                        }
                    }
                });
            }
            (key, value) => walk.field(key, value, owned),
        }
    }
    walk.lost
}

/// Who owns the field at `path` (as [`uncovered`] names it) in `live`, other than us: the managers'
/// names, in order. Empty when nobody does, as after a removal.
pub fn owners_of(live: &Value, path: &str) -> Vec<String> {
    let mut found: Vec<String> = entries(live)
        .filter(|entry| text(entry, "manager") != FIELD_MANAGER)
        .filter(|entry| entry.get("fieldsV1").is_some_and(|fields| holds(fields, path)))
        .map(|entry| text(entry, "manager").to_owned())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The manager, other than us, that wrote to `live` last.
pub fn last_writer(live: &Value) -> Option<String> {
    entries(live)
        .filter(|entry| text(entry, "manager") != FIELD_MANAGER)
        .filter(|entry| text(entry, "subresource") != "status")
        .max_by_key(|entry| text(entry, "time"))
        .map(|entry| text(entry, "manager").to_owned())
}

/// The autoscaler that owns `spec.replicas` of `live`, if one does: a manager of `AUTOSCALERS` that
/// wrote it through the `scale` subresource. Whoever else writes there (`kubectl scale`, a dashboard, a
/// script) does what a person does, and that is drift.
pub fn autoscaler(live: &Value) -> Option<&'static str> {
    let mut managers = entries(live)
        .filter(|entry| text(entry, "subresource") == "scale")
        .filter(|entry| entry.pointer("/fieldsV1/f:spec/f:replicas").is_some())
        .map(|entry| text(entry, "manager"));
    managers.find_map(|manager| AUTOSCALERS.into_iter().find(|known| *known == manager))
}

fn entries(live: &Value) -> impl Iterator<Item = &Value> {
    live.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(entry: &'v Value, key: &str) -> &'v str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn our_fields(live: &Value) -> Option<&Value> {
    entries(live)
        .find(|entry| {
            text(entry, "manager") == FIELD_MANAGER
                && text(entry, "operation") == "Apply"
                && text(entry, "subresource").is_empty()
        })
        .and_then(|entry| entry.get("fieldsV1"))
}

struct Walk {
    path: String,
    lost: Vec<String>,
}

impl Walk {
    fn within(&mut self, step: &str, walk: impl FnOnce(&mut Self)) {
        let len = self.path.len();
        self.path.push_str(step);
        walk(self);
        self.path.truncate(len);
    }

    fn field(&mut self, key: &str, value: &Value, owned: &Value) {
        self.within(&format!(".{key}"), |walk| match owned.get(format!("f:{key}")) {
            Some(owned) => walk.value(value, owned),
            None if is_nothing(value) => {}
            None => walk.lost.push(walk.path.clone()),
        });
    }

    /// `owned` is the node of `value` itself: it is owned, what is below it may not be.
    fn value(&mut self, value: &Value, owned: &Value) {
        let Some(below) = owned.as_object().filter(|node| node.keys().any(|key| key != ".")) else {
            return; // a leaf of the set: a scalar, or an atomic map or list with all below it
        };
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.field(key, value, owned);
                }
            }
            Value::Array(items) => {
                for (idx, item) in items.iter().enumerate() {
                    self.item(idx, item, below);
                }
            }
            _ => {}
        }
    }

    fn item(&mut self, idx: usize, item: &Value, below: &Map<String, Value>) {
        let mut closest: Option<Vec<String>> = None;
        for (step, owned) in below {
            let hit = match step.split_once(':') {
                Some(("k", keys)) => keys_match(keys, item),
                Some(("v", value)) => {
                    serde_json::from_str::<Value>(value).is_ok_and(|v| v == *item)
                }
                Some(("i", at)) => at.parse() == Ok(idx),
                _ => false,
            };
            if !hit {
                continue;
            }
            let mut walk = Self { path: format!("{}[{idx}]", self.path), lost: Vec::new() };
            walk.value(item, owned);
            if walk.lost.is_empty() {
                return;
            }
            if closest.as_ref().is_none_or(|lost| walk.lost.len() < lost.len()) {
                closest = Some(walk.lost);
            }
        }
        self.lost.extend(closest.unwrap_or_else(|| vec![format!("{}[{idx}]", self.path)]));
    }
}

/// Whether the item of a keyed list is the one with these keys. A key that the item does not have
/// was defaulted by the server (`protocol` of a port), so it matches.
fn keys_match(keys: &str, item: &Value) -> bool {
    let Ok(Value::Object(keys)) = serde_json::from_str(keys) else { return false };
    let named = keys.iter().filter_map(|(key, value)| Some((item.get(key)?, value)));
    let mut n_named = 0;
    for (have, want) in named {
        if have != want {
            return false;
        }
        n_named += 1;
    }
    n_named > 0
}

/// An empty map or list, or `null`: there is nothing below that anyone could take away.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(Value::is_null),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether a set of fields holds `path`. Items of lists are taken as held when any item of that
/// list is: good enough to name the other party.
fn holds(fields: &Value, path: &str) -> bool {
    let Some(rest) = path.strip_prefix('.') else {
        let Some((_, rest)) = path.split_once(']') else { return true };
        let below = fields.as_object().into_iter().flatten();
        return below.filter(|(step, _)| !step.starts_with("f:")).any(|(_, f)| holds(f, rest));
    };
    // Keys of labels and annotations hold dots, so the step is found by what the set has.
    let Some(node) = fields.as_object().filter(|node| !node.is_empty()) else { return true };
    node.iter().any(|(step, below)| {
        let after = step.strip_prefix("f:").and_then(|key| rest.strip_prefix(key));
        after.is_some_and(|after| match after.bytes().next() {
            None => true,
            Some(b'.' | b'[') => holds(below, after),
            Some(_) => false,
        })
    })
}

#[cfg(test)]
mod tests;
