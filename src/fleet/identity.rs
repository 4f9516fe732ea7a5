//! Names of what an object says, by its content.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha1::{Digest, Sha1};

use crate::api::manifest::Manifest;
use crate::api::marks;
use crate::api::names::ObjectId;

/// SHA-1 of an object as JSON with sorted keys.
pub(super) fn content_id(json: &[u8]) -> ObjectId {
    ObjectId::from_bytes(Sha1::digest(json).into())
}

/// Changes iff what the template asks for does: all but `metadata` and `status`. `None` for what has no
/// `spec`.
pub(super) fn desired_id(manifest: &Manifest) -> Option<ObjectId> {
    manifest.0.get("spec")?;
    let fields = manifest.0.iter();
    let desired: BTreeMap<&String, &Value> =
        fields.filter(|(field, _)| !matches!(field.as_str(), "metadata" | "status")).collect();
    let bytes = serde_json::to_vec(&desired).expect("a map with text keys is JSON");
    Some(ObjectId::from_bytes(Sha1::digest(&bytes).into()))
}

/// The id that a template would have without the labels and annotations that only tell Karmada, or
/// git-fleet, what to do with it; `None` when it has none of them (`spec/placement.md` §1.8).
#[must_use]
pub fn plain_id(manifest: &Manifest) -> Option<ObjectId> {
    let metadata = manifest.0.get("metadata")?.as_object()?;
    let has_marks = |field: &str| {
        let map = metadata.get(field).and_then(Value::as_object);
        map.is_some_and(|map| map.keys().any(|key| is_mark(field, key)))
    };
    if !has_marks("labels") && !has_marks("annotations") {
        return None;
    }
    let mut plain = manifest.clone();
    let metadata = plain.metadata_mut();
    for field in ["labels", "annotations"] {
        let Some(map) = metadata.get_mut(field).and_then(Value::as_object_mut) else { continue };
        map.retain(|key, _| !is_mark(field, key));
        if Map::is_empty(map) {
            metadata.remove(field);
        }
    }
    Some(content_id(&plain.json()))
}

/// Whether Namespaces go to every member is part of what they are.
fn is_mark(field: &str, key: &str) -> bool {
    let is_part = field == "labels" && key == marks::SKIP_AUTO_PROPAGATION;
    !is_part && (key.contains(".karmada.io") || key.starts_with("git-fleet.io/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(metadata: &str) -> Manifest {
        let text = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {metadata}}}");
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn marks_do_not_count_and_all_else_does() {
        let bare = template("{name: a}");
        assert_eq!(plain_id(&bare), None);
        let id = content_id(&bare.json());
        let marked = "{name: a, labels: {resourcetemplate.karmada.io/retain-replicas: 'true'},
            annotations: {work.karmada.io/conflict-resolution: overwrite}}";
        assert_eq!(plain_id(&template(marked)), Some(id));
        let labelled = template("{name: a, labels: {app: shop}}");
        assert_eq!(plain_id(&labelled), None);
        let both = "{name: a, labels: {app: shop, policy.karmada.io/x: y}}";
        assert_eq!(plain_id(&template(both)), Some(content_id(&labelled.json())));
        let skip =
            template("{name: a, labels: {namespace.karmada.io/skip-auto-propagation: 'true'}}");
        assert_eq!(plain_id(&skip), None);
    }
}
