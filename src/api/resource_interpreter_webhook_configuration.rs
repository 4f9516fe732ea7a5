//! `config.karmada.io/v1alpha1 ResourceInterpreterWebhookConfiguration`: what a kind means, by HTTPS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};
use super::resource_interpreter_customization::Operation;

/// The version of the protocol that is spoken here.
pub const CONTEXT_VERSION: &str = "v1alpha1";

/// Names servers that say what kinds mean: their replicas, health, status and dependencies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceInterpreterWebhookConfiguration {
    /// Always `config.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `ResourceInterpreterWebhookConfiguration`.
    pub kind: Kind<Self>,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// The servers, and what each is asked.
    pub webhooks: Vec<ResourceInterpreterWebhook>,
}

impl Resource for ResourceInterpreterWebhookConfiguration {
    const API_VERSION: &'static str = "config.karmada.io/v1alpha1";
    const KIND: &'static str = "ResourceInterpreterWebhookConfiguration";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// A server, and what it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceInterpreterWebhook {
    /// Its name, a domain of two parts or more, unique in the object.
    pub name: String,
    /// Where it is.
    pub client_config: WebhookClientConfig,
    /// What it is asked: what any of them says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<WebhookRule>,
    /// Most time that an answer may take, 1 to 30 seconds; 10 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i32>,
    /// The versions of the protocol that it speaks; `v1alpha1` must be one of them.
    pub interpreter_context_versions: Vec<String>,
}

/// Where a server is: one of `url` and `service`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookClientConfig {
    /// Its address, `https://host[:port][/path]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A Service of Karmada's control plane. There is no such cluster here: give the `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<WebhookService>,
    /// The certificates, PEM in base64, of which one must have signed the server's. Without them those
    /// of the operating system count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
}

/// A Service of Karmada's control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookService {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Path of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Port; 443 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
}

/// Operations on kinds. A list that holds `*` holds nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookRule {
    /// What is asked.
    pub operations: Vec<RuleOperation>,
    /// API groups, `""` for the core one, or `*`.
    pub api_groups: Vec<String>,
    /// API versions without their group, or `*`.
    pub api_versions: Vec<String>,
    /// Kinds, or `*` for all but the core group's Secrets.
    pub kinds: Vec<String>,
}

/// One operation, or all.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum RuleOperation {
    /// All of them.
    #[serde(rename = "*")]
    All,
    /// How many replicas an object asks for.
    InterpretReplica,
    /// The parts that an object consists of.
    InterpretComponent,
    /// The object with another number of replicas.
    ReviseReplica,
    /// What a member is to keep of its live object.
    Retain,
    /// The status of all clusters together.
    AggregateStatus,
    /// The part of a live object's status that is carried home.
    InterpretStatus,
    /// Whether a live object does what it should.
    InterpretHealth,
    /// What an object cannot run without.
    InterpretDependency,
}

impl RuleOperation {
    /// Whether `operation` is meant.
    #[must_use]
    pub fn covers(self, operation: Operation) -> bool {
        let one = match self {
            Self::All => return true,
            Self::InterpretReplica => Operation::InterpretReplica,
            Self::InterpretComponent => Operation::InterpretComponent,
            Self::ReviseReplica => Operation::ReviseReplica,
            Self::Retain => Operation::Retain,
            Self::AggregateStatus => Operation::AggregateStatus,
            Self::InterpretStatus => Operation::InterpretStatus,
            Self::InterpretHealth => Operation::InterpretHealth,
            Self::InterpretDependency => Operation::InterpretDependency,
        };
        one == operation
    }
}

impl WebhookRule {
    /// Whether it is about this operation on objects of this kind. About the core group's Secrets it
    /// is only if it names the kind: `*` sends nobody's secrets away.
    ///
    /// ```
    /// # use git_fleet::api::resource_interpreter_webhook_configuration::WebhookRule;
    /// # use git_fleet::api::resource_interpreter_customization::Operation;
    /// let rule: WebhookRule = serde_saphyr::from_str(
    ///     "{operations: ['*'], apiGroups: [apps], apiVersions: ['*'], kinds: [Deployment]}",
    /// )?;
    /// assert!(rule.matches(Operation::Retain, "apps", "v1", "Deployment"));
    /// assert!(!rule.matches(Operation::Retain, "", "v1", "Deployment"));
    /// let all = WebhookRule { api_groups: vec!["*".into()], kinds: vec!["*".into()], ..rule };
    /// assert!(all.matches(Operation::Retain, "", "v1", "ConfigMap"));
    /// assert!(!all.matches(Operation::Retain, "", "v1", "Secret"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn matches(&self, operation: Operation, group: &str, version: &str, kind: &str) -> bool {
        self.operations.iter().any(|each| each.covers(operation))
            && self.is_about(group, kind)
            && holds(&self.api_versions, version)
    }

    /// Whether it is about some operation on objects of this kind in some version.
    #[must_use]
    pub fn is_about(&self, group: &str, kind: &str) -> bool {
        let names_kind = match (group, kind) {
            ("", "Secret") => self.kinds.iter().any(|each| each == kind),
            _ => holds(&self.kinds, kind),
        };
        names_kind && holds(&self.api_groups, group)
    }
}

fn holds(all: &[String], one: &str) -> bool {
    all.iter().any(|each| each == "*" || each == one)
}
