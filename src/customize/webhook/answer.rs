//! What a webhook answered: read from its response, checked, and applied.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cause::WebhookCause;
use super::question::Question;
use crate::api::binding::{Component, ReplicaRequirements};
use crate::api::manifest::Manifest;
use crate::api::resource_interpreter_customization::Operation;
use crate::customize::dependencies::dependencies_of;
use crate::customize::foreign::{misread, told};
use crate::customize::requirements;
use crate::interpret::{Dependency, in_order};

/// What a webhook answered to one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) enum Answer {
    /// To InterpretReplica.
    Replicas {
        count: i32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requirements: Option<ReplicaRequirements>,
    },
    /// To InterpretComponent.
    Components(Vec<Component>),
    /// To InterpretDependency.
    Dependencies(Vec<Dependency>),
    /// To ReviseReplica and Retain: what is to change in the object, if anything.
    Patch(Patch),
    /// To InterpretStatus; to AggregateStatus the whole status, null if there is to be none.
    Status(Value),
    /// To InterpretHealth.
    Healthy(bool),
}

#[derive(Deserialize)]
struct Context {
    response: Option<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    uid: String,
    #[serde(default)]
    successful: bool,
    status: Option<Status>,
    #[serde(default)]
    patch: Option<String>,
    patch_type: Option<String>,
    replicas: Option<i32>,
    replica_requirements: Option<ReplicaRequirements>,
    #[serde(default)]
    components: Option<Vec<Component>>,
    #[serde(default)]
    dependencies: Option<Value>,
    raw_status: Option<Value>,
    healthy: Option<bool>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: i32,
}

impl Answer {
    /// Reads the body of a response to the question `uid`.
    pub(super) fn read(body: &[u8], uid: &str, operation: Operation) -> Result<Self, WebhookCause> {
        let answer = |what: &str| WebhookCause::Answer(what.to_owned());
        let context: Context = serde_json::from_slice(body)
            .map_err(|error| answer(&format!("its body is no response: {}", misread(&error))))?;
        let response = context.response.ok_or_else(|| answer("there is no `response`"))?;
        if response.uid != uid {
            return Err(answer("`response.uid` is not that of the request"));
        }
        if !response.successful {
            let silent = "`successful` is false, and there is no `status` that says why";
            let status = response.status.ok_or_else(|| answer(silent))?;
            return Err(WebhookCause::Refused {
                code: status.code,
                message: told(&status.message),
            });
        }
        response.of(operation).map_err(WebhookCause::Answer)
    }
}

impl Answer {
    /// The answer as it is kept: a patch that fits the object; of AggregateStatus the status that it
    /// makes, since the next question is about a template that has it.
    pub(super) fn settled(self, question: Question<'_>) -> Result<Self, WebhookCause> {
        let Self::Patch(patch) = &self else { return Ok(self) };
        let mut after = patched(question.object, patch)?;
        if question.operation == Operation::AggregateStatus {
            let status = after.0.remove("status").unwrap_or_default();
            if !status.is_object() && !status.is_null() {
                return Err(WebhookCause::Answer("`patch` makes `status` no object".to_owned()));
            }
            return Ok(Self::Status(status));
        }
        Ok(self)
    }
}

impl Response {
    fn of(self, operation: Operation) -> Result<Answer, String> {
        let absent = |field: &str| format!("{operation} needs `{field}`, and it is absent");
        Ok(match operation {
            Operation::InterpretReplica => {
                let count = self.replicas.ok_or_else(|| absent("replicas"))?;
                if count < 0 {
                    return Err(format!("{count} is no number of replicas"));
                }
                Answer::Replicas { count, requirements: self.replica_requirements }
            }
            Operation::InterpretComponent => {
                Answer::Components(requirements::in_order(self.components.unwrap_or_default())?)
            }
            Operation::InterpretDependency => match self.dependencies {
                None => Answer::Dependencies(Vec::new()),
                Some(list) => Answer::Dependencies(in_order(dependencies_of(list)?)),
            },
            Operation::ReviseReplica | Operation::Retain | Operation::AggregateStatus => {
                Answer::Patch(patch(self.patch.as_deref(), self.patch_type.as_deref())?)
            }
            Operation::InterpretStatus => {
                Answer::Status(self.raw_status.ok_or_else(|| absent("rawStatus"))?)
            }
            Operation::InterpretHealth => {
                Answer::Healthy(self.healthy.ok_or_else(|| absent("healthy"))?)
            }
        })
    }
}

/// The steps of a patch; none if there is neither a patch nor a type.
fn patch(patch: Option<&str>, patch_type: Option<&str>) -> Result<Patch, String> {
    let patch = patch.filter(|patch| !patch.is_empty());
    match (patch, patch_type) {
        (None, None) => Ok(Patch(Vec::new())),
        (Some(_), None) => Err("there is a `patch` and no `patchType`".to_owned()),
        (None, Some(_)) => Err("there is a `patchType` and no `patch`".to_owned()),
        (Some(patch), Some("JSONPatch")) => {
            let bytes = STANDARD.decode(patch).map_err(|_| "`patch` is no base64".to_owned())?;
            serde_json::from_slice(&bytes)
                .map_err(|error| format!("`patch` is no patch: {}", misread(&error)))
        }
        (Some(_), Some(other)) => Err(format!("`patchType` is `{}`, not JSONPatch", told(other))),
    }
}

/// `object` with the steps of a patch taken. What it *is* stays: the work names it so.
pub(super) fn patched(object: &Manifest, patch: &Patch) -> Result<Manifest, WebhookCause> {
    let answer = |what: String| WebhookCause::Answer(what);
    let mut value = object.clone().into_value();
    json_patch::patch(&mut value, patch)
        .map_err(|error| answer(told(&format!("`patch` does not fit the object: {error}"))))?;
    let after = Manifest::from_value(value)
        .ok_or_else(|| answer("`patch` makes the object something else".to_owned()))?;
    if (after.api_version(), after.key()) != (object.api_version(), object.key()) {
        return Err(answer(
            "`patch` changes apiVersion, kind, namespace or name of the object".to_owned(),
        ));
    }
    Ok(after)
}
