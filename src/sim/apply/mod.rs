//! Server-side apply and the ownership of fields, as Kubernetes' API server does them: functions
//! over JSON values, with no I/O.
//!
//! The behaviour follows KEP-555 and structured-merge-diff: `schema` says how lists and maps of a
//! kind merge, `merge` walks values by it, `fieldset` is what a manager owns, `managed` is
//! `metadata.managedFields`.
//!
//! Two things are simpler than in Kubernetes. Versions of a kind are not converted into each other:
//! a field is the same field in all of them. And the fields of built-in kinds are not all known, so
//! an unknown one is kept where Kubernetes refuses it.

mod check;
mod fieldset;
mod managed;
mod merge;
mod paths;
#[cfg(test)]
mod properties;
pub(super) mod schema;
mod table;
#[cfg(test)]
mod tests;

pub use check::{Mistake, check};
pub use fieldset::FieldSet;
pub use schema::Schema;

use managed::{Holding, Managed, Operation, Owner};
use merge::Difference;
use schema::Origin;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

/// One request to write an object.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// The version that the request speaks, e.g. `apps/v1`.
    pub api_version: &'a str,
    /// The instant, as `2026-01-31T12:00:00Z`.
    pub time: &'a str,
    /// The subresource that is written, e.g. `status`.
    pub subresource: Option<&'a str>,
}

/// What to do with fields that another manager owns and the config sets to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Take them.
    Yes,
    /// Refuse the whole apply.
    No,
}

/// The fields that kept an apply from being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// Each with the manager that owns the field, as Kubernetes prints it
    /// (`"kubectl" using apps/v1`), and the path of the field (`.spec.replicas`). Sorted by manager.
    pub causes: Vec<(String, String)>,
}

impl Conflicts {
    /// The message of one cause: `conflict with "kubectl" using apps/v1`.
    pub fn cause_message(manager: &str) -> String {
        format!("conflict with {manager}")
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(manager, path)] = &self.causes[..] {
            return write!(
                formatter,
                "Apply failed with 1 conflict: conflict with {manager}: {path}"
            );
        }
        write!(formatter, "Apply failed with {} conflicts: ", self.causes.len())?;
        let mut before = None;
        for (manager, path) in &self.causes {
            if before != Some(manager) {
                let line_end = if before.is_some() { "\n" } else { "" };
                write!(formatter, "{line_end}conflicts with {manager}:")?;
                before = Some(manager);
            }
            write!(formatter, "\n- {path}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Conflicts {}

/// Identity and bookkeeping: no manager ever owns these.
static NEVER_OWNED: LazyLock<FieldSet> = LazyLock::new(|| {
    let mut set = FieldSet::default();
    for field in ["f:apiVersion", "f:kind", "f:metadata"] {
        set.insert(field);
    }
    for field in [
        "f:name",
        "f:namespace",
        "f:creationTimestamp",
        "f:selfLink",
        "f:uid",
        "f:clusterName",
        "f:generation",
        "f:managedFields",
        "f:resourceVersion",
    ] {
        set.insert_path(&["f:metadata", field]);
    }
    set
});

/// Lays a configuration over the live object, as `PATCH` with `application/apply-patch` does.
///
/// The answer is the whole object with its `managedFields`: fields of the config set, fields that
/// this manager applied before and leaves out now removed unless someone else owns them. If nothing
/// changes it equals `live`, times included. Defaults are the caller's to fill in, before it
/// compares with `live`; so are `resourceVersion`, `generation` and the like.
///
/// Of a built-in kind's config `status` is left out, unless `status` is the subresource: then only
/// that counts. For a custom kind that has the subresource, the caller does the same. Mistakes in
/// the config (see [`check`]) are not found here.
pub fn apply(
    schema: &Schema,
    live: Option<&Value>,
    config: &Value,
    write: &Write<'_>,
    force: Force,
) -> Result<Value, Conflicts> {
    let config = written_part(schema, config, write);
    let owner = Owner::new(write, Operation::Apply);
    let mut managed =
        live.map(|live| managed_before_apply(schema, live, write)).unwrap_or_default();

    let applied = merge::field_set(&schema.root, &config).difference(&NEVER_OWNED);
    let last = managed.of(&owner).cloned();
    let last_time = last.as_ref().and_then(|last| last.time.clone());
    managed.set(Holding {
        owner: owner.clone(),
        api_version: write.api_version.to_owned(),
        time: last_time,
        fields: applied,
    });

    let mut object = match live {
        None => config.into_owned(),
        Some(live) => {
            let merged = merge::merge(&schema.root, live, &config);
            match last {
                Some(last) => prune(schema, merged, &managed, &owner, &last.fields),
                None => merged,
            }
        }
    };
    if schema.origin == Origin::BuiltIn {
        drop_nulls(&mut object);
    }

    let changed = live.is_none_or(|live| *live != object);
    if let Some(live) = live
        && changed
    {
        let difference = Difference::between(&schema.root, live, &object);
        let conflicts = take_from_others(&mut managed, &owner, &difference);
        if force == Force::No && !conflicts.causes.is_empty() {
            return Err(conflicts);
        }
    }
    if changed && let Some(mine) = managed.0.iter_mut().find(|holding| holding.owner == owner) {
        mine.time = Some(write.time.to_owned());
    }
    put_managed(&mut object, managed);
    Ok(object)
}

/// Keeps the books for a write that is not an apply: create, update, or another kind of patch.
///
/// `new` is the object to be stored, defaults filled in; its `managedFields` are set. Fields that
/// it adds or changes pass to this manager; fields that it removes nobody owns any more. A request
/// may clear the books with an empty list, and replace them (not through a subresource). An object
/// without books is not tracked before someone applies to it.
pub fn track(schema: &Schema, live: Option<&Value>, new: &mut Value, write: &Write<'_>) {
    let of_live = || {
        let entries = live.map_or(&Value::Null, entries);
        Managed::read(entries).unwrap_or_default()
    };
    let mut managed = match (write.subresource, entries(new)) {
        (Some(_), _) => of_live(),
        (None, Value::Array(entries)) if is_reset(entries) => Managed::default(),
        (None, entries) => {
            Managed::read(entries).filter(|managed| !managed.0.is_empty()).unwrap_or_else(of_live)
        }
    };
    if managed.0.is_empty() && live.is_some() {
        put_managed(new, managed);
        return;
    }
    let owner = Owner::new(write, Operation::Update);
    record_update(schema, live.unwrap_or(&schema.blank), new, &mut managed, owner, write);
    managed.cap_updates();
    put_managed(new, managed);
}

fn record_update(
    schema: &Schema,
    live: &Value,
    new: &Value,
    managed: &mut Managed,
    owner: Owner,
    write: &Write<'_>,
) {
    let difference = Difference::between(&schema.root, live, new);
    let nobody = Owner::new(&Write { manager: "", ..*write }, Operation::Apply);
    take_from_others(managed, &nobody, &difference);
    let taken = difference.written().difference(&NEVER_OWNED);
    if taken.is_empty() {
        return;
    }
    let fields = match managed.of(&owner) {
        Some(before) => taken.union(&before.fields),
        None => taken,
    };
    managed.set(Holding {
        owner,
        api_version: write.api_version.to_owned(),
        // A scale is another kind, whose books carry no times into those of its object.
        time: (write.subresource != Some("scale")).then(|| write.time.to_owned()),
        fields,
    });
}

/// Everyone but `owner` loses what was written (these are the conflicts) and what was removed.
fn take_from_others(managed: &mut Managed, owner: &Owner, difference: &Difference) -> Conflicts {
    let written = difference.written();
    let mut causes = Vec::new();
    for holding in managed.0.iter_mut().filter(|holding| holding.owner != *owner) {
        let lost = holding.fields.intersection(&written);
        for path in lost.paths() {
            causes.push((holding.owner.print(), paths::print(&path)));
        }
        if !lost.is_empty() {
            holding.fields = holding.fields.difference(&lost);
        }
        if !difference.removed.is_empty() {
            holding.fields = holding.fields.difference(&difference.removed);
        }
    }
    managed.0.retain(|holding| !holding.fields.is_empty());
    // Stable: paths keep their order within a manager.
    causes.sort_by(|left, right| left.0.cmp(&right.0));
    Conflicts { causes }
}

/// Takes out of `merged` what `owner` applied last time and does not apply now, unless someone else
/// owns it.
fn prune(
    schema: &Schema,
    merged: Value,
    managed: &Managed,
    owner: &Owner,
    last: &FieldSet,
) -> Value {
    let applied = managed.of(owner).map(|holding| &holding.fields);
    if applied.is_some_and(|applied| last.difference(applied).is_empty()) {
        return merged;
    }
    let root = &*schema.root;
    let whole = |set: &FieldSet| merge::with_declared_fields(root, set);
    let set_of = |value: &Value| whole(&merge::field_set(root, value));
    let without = |gone: &FieldSet| {
        let mut object = merged.clone();
        merge::remove_items(root, &mut object, gone);
        object
    };
    let last = whole(last);
    let all_set = set_of(&merged);
    let owned =
        (managed.0.iter()).fold(FieldSet::default(), |owned, holding| owned.union(&holding.fields));

    let pruned = without(&last);
    let kept = set_of(&pruned).union(&whole(&owned));
    let pruned = without(&all_set.difference(&kept));
    without(&all_set.difference(&set_of(&pruned)).intersection(&last))
}

/// The books before an apply. If there are none, whatever is there belongs to `before-first-apply`.
fn managed_before_apply(schema: &Schema, live: &Value, write: &Write<'_>) -> Managed {
    let mut managed = Managed::read(entries(live)).unwrap_or_default();
    if managed.0.is_empty() {
        let before = Write { manager: "before-first-apply", ..*write };
        let owner = Owner::new(&before, Operation::Update);
        record_update(schema, &schema.blank, live, &mut managed, owner, write);
    }
    managed
}

/// The part of a config that a request can write.
fn written_part<'a>(schema: &Schema, config: &'a Value, write: &Write<'_>) -> Cow<'a, Value> {
    let has_books = config.pointer("/metadata/managedFields").is_some();
    let drops_status = schema.origin == Origin::BuiltIn
        && write.subresource.is_none()
        && config.get("status").is_some();
    let only_status = write.subresource == Some("status");
    if !(has_books || drops_status || only_status) {
        return Cow::Borrowed(config);
    }
    let mut config = config.clone();
    if let Value::Object(fields) = &mut config {
        if drops_status {
            fields.remove("status");
        }
        if only_status {
            fields
                .retain(|name, _| matches!(&**name, "apiVersion" | "kind" | "metadata" | "status"));
        }
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.remove("managedFields");
            if only_status {
                metadata.retain(|name, _| matches!(&**name, "name" | "namespace"));
            }
        }
    }
    Cow::Owned(config)
}

/// An empty list, or one empty entry, asks to forget the books.
fn is_reset(entries: &[Value]) -> bool {
    match entries {
        [] => true,
        [Value::Object(entry)] => entry.is_empty(),
        _ => false,
    }
}

fn entries(object: &Value) -> &Value {
    object.pointer("/metadata/managedFields").unwrap_or(&Value::Null)
}

fn put_managed(object: &mut Value, managed: Managed) {
    let Value::Object(fields) = object else { return };
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(metadata) = metadata else { return };
    match managed.write() {
        Some(entries) => metadata.insert("managedFields".to_owned(), entries),
        None => metadata.remove("managedFields"),
    };
}

/// A Go type has no nulls: a field that is null is absent.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
