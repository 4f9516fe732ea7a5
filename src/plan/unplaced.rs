//! Templates that run nowhere because nothing places them, and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::manifest::ObjectKey;

/// A template that runs nowhere, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// Why, in one sentence without a full stop.
    pub reason: String,
}

/// The file of the results that names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnplacedFile {
    /// Templates, grouped by why.
    pub unplaced: Vec<UnplacedGroup>,
}

/// Templates that have one reason in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnplacedGroup {
    /// The reason.
    pub why: String,
    /// The templates, as their bindings would be named below `bindings/`, in order of their keys.
    pub templates: Vec<String>,
}

impl UnplacedFile {
    /// Its path in the results.
    pub const PATH: &str = "unplaced.yaml";

    pub(super) fn of(unplaced: &BTreeMap<ObjectKey, Arc<Unplaced>>) -> Self {
        let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, one) in unplaced {
            groups.entry(&one.reason).or_default().push(key.path());
        }
        let group = |(why, templates): (&str, _)| UnplacedGroup { why: why.to_owned(), templates };
        Self { unplaced: groups.into_iter().map(group).collect() }
    }

    /// Each template with its reason.
    pub fn reasons(&self) -> impl Iterator<Item = (ObjectKey, &str)> {
        let of_group = |group: &'_ UnplacedGroup| group.templates.clone();
        self.unplaced.iter().flat_map(move |group| {
            let keys = of_group(group).into_iter().filter_map(|path| ObjectKey::from_path(&path));
            keys.map(|key| (key, &*group.why))
        })
    }
}
