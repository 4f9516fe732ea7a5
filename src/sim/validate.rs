//! The few rules of the built-in kinds that a fleet runs into: names, and fields that never change.

use serde_json::Value;

use super::resources::Resource;
use super::status_error::{Cause, Refusal};
use super::structural_definition as structural;

/// Fields that may not change once set, by table.
fn immutable(table: &str) -> &'static [&'static str] {
    match table {
        "deployments.apps" | "replicasets.apps" | "daemonsets.apps" => &["/spec/selector"],
        "statefulsets.apps" => {
            &["/spec/selector", "/spec/serviceName", "/spec/podManagementPolicy"]
        }
        "jobs.batch" => &["/spec/selector", "/spec/template", "/spec/completionMode"],
        "rolebindings.rbac.authorization.k8s.io"
        | "clusterrolebindings.rbac.authorization.k8s.io" => &["/roleRef"],
        "storageclasses.storage.k8s.io" => &["/provisioner", "/parameters", "/reclaimPolicy"],
        TABLE_OF_DEFINITIONS => &["/spec/group", "/spec/scope", "/spec/names/plural"],
        _ => &[],
    }
}
const TABLE_OF_DEFINITIONS: &str = super::crd::TABLE;

/// Checks a new state of an object against its kind's rules.
pub(super) fn check(
    resource: &Resource,
    name: &str,
    live: Option<&Value>,
    object: &Value,
) -> Result<(), Refusal> {
    let mut causes = check_labels(object);
    if &*resource.table == TABLE_OF_DEFINITIONS {
        causes.extend(structural::check_definition(object));
    }
    match live {
        None => causes.extend(check_name(resource, name)),
        Some(live) => {
            causes.extend(check_finalizers(live, object));
            let fields = immutable(&resource.table);
            causes.extend(
                fields.iter().filter(|field| live.pointer(field) != object.pointer(field)).map(
                    |field| {
                        let value = object.pointer(field).unwrap_or(&Value::Null);
                        let message = format!("Invalid value: {value}: field is immutable");
                        Cause {
                            reason: "FieldValueInvalid",
                            message,
                            field: field[1..].replace('/', "."),
                        }
                    },
                ),
            );
            let frozen =
                matches!(&*resource.table, "configmaps." | "secrets.") && live["immutable"] == true;
            if frozen
                && ["data", "binaryData", "stringData"]
                    .iter()
                    .any(|field| live.get(field) != object.get(field))
            {
                causes.push(Cause {
                    reason: "FieldValueForbidden",
                    message: "Forbidden: field is immutable when `immutable` is set".to_owned(),
                    field: "data".to_owned(),
                });
            }
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(Refusal::invalid(resource, name, &causes)) }
}

/// The syntax of labels, and of the names of annotations.
fn check_labels(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut wrong = |field: &str, text: &str, rule: &str| {
        causes.push(Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {text:?}: {rule}"),
            field: format!("metadata.{field}"),
        });
    };
    for field in ["labels", "annotations"] {
        for (key, value) in object["metadata"][field].as_object().into_iter().flatten() {
            // Capitals are good in the prefix of an annotation, and not in that of a label.
            let folded = if field == "labels" { key.clone() } else { key.to_ascii_lowercase() };
            if !is_qualified(&folded) {
                wrong(
                    field,
                    key,
                    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
                );
            }
            let value = value.as_str().unwrap_or_default();
            if field == "labels" && !(value.is_empty() || is_label_part(value)) {
                wrong(
                    field,
                    value,
                    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
                );
            }
        }
    }
    causes
}

/// A name of at most 63 letters, perhaps behind a DNS name and a slash.
fn is_qualified(key: &str) -> bool {
    match key.rsplit_once('/') {
        Some((prefix, name)) => {
            prefix.len() <= 253 && prefix.split('.').all(is_dns_label) && is_label_part(name)
        }
        None => is_label_part(key),
    }
}

fn is_label_part(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && edge(bytes.first())
        && edge(bytes.last())
}

fn is_dns_label(part: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    part.bytes().all(legal) && edge(part.as_bytes().first()) && edge(part.as_bytes().last())
}

/// An object that is being deleted waits for nobody new.
fn check_finalizers(live: &Value, object: &Value) -> Option<Cause> {
    let finalizers = |object: &Value| -> Vec<String> {
        let list = object["metadata"]["finalizers"].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let before = finalizers(live);
    let mut new = finalizers(object);
    new.retain(|finalizer| !before.contains(finalizer));
    let deleting = live["metadata"]["deletionTimestamp"].is_string();
    (deleting && !new.is_empty()).then(|| Cause {
        reason: "FieldValueForbidden",
        message: format!("Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}", new.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ")),
        field: "metadata.finalizers".to_owned(),
    })
}

/// Most kinds take a DNS subdomain; roles and their bindings take any path segment.
fn check_name(resource: &Resource, name: &str) -> Option<Cause> {
    let any_segment =
        resource.group.starts_with("rbac.") || resource.group.starts_with("apiregistration.");
    let label_only = matches!(&*resource.table, "namespaces." | "services.");
    let legal = if any_segment {
        !matches!(name, "." | "..") && !name.contains(['/', '%'])
    } else if label_only {
        name.len() <= 63 && is_dns_label(name)
    } else {
        name.len() <= 253 && name.split('.').all(is_dns_label)
    };
    let rule = if label_only { "RFC 1123 label" } else { "RFC 1123 subdomain" };
    (!legal).then(|| Cause {
        reason: "FieldValueInvalid",
        message: format!("Invalid value: {name:?}: a lowercase {rule} must consist of lower case alphanumeric characters and '-'{}", if label_only { "" } else { " or '.'" }),
        field: "metadata.name".to_owned(),
    })
}
