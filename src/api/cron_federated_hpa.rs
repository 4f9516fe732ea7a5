//! `autoscaling.karmada.io/v1alpha1 CronFederatedHPA`: how many replicas a workload has at which times.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::federated_hpa::CrossVersionObjectReference;
use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};

/// Executions of a rule that are kept unless it says otherwise.
const HISTORY_LIMIT_DEFAULT: i32 = 3;

/// Scales a workload, or sets the limits of a FederatedHPA, by the clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronFederatedHPA {
    /// Always `autoscaling.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `CronFederatedHPA`.
    pub kind: Kind<Self>,
    /// Metadata; what is scaled is in the same namespace.
    pub metadata: ObjectMeta,
    /// What is scaled, when, and how far.
    pub spec: CronFederatedHPASpec,
    /// What was done; never read from the source.
    #[serde(default, skip_serializing_if = "CronFederatedHPAStatus::is_empty")]
    pub status: CronFederatedHPAStatus,
}

impl Resource for CronFederatedHPA {
    const API_VERSION: &'static str = "autoscaling.karmada.io/v1alpha1";
    const KIND: &'static str = "CronFederatedHPA";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// What is scaled, when, and how far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronFederatedHPASpec {
    /// A FederatedHPA, or anything else that has replicas.
    pub scale_target_ref: CrossVersionObjectReference,
    /// The rules; each acts on its own.
    pub rules: Vec<CronFederatedHPARule>,
}

/// What to do at which times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronFederatedHPARule {
    /// Its name, 1 to 32 characters, unique in the object.
    pub name: String,
    /// The times: minute, hour, day of the month, month, day of the week; or `@daily` and the like.
    pub schedule: String,
    /// Replicas to set; for everything but a FederatedHPA, and needed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_replicas: Option<i32>,
    /// `minReplicas` to set, from 1; for a FederatedHPA, which needs one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_min_replicas: Option<i32>,
    /// `maxReplicas` to set, from 1; for a FederatedHPA, which needs one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_max_replicas: Option<i32>,
    /// Whether it is on hold.
    #[serde(default)]
    pub suspend: bool,
    /// Time zone of the schedule, a name of the IANA database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Executions without an error to keep, 1 to 32.
    #[serde(default = "history_limit_default")]
    pub successful_history_limit: i32,
    /// Executions with an error to keep, 0 to 32.
    #[serde(default = "history_limit_default")]
    pub failed_history_limit: i32,
}

const fn history_limit_default() -> i32 {
    HISTORY_LIMIT_DEFAULT
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronFederatedHPAStatus {
    /// For each rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub execution_histories: Vec<ExecutionHistory>,
}

impl CronFederatedHPAStatus {
    /// Whether nothing was done yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was done by one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionHistory {
    /// The rule.
    pub rule_name: String,
    /// When it acts next; absent while it is on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_execution_time: Option<Timestamp>,
    /// Executions without an error, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successful_executions: Vec<SuccessfulExecution>,
    /// Executions with an error, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_executions: Vec<FailedExecution>,
}

/// An execution without an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuccessfulExecution {
    /// When it was due.
    pub schedule_time: Timestamp,
    /// When it was done.
    pub execution_time: Timestamp,
    /// Replicas that were set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_replicas: Option<i32>,
    /// `maxReplicas` that was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_max_replicas: Option<i32>,
    /// `minReplicas` that was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_min_replicas: Option<i32>,
}

/// An execution with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedExecution {
    /// When it was due.
    pub schedule_time: Timestamp,
    /// When it was tried.
    pub execution_time: Timestamp,
    /// Why it failed.
    pub message: String,
}
