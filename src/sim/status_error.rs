//! Refusals as Kubernetes words them: an HTTP code and a `Status` body.

use serde_json::{Value, json};

use super::resources::Resource;

/// Why a request is not done. Every constructor is one reason of the Kubernetes API.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Option<Value>,
    /// Seconds for the `Retry-After` header.
    pub retry_after: Option<u32>,
}

/// One entry of `details.causes`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cause {
    pub reason: &'static str,
    pub message: String,
    pub field: String,
}

fn details(resource: &Resource, name: &str) -> Value {
    let mut details = json!({ "name": name, "kind": &*resource.plural });
    if !resource.group.is_empty() {
        details["group"] = Value::from(&*resource.group);
    }
    details
}

fn causes_json(causes: &[Cause]) -> Value {
    causes
        .iter()
        .map(|c| json!({ "reason": c.reason, "message": c.message, "field": c.field }))
        .collect()
}

impl Refusal {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, retry_after: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(super) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self { details: Some(details(resource, name)), ..Self::new(404, "NotFound", message) }
    }

    /// A path that nothing serves.
    pub(super) fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        Self { details: Some(json!({})), ..Self::new(404, "NotFound", message) }
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: Some(json!({})), ..Self::new(405, "MethodNotAllowed", message) }
    }

    pub(super) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self { details: Some(details(resource, name)), ..Self::new(409, "AlreadyExists", message) }
    }

    pub(super) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self { details: Some(details(resource, name)), ..Self::new(409, "Conflict", message) }
    }

    /// The object moved since the writer read it.
    pub(super) fn stale(resource: &Resource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// Fields that other managers own. `owned` holds (manager as printed, field path).
    pub(super) fn apply_conflict(owned: &[(String, String)]) -> Self {
        let causes: Vec<Cause> = owned
            .iter()
            .map(|(manager, field)| Cause {
                reason: "FieldManagerConflict",
                message: format!("conflict with {manager}"),
                field: field.clone(),
            })
            .collect();
        let message = if let [(manager, field)] = owned {
            format!("Apply failed with 1 conflict: conflict with {manager}: {field}")
        } else {
            let mut by_manager = std::collections::BTreeMap::<&str, Vec<&str>>::new();
            for (manager, field) in owned {
                by_manager.entry(manager).or_default().push(field);
            }
            let lines: Vec<String> = by_manager
                .iter()
                .map(|(manager, fields)| {
                    format!("conflicts with {manager}:\n- {}", fields.join("\n- "))
                })
                .collect();
            format!("Apply failed with {} conflicts: {}", owned.len(), lines.join("\n"))
        };
        let details = Some(json!({ "causes": causes_json(&causes) }));
        Self { details, ..Self::new(409, "Conflict", message) }
    }

    /// The list's continue token or the watch's start is older than what is kept.
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(super) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json";
        Self::new(406, "NotAcceptable", message)
    }

    pub(super) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let texts: Vec<String> =
            causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let list = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let kind = if resource.group.is_empty() {
            resource.kind.to_string()
        } else {
            format!("{}.{}", resource.kind, resource.group)
        };
        let mut details = details(resource, name);
        details["kind"] = Value::from(&*resource.kind);
        details["causes"] = causes_json(causes);
        let message = format!("{kind} \"{name}\" is invalid: {list}");
        Self { details: Some(details), ..Self::new(422, "Invalid", message) }
    }

    /// A scale that no object can have.
    pub(super) fn invalid_scale(name: &str, cause: &Cause) -> Self {
        let text =
            format!("Scale.autoscaling \"{name}\" is invalid: {}: {}", cause.field, cause.message);
        let causes = causes_json(std::slice::from_ref(cause));
        let details =
            json!({ "name": name, "group": "autoscaling", "kind": "Scale", "causes": causes });
        Self { details: Some(details), ..Self::new(422, "Invalid", text) }
    }

    /// A parameter of the query, or of the options in the body, that says nothing.
    pub(super) fn invalid_option(
        kind: &'static str,
        field: &str,
        reason: &'static str,
        message: String,
    ) -> Self {
        let text = format!("{kind}.meta.k8s.io \"\" is invalid: {field}: {message}");
        let causes = causes_json(&[Cause { reason, message, field: field.to_owned() }]);
        let details = json!({ "group": "meta.k8s.io", "kind": kind, "causes": causes });
        Self { details: Some(details), ..Self::new(422, "Invalid", text) }
    }

    /// Nothing may be created in a namespace that is being deleted.
    pub(super) fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.qualified());
        let cause = Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        };
        let mut details = details(resource, name);
        details["causes"] = causes_json(&[cause]);
        Self { details: Some(details), ..Self::new(403, "Forbidden", message) }
    }

    pub(super) fn too_many_requests(retry_after: u32) -> Self {
        let message =
            "the server has received too many requests and has asked us to try again later";
        let details = Some(json!({ "retryAfterSeconds": retry_after }));
        Self {
            details,
            retry_after: Some(retry_after),
            ..Self::new(429, "TooManyRequests", message)
        }
    }

    pub(super) fn server_error(code: u16) -> Self {
        match code {
            503 => Self::new(
                503,
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
            504 => {
                Self::new(504, "Timeout", "the request did not complete within the time allowed")
            }
            _ => Self::new(
                code,
                "InternalError",
                "an error on the server has prevented the request from succeeding",
            ),
        }
    }

    /// The `Status` body.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(details) = &self.details {
            body["details"] = details.clone();
        }
        body
    }
}

/// The `Status` of a deletion that is done.
pub(super) fn deleted(resource: &Resource, name: &str, uid: &str) -> Value {
    let mut details = details(resource, name);
    details["uid"] = Value::from(uid);
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}
