//! `networking.karmada.io/v1alpha1 MultiClusterIngress`: one way in to the Services of several
//! clusters.
//!
//! Its spec is that of Kubernetes' `networking.k8s.io/v1` Ingress.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meta::{ApiVersion, Kind, ObjectMeta, Resource};

/// Leads requests from outside to Services, wherever they run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterIngress {
    /// Always `networking.karmada.io/v1alpha1`.
    pub api_version: ApiVersion<Self>,
    /// Always `MultiClusterIngress`.
    pub kind: Kind<Self>,
    /// Metadata; the Services are in the same namespace.
    pub metadata: ObjectMeta,
    /// Which requests go where.
    #[serde(default)]
    pub spec: IngressSpec,
}

impl Resource for MultiClusterIngress {
    const API_VERSION: &'static str = "networking.karmada.io/v1alpha1";
    const KIND: &'static str = "MultiClusterIngress";
    const NAMESPACED: bool = true;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Which requests go where: `defaultBackend`, `rules` or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// The IngressClass, and so the controller, that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress_class_name: Option<String>,
    /// Where requests go that no rule is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_backend: Option<IngressBackend>,
    /// Certificates for hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<IngressTLS>,
    /// Where requests for hosts go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<IngressRule>,
}

/// A certificate for hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressTLS {
    /// The hosts; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The Secret that holds the certificate and its key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub secret_name: String,
}

/// Where requests for one host go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngressRule {
    /// The host, `*.` in front meaning any name before it; all hosts if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Where its paths lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HTTPIngressRuleValue>,
}

/// Where the paths of a host lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HTTPIngressRuleValue {
    /// The paths, at least one.
    pub paths: Vec<HTTPIngressPath>,
}

/// Where one path leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HTTPIngressPath {
    /// The path, beginning with `/`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// How a request's path is compared with it.
    pub path_type: PathType,
    /// Where it leads.
    pub backend: IngressBackend,
}

/// How a request's path is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PathType {
    /// It is this path.
    Exact,
    /// It begins with the parts of this path.
    Prefix,
    /// As the controller has it.
    ImplementationSpecific,
}

/// Where requests go: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngressBackend {
    /// To a Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<IngressServiceBackend>,
    /// To another object of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<TypedLocalObjectReference>,
}

/// A Service and one of its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngressServiceBackend {
    /// Name of the Service.
    pub name: String,
    /// Its port.
    #[serde(default)]
    pub port: ServiceBackendPort,
}

/// A port of a Service, by one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceBackendPort {
    /// By its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// By its number; 0 is none.
    #[serde(default)]
    pub number: i32,
}

/// Names an object of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypedLocalObjectReference {
    /// Group of its API; absent for the core group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_group: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}
