//! What an executor reports of the objects that it applied and of its cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::depth::{DEPTH_MAX, depth};
use super::manifest::ObjectKey;
use super::names::ObjectId;

/// Health of one object in one cluster, in Karmada's words (`spec/interpreter.md` §4.7).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Health {
    /// It does what it should.
    Healthy,
    /// It was looked at and does not do what it should (yet).
    Unhealthy,
    /// It was not looked at, or its kind has no health.
    #[default]
    Unknown,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "Healthy",
            Self::Unhealthy => "Unhealthy",
            Self::Unknown => "Unknown",
        })
    }
}

/// What the executor of one cluster last saw of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectReport {
    /// Blob id of the work that is in force in the cluster; `None` until one was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<ObjectId>,
    /// Whether the newest work that the executor was given is in force.
    pub applied: bool,
    /// Why not, for a person. When applied mostly empty: what else there is to say of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Health of the live object.
    #[serde(default)]
    pub health: Health,
    /// The reflected part of the live object's status; `None` when its kind reflects nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ReflectedStatus>,
}

/// Status of a live object as far as it is reflected.
///
/// Kept as its JSON text: thousands are, and a value takes many times that. Keys are in order, so equal
/// values are equal texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReflectedStatus(Box<str>);

impl ReflectedStatus {
    /// The status `value`; `None` for null, which says no more than no status.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        (!value.is_null()).then(|| Self(value.to_string().into()))
    }

    /// The status as a value; each call parses it.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("it is the text of a value")
    }
}

impl Serialize for ReflectedStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ReflectedStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if depth(&value) > DEPTH_MAX {
            return Err(D::Error::custom(format_args!(
                "a status that is reflected is nested at most {DEPTH_MAX} levels deep"
            )));
        }
        Self::of(&value).ok_or_else(|| D::Error::custom("a status that is reflected is not null"))
    }
}

/// Everything that one cluster's executor reported: the content of its status ref.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterReport {
    /// Commit of the status ref that said it.
    pub commit: ObjectId,
    /// Status of the cluster itself.
    pub cluster: super::cluster::ClusterStatus,
    /// One report for each object that the executor holds, which may hold it too.
    pub objects: BTreeMap<ObjectKey, Arc<ObjectReport>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_what_it_was_after_it_was_written() {
        let status = json!({"b": [1, 0.1, "x: y", null], "a": {"true": true, "~": ""}});
        let report =
            ObjectReport { status: ReflectedStatus::of(&status), ..ObjectReport::default() };
        let bytes = crate::api::yaml::to_bytes(&report);
        let read: ObjectReport = crate::api::yaml::from_bytes(&bytes).unwrap();
        assert_eq!(read, report);
        assert_eq!(read.status.unwrap().value(), status);
        assert_eq!(ReflectedStatus::of(&Value::Null), None, "as it is read again");
    }
}
