//! `metadata.managedFields`: who owns which fields.

use super::fieldset::FieldSet;
use serde_json::{Map, Value, json};

/// How a manager wrote: by server-side apply, or in any other way.
///
/// The order is that of the entries in `managedFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn text(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// Who wrote, and through what. Two writes of one owner share an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) manager: String,
    pub(super) operation: Operation,
    /// The version of an update; empty for an apply, which keeps its entry across versions.
    pub(super) version: String,
    /// Empty for the object itself.
    pub(super) subresource: String,
}

/// What one owner holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Holding {
    pub(super) owner: Owner,
    pub(super) api_version: String,
    pub(super) time: Option<String>,
    pub(super) fields: FieldSet,
}

/// All the entries of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Managed(pub(super) Vec<Holding>);

/// How many entries of updates an object has at most; older ones are put together.
const N_UPDATES_MAX: usize = 10;

impl Owner {
    pub(super) fn new(write: &super::Write<'_>, operation: Operation) -> Owner {
        let manager = if write.manager.is_empty() { "unknown" } else { write.manager };
        Owner {
            manager: manager.to_owned(),
            operation,
            version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => write.api_version.to_owned(),
            },
            subresource: write.subresource.unwrap_or_default().to_owned(),
        }
    }

    /// The owner as a conflict names it: `"kubectl" using apps/v1`.
    pub(super) fn print(&self) -> String {
        let mut printed = Value::from(&*self.manager).to_string();
        if !self.subresource.is_empty() {
            printed.push_str(" with subresource ");
            printed.push_str(&Value::from(&*self.subresource).to_string());
        }
        if self.operation == Operation::Update {
            printed.push_str(" using ");
            printed.push_str(&self.version);
        }
        printed
    }
}

impl Managed {
    /// Reads the entries; none if one of them is not as it should be.
    pub(super) fn read(entries: &Value) -> Option<Managed> {
        let entries = match entries {
            Value::Null => return Some(Managed::default()),
            entries => entries.as_array()?,
        };
        entries.iter().map(read_entry).collect::<Option<_>>().map(Managed)
    }

    /// Writes the entries in Kubernetes' order: applies first, then by time, name and version.
    pub(super) fn write(mut self) -> Option<Value> {
        if self.0.is_empty() {
            return None;
        }
        self.0.sort_by(|left, right| left.order().cmp(&right.order()));
        Some(Value::Array(self.0.into_iter().map(write_entry).collect()))
    }

    pub(super) fn of(&self, owner: &Owner) -> Option<&Holding> {
        self.0.iter().find(|holding| holding.owner == *owner)
    }

    /// Replaces what an owner holds; nothing left removes the entry.
    pub(super) fn set(&mut self, holding: Holding) {
        self.0.retain(|other| other.owner != holding.owner);
        if !holding.fields.is_empty() {
            self.0.push(holding);
        }
    }

    /// Puts the oldest updates together until no more than the limit are left.
    ///
    /// As in Kubernetes, the first of a version that is due makes room only when a second one of
    /// the same version joins it in the bucket.
    pub(super) fn cap_updates(&mut self) {
        let mut updates: Vec<Owner> = {
            let mut updates: Vec<&Holding> = (self.0.iter())
                .filter(|holding| holding.owner.operation == Operation::Update)
                .collect();
            updates.sort_by_key(|holding| (&holding.time, &holding.owner));
            updates.into_iter().map(|holding| holding.owner.clone()).collect()
        };
        let mut n_left = updates.len();
        let mut first_of_version = std::collections::BTreeMap::<String, Owner>::new();
        for owner in updates.drain(..) {
            if n_left <= N_UPDATES_MAX {
                return;
            }
            let Some(first) = first_of_version.get(&owner.version).cloned() else {
                first_of_version.insert(owner.version.clone(), owner);
                continue;
            };
            let bucket = Owner {
                manager: "ancient-changes".to_owned(),
                subresource: String::new(),
                ..owner.clone()
            };
            let Some(joining) = self.take(&owner) else { continue };
            let before = self.take(&bucket).or_else(|| self.take(&first));
            let fields = before.map_or_else(FieldSet::default, |holding| holding.fields);
            self.set(Holding {
                owner: bucket,
                fields: joining.fields.union(&fields),
                api_version: joining.api_version,
                time: joining.time,
            });
            n_left -= 1;
        }
    }

    fn take(&mut self, owner: &Owner) -> Option<Holding> {
        let at = self.0.iter().position(|holding| holding.owner == *owner)?;
        Some(self.0.remove(at))
    }
}

impl Holding {
    fn order(&self) -> (Operation, &Option<String>, &str, &str, &str) {
        let Owner { manager, operation, subresource, .. } = &self.owner;
        (*operation, &self.time, manager, &self.api_version, subresource)
    }
}

fn read_entry(entry: &Value) -> Option<Holding> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let operation = match text("operation")? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    let api_version = text("apiVersion").filter(|version| !version.is_empty())?;
    if text("fieldsType") != Some("FieldsV1") {
        return None;
    }
    Some(Holding {
        owner: Owner {
            manager: text("manager").unwrap_or_default().to_owned(),
            operation,
            version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => api_version.to_owned(),
            },
            subresource: text("subresource").unwrap_or_default().to_owned(),
        },
        api_version: api_version.to_owned(),
        time: text("time").map(str::to_owned),
        fields: FieldSet::from_json(entry.get("fieldsV1").unwrap_or(&Value::Null)),
    })
}

fn write_entry(holding: Holding) -> Value {
    let mut entry = Map::new();
    entry.insert("apiVersion".to_owned(), Value::String(holding.api_version));
    entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
    entry.insert("fieldsV1".to_owned(), holding.fields.to_json());
    if !holding.owner.manager.is_empty() {
        entry.insert("manager".to_owned(), Value::String(holding.owner.manager));
    }
    entry.insert("operation".to_owned(), json!(holding.owner.operation.text()));
    if !holding.owner.subresource.is_empty() {
        entry.insert("subresource".to_owned(), Value::String(holding.owner.subresource));
    }
    if let Some(time) = holding.time {
        entry.insert("time".to_owned(), Value::String(time));
    }
    Value::Object(entry)
}
