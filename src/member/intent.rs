//! What is sent to the API server for one object, and in which order.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use crate::api::manifest::{GroupKind, Manifest};
use crate::api::marks::{self, CONFLICT_RESOLUTION, SOURCE_COMMIT, WORK};
use crate::api::names::ObjectId;

/// Metadata that the server writes; an apply that carries it is refused or pointless.
const SERVERS_METADATA: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
];

/// What we want of the object: no nulls, nothing that the server writes, a Secret's `stringData`
/// as `data`, so that what is compared with the live object is what it can have. Most manifests are that
/// already, and are looked at with each event of their object.
pub fn wanted(manifest: &Manifest) -> Cow<'_, Manifest> {
    if is_wanted(manifest) {
        return Cow::Borrowed(manifest);
    }
    let mut wanted = manifest.clone();
    wanted.0.remove("status");
    let metadata = wanted.metadata_mut();
    for key in SERVERS_METADATA {
        metadata.remove(key);
    }
    if manifest.is_secret() {
        encode_string_data(&mut wanted.0);
    }
    drop_nulls(&mut wanted.0);
    Cow::Owned(wanted)
}

fn is_wanted(manifest: &Manifest) -> bool {
    let Manifest(map) = manifest;
    let metadata = map.get("metadata").and_then(Value::as_object);
    let is_server_s = |metadata: &Map<String, Value>| {
        SERVERS_METADATA.iter().any(|key| metadata.contains_key(*key))
    };
    !map.contains_key("status")
        && !map.contains_key("stringData")
        && !metadata.is_some_and(is_server_s)
        && !map.values().any(has_null)
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().any(has_null),
        Value::Array(items) => items.iter().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The body of the apply: [`wanted`] with the marks that say where it comes from.
pub fn body(manifest: &Manifest, source: ObjectId, work: ObjectId) -> Manifest {
    let mut body = wanted(manifest).into_owned();
    body.set_annotation(SOURCE_COMMIT, &source.to_string());
    body.set_annotation(WORK, &work.to_string());
    body
}

/// A resource version that no object has: storages count their writes, and none counts so far.
const NO_VERSION: i64 = i64::MAX;

/// Makes `body` one that an API server takes only where there is no such object: it does not look at the version
/// of what it makes. What is there has another version, is answered with a conflict, and stays as it is.
pub fn only_where_absent(body: &mut Manifest) {
    body.metadata_mut().insert("resourceVersion".to_owned(), NO_VERSION.to_string().into());
}

/// Gives `retained` the marks of `desired` and no others: what a member keeps of its live object is
/// not ours to be found by.
pub fn keep_marks(retained: &mut Manifest, desired: &Manifest) {
    let metadata = desired.0.get("metadata");
    for field in ["labels", "annotations"] {
        let of_desired = metadata.and_then(|metadata| metadata.get(field)?.as_object());
        let marks: Vec<(&String, &Value)> =
            of_desired.into_iter().flatten().filter(|(key, _)| marks::is_mark(key)).collect();
        let slot = retained.metadata_mut().entry(field).or_insert(Value::Null);
        if let Value::Object(kept) = slot {
            kept.retain(|key, _| !marks::is_mark(key));
        } else {
            *slot = Value::Object(Map::new());
        }
        let kept = slot.as_object_mut().expect("made an object above");
        kept.extend(marks.into_iter().map(|(key, value)| (key.clone(), value.clone())));
        if kept.is_empty() {
            retained.metadata_mut().remove(field);
        }
    }
}

/// Leaves the number of replicas to the autoscaler that owns it.
pub fn release_replicas(body: &mut Manifest) {
    if let Some(spec) = body.0.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
}

/// Whether the policy says to take over objects that exist.
pub fn overwrites(manifest: &Manifest) -> bool {
    manifest
        .annotation(CONFLICT_RESOLUTION)
        .is_some_and(|strategy| strategy.eq_ignore_ascii_case("overwrite"))
}

/// Whether others may need it to exist first: Namespaces and CustomResourceDefinitions.
pub fn is_foundation(group_kind: &GroupKind) -> bool {
    matches!(
        (&*group_kind.group, &*group_kind.kind),
        ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

/// Turn of a kind: what others refer to goes first, so that they start without a retry. Objects
/// of one turn go together; only foundations are waited for.
pub fn turn(group_kind: &GroupKind) -> u8 {
    if is_foundation(group_kind) {
        return 0;
    }
    match (&*group_kind.group, &*group_kind.kind) {
        (
            "",
            "ServiceAccount"
            | "Secret"
            | "ConfigMap"
            | "PersistentVolume"
            | "PersistentVolumeClaim"
            | "ResourceQuota"
            | "LimitRange",
        )
        | ("rbac.authorization.k8s.io" | "scheduling.k8s.io" | "storage.k8s.io", _) => 1,
        _ => 2,
    }
}

fn encode_string_data(secret: &mut Map<String, Value>) {
    let Some(Value::Object(plain)) = secret.remove("stringData") else { return };
    let data = secret.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    let data = data.as_object_mut().expect("made an object above");
    for (key, value) in plain {
        // As the server does: stringData wins over data.
        if let Value::String(text) = value {
            data.insert(key, Value::String(BASE64.encode(text)));
        }
    }
}

fn drop_nulls(map: &mut Map<String, Value>) {
    map.retain(|_, value| {
        drop_nulls_below(value);
        !value.is_null()
    });
}

fn drop_nulls_below(value: &mut Value) {
    match value {
        Value::Object(map) => drop_nulls(map),
        Value::Array(items) => items.iter_mut().for_each(drop_nulls_below),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn string_data_becomes_data_and_wins() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "b2xk", "b": "eA=="}, "stringData": {"a": "new"}});
        let secret = Manifest::from_value(secret).unwrap();
        let wanted = wanted(&secret).into_owned().into_value();
        assert_eq!(wanted["data"], json!({"a": "bmV3", "b": "eA=="}));
        assert_eq!(wanted.get("stringData"), None);
    }

    #[test]
    fn nulls_and_what_the_server_writes_are_left_out() {
        let object = json!({"kind": "X", "status": {"a": 1}, "metadata": {"name": "x", "uid": "u",
            "creationTimestamp": null, "managedFields": []}, "spec": {"a": null, "l": [{"b": null}]}});
        let object = Manifest::from_value(object).unwrap();
        let wanted = wanted(&object).into_owned().into_value();
        assert_eq!(wanted, json!({"kind": "X", "metadata": {"name": "x"}, "spec": {"l": [{}]}}));
    }

    #[test]
    fn marks_are_those_that_are_desired_whatever_is_retained() {
        let object = |metadata: Value| Manifest(Map::from_iter([("metadata".into(), metadata)]));
        let desired = object(json!({"name": "x", "labels": {"karmada.io/managed": "true"},
            "annotations": {"git-fleet.io/preserve-on-deletion": "true", "own": "1"}}));
        for (retained, labels, annotations) in [
            (json!({"name": "x"}), json!({}), json!({})),
            (json!({"name": "x", "labels": null, "annotations": []}), json!({}), json!({})),
            (
                json!({"name": "x", "labels": {"theirs": "1", "resourcetemplate.karmada.io/x": "old"},
                    "annotations": {"theirs": "1", "git-fleet.io/work": "old"}}),
                json!({"theirs": "1"}),
                json!({"theirs": "1"}),
            ),
        ] {
            let mut retained = object(retained);
            keep_marks(&mut retained, &desired);
            let mut expected =
                json!({"metadata": {"name": "x", "labels": labels, "annotations": annotations}});
            expected["metadata"]["labels"]["karmada.io/managed"] = "true".into();
            expected["metadata"]["annotations"]["git-fleet.io/preserve-on-deletion"] =
                "true".into();
            assert_eq!(retained.into_value(), expected);
        }
    }

    #[test]
    fn the_body_says_where_it_comes_from() {
        let manifest =
            Manifest::from_value(json!({"kind": "X", "metadata": {"name": "x"}})).unwrap();
        let body = body(&manifest, ObjectId::from_bytes([1; 20]), ObjectId::from_bytes([2; 20]));
        assert_eq!(body.annotation(SOURCE_COMMIT), Some("01".repeat(20).as_str()));
        assert_eq!(body.annotation(WORK), Some("02".repeat(20).as_str()));
    }
}
