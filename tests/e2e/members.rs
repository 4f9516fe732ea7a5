//! What is in the members, read from their API servers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One object: API version, kind, namespace (empty for none), name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    /// Key of a manifest.
    pub(crate) fn of(manifest: &Value) -> Key {
        let text = |pointer: &str| {
            manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Key {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }
}

/// A member as seen through its API server.
pub(crate) struct Member {
    client: ::kube::Client,
    /// Plural of each (API version, kind) that was asked for.
    plurals: BTreeMap<(String, String), String>,
}

impl Member {
    pub(crate) fn new(client: ::kube::Client) -> Member {
        Member { client, plurals: BTreeMap::new() }
    }

    /// The live object, `None` when it, or its whole kind, is not there.
    pub(crate) async fn get(&mut self, key: &Key) -> Option<Value> {
        let plural = self.plural(key).await?;
        let namespace = if key.namespace.is_empty() {
            String::new()
        } else {
            format!("/namespaces/{}", key.namespace)
        };
        let path = format!("{}{namespace}/{plural}/{}", root(&key.api_version), key.name);
        self.request(&path).await
    }

    /// The uids of the objects that are there.
    pub(crate) async fn uids(&mut self, keys: &BTreeSet<Key>) -> BTreeMap<Key, String> {
        let mut uids = BTreeMap::new();
        for key in keys {
            if let Some(object) = self.get(key).await {
                let uid =
                    object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
                uids.insert(key.clone(), uid.to_owned());
            }
        }
        uids
    }

    /// Changes an object as somebody of the member would: by a merge patch, under another name.
    pub(crate) async fn patch(
        &self,
        api_version: &str,
        path: &str,
        namespace: &str,
        patch: &Value,
    ) {
        let path = format!("{}/namespaces/{namespace}/{path}", root(api_version));
        let request = http::Request::patch(&path)
            .header("content-type", "application/merge-patch+json")
            .body(serde_json::to_vec(patch).expect("JSON has a text form"))
            .expect("paths of names are valid");
        let done = self.client.request::<Value>(request).await;
        assert!(done.is_ok(), "{path}: {done:?}");
    }

    async fn plural(&mut self, key: &Key) -> Option<String> {
        let of = (key.api_version.clone(), key.kind.clone());
        if let Some(plural) = self.plurals.get(&of) {
            return Some(plural.clone());
        }
        let resources = self.request(&root(&key.api_version)).await?;
        let resource = resources["resources"].as_array()?.iter().find(|resource| {
            resource["kind"] == key.kind
                && !resource["name"].as_str().is_some_and(|name| name.contains('/'))
        })?;
        let plural = resource["name"].as_str()?.to_owned();
        self.plurals.insert(of, plural.clone());
        Some(plural)
    }

    async fn request(&self, path: &str) -> Option<Value> {
        let request = http::Request::get(path).body(Vec::new()).expect("paths of names are valid");
        match self.client.request(request).await {
            Ok(value) => Some(value),
            Err(::kube::Error::Api(status)) if status.code == 404 => None,
            Err(e) => panic!("{path}: {e}"),
        }
    }
}

fn root(api_version: &str) -> String {
    if api_version.contains('/') {
        format!("/apis/{api_version}")
    } else {
        format!("/api/{api_version}")
    }
}
