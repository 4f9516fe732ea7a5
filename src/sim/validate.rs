//! The few rules of the built-in kinds that a fleet runs into: names, and fields that never change.

use serde_json::Value;

use super::resources::Resource;
use super::status_error::{Cause, Refusal};

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
    let mut causes = Vec::new();
    match live {
        None => causes.extend(check_name(resource, name)),
        Some(live) => {
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

/// Most kinds take a DNS subdomain; roles and their bindings take any path segment.
fn check_name(resource: &Resource, name: &str) -> Option<Cause> {
    let any_segment =
        resource.group.starts_with("rbac.") || resource.group.starts_with("apiregistration.");
    let label_only = matches!(&*resource.table, "namespaces." | "services.");
    let part_is_label = |part: &str| {
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        part.bytes().all(legal) && edge(part.as_bytes().first()) && edge(part.as_bytes().last())
    };
    let legal = if any_segment {
        !matches!(name, "." | "..") && !name.contains(['/', '%'])
    } else if label_only {
        name.len() <= 63 && part_is_label(name)
    } else {
        name.len() <= 253 && name.split('.').all(part_is_label)
    };
    let rule = if label_only { "RFC 1123 label" } else { "RFC 1123 subdomain" };
    (!legal).then(|| Cause {
        reason: "FieldValueInvalid",
        message: format!("Invalid value: {name:?}: a lowercase {rule} must consist of lower case alphanumeric characters and '-'{}", if label_only { "" } else { " or '.'" }),
        field: "metadata.name".to_owned(),
    })
}
