//! Access reviews: whoever can connect to a simulated member may do everything.

use serde_json::{Value, json};

use super::resources::Resource;

/// The review, answered.
pub(super) fn answer(resource: &Resource, mut review: Value) -> Value {
    review["apiVersion"] = Value::from(&*resource.api_version);
    review["kind"] = Value::from(&*resource.kind);
    review["status"] = match &*resource.kind {
        "SelfSubjectRulesReview" => json!({
            "incomplete": false,
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }),
        "SelfSubjectReview" => {
            json!({"userInfo": {"username": "admin", "groups": ["system:masters"]}})
        }
        _ => json!({"allowed": true}),
    };
    review
}
