//! Which webhook answers which question about which kind.

use std::sync::Arc;
use std::time::Duration;

use sha1::{Digest as _, Sha1};

use crate::api::manifest::Manifest;
use crate::api::names::ObjectId;
use crate::api::resource_interpreter_customization::Operation;
use crate::api::resource_interpreter_webhook_configuration::{
    ResourceInterpreterWebhook, ResourceInterpreterWebhookConfiguration, WebhookRule,
};
use crate::fleet::Fleet;

/// How long an answer may take where the configuration does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One webhook of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Names of its configuration and of itself, `workloads/workloads.example.com`.
    pub name: Arc<str>,
    /// Changes if and only if its name or its address does: then everything is asked afresh.
    pub id: ObjectId,
    /// Where it is.
    pub url: Arc<str>,
    pub(super) ca_bundle: Option<Arc<str>>,
    pub(super) timeout: Duration,
    rules: Vec<WebhookRule>,
}

impl Webhook {
    /// `None` if it has no address to be called at; the loader refuses such a one.
    fn new(configuration: &str, webhook: &ResourceInterpreterWebhook) -> Option<Self> {
        let config = &webhook.client_config;
        let url = config.url.as_deref()?;
        let name = format!("{configuration}/{}", webhook.name);
        let id = ObjectId::from_bytes(Sha1::digest(format!("{name}\0{url}")).into());
        let seconds = webhook.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Some(Self {
            name: name.into(),
            id,
            url: url.into(),
            ca_bundle: config.ca_bundle.as_deref().map(Arc::from),
            timeout: seconds.map_or(TIMEOUT, Duration::from_secs),
            rules: webhook.rules.clone(),
        })
    }

    fn answers(&self, object: &Manifest, operation: Operation) -> bool {
        let (group, version, kind) = (object.group(), object.version(), object.kind());
        self.rules.iter().any(|rule| rule.matches(operation, group, version, kind))
    }
}

/// The webhooks of a fleet, in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Webhooks(Vec<Webhook>);

impl Webhooks {
    /// The webhooks of these configurations.
    #[must_use]
    pub fn new<'c>(
        configurations: impl IntoIterator<Item = &'c ResourceInterpreterWebhookConfiguration>,
    ) -> Self {
        let of_one = |one: &'c ResourceInterpreterWebhookConfiguration| {
            one.webhooks.iter().filter_map(|webhook| Webhook::new(&one.metadata.name, webhook))
        };
        let mut webhooks: Vec<Webhook> = configurations.into_iter().flat_map(of_one).collect();
        webhooks.sort_by(|a, b| a.name.cmp(&b.name));
        Self(webhooks)
    }

    /// The webhooks of a fleet.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        Self::new(fleet.webhook_configurations.values().map(|one| &*one.value))
    }

    /// The webhook that answers this question about this object: of several the first by name.
    #[must_use]
    pub fn get(&self, object: &Manifest, operation: Operation) -> Option<&Webhook> {
        self.0.iter().find(|webhook| webhook.answers(object, operation))
    }

    /// All of them, in order of their names.
    pub fn iter(&self) -> std::slice::Iter<'_, Webhook> {
        self.0.iter()
    }

    /// Changes iff one of them does, or what it is asked.
    pub(in super::super) fn id(&self) -> ObjectId {
        self.id_of(Operation::ALL)
    }

    /// Changes iff one of them does that is asked one of these operations, or what it is asked of them.
    pub(in super::super) fn id_of(&self, operations: &[Operation]) -> ObjectId {
        let mut hash = Sha1::new();
        for webhook in &self.0 {
            let Webhook { name: _, id, url: _, ca_bundle, timeout, rules } = webhook;
            let rules: Vec<WebhookRule> =
                rules.iter().filter_map(|rule| only(rule, operations)).collect();
            if rules.is_empty() {
                continue;
            }
            hash.update(id.as_bytes());
            let rest = serde_json::to_vec(&(ca_bundle, timeout.as_secs(), rules));
            hash.update(rest.expect("rules came as JSON"));
        }
        ObjectId::from_bytes(hash.finalize().into())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The part of a rule that is about these operations, if any is.
fn only(rule: &WebhookRule, operations: &[Operation]) -> Option<WebhookRule> {
    let mut rule = rule.clone();
    rule.operations.retain(|one| operations.iter().any(|operation| one.covers(*operation)));
    (!rule.operations.is_empty()).then_some(rule)
}

impl<'w> IntoIterator for &'w Webhooks {
    type Item = &'w Webhook;
    type IntoIter = std::slice::Iter<'w, Webhook>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
