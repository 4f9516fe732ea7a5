//! What every object must have, whatever its kind, and what it must not bring along.

use serde_json::{Map, Value};

use crate::api::manifest::Manifest;
use crate::api::meta::METADATA_FIELDS;

use super::names::{
    bad_annotation_key, bad_dns_label, bad_label_key, bad_label_value, bad_name, bad_path_name,
    did_you_mean,
};
use super::positions::{Positions, escape};
use super::report::{Report, shown};

/// Fields of `metadata` that an API server writes; they mean nothing in a repository.
pub(super) const SERVER_FIELDS: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Labels and annotations that the engine sets on what it applies.
const RESERVED: &[&str] = &[
    "clusterresourcebinding.karmada.io/name",
    "karmada.io/managed",
    "resourcebinding.karmada.io/name",
    "resourcebinding.karmada.io/namespace",
    "work.karmada.io/name",
    "work.karmada.io/namespace",
];

/// What to do with a file that was never meant for Kubernetes.
const NO_MANIFEST: &str = "if the file is no manifest, exclude its path in fleet.yaml";

/// Most bytes of all annotations of an object together; an API server's own limit.
pub(super) const ANNOTATIONS_MAX: usize = 256 << 10;

/// One object of a file while it is checked.
pub(super) struct Checked<'a, 'f> {
    pub(super) report: &'a mut Report<'f>,
    pub(super) positions: &'a Positions,
    /// Set where the object cannot be used.
    pub(super) is_bad: bool,
}

impl Checked<'_, '_> {
    /// An error at the value of the field at `pointer`.
    pub(super) fn error(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.is_bad = true;
        self.report.error(self.positions.value(pointer), code, message, hint);
    }

    /// An error at the key of the field at `pointer`.
    pub(super) fn error_at_key(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.is_bad = true;
        self.report.error(self.positions.key(pointer), code, message, hint);
    }

    /// A warning at the key of the field at `pointer`.
    pub(super) fn warning(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report.warning(self.positions.key(pointer), code, message, hint);
    }
}

/// Checks `apiVersion` and `kind`; false if the object has no usable kind.
pub(super) fn type_meta(checked: &mut Checked<'_, '_>, map: &Map<String, Value>) -> bool {
    let is_absent = |field: &&str| match map.get(*field) {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str() == Some(""),
    };
    let absent: Vec<&str> = ["apiVersion", "kind"].into_iter().filter(is_absent).collect();
    if !absent.is_empty() {
        let fields = absent.join("` and no `");
        checked.error_at_key(
            "",
            "OBJ_MISSING_FIELD",
            format!("the object has no `{fields}`"),
            format!("add it; {NO_MANIFEST}"),
        );
        return false;
    }
    for field in ["apiVersion", "kind"] {
        let pointer = format!("/{field}");
        match map.get(field).and_then(Value::as_str) {
            None => not_text(checked, &pointer, field),
            Some(text) if text.contains("{{") => unrendered(checked, &pointer),
            Some(text) if is_type_text(field, text) => {}
            Some(text) => checked.error(
                &pointer,
                "OBJ_BAD_NAME",
                format!("`{}` is no {field}", shown(text)),
                "write it like `apps/v1` and `Deployment`",
            ),
        }
    }
    !checked.is_bad
}

fn is_type_text(field: &str, text: &str) -> bool {
    let (group, last) = match text.split_once('/') {
        Some((group, version)) if field == "apiVersion" => (group, version),
        _ => ("a", text),
    };
    bad_name(group).is_none() && !last.is_empty() && last.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Checks `metadata`: names, labels, annotations.
pub(super) fn metadata(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let what = format!("the {}", shown(manifest.kind()));
    let metadata = match manifest.0.get("metadata") {
        Some(Value::Object(metadata)) => metadata,
        None | Some(Value::Null) => {
            checked.error_at_key(
                "",
                "OBJ_MISSING_FIELD",
                format!("{what} has no `metadata.name`"),
                format!("add a name; {NO_MANIFEST}"),
            );
            return;
        }
        Some(_) => {
            checked.error(
                "/metadata",
                "TYPE_MISMATCH",
                "`metadata` is not a map",
                "write `metadata:` with the fields below it",
            );
            return;
        }
    };
    name(checked, manifest, metadata, &what);
    if let Some(Value::String(namespace)) = metadata.get("namespace") {
        if namespace.contains("{{") {
            unrendered(checked, "/metadata/namespace");
        } else if !namespace.is_empty()
            && let Some(rule) = bad_dns_label(namespace)
        {
            checked.error(
                "/metadata/namespace",
                "OBJ_BAD_NAME",
                format!("the namespace `{}` {rule}", shown(namespace)),
                "choose a name by these rules",
            );
        }
    } else if metadata.get("namespace").is_some_and(|namespace| !namespace.is_null()) {
        not_text(checked, "/metadata/namespace", "metadata.namespace");
    }
    labels(checked, metadata, "labels");
    labels(checked, metadata, "annotations");
}

/// Warns of fields that `metadata` does not have. (In our own kinds they are errors.)
pub(super) fn unknown_metadata(checked: &mut Checked<'_, '_>, manifest: &Manifest) {
    let fields = manifest.0.get("metadata").and_then(Value::as_object);
    for field in fields.into_iter().flat_map(Map::keys) {
        if !METADATA_FIELDS.contains(&field.as_str()) {
            let otherwise = "remove it: API servers drop or refuse it";
            checked.warning(
                &format!("/metadata/{}", escape(field)),
                "FIELD_UNKNOWN",
                format!("`metadata` has no field `{}`", shown(field)),
                did_you_mean(field, METADATA_FIELDS.iter().copied(), otherwise),
            );
        }
    }
}

fn name(
    checked: &mut Checked<'_, '_>,
    manifest: &Manifest,
    metadata: &Map<String, Value>,
    what: &str,
) {
    match metadata.get("name") {
        Some(Value::String(name)) if !name.is_empty() => {
            let rule = match manifest.group() {
                "rbac.authorization.k8s.io" => bad_path_name(name),
                // A cluster's name has stricter rules, and a Problem of its own.
                "cluster.karmada.io" => None,
                _ => bad_name(name),
            };
            if name.contains("{{") {
                unrendered(checked, "/metadata/name");
            } else if let Some(rule) = rule {
                checked.error(
                    "/metadata/name",
                    "OBJ_BAD_NAME",
                    format!("the name `{}` {rule}", shown(name)),
                    "choose a name by these rules",
                );
            }
        }
        None | Some(Value::Null | Value::String(_)) => {
            if metadata.contains_key("generateName") {
                checked.error_at_key(
                    "/metadata/generateName",
                    "OBJ_GENERATE_NAME",
                    format!("{what} has `generateName`: each apply would make another object"),
                    "give it a fixed `name`",
                );
            } else {
                checked.error_at_key(
                    "/metadata",
                    "OBJ_MISSING_FIELD",
                    format!("{what} has no `metadata.name`"),
                    format!("add a name; {NO_MANIFEST}"),
                );
            }
        }
        Some(_) => not_text(checked, "/metadata/name", "metadata.name"),
    }
}

fn labels(checked: &mut Checked<'_, '_>, metadata: &Map<String, Value>, field: &str) {
    let map = match metadata.get(field) {
        None | Some(Value::Null) => return,
        Some(Value::Object(map)) => map,
        Some(_) => {
            checked.error(
                &format!("/metadata/{field}"),
                "TYPE_MISMATCH",
                format!("`metadata.{field}` is not a map"),
                "write one `key: value` a line",
            );
            return;
        }
    };
    let is_labels = field == "labels";
    let mut n_bytes = 0;
    for (key, value) in map {
        let pointer = || format!("/metadata/{field}/{}", escape(key));
        let bad_key = if is_labels { bad_label_key(key) } else { bad_annotation_key(key) };
        if let Some(rule) = bad_key {
            checked.error_at_key(
                &pointer(),
                "LABEL_INVALID",
                format!("the key `{}` in `metadata.{field}` {rule}", shown(key)),
                "choose a key by these rules",
            );
        }
        if is_reserved(key) {
            checked.warning(
                &pointer(),
                "LABEL_RESERVED",
                format!(
                    "`{}` in `metadata.{field}` is set by the engine on what it applies",
                    shown(key)
                ),
                "remove it; the engine overwrites it",
            );
        }
        match value {
            Value::String(text) => {
                n_bytes += key.len() + text.len();
                if is_labels && let Some(rule) = bad_label_value(text) {
                    checked.error(
                        &pointer(),
                        "LABEL_INVALID",
                        format!("the value `{}` of the label `{}` {rule}", shown(text), shown(key)),
                        "choose a value by these rules, or use an annotation",
                    );
                }
            }
            Value::Null => {}
            _ => not_text(checked, &pointer(), &format!("metadata.{field}.{}", shown(key))),
        }
    }
    if n_bytes > ANNOTATIONS_MAX {
        checked.error_at_key(
            &format!("/metadata/{field}"),
            "OBJ_TOO_LARGE",
            format!("`metadata.{field}` holds {n_bytes} bytes; API servers take {ANNOTATIONS_MAX}"),
            "move the data into a ConfigMap",
        );
    }
}

/// Whether a label or annotation is the engine's to set on what it applies.
pub(super) fn is_reserved(key: &str) -> bool {
    RESERVED.contains(&key) || key.starts_with("git-fleet.io/")
}

/// Removes what belongs to an API server, warning where it was more than the usual empty remains.
pub(super) fn drop_server_owned(checked: &mut Checked<'_, '_>, manifest: &mut Manifest) {
    let mut found = Vec::new();
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    if let Some(status) = manifest.0.remove("status")
        && !is_empty(&status)
    {
        found.push("/status".to_owned());
    }
    if let Some(Value::Object(metadata)) = manifest.0.get_mut("metadata") {
        for field in SERVER_FIELDS {
            if let Some(value) = metadata.remove(*field)
                && !is_empty(&value)
            {
                found.push(format!("/metadata/{field}"));
            }
        }
        // An owner is named by a uid of one cluster: elsewhere the garbage collector would delete the object.
        if let Some(owners) = metadata.remove("ownerReferences")
            && owners.as_array().is_some_and(|owners| !owners.is_empty())
        {
            found.push("/metadata/ownerReferences".to_owned());
        }
        // Works are pruned of them.
        if metadata.get("finalizers").and_then(Value::as_array).is_some_and(|all| !all.is_empty()) {
            checked.warning(
                "/metadata/finalizers",
                "FIELD_SERVER_OWNED",
                "`metadata.finalizers` is left out: in each member they are its own controllers' to set",
                "remove it from the file",
            );
        }
    }
    for pointer in found {
        checked.warning(
            &pointer,
            "FIELD_SERVER_OWNED",
            format!(
                "`{}` is written by an API server; it is left out",
                pointer[1..].replace('/', ".")
            ),
            "remove it from the file",
        );
    }
}

/// Says that the field at `pointer` must be text.
pub(super) fn not_text(checked: &mut Checked<'_, '_>, pointer: &str, field: &str) {
    checked.error(
        pointer,
        "TYPE_MISMATCH",
        format!("`{field}` is not text"),
        "put the value in quotes",
    );
}

fn unrendered(checked: &mut Checked<'_, '_>, pointer: &str) {
    checked.error(
        pointer,
        "UNRENDERED_TEMPLATE",
        "the field holds template text (`{{ … }}`): it is the source of a manifest, not a manifest",
        "commit what your template tool renders, or exclude the path in fleet.yaml",
    );
}
