//! Tokens of service accounts: what the token controller puts into Secrets, and what the API server issues.
//!
//! A token admits as long as its account is there and, if it stands in a Secret, that Secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::storage::{Key, Object};
use super::world::World;

/// Table of the Secrets.
pub(super) const SECRETS: &str = "secrets.";
/// Type of a Secret that the token controller fills.
const TYPE: &str = "kubernetes.io/service-account-token";
/// Annotation of such a Secret: the account.
const ACCOUNT: &str = "kubernetes.io/service-account.name";
/// How long an issued token is said to hold when a request does not say it, in seconds.
const SECONDS: i64 = 3600;

fn account_key(namespace: &str, name: &str) -> Key {
    Key { table: "serviceaccounts.".into(), namespace: namespace.into(), name: name.into() }
}

/// Fills a Secret for the token of an account that is there, as the token controller does.
pub(super) fn fill(world: &mut World, key: &Key) {
    let Some(secret) = world.storage.get(key).cloned() else { return };
    let mut value = secret.value();
    if value["type"] != TYPE || value["data"].get("token").is_some() {
        return;
    }
    let name = value["metadata"]["annotations"][ACCOUNT].as_str().unwrap_or_default();
    if world.storage.get(&account_key(&key.namespace, name)).is_none() {
        return;
    }
    let token = world.uid();
    value["data"]["token"] = BASE64.encode(token).into();
    value["data"]["namespace"] = BASE64.encode(&*key.namespace).into();
    world.storage.put(key, secret.api_version.clone(), value);
}

/// Issues a token for an account; the `status` of the TokenRequest.
pub(super) fn issue(world: &mut World, account: &Object, request: &Value) -> Value {
    let token = world.uid();
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(SECONDS);
    let expires = Timestamp::now().saturating_add(seconds.seconds());
    let expires = expires.unwrap_or(Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    world.issued.insert(token.clone(), account.key.clone());
    json!({"token": token, "expirationTimestamp": expires})
}

/// Whether the token is that of an account which is there.
pub(super) fn is_of_an_account(world: &World, token: &str) -> bool {
    if let Some(account) = world.issued.get(token) {
        return world.storage.get(account).is_some();
    }
    let encoded = BASE64.encode(token);
    let mut secrets = world.storage.objects_of(SECRETS);
    secrets.any(|secret| {
        let value = secret.value();
        let account = value["metadata"]["annotations"][ACCOUNT].as_str().unwrap_or_default();
        value["type"] == TYPE
            && value["data"]["token"] == *encoded
            && world.storage.get(&account_key(&secret.key.namespace, account)).is_some()
    })
}
