//! The least OpenAPI with which `kubectl` leaves validation to the server.
//!
//! Before an apply, `kubectl` looks in `/openapi/v3` whether the PATCH of the kind takes
//! `fieldValidation`. These documents say that and no more: field schemas are not published.

use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::resources::{Registry, Resource, Scope};

/// `/openapi/v3`: one document for each group and version.
pub(super) fn index(registry: &Registry) -> Value {
    let group_versions: BTreeSet<String> = registry.all().map(|resource| base(resource)).collect();
    let paths: Map<String, Value> = group_versions
        .into_iter()
        .map(|base| {
            let url = format!("/openapi/v3/{base}");
            (base, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

/// `/openapi/v3/<base>`, e.g. `apis/apps/v1`.
pub(super) fn document(registry: &Registry, wanted: &str) -> Option<Value> {
    let served: Vec<&Rc<Resource>> =
        registry.all().filter(|resource| base(resource) == wanted).collect();
    if served.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for resource in served {
        let kind = json!({"group": &*resource.group, "version": &*resource.version, "kind": &*resource.kind});
        let scope =
            if resource.scope == Scope::Namespaced { "namespaces/{namespace}/" } else { "" };
        let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation"]
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
            .collect();
        let operation = |action: &str| {
            json!({
                "operationId": format!("{action}{}", resource.kind), "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind,
            })
        };
        let path = format!("/{}/{scope}{}/{{name}}", base(resource), resource.plural);
        let item =
            json!({"get": operation("get"), "patch": operation("patch"), "put": operation("put")});
        paths.insert(path, item);
        let any = json!({"type": "object", "x-kubernetes-group-version-kind": [kind]});
        schemas.insert(format!("{}.{}", resource.version, resource.kind), any);
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.3"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

fn base(resource: &Resource) -> String {
    let root = if resource.group.is_empty() { "api" } else { "apis" };
    format!("{root}/{}", resource.api_version)
}

/// `/openapi/v2` as JSON.
pub(super) fn swagger() -> Value {
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36.3"}, "paths": {}})
}

/// `/openapi/v2` in the protobuf form that `kubectl` asks for: the message `Document` with its
/// fields swagger = 1 and info = 2 (title = 1, version = 2).
pub(super) fn swagger_protobuf() -> Bytes {
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("every field of this document is short");
        [&[number << 3 | 2, length], content].concat()
    }
    let info = [field(1, b"Kubernetes"), field(2, b"v1.36.3")].concat();
    Bytes::from([field(1, b"2.0"), field(2, &info)].concat())
}
