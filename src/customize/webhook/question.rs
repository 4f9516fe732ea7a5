//! A question as it is sent, and by what it is known again.

use std::borrow::Cow;

use serde::Serialize;
use sha1::{Digest as _, Sha1};

use super::cause::WebhookCause;
use super::hooks::Webhook;
use crate::api::binding::AggregatedStatusItem;
use crate::api::manifest::Manifest;
use crate::api::meta::Resource as _;
use crate::api::names::ObjectId;
use crate::api::resource_interpreter_customization::Operation;
use crate::api::resource_interpreter_webhook_configuration::ResourceInterpreterWebhookConfiguration;
use crate::customize::failure::OfSecrets;

/// One question about one object.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Question<'q> {
    pub(in super::super) operation: Operation,
    pub(in super::super) object: &'q Manifest,
    /// The live object, for Retain.
    pub(in super::super) observed: Option<&'q Manifest>,
    /// How many replicas it is to have, for ReviseReplica; 0 for all others.
    pub(in super::super) replicas: i32,
    /// What the members reflected, for AggregateStatus.
    pub(in super::super) items: &'q [AggregatedStatusItem],
}

impl<'q> Question<'q> {
    /// A question that needs nothing but the object.
    pub(in super::super) fn new(operation: Operation, object: &'q Manifest) -> Self {
        Self { operation, object, observed: None, replicas: 0, items: &[] }
    }

    /// A cause as it may be told of this object.
    pub(super) fn told(self, cause: WebhookCause, of_secrets: OfSecrets) -> WebhookCause {
        let is_untold = of_secrets == OfSecrets::Untold && self.object.is_secret();
        if is_untold { cause.untold() } else { cause }
    }

    /// Whether plans ask it; all others are asked beside a member.
    pub(super) fn is_of_plan(&self) -> bool {
        !self.operation.is_of_live()
    }

    /// Changes if and only if the webhook or anything of the question does, with two exceptions. A plan
    /// asks for the same object with several `replicas`. And the status that a template has already is
    /// the answer to the question before: what the members say is what makes a new one.
    pub(super) fn id(&self, webhook: &Webhook) -> ObjectId {
        let mut object = Cow::Borrowed(self.object);
        if self.operation == Operation::AggregateStatus {
            object.to_mut().0.remove("status");
        }
        let mut hash = Sha1::new();
        hash.update(webhook.id.as_bytes());
        hash.update(self.operation.name());
        // JSON has no zero byte.
        for part in [
            serde_json::to_vec(&object),
            serde_json::to_vec(&self.observed),
            serde_json::to_vec(self.items),
        ] {
            hash.update([0]);
            hash.update(part.expect("objects are JSON"));
        }
        ObjectId::from_bytes(hash.finalize().into())
    }

    /// The request's body.
    pub(super) fn body(&self, uid: &str) -> Vec<u8> {
        let object = self.object;
        let request = Request {
            uid,
            kind: GroupVersionKind {
                group: object.group(),
                version: object.version(),
                kind: object.kind(),
            },
            name: object.name(),
            namespace: object.namespace(),
            operation: self.operation.name(),
            object,
            observed_object: self.observed,
            replicas: self.replicas,
            aggregated_status: self.items,
        };
        let context = Context {
            api_version: ResourceInterpreterWebhookConfiguration::API_VERSION,
            kind: "ResourceInterpreterContext",
            request,
        };
        serde_json::to_vec(&context).expect("objects are JSON")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'q> {
    api_version: &'static str,
    kind: &'static str,
    request: Request<'q>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'q> {
    uid: &'q str,
    kind: GroupVersionKind<'q>,
    name: &'q str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'q str>,
    operation: &'static str,
    object: &'q Manifest,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_object: Option<&'q Manifest>,
    /// Always there, as Karmada sends it.
    replicas: i32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aggregated_status: &'q [AggregatedStatusItem],
}

#[derive(Serialize)]
struct GroupVersionKind<'q> {
    group: &'q str,
    version: &'q str,
    kind: &'q str,
}
