//! What a cluster is recognised by: the uid of its Namespace `kube-system`, which lives as long as the
//! cluster does.

use serde_json::Value;

use super::wire::{Api, RequestError, json};

const PATH: &str = "/api/v1/namespaces/kube-system";

/// Which cluster answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Uid of its `kube-system`.
    Uid(String),
    /// We may not read that Namespace, or there is none.
    Hidden,
}

/// Asks the cluster which one it is, for who does not run an executor there.
///
/// # Errors
/// It cannot be asked.
pub async fn which(api: &Api) -> Result<Identity, RequestError> {
    read(api).await
}

/// Asks the cluster which one it is.
pub(super) async fn read(api: &Api) -> Result<Identity, RequestError> {
    let bytes = match api.get_raw(PATH, "application/json").await {
        Ok(bytes) => bytes,
        Err(RequestError::Forbidden(_) | RequestError::NotFound(_)) => return Ok(Identity::Hidden),
        Err(error) => return Err(error),
    };
    let namespace: Value = json(&bytes)?;
    match namespace.pointer("/metadata/uid").and_then(Value::as_str) {
        Some(uid) if !uid.is_empty() => Ok(Identity::Uid(uid.to_owned())),
        _ => Err(RequestError::Nonsense("the Namespace kube-system has no uid".to_owned())),
    }
}
