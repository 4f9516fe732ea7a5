//! What is in a Namespace that is to go, and is not the fleet's: it would go with it.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde_json::Value;

use super::discovery::{Discovery, Resource};
use super::live::Live;
use super::meaning::Bundled;
use super::wire::{Api, RequestError, collection_path, json};

/// Kinds that are listed at one time: a cluster with many definitions has hundreds.
const AT_ONCE_MAX: usize = 8;
/// How often a kind is asked for whose server is not ready for it.
const TRIES: usize = 4;
/// Objects of one page.
const PAGE_LEN: usize = 100;
/// Only what is in `metadata` matters.
const ACCEPT: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
/// Names under which every Namespace is born with objects.
const BORN_WITH: [(&str, &str); 2] =
    [("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")];
/// Kinds that tell of other objects, and go with them.
const SHADOWS: [&str; 4] = ["Event", "Endpoints", "EndpointSlice", "Lease"];

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMeta,
    /// `null` where there are none.
    items: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    #[serde(default, rename = "continue")]
    next: String,
}

/// The first object in `namespace` that the fleet did not make and that nothing else in it owns, as
/// `ConfigMap settings`. Looks at the kinds that it may list.
///
/// # Errors
/// The cluster cannot be asked.
pub(super) async fn first_of_others(
    api: &Api,
    discovery: &Discovery,
    namespace: &str,
) -> Result<Option<String>, RequestError> {
    let kinds: Vec<&Resource> = discovery
        .kinds()
        .filter(|kind| kind.namespaced && kind.watchable && !SHADOWS.contains(&&*kind.kind))
        .collect();
    let owners: BTreeSet<(&str, &str)> =
        kinds.iter().map(|kind| (&*kind.group, &*kind.kind)).collect();
    let mut looks = Vec::with_capacity(kinds.len());
    for kind in kinds {
        looks.push(first_of(api, kind, namespace, &owners));
    }
    let mut looks = stream::iter(looks).buffered(AT_ONCE_MAX);
    while let Some(found) = looks.next().await {
        if let Some(found) = found? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn first_of(
    api: &Api,
    kind: &Resource,
    namespace: &str,
    owners: &BTreeSet<(&str, &str)>,
) -> Result<Option<String>, RequestError> {
    let collection = collection_path(kind, Some(namespace));
    let mut next = String::new();
    loop {
        let path = if next.is_empty() {
            format!("{collection}?limit={PAGE_LEN}")
        } else {
            format!("{collection}?limit={PAGE_LEN}&continue={next}")
        };
        let page: Page = match patient(api, &path).await {
            Ok(bytes) => json(&bytes)?,
            // A kind that is hidden, or was removed since.
            Err(RequestError::Forbidden(_) | RequestError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(found) =
            page.items.iter().flatten().find(|item| is_of_others(kind, item, owners))
        {
            let name = found["metadata"]["name"].as_str().unwrap_or_default();
            return Ok(Some(format!("{} {name}", kind.kind)));
        }
        if page.metadata.next.is_empty() {
            return Ok(None);
        }
        next = page.metadata.next;
    }
}

/// A kind that nobody has asked for yet is not ready at once, and its API server says so as if it were asked too much.
async fn patient(api: &Api, path: &str) -> Result<Bytes, RequestError> {
    for _ in 1..TRIES {
        match api.get_raw(path, ACCEPT).await {
            Err(RequestError::Throttled { after }) => tokio::time::sleep(after).await,
            answer => return answer,
        }
    }
    api.get_raw(path, ACCEPT).await
}

/// What is owned is counted by what owns it, where that is in the Namespace too.
fn is_of_others(kind: &Resource, item: &Value, owners: &BTreeSet<(&str, &str)>) -> bool {
    let metadata = &item["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    // Before Kubernetes 1.24 the token of each ServiceAccount is a Secret.
    let token_of = &metadata["annotations"]["kubernetes.io/service-account.name"];
    let live = Live::read(item, None, &Bundled);
    let is_owned = metadata["ownerReferences"].as_array().into_iter().flatten().any(|owner| {
        let version = owner["apiVersion"].as_str().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        owners.contains(&(group, owner["kind"].as_str().unwrap_or_default()))
    });
    !(live.terminating
        || live.is_removable() && !live.adopted
        || BORN_WITH.contains(&(&*kind.kind, name))
        || token_of == "default"
        || is_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_nothing_is_empty() {
        let page = br#"{"kind": "PartialObjectMetadataList", "metadata": {"resourceVersion": "1"}, "items": null}"#;
        let page: Page = crate::member::wire::json(page).unwrap();
        assert!(page.items.is_none() && page.metadata.next.is_empty());
    }

    #[test]
    fn what_others_put_into_a_namespace_is_told_from_what_comes_with_it() {
        let resource = |kind: &str| Resource {
            group: "".into(),
            version: "v1".into(),
            kind: kind.into(),
            plural: "".into(),
            namespaced: true,
            watchable: true,
        };
        let owners = [("apps", "ReplicaSet"), ("", "ConfigMap")].into();
        let is_of_others = |kind: &str, metadata: Value| {
            is_of_others(&resource(kind), &json!({"metadata": metadata}), &owners)
        };
        let owner = |version: &str, kind: &str| json!({"name": "x", "ownerReferences": [{"apiVersion": version, "kind": kind}]});
        let work = "0".repeat(40);
        let ours = json!({"name": "x", "labels": {"karmada.io/managed": "true"},
            "annotations": {"git-fleet.io/work": work}});
        let mut adopted = ours.clone();
        adopted["annotations"]["git-fleet.io/adopted"] = "true".into();
        for (kind, metadata, expected) in [
            ("ConfigMap", json!({"name": "settings"}), true),
            ("ConfigMap", json!({"name": "kube-root-ca.crt"}), false),
            ("Secret", json!({"name": "kube-root-ca.crt"}), true),
            ("ServiceAccount", json!({"name": "default"}), false),
            ("ConfigMap", json!({"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}), false),
            ("Pod", owner("apps/v1", "ReplicaSet"), false),
            ("Pod", owner("v1", "Node"), true),
            ("ConfigMap", ours, false),
            ("ConfigMap", adopted, true),
        ] {
            assert_eq!(is_of_others(kind, metadata.clone()), expected, "{kind} {metadata}");
        }
    }
}
