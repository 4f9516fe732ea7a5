//! Which script answers which question about which kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha1::{Digest as _, Sha1};

use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::api::resource_interpreter_customization::{
    CustomizationTarget, Operation, ResourceInterpreterCustomization,
};
use crate::fleet::Fleet;

/// One script of a customization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Name of its ResourceInterpreterCustomization.
    pub customization: Arc<str>,
    /// Changes if and only if the text does.
    pub id: ObjectId,
    /// Lua.
    pub text: Arc<str>,
}

type OfKind = BTreeMap<Operation, Vec<Script>>;

/// The scripts of a fleet, by API version, kind and operation.
///
/// Where two customizations have a script for the same question (the loader refuses such a commit),
/// the one whose name comes first in the alphabet answers. Dependencies are asked of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    of: BTreeMap<Box<str>, BTreeMap<Box<str>, OfKind>>,
}

impl Script {
    /// A script of the customization of this name.
    #[must_use]
    pub fn new(customization: &str, text: &str) -> Self {
        let id = ObjectId::from_bytes(Sha1::digest(text).into());
        Self { customization: customization.into(), id, text: text.into() }
    }
}

impl Scripts {
    /// The scripts of these customizations.
    #[must_use]
    pub fn new<'c>(
        customizations: impl IntoIterator<Item = &'c ResourceInterpreterCustomization>,
    ) -> Self {
        let mut customizations: Vec<_> = customizations.into_iter().collect();
        customizations.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let mut scripts = Self::default();
        for customization in customizations {
            for operation in Operation::ALL.iter().copied() {
                if let Some(text) = customization.spec.customizations.script(operation) {
                    let script = Script::new(&customization.metadata.name, text);
                    scripts.add(&customization.spec.target, operation, script);
                }
            }
        }
        scripts
    }

    /// Adds a script after those that are there.
    pub fn add(&mut self, target: &CustomizationTarget, operation: Operation, script: Script) {
        let CustomizationTarget { api_version, kind } = target;
        let of_version = self.of.entry(api_version.as_str().into()).or_default();
        let list =
            of_version.entry(kind.as_str().into()).or_default().entry(operation).or_default();
        if list.is_empty() || operation.is_shared() {
            list.push(script);
        }
    }

    /// The scripts of a fleet.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        Self::new(fleet.customizations.values().map(|customization| &*customization.value))
    }

    /// The scripts that answer this question about this object, in the order of their
    /// customizations' names; several only for dependencies.
    #[must_use]
    pub fn get(&self, object: &Manifest, operation: Operation) -> &[Script] {
        let of_kind = self.of.get(object.api_version()).and_then(|kinds| kinds.get(object.kind()));
        of_kind.and_then(|scripts| scripts.get(&operation)).map_or(&[], Vec::as_slice)
    }

    /// Whether a script with this id is among them.
    pub(super) fn has(&self, id: ObjectId) -> bool {
        let of_kinds = self.of.values().flat_map(BTreeMap::values);
        of_kinds.flat_map(BTreeMap::values).flatten().any(|script| script.id == id)
    }

    /// Changes iff a script does, or what it is asked.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id_of(Operation::ALL)
    }

    /// Changes iff a script for one of these operations does, or what it is asked.
    pub(super) fn id_of(&self, operations: &[Operation]) -> ObjectId {
        let mut hash = Sha1::new();
        for (api_version, kinds) in &self.of {
            for (kind, scripts) in kinds {
                let asked = |(operation, _): &(&Operation, _)| operations.contains(operation);
                for (operation, scripts) in scripts.iter().filter(asked) {
                    for script in scripts {
                        let Script { customization, id, .. } = script;
                        hash.update(format!(
                            "{api_version} {kind} {operation} {customization} {id}\n"
                        ));
                    }
                }
            }
        }
        ObjectId::from_bytes(hash.finalize().into())
    }

    /// Whether there is no script at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}
