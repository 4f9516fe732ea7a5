//! Objects as the rows of a `meta.k8s.io/v1` Table, which is what `kubectl get` asks for.
//!
//! Columns and cells are those of Kubernetes' own printers for the kinds that people look at, the
//! `additionalPrinterColumns` of a custom kind, and name and age for the rest. A server always sends
//! the wide columns too, with priority 1; `kubectl` leaves them out unless `-o wide` is given.

mod columns;
mod custom;
mod row;

use columns::{Column, columns};
use jiff::Timestamp;
use row::Row;
use serde_json::{Value, json};

/// What a row carries beside its cells (`includeObject` of the request).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// The object's metadata.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

/// The Table of some objects of one kind, with empty list metadata.
///
/// `printer_columns` is `additionalPrinterColumns` of a custom kind's version.
pub fn table(
    group: &str,
    _version: &str,
    kind: &str,
    printer_columns: Option<&Value>,
    objects: &[Value],
    include: IncludeObject,
    now: Timestamp,
) -> Value {
    let custom: Vec<&Value> = match printer_columns {
        Some(Value::Array(columns)) => columns.iter().collect(),
        _ => Vec::new(),
    };
    let built_in = match (printer_columns, custom.is_empty()) {
        (None, _) => columns(group, kind),
        (Some(_), true) => columns::AGE_OF_CUSTOM,
        (Some(_), false) => &[],
    };
    let name = json!({"name": "Name", "type": "string", "format": "name", "priority": 0,
        "description": "Name must be unique within a namespace."});
    let mut definitions = vec![name];
    definitions.extend(built_in.iter().map(Column::definition));
    definitions.extend(custom.iter().map(|column| custom::definition(column)));

    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let row = Row { object, now };
            let mut cells = vec![object["metadata"]["name"].clone()];
            cells.extend(built_in.iter().map(|column| (column.cell)(&row)));
            cells.extend(custom.iter().map(|column| custom::cell(column, &row)));
            let mut row = json!({"cells": cells});
            match include {
                IncludeObject::None => {}
                IncludeObject::Object => row["object"] = object.clone(),
                IncludeObject::Metadata => {
                    row["object"] = json!({"kind": "PartialObjectMetadata",
                        "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
                }
            }
            row
        })
        .collect();
    // The printer of kinds without columns of their own starts with no list at all.
    let is_null = rows.is_empty() && printer_columns.is_none() && columns::has_none(group, kind);
    let rows = if is_null { Value::Null } else { rows.into() };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": definitions, "rows": rows})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(group: &str, kind: &str, object: &Value) -> Vec<String> {
        let now = "2026-01-31T12:00:00Z".parse().expect("an instant");
        let objects = std::slice::from_ref(object);
        let table = table(group, "v1", kind, None, objects, IncludeObject::None, now);
        let cells = table["rows"][0]["cells"].as_array().expect("cells");
        assert_eq!(cells.len(), table["columnDefinitions"].as_array().expect("columns").len());
        cells.iter().map(|cell| cell.as_str().map_or(cell.to_string(), str::to_owned)).collect()
    }

    #[test]
    fn deployment_shows_how_many_are_ready() {
        let object = json!({
            "metadata": {"name": "shop", "creationTimestamp": "2026-01-31T11:00:00Z"},
            "spec": {
                "replicas": 3, "selector": {"matchLabels": {"app": "shop"}},
                "template": {"spec": {"containers": [{"name": "app", "image": "shop:1"}]}},
            },
            "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2},
        });
        assert_eq!(
            cells("apps", "Deployment", &object),
            ["shop", "2/3", "3", "2", "60m", "app", "shop:1", "app=shop"]
        );
    }

    #[test]
    fn load_balancer_waits_for_its_address() {
        let mut object = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-31T11:59:30Z"},
            "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.7", "ports": [
                {"port": 80, "nodePort": 30080, "protocol": "TCP"}]},
        });
        let shown =
            ["web", "LoadBalancer", "10.96.0.7", "<pending>", "80:30080/TCP", "30s", "<none>"];
        assert_eq!(cells("", "Service", &object), shown);
        object["status"] = json!({"loadBalancer": {"ingress": [{"ip": "172.18.0.2"}]}});
        assert_eq!(cells("", "Service", &object)[3], "172.18.0.2");
    }

    #[test]
    fn custom_columns_follow_their_paths() {
        let columns = json!([
            {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Note", "type": "string", "jsonPath": ".metadata.annotations.a\\.b/c", "priority": 1},
            {"name": "Gone", "type": "string", "jsonPath": ".spec.gone"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ]);
        let object = json!({
            "metadata": {"name": "x", "creationTimestamp": "2026-01-30T12:00:00Z", "annotations": {"a.b/c": "n"}},
            "spec": {"size": 3},
            "status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]},
        });
        let now = "2026-01-31T12:00:00Z".parse().expect("an instant");
        let table =
            table("a.io", "v1", "X", Some(&columns), &[object], IncludeObject::Metadata, now);
        assert_eq!(table["rows"][0]["cells"], json!(["x", "True", 3, "n", null, "24h"]));
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    }
}
