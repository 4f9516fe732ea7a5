//! The forms an object or a list can be asked in: itself, its metadata only, or rows of a Table.

use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::convert;
use super::resources::Resource;
use super::route::Format;
use super::storage::Object;

/// One object in the wanted form, as JSON.
pub(super) fn object(resource: &Resource, object: &Rc<Object>, form: Format) -> Bytes {
    match form {
        Format::Json if object.api_version == resource.api_version => object.bytes.clone(),
        Format::Json => bytes_of(&convert::served(resource, object)),
        Format::Metadata => bytes_of(&metadata_only(object.value())),
        Format::Table => table(resource, std::slice::from_ref(object), "{}"),
    }
}

/// A tree in the wanted form.
pub(super) fn value(resource: &Resource, value: Value, form: Format) -> Bytes {
    let is_object = value["kind"] == *resource.kind;
    match form {
        Format::Metadata if is_object => bytes_of(&metadata_only(value)),
        Format::Table if is_object => bytes_of(&rows(&[value])),
        _ => bytes_of(&value),
    }
}

/// Objects as rows of a Table; `meta` is the list's metadata as JSON.
pub(super) fn table(resource: &Resource, objects: &[Rc<Object>], meta: &str) -> Bytes {
    let values: Vec<Value> =
        objects.iter().map(|object| convert::served(resource, object)).collect();
    let mut table = rows(&values);
    table["metadata"] = serde_json::from_str(meta).expect("list metadata is written by us");
    bytes_of(&table)
}

fn metadata_only(mut object: Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"].take()})
}

pub(super) fn bytes_of(value: &Value) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("a JSON tree always serializes"))
}

/// A Table of name and age.
fn rows(objects: &[Value]) -> Value {
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let meta = &object["metadata"];
            json!({"cells": [meta["name"], meta["creationTimestamp"]],
                "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}})
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "rows": rows, "columnDefinitions": [
        {"name": "Name", "type": "string", "format": "name", "description": "Name", "priority": 0},
        {"name": "Created", "type": "string", "format": "", "description": "Created", "priority": 0}]})
}
