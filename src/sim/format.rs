//! The forms an object or a list can be asked in: itself, its metadata only, or rows of a Table.

use std::rc::Rc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::convert;
use super::resources::Resource;
use super::route::Format;
use super::storage::Object;
use super::table::{self, IncludeObject};

/// One object in the wanted form, as JSON.
pub(super) fn object(resource: &Resource, object: &Rc<Object>, form: Format) -> Bytes {
    match form {
        Format::Json if object.api_version == resource.api_version => object.bytes.clone(),
        Format::Json => bytes_of(&convert::served(resource, object)),
        Format::Metadata => bytes_of(&metadata_only(object.value())),
        Format::Table(include) => {
            let meta = format!(r#"{{"resourceVersion":"{}"}}"#, object.resource_version);
            table(resource, std::slice::from_ref(object), include, &meta)
        }
    }
}

/// A tree in the wanted form.
pub(super) fn value(resource: &Resource, value: Value, form: Format) -> Bytes {
    let is_object = value["kind"] == *resource.kind;
    match form {
        Format::Metadata if is_object => bytes_of(&metadata_only(value)),
        Format::Table(include) if is_object => bytes_of(&rows(resource, &[value], include)),
        _ => bytes_of(&value),
    }
}

/// Objects as rows of a Table; `meta` is the list's metadata as JSON.
pub(super) fn table(
    resource: &Resource,
    objects: &[Rc<Object>],
    include: IncludeObject,
    meta: &str,
) -> Bytes {
    let values: Vec<Value> =
        objects.iter().map(|object| convert::served(resource, object)).collect();
    let mut table = rows(resource, &values, include);
    table["metadata"] = serde_json::from_str(meta).expect("list metadata is written by us");
    bytes_of(&table)
}

fn rows(resource: &Resource, objects: &[Value], include: IncludeObject) -> Value {
    let columns = resource.custom.as_ref().map(|custom| &custom.columns);
    table::table(
        &resource.group,
        &resource.version,
        &resource.kind,
        columns,
        objects,
        include,
        jiff::Timestamp::now(),
    )
}

fn metadata_only(mut object: Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"].take()})
}

pub(super) fn bytes_of(value: &Value) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("a JSON tree always serializes"))
}
