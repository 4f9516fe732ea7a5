//! What an executor reports of the objects that it applied and of its cluster.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    pub status: Option<Value>,
}

/// Everything that one cluster's executor reported: the content of its status ref.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterReport {
    /// Commit of the status ref that said it.
    pub commit: ObjectId,
    /// Status of the cluster itself.
    pub cluster: super::cluster::ClusterStatus,
    /// One report for each object that the executor holds.
    pub objects: BTreeMap<ObjectKey, ObjectReport>,
}
