//! From a manifest to a typed object: errors name the field, unknown fields are found.
//!
//! Our types do not refuse unknown fields, because repositories mix manifests of different ages;
//! [`unknown_fields`] lists them with what was probably meant, and the loader decides what that is
//! worth.

mod tracked;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::manifest::Manifest;
use super::meta::{METADATA_FIELDS, Resource};
use super::pointer::escape;
use super::schema;
use tracked::{Track, Tracked};

/// One step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into a map, by key.
    Key(String),
    /// Into a list, by index from 0.
    Index(usize),
}

/// Where in an object a field stands, e.g. `spec.placement.clusterAffinities[0].affinityName`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(pub Vec<Step>);

impl FieldPath {
    /// One step further into a map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// One step further into a list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }
}

impl FieldPath {
    /// As a pointer by RFC 6901, e.g. `/spec/placement`.
    #[must_use]
    pub fn pointer(&self) -> String {
        let step = |step: &Step| match step {
            Step::Key(key) => format!("/{}", escape(key)),
            Step::Index(index) => format!("/{index}"),
        };
        self.0.iter().map(step).collect()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if n == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A manifest that is not of the kind that it says it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct DecodeError {
    /// The field that is wrong; for a missing field, the map that it is missing from.
    pub path: FieldPath,
    /// What is wrong with it.
    pub message: String,
}

/// Reads a typed object. A field that is null counts as absent, as in Kubernetes.
///
/// # Errors
/// Names the first field that has the wrong type or is missing.
pub fn decode<T: Resource + DeserializeOwned>(manifest: &Manifest) -> Result<T, DecodeError> {
    let mut value = Value::Object(manifest.0.clone());
    drop_nulls(&mut value);
    if let Some(path) = schema::of(T::API_VERSION, T::KIND)
        .and_then(|schema| list_for_map(&value, schema, &FieldPath::default()))
    {
        return Err(DecodeError { path, message: "it is a list, and a map belongs there".into() });
    }
    typed(value)
}

/// Reads a typed value.
///
/// # Errors
/// Names the first part that has the wrong type or is missing.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    let track = Track::default();
    T::deserialize(Tracked { value, track: &track })
        .map_err(|error| DecodeError { path: track.failed(), message: error.to_string() })
}

/// Reads a part of an object, with the field that is wrong. Its words are ours, not a library's.
///
/// # Errors
/// Names the first field that has the wrong type or is missing.
pub fn decode_part<T: DeserializeOwned>(value: Value) -> Result<T, FieldPath> {
    typed(value).map_err(|error| error.path)
}

/// The first list that stands where a map of named fields belongs. Deserializers take one for the
/// fields in their order, which nobody means.
fn list_for_map(value: &Value, schema: &Value, path: &FieldPath) -> Option<FieldPath> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            list_for_map(value, schema::property(schema, key)?, &path.key(key))
        }),
        Value::Array(items) => match schema::items(schema) {
            Some(schema) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| list_for_map(item, schema, &path.index(index))),
            None => schema::is_closed(schema).then(|| path.clone()),
        },
        _ => None,
    }
}

/// Takes out map entries that are null. Leaves what is below a key `value` alone: there it is the
/// user's own JSON, for which null means something.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.iter_mut().filter(|(key, _)| *key != "value").for_each(|(_, value)| {
                drop_nulls(value);
            });
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A field that its kind does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// Where it stands; the last step is its name.
    pub path: FieldPath,
    /// Its name.
    pub name: String,
    /// The field that was probably meant.
    pub meant: Option<String>,
    /// The fields that may stand there, in alphabetical order.
    pub known: Vec<String>,
}

/// Finds the fields of `manifest` that its kind does not have, in the order in which they sort.
///
/// Looks at kinds that people write (see [`schema::all`]); any other manifest has none. Nothing
/// below `status` counts: it is copied in with an object and never read.
#[must_use]
pub fn unknown_fields(manifest: &Manifest) -> Vec<UnknownField> {
    let mut found = Vec::new();
    if let Some(schema) = schema::of(manifest.api_version(), manifest.kind()) {
        for (key, value) in &manifest.0 {
            let path = FieldPath::default().key(key);
            match (key.as_str(), schema::property(schema, key)) {
                ("status", _) => {}
                ("metadata", _) => find_unknown_metadata(value, &path, &mut found),
                (_, Some(schema)) => find_unknown(value, schema, &path, &mut found),
                (_, None) => found.push(unknown(path, key, schema::properties(schema))),
            }
        }
    }
    found
}

/// Finds the fields below `status` that its kind does not have, of a kind whose status people write to
/// see what would be.
#[must_use]
pub fn unknown_status_fields(manifest: &Manifest) -> Vec<UnknownField> {
    let mut found = Vec::new();
    let schema = schema::of(manifest.api_version(), manifest.kind());
    let schema = schema.and_then(|schema| schema::property(schema, "status"));
    if let (Some(status), Some(schema)) = (manifest.0.get("status"), schema) {
        find_unknown(status, schema, &FieldPath::default().key("status"), &mut found);
    }
    found
}

fn find_unknown(value: &Value, schema: &Value, path: &FieldPath, found: &mut Vec<UnknownField>) {
    match value {
        Value::Object(map) if schema::is_closed(schema) => {
            for (key, value) in map {
                let path = path.key(key);
                match schema::property(schema, key) {
                    Some(schema) => find_unknown(value, schema, &path, found),
                    None => found.push(unknown(path, key, schema::properties(schema))),
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema::items(schema) {
                for (index, item) in items.iter().enumerate() {
                    find_unknown(item, schema, &path.index(index), found);
                }
            }
        }
        _ => {}
    }
}

fn find_unknown_metadata(metadata: &Value, path: &FieldPath, found: &mut Vec<UnknownField>) {
    for key in metadata.as_object().into_iter().flat_map(|map| map.keys()) {
        if !METADATA_FIELDS.contains(&key.as_str()) {
            let known = METADATA_FIELDS.iter().map(|field| (*field).to_owned()).collect();
            found.push(unknown(path.key(key), key, known));
        }
    }
}

fn unknown(path: FieldPath, name: &str, known: Vec<String>) -> UnknownField {
    let meant = closest(name, known.iter().map(String::as_str)).map(str::to_owned);
    UnknownField { path, name: name.to_owned(), meant, known }
}

/// The one of `known` that `name` was probably meant to be: the nearest by edits (case counts
/// little), if it is near enough; the first of equals.
pub fn closest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = name.to_lowercase();
    let allowed = 1 + wanted.chars().count() / 4;
    known
        .map(|known| (strsim::damerau_levenshtein(&wanted, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use crate::api::cluster::Cluster;
    use crate::api::override_policy::OverridePolicy;
    use crate::api::propagation_policy::PropagationPolicy;

    use super::*;

    fn manifest(yaml: &str) -> Manifest {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn an_error_names_the_field() {
        let policy = manifest(
            "{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {name: a},
              spec: {resourceSelectors: [{apiVersion: v1, kind: Service}],
                     placement: {spreadConstraints: [{maxGroups: many}]}}}",
        );
        let error = decode::<PropagationPolicy>(&policy).unwrap_err();
        assert_eq!(error.path.to_string(), "spec.placement.spreadConstraints[0].maxGroups");
        assert!(error.message.contains("many"), "{error}");
    }

    #[test]
    fn an_error_names_what_is_missing_and_the_wrong_version() {
        let cluster = manifest(
            "{apiVersion: cluster.karmada.io/v1alpha1, kind: Cluster, metadata: {name: a}, spec: {}}",
        );
        let error = decode::<Cluster>(&cluster).unwrap_err();
        assert_eq!(error.path.to_string(), "spec");
        assert!(error.message.contains("syncMode"), "{error}");

        let cluster = manifest(
            "{apiVersion: cluster.karmada.io/v9, kind: Cluster, metadata: {name: a},
              spec: {syncMode: Push}}",
        );
        assert_eq!(decode::<Cluster>(&cluster).unwrap_err().path.to_string(), "apiVersion");
    }

    #[test]
    fn the_innermost_part_is_to_blame() {
        let failed = |value: Value| typed::<Cluster>(value).unwrap_err().path.to_string();
        let cluster = |spec: Value| {
            serde_json::json!({
                "apiVersion": Cluster::API_VERSION,
                "kind": Cluster::KIND,
                "metadata": {"name": "m1"},
                "spec": spec,
            })
        };
        let taint = serde_json::json!({"key": "a", "effect": "NoSchedule"});
        let taints = serde_json::json!({"syncMode": "Push", "taints": [taint, {"key": 7}]});
        assert_eq!(failed(cluster(taints)), "spec.taints[1].key");
        let absent = serde_json::json!({"syncMode": "Push", "taints": [taint, {"key": "a"}]});
        assert_eq!(failed(cluster(absent)), "spec.taints[1]");
        assert_eq!(failed(cluster(serde_json::json!({"syncMode": "Shove"}))), "spec.syncMode");
        assert_eq!(failed(serde_json::json!({"kind": "Cluster"})), "");
        assert_eq!(failed(serde_json::json!(7)), "");
    }

    #[test]
    fn null_is_absent_but_not_inside_a_users_value() {
        let policy = manifest(
            "{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy,
              metadata: {name: a, labels: null, creationTimestamp: null},
              spec: {resourceSelectors: null, overriders: {},
                overrideRules: [{targetCluster: null, overriders: {plaintext: [
                  {path: /spec/a, operator: add, value: {kept: null}},
                  {path: /spec/b, operator: remove, value: null}]}}]}}",
        );
        let policy: OverridePolicy = decode(&policy).unwrap();
        let plaintext = &policy.spec.override_rules[0].overriders.plaintext;
        assert_eq!(plaintext[0].value, Some(serde_json::json!({ "kept": null })));
        assert_eq!(plaintext[1].value, None);
    }

    #[test]
    fn unknown_fields_are_found_with_what_was_meant() {
        let policy = manifest(
            "{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy,
              metadata: {name: a, lables: {}},
              spec: {resourceSelector: [],
                     resourceSelectors: [{apiVersion: v1, kind: Service, nmae: a}],
                     placement: {clusterAffinities: [{affinityName: a, clusternames: [b]}],
                                 clusterAffinity: {labelSelector: {matchLabels: {anything: goes}}}},
                     zebra: 1},
              status: {anything: goes}}",
        );
        let found: Vec<_> = unknown_fields(&policy)
            .into_iter()
            .map(|field| (field.path.to_string(), field.meant.unwrap_or_default()))
            .collect();
        let expected = [
            ("metadata.lables", "labels"),
            ("spec.placement.clusterAffinities[0].clusternames", "clusterNames"),
            ("spec.resourceSelector", "resourceSelectors"),
            ("spec.resourceSelectors[0].nmae", "name"),
            ("spec.zebra", ""),
        ];
        assert_eq!(found, expected.map(|(path, meant)| (path.to_owned(), meant.to_owned())));
    }

    #[test]
    fn other_kinds_have_no_unknown_fields() {
        assert!(unknown_fields(&manifest("{apiVersion: v1, kind: Pod, spec: {x: 1}}")).is_empty());
    }
}
