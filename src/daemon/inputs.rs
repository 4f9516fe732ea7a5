//! `inputs.yaml`: the whole input of one plan, so that it can be made again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::names::{ClusterName, ObjectId};

/// Path of the file in the results tree.
pub const PATH: &str = "inputs.yaml";

/// Everything that one plan read. A change in it alone makes no commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanInputs {
    /// Version of the engine that planned.
    pub engine: String,
    /// The source commit.
    pub source: ObjectId,
    /// The results commit that the plan went on from; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ObjectId>,
    /// The instant that the plan took as now.
    pub now: Timestamp,
    /// The status commit of each member that had reported.
    #[serde(default)]
    pub status: BTreeMap<ClusterName, ObjectId>,
}

impl PlanInputs {
    /// What the bytes of the file say; `None` if another version wrote them, and says more or less.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        crate::api::yaml::from_bytes(bytes).ok()
    }
}
