//! Whether anything but the account lives in its namespace: a controller may run there, and must not go because
//! another cluster's door is closed.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::{AccountError, NAMESPACE, joined_as, list};
use crate::member::discovery::{Discovery, Resource};
use crate::member::wire::{Api, RequestError};

/// Kinds that are listed at one time: a cluster with many definitions has hundreds.
const AT_ONCE_MAX: usize = 8;

/// How often a kind is asked for whose server is not ready for it.
const TRIES: usize = 4;

/// Names under which every namespace is born with objects.
const BORN_WITH: [&str; 2] = ["default", "kube-root-ca.crt"];

/// Whether the account's namespace has anything that did not come with the account, of whatever kind. What cannot be
/// known is taken to be there.
///
/// # Errors
/// The cluster cannot be asked.
pub(super) async fn is_in_use(api: &Api) -> Result<bool, AccountError> {
    let discovery = Discovery::ask(api, None).await.map_err(|source| AccountError::Object {
        object: "the list of its kinds".to_owned(),
        done: "read",
        source,
    })?;
    if !discovery.is_complete() {
        return Ok(true);
    }
    // Events tell of what was there as well.
    let kinds = discovery
        .resources()
        .filter(|resource| resource.namespaced && resource.watchable && &*resource.kind != "Event");
    let asked =
        stream::iter(kinds).map(|resource| has_any(api, resource)).buffer_unordered(AT_ONCE_MAX);
    asked.try_any(std::future::ready).await
}

async fn has_any(api: &Api, resource: &Resource) -> Result<bool, AccountError> {
    let mut listed = list(api, resource, Some(NAMESPACE), "").await;
    // A kind that nobody has asked for yet is not ready at once, and its API server says so like this.
    for _ in 1..TRIES {
        let Err(AccountError::Object { source: RequestError::Throttled { after }, .. }) = &listed
        else {
            break;
        };
        tokio::time::sleep(*after).await;
        listed = list(api, resource, Some(NAMESPACE), "").await;
    }
    match listed {
        Ok(objects) => Ok(objects.iter().any(|object| !is_of_account(object))),
        // A definition that was removed since.
        Err(AccountError::Object { source: RequestError::NotFound(_), .. }) => Ok(false),
        Err(AccountError::Object {
            source: RequestError::Forbidden(_) | RequestError::Throttled { .. },
            ..
        }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether it came with the account, or with the namespace.
fn is_of_account(object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    // Before Kubernetes 1.24 the token of each ServiceAccount is a Secret.
    let token_of = &object["metadata"]["annotations"]["kubernetes.io/service-account.name"];
    joined_as(object).is_some() || BORN_WITH.contains(&name) || token_of == "default"
}
