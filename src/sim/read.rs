//! Get and list.

use std::fmt::Write as _;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use serde_json::Value;

use super::format;
use super::resources::{Resource, Scope};
use super::route::Format;
use super::selector::{FieldSelector, LabelSelector};
use super::status_error::Refusal;
use super::storage::{Object, fields_of};
use super::subresource;
use super::world::{Answer, Call, Reply, World};
use super::write::reply_in_version;

/// GET on one object.
pub(super) fn get(world: &World, call: &Call) -> Result<Answer, Refusal> {
    let key = call.key()?;
    let Some(live) = world.storage.get(&key) else {
        return Err(Refusal::not_found(&call.resource, &key.name));
    };
    match call.subresource.as_deref() {
        None | Some("status") => Ok(Answer::ok(reply_in_version(&call.resource, live.clone()))),
        Some("scale") => {
            Ok(Answer::ok(Reply::Value(subresource::scale_of(&call.resource, &live.value()))))
        }
        Some(_) => Err(Refusal::method_not_allowed()),
    }
}

/// What a list or a watch lets through.
#[derive(Debug)]
pub(super) struct Filter {
    resource: Rc<Resource>,
    namespace: Option<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Filter {
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        let resource = &call.resource;
        let supported = |field: &str| {
            field == "metadata.name"
                || (field == "metadata.namespace" && resource.scope == Scope::Namespaced)
                || fields_of(&resource.table).contains(&field)
                || resource
                    .custom
                    .as_ref()
                    .is_some_and(|custom| custom.selectable.iter().any(|path| path == field))
        };
        Ok(Self {
            resource: resource.clone(),
            namespace: (!call.namespace.is_empty()).then(|| call.namespace.clone()),
            labels: LabelSelector::parse(&call.options.label_selector)?,
            fields: FieldSelector::parse(&call.options.field_selector, supported)?,
        })
    }

    pub(super) fn admits(&self, object: &Object) -> bool {
        let in_namespace =
            self.namespace.as_ref().is_none_or(|namespace| **namespace == *object.key.namespace);
        in_namespace && self.labels.matches(&object.labels) && self.admits_fields(object)
    }

    fn admits_fields(&self, object: &Object) -> bool {
        match &self.resource.custom {
            Some(custom) if !custom.selectable.is_empty() => {
                let value = object.value();
                self.fields.matches(|path| {
                    let pointer = format!("/{}", path.replace('.', "/"));
                    object.field(path).or_else(|| value.pointer(&pointer).and_then(Value::as_str))
                })
            }
            _ => self.fields.matches(|path| object.field(path)),
        }
    }
}

/// The objects that the path and the selectors choose.
pub(super) fn select(world: &World, call: &Call) -> Result<Vec<Rc<Object>>, Refusal> {
    let filter = Filter::of(call)?;
    let namespace = filter.namespace.as_deref();
    let objects = world.storage.objects(&call.resource.table, namespace);
    Ok(objects.filter(|object| filter.admits(object)).cloned().collect())
}

/// Place in a list that is read in pages: the snapshot and how much of it was given.
#[derive(Debug, PartialEq)]
struct Continue {
    snapshot: u64,
    given: usize,
}

impl Continue {
    fn encode(&self) -> String {
        STANDARD_NO_PAD.encode(format!("v1:{}:{}", self.snapshot, self.given))
    }

    fn decode(token: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD_NO_PAD.decode(token).ok()?).ok()?;
        let (snapshot, given) = text.strip_prefix("v1:")?.split_once(':')?;
        Some(Self { snapshot: snapshot.parse().ok()?, given: given.parse().ok()? })
    }
}

/// One page of a list.
struct Page {
    objects: Vec<Rc<Object>>,
    resource_version: u64,
    next: Option<String>,
    remaining: usize,
}

fn page(world: &mut World, call: &Call) -> Result<Page, Refusal> {
    let limit = if call.options.limit == 0 { usize::MAX } else { call.options.limit };
    let (id, given, all, resource_version) = if call.options.continue_token.is_empty() {
        let all = select(world, call)?;
        let resource_version = world.storage.resource_version;
        if all.len() <= limit {
            return Ok(Page { objects: all, resource_version, next: None, remaining: 0 });
        }
        let all: Rc<[Rc<Object>]> = all.into();
        (world.storage.keep_snapshot(all.clone()), 0, all, resource_version)
    } else {
        let token = Continue::decode(&call.options.continue_token).ok_or_else(|| {
            Refusal::bad_request("continue key is not valid: the token cannot be decoded")
        })?;
        let Some(snapshot) = world.storage.snapshot(token.snapshot) else {
            return Err(Refusal::expired(
                "The provided continue parameter is too old to display a consistent list result. \
                 You must start a new list without the continue parameter.",
            ));
        };
        (
            token.snapshot,
            token.given.min(snapshot.objects.len()),
            snapshot.objects.clone(),
            snapshot.resource_version,
        )
    };
    let end = given.saturating_add(limit).min(all.len());
    let next = (end < all.len()).then(|| Continue { snapshot: id, given: end }.encode());
    Ok(Page {
        objects: all[given..end].to_vec(),
        resource_version,
        next,
        remaining: all.len() - end,
    })
}

/// GET on a collection, as bytes: items are copied from storage, not serialized again.
pub(super) fn list(world: &mut World, call: &Call) -> Result<Bytes, Refusal> {
    check_resource_version(world, call)?;
    let page = page(world, call)?;
    let mut meta = format!(r#"{{"resourceVersion":"{}""#, page.resource_version);
    if let Some(next) = &page.next {
        write!(meta, r#","continue":"{next}","remainingItemCount":{}"#, page.remaining)
            .expect("a String takes any text");
    } else if call.resource.custom.is_some() && call.format == Format::Json {
        // The list of a kind without a Go type writes out that it ends.
        meta.push_str(r#","continue":"""#);
    }
    meta.push('}');
    let resource = &*call.resource;
    let (kind, api_version) = match call.format {
        Format::Json => (resource.list_kind.as_str(), &*resource.api_version),
        Format::Metadata => ("PartialObjectMetadataList", "meta.k8s.io/v1"),
        Format::Table(include) => {
            return Ok(format::table(resource, &page.objects, include, &meta));
        }
    };
    let size: usize = page.objects.iter().map(|object| object.bytes.len() + 1).sum();
    let mut out = Vec::with_capacity(size + 256);
    out.extend_from_slice(
        format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{meta},"items":["#)
            .as_bytes(),
    );
    for (at, object) in page.objects.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&format::object(resource, object, call.format));
    }
    out.extend_from_slice(b"]}\n");
    Ok(out.into())
}

/// A list at a version that is not reached yet is refused, as is a malformed one.
fn check_resource_version(world: &World, call: &Call) -> Result<(), Refusal> {
    let text = call.options.resource_version.as_str();
    if text.is_empty() {
        return Ok(());
    }
    let version = text.parse::<u64>().map_err(|_| {
        Refusal::bad_request(format!(
            "Invalid value: {text:?}: resourceVersion: must be a decimal number"
        ))
    })?;
    let exact = call.options.resource_version_match == "Exact";
    if version > world.storage.resource_version {
        let current = world.storage.resource_version;
        let message = format!("Too large resource version: {version}, current: {current}");
        return Err(Refusal { retry_after: Some(1), ..Refusal::new(504, "Timeout", message) });
    }
    if exact && version < world.storage.resource_version {
        return Err(Refusal::expired(format!(
            "The resourceVersion for the provided list is too old: {version}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continue_tokens_read_back() {
        let token = Continue { snapshot: 7, given: 500 };
        assert_eq!(Continue::decode(&token.encode()), Some(token));
        assert_eq!(Continue::decode("nonsense"), None);
    }
}
