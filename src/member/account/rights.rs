//! What the account of the fleet may do in a cluster, as RBAC objects. No request is made here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::marks::{ACCOUNT_FLEET, JOINED};
use crate::api::names::ClusterName;

pub use crate::api::marks::{ACCOUNT, ACCOUNT_NAMESPACE as NAMESPACE, ACCOUNT_TOKEN as TOKEN};

/// How much the account may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything: what people place can be of any kind, RBAC and CustomResourceDefinitions too.
    Cluster,
    /// Everything in these namespaces, and reading what a report tells.
    Namespaced(BTreeSet<String>),
}

impl Rights {
    /// In words, for a person.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Cluster => "everything in the cluster".to_owned(),
            Self::Namespaced(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!("everything in {}", names.join(", "))
            }
        }
    }
}

/// The namespaces that there have to be before anything else is made: that of the account, and those that
/// the rights are about. The latter stay when the cluster leaves, so they are not marked.
pub(super) fn namespaces(cluster: &ClusterName, rights: &Rights) -> Vec<Value> {
    let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(cluster, None, NAMESPACE)});
    let named = match rights {
        Rights::Cluster => None,
        Rights::Namespaced(names) => Some(names),
    };
    let named = named.into_iter().flatten().filter(|name| *name != NAMESPACE);
    let named = named
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    std::iter::once(own).chain(named).collect()
}

/// The account, its rights and the Secret for its token, in the order in which they are made.
pub(super) fn objects(cluster: &ClusterName, fleet: Option<&str>, rights: &Rights) -> Vec<Value> {
    let rbac = "rbac.authorization.k8s.io/v1";
    let own = |kind: &str, namespace: Option<&str>, name: &str| {
        let api_version = if matches!(kind, "ServiceAccount" | "Secret") { "v1" } else { rbac };
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata(cluster, namespace, name)})
    };
    let subjects = json!([{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}]);
    let bind = |kind: &str, namespace: Option<&str>, role: &str| {
        let mut binding = own(kind, namespace, ACCOUNT);
        binding["roleRef"] =
            json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": ACCOUNT});
        binding["subjects"] = subjects.clone();
        binding
    };
    let mut role = own("ClusterRole", None, ACCOUNT);
    role["rules"] = match rights {
        Rights::Cluster => json!([
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        ]),
        Rights::Namespaced(names) => reading(names),
    };
    let mut secret = own("Secret", Some(NAMESPACE), TOKEN);
    secret["type"] = "kubernetes.io/service-account-token".into();
    secret["metadata"]["annotations"] = json!({"kubernetes.io/service-account.name": ACCOUNT});
    let mut account = own("ServiceAccount", Some(NAMESPACE), ACCOUNT);
    if let Some(fleet) = fleet {
        account["metadata"]["annotations"] = json!({ACCOUNT_FLEET: fleet});
    }
    let mut all = vec![account, role];
    all.push(bind("ClusterRoleBinding", None, "ClusterRole"));
    if let Rights::Namespaced(names) = rights {
        for name in names {
            let mut role = own("Role", Some(name), ACCOUNT);
            role["rules"] = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
            all.push(role);
            all.push(bind("RoleBinding", Some(name), "Role"));
        }
    }
    all.push(secret);
    all
}

/// What an account of some namespaces reads outside of them: what the cluster's status tells of; and the
/// Namespaces themselves, which the source declares and so are applied. Everything else is watched in each
/// namespace.
fn reading(names: &BTreeSet<String>) -> Value {
    let watched = ["list", "watch"];
    let urls = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/readyz", "/version"];
    json!([
        {"apiGroups": [""], "resources": ["nodes", "pods", "namespaces"], "verbs": watched},
        {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": watched},
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": names, "verbs": ["get", "patch"]},
        {"nonResourceURLs": urls, "verbs": ["get"]},
    ])
}

fn metadata(cluster: &ClusterName, namespace: Option<&str>, name: &str) -> Value {
    let mut metadata = json!({
        "name": name,
        "labels": {"app.kubernetes.io/managed-by": ACCOUNT, JOINED: cluster.as_str()},
    });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    metadata
}
