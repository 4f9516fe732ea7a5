//! The account by which the fleet acts in a cluster: made when it joins, removed when it leaves.
//!
//! Everything is made by server-side apply under fixed names, so that making it again finishes what was begun
//! and changes nothing that is there. What is made carries the label [`JOINED`], and
//! nothing without it is removed.

mod credential;
mod in_use;
mod rights;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::marks::{ACCOUNT_FLEET, JOINED};
use crate::api::names::ClusterName;

use super::discovery::Resource;
use super::wire::{Api, Force, RequestError, collection_path, json as read_json, object_path};

pub use credential::{credential, put_credential};
pub use rights::{ACCOUNT, NAMESPACE, Rights, TOKEN};

/// How long the cluster's token controller has for a token: it takes milliseconds where there is one.
const TOKEN_PATIENCE: Duration = Duration::from_secs(5);
const TOKEN_POLL: Duration = Duration::from_millis(100);
/// How long the end of an object is waited for that is being deleted: a namespace takes some seconds.
const DELETION_PATIENCE: Duration = Duration::from_mins(1);
/// What is asked for where there is no token controller: ten years. API servers give less if they are told to.
const TOKEN_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;
/// How often an object is asked for again that somebody else changes while it is removed.
const REMOVE_TRIES: usize = 5;

/// What could not be done in the cluster, and why.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// An object could not be read or written.
    #[error("{object} cannot be {done} in the cluster")]
    Object {
        /// The object, as `ClusterRole git-fleet`.
        object: String,
        /// What was to be done, as `made`, `read` or `removed`.
        done: &'static str,
        /// Why not.
        source: RequestError,
    },
    /// It is there already, and another registration's.
    #[error("{object} is there already, made when the cluster joined as {joined_as}")]
    Foreign {
        /// The object.
        object: String,
        /// The other name.
        joined_as: String,
    },
    /// It is there already, and `join` did not make it.
    #[error("{object} is there already, and was not made by `git fleet join`")]
    Taken {
        /// The object.
        object: String,
    },
    /// It is there already, and another fleet's.
    #[error(
        "the account in the cluster is that of another fleet, whose source begins with commit {fleet}"
    )]
    OtherFleet {
        /// First commit of that fleet's source.
        fleet: String,
    },
    /// Neither the token controller nor the API server gives a token.
    #[error("the cluster gives no token for the ServiceAccount {NAMESPACE}/{ACCOUNT}")]
    NoToken(#[source] RequestError),
}

/// The token of the account.
#[derive(Debug)]
pub struct Token {
    /// The token itself.
    pub secret: SecretString,
    /// When it expires, as the cluster says it; `None`: as long as its Secret is there.
    pub expires: Option<String>,
}

/// An object of the account.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The object, as `ClusterRole git-fleet`.
    pub object: String,
    /// Whether it is not there before it is made.
    pub is_new: bool,
}

/// What the account takes in one cluster, and which of it is there.
#[derive(Debug)]
pub struct Survey {
    wanted: Vec<(Value, Part)>,
}

impl Survey {
    /// What is made, in this order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.wanted.iter().map(|(_, part)| part)
    }
}

/// Looks which objects the account of `rights` takes, and whether they may be made. `fleet` is the first commit of
/// the source, where that is known.
///
/// # Errors
/// The cluster cannot be asked, or has one of the objects from another registration or from somebody else.
pub async fn survey(
    api: &Api,
    cluster: &ClusterName,
    fleet: Option<&str>,
    rights: &Rights,
) -> Result<Survey, AccountError> {
    let there = whose(api).await?;
    if let Some(error) = other_fleet(there.as_deref(), fleet) {
        return Err(error);
    }
    // Whoever cannot tell which fleet it is leaves what is written there.
    let fleet = fleet.or(there.as_deref());
    let mut wanted = Vec::new();
    for object in rights::namespaces(cluster, rights)
        .into_iter()
        .chain(rights::objects(cluster, fleet, rights))
    {
        let found = find_settled(api, &object).await?;
        if let Some(found) = &found {
            match joined_as(found) {
                Some(name) if name == cluster.as_str() => {}
                Some(other) => {
                    let joined_as = other.to_owned();
                    return Err(AccountError::Foreign { object: told(&object), joined_as });
                }
                // One that somebody else has made is left as it is, and stays when the cluster leaves.
                None if object["kind"] == "Namespace" => continue,
                None => return Err(AccountError::Taken { object: told(&object) }),
            }
        }
        let part = Part { object: told(&object), is_new: found.is_none() };
        wanted.push((object, part));
    }
    Ok(Survey { wanted })
}

/// The fleet that the account in the cluster says it is of, if it says so.
async fn whose(api: &Api) -> Result<Option<String>, AccountError> {
    let account = resource("", "ServiceAccount", "serviceaccounts", true);
    let object =
        json!({"kind": "ServiceAccount", "metadata": {"namespace": NAMESPACE, "name": ACCOUNT}});
    match api.get(&account, Some(NAMESPACE), ACCOUNT).await {
        Ok(found) => {
            Ok(found["metadata"]["annotations"][ACCOUNT_FLEET].as_str().map(str::to_owned))
        }
        Err(RequestError::NotFound(_)) => Ok(None),
        Err(source) => Err(failed(&object, "read", source)),
    }
}

/// One that says nothing is whoever's asks for it.
fn other_fleet(there: Option<&str>, fleet: Option<&str>) -> Option<AccountError> {
    let there = there.filter(|there| fleet.is_some_and(|fleet| fleet != *there))?;
    Some(AccountError::OtherFleet { fleet: there.to_owned() })
}

/// Makes the account and gives it its rights; rights that it had before and is not to have any more go.
///
/// # Errors
/// The cluster refuses one of the objects.
pub async fn make(api: &Api, cluster: &ClusterName, survey: &Survey) -> Result<(), AccountError> {
    for (object, _) in &survey.wanted {
        let (resource, namespace, name) = place(object);
        let applied = api.apply(&resource, namespace, name, object, Force::Yes).await;
        applied.map_err(|source| failed(object, "made", source))?;
    }
    for object in find_labelled(api, cluster).await? {
        let is_right = ["Role", "RoleBinding"].iter().any(|kind| object["kind"] == *kind);
        let is_wanted = survey.parts().any(|part| part.object == told(&object));
        if is_right && !is_wanted {
            remove(api, &object).await?;
        }
    }
    Ok(())
}

async fn find(api: &Api, object: &Value) -> Result<Option<Value>, AccountError> {
    let (resource, namespace, name) = place(object);
    match api.get(&resource, namespace, name).await {
        Ok(found) => Ok(Some(found)),
        Err(RequestError::NotFound(_)) => Ok(None),
        Err(source) => Err(failed(object, "read", source)),
    }
}

/// The same; while it is being deleted, as the namespace is after the cluster left, its end is waited for.
async fn find_settled(api: &Api, object: &Value) -> Result<Option<Value>, AccountError> {
    let until = Instant::now() + DELETION_PATIENCE;
    loop {
        let found = find(api, object).await?;
        let is_going =
            found.as_ref().is_some_and(|found| !found["metadata"]["deletionTimestamp"].is_null());
        if !is_going || Instant::now() >= until {
            return Ok(found);
        }
        tokio::time::sleep(TOKEN_POLL).await;
    }
}

fn joined_as(object: &Value) -> Option<&str> {
    object["metadata"]["labels"].get(JOINED)?.as_str()
}

/// The account's token: from its Secret, which the token controller fills, or else from the API server.
///
/// # Errors
/// There is neither.
pub async fn token(api: &Api) -> Result<Token, AccountError> {
    let secret = resource("", "Secret", "secrets", true);
    let until = Instant::now() + TOKEN_PATIENCE;
    loop {
        let found = api.get(&secret, Some(NAMESPACE), TOKEN).await;
        let found = found.map_err(RequestError::without_values).map_err(AccountError::NoToken)?;
        let token = found.pointer("/data/token").and_then(Value::as_str);
        let token = token.and_then(|text| String::from_utf8(BASE64.decode(text).ok()?).ok());
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            return Ok(Token { secret: token.into(), expires: None });
        }
        if Instant::now() >= until {
            break;
        }
        tokio::time::sleep(TOKEN_POLL).await;
    }
    let account = resource("", "ServiceAccount", "serviceaccounts", true);
    let path = format!("{}/token", object_path(&account, Some(NAMESPACE), ACCOUNT));
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    });
    let given = api.create(&path, &request).await.map_err(AccountError::NoToken)?;
    let text = |pointer: &str| given.pointer(pointer).and_then(Value::as_str);
    let Some(token) = text("/status/token").filter(|token| !token.is_empty()) else {
        let nonsense = RequestError::Nonsense("a TokenRequest without a token".to_owned());
        return Err(AccountError::NoToken(nonsense));
    };
    let expires = text("/status/expirationTimestamp").map(str::to_owned);
    Ok(Token { secret: token.to_owned().into(), expires })
}

/// What stands in the cluster for this registration, in the order in which it can be removed: what gives
/// rights goes before whom it gives them to, and the namespace goes last, if nothing else is in it.
///
/// # Errors
/// The cluster cannot be asked, or the account is another fleet's.
pub async fn find_all(
    api: &Api,
    cluster: &ClusterName,
    fleet: Option<&str>,
) -> Result<Vec<Value>, AccountError> {
    if let Some(error) = other_fleet(whose(api).await?.as_deref(), fleet) {
        return Err(error);
    }
    let mut found = find_labelled(api, cluster).await?;
    let is_namespace = |object: &Value| object["kind"] == "Namespace";
    if found.iter().any(is_namespace) && in_use::is_in_use(api).await? {
        found.retain(|object| !is_namespace(object));
    }
    Ok(found)
}

/// What carries the label of this registration, in the order in which it can be removed.
async fn find_labelled(api: &Api, cluster: &ClusterName) -> Result<Vec<Value>, AccountError> {
    let rbac = "rbac.authorization.k8s.io";
    let kinds = [
        resource(rbac, "RoleBinding", "rolebindings", true),
        resource(rbac, "Role", "roles", true),
        resource(rbac, "ClusterRoleBinding", "clusterrolebindings", false),
        resource(rbac, "ClusterRole", "clusterroles", false),
        resource("", "Secret", "secrets", true),
        resource("", "ServiceAccount", "serviceaccounts", true),
        resource("", "Namespace", "namespaces", false),
    ];
    let mut found = Vec::new();
    for kind in kinds {
        for mut object in list(api, &kind, None, &format!("{JOINED}%3D{cluster}")).await? {
            // Items of a list do not say what they are.
            object["kind"] = (*kind.kind).into();
            object["apiVersion"] =
                if kind.group.is_empty() { "v1".into() } else { format!("{rbac}/v1").into() };
            found.push(object);
        }
    }
    Ok(found)
}

async fn list(
    api: &Api,
    resource: &Resource,
    namespace: Option<&str>,
    selector: &str,
) -> Result<Vec<Value>, AccountError> {
    let path = format!("{}?labelSelector={selector}", collection_path(resource, namespace));
    let failed = |source: RequestError| AccountError::Object {
        object: format!("the list of {}", resource.plural),
        done: "read",
        source: source.without_values(),
    };
    let bytes = api.get_raw(&path, "application/json").await.map_err(failed)?;
    let mut list: Value = read_json(&bytes).map_err(failed)?;
    Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

/// Removes one of what [`find_all`] has found. That it is gone already is as good.
///
/// # Errors
/// The cluster refuses.
pub async fn remove(api: &Api, object: &Value) -> Result<(), AccountError> {
    let (resource, namespace, name) = place(object);
    let mut last = None;
    for _ in 0..REMOVE_TRIES {
        let Some(live) = find(api, object).await? else { return Ok(()) };
        let text =
            |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (uid, version) = (text("/metadata/uid"), text("/metadata/resourceVersion"));
        if joined_as(&live) != joined_as(object)
            || live["metadata"].get("deletionTimestamp").is_some()
        {
            return Ok(());
        }
        match api.delete(&resource, namespace, name, uid, version).await {
            Ok(_) | Err(RequestError::NotFound(_)) => return Ok(()),
            Err(error @ RequestError::Conflict(_)) => last = Some(error),
            Err(error) => return Err(failed(object, "removed", error)),
        }
    }
    let busy = || RequestError::Nonsense("it changes all the time".to_owned());
    Err(failed(object, "removed", last.unwrap_or_else(busy)))
}

fn failed(object: &Value, done: &'static str, source: RequestError) -> AccountError {
    let source = if object["kind"] == "Secret" { source.without_values() } else { source };
    AccountError::Object { object: told(object), done, source }
}

/// An object in words, as `Role shop/git-fleet`.
#[must_use]
pub fn told(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let kind = text("/kind").unwrap_or_default();
    let name = text("/metadata/name").unwrap_or_default();
    match text("/metadata/namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// Where an object of the kinds that are made here is.
fn place(object: &Value) -> (Resource, Option<&str>, &str) {
    let kind = object["kind"].as_str().unwrap_or_default();
    let (group, plural, namespaced) = match kind {
        "Namespace" => ("", "namespaces", false),
        "ServiceAccount" => ("", "serviceaccounts", true),
        "Secret" => ("", "secrets", true),
        "Role" => ("rbac.authorization.k8s.io", "roles", true),
        "RoleBinding" => ("rbac.authorization.k8s.io", "rolebindings", true),
        "ClusterRole" => ("rbac.authorization.k8s.io", "clusterroles", false),
        _ => ("rbac.authorization.k8s.io", "clusterrolebindings", false),
    };
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    (resource(group, kind, plural, namespaced), object["metadata"]["namespace"].as_str(), name)
}

fn resource(group: &str, kind: &str, plural: &str, namespaced: bool) -> Resource {
    Resource {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        plural: plural.into(),
        namespaced,
        watchable: true,
    }
}
