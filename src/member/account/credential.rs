//! The Secret of the cluster that the controller runs in, when that holds the kubeconfigs of the members.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{AccountError, resource};
use crate::member::wire::{Api, RequestError, collection_path};

/// The kubeconfig under `key` of the Secret; `None` if there is none, or no such Secret.
///
/// # Errors
/// The cluster refuses, or what is there is not base64.
pub async fn credential(
    api: &Api,
    (namespace, name): (&str, &str),
    key: &str,
) -> Result<Option<Vec<u8>>, AccountError> {
    let secret = resource("", "Secret", "secrets", true);
    let found = match api.get(&secret, Some(namespace), name).await {
        Ok(found) => found,
        Err(RequestError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(failed(namespace, name, "read", error)),
    };
    let Some(text) = found["data"][key].as_str() else { return Ok(None) };
    let decoded = BASE64.decode(text).map_err(|_| {
        let nonsense = RequestError::Nonsense(format!("{key} of it is not base64"));
        failed(namespace, name, "read", nonsense)
    })?;
    Ok(Some(decoded))
}

/// Puts a kubeconfig into the Secret under `key`, beside those that are there; `None` takes it out.
///
/// # Errors
/// The cluster refuses.
pub async fn put_credential(
    api: &Api,
    (namespace, name): (&str, &str),
    key: &str,
    content: Option<&[u8]>,
) -> Result<(), AccountError> {
    let secret = resource("", "Secret", "secrets", true);
    let value = content.map(|bytes| BASE64.encode(bytes));
    let done = if content.is_some() { "written" } else { "changed" };
    let patch = json!({"data": {key: value}});
    match api.merge(&secret, Some(namespace), name, &patch).await {
        Ok(_) => Ok(()),
        Err(RequestError::NotFound(_)) if content.is_none() => Ok(()),
        Err(RequestError::NotFound(_)) => {
            let body = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": {"name": name, "namespace": namespace}, "data": {key: value},
            });
            let path = collection_path(&secret, Some(namespace));
            let made: Result<Value, RequestError> = api.create(&path, &body).await;
            made.map(drop).map_err(|error| failed(namespace, name, done, error))
        }
        Err(error) => Err(failed(namespace, name, done, error)),
    }
}

fn failed(namespace: &str, name: &str, done: &'static str, source: RequestError) -> AccountError {
    let object = format!("Secret {namespace}/{name}");
    AccountError::Object { object, done, source: source.without_values() }
}
