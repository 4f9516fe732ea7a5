//! What is really in the members, asked of their API servers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::StreamExt as _;
use git_fleet::member::kubeconfig::{self, Allow};
use kube::api::{Api, ApiResource, DynamicObject, WatchEvent, WatchParams};
use kube::core::GroupVersionKind;
use serde_json::Value;
use tokio::sync::mpsc;

/// A client of one member.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) name: String,
    client: kube::Client,
}

/// A Deployment was seen with this image.
pub(crate) struct Seen {
    pub(crate) member: String,
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) at: Instant,
}

impl Live {
    pub(crate) fn new(name: &str, kubeconfig: &str) -> anyhow::Result<Self> {
        let config = kubeconfig::parse(kubeconfig.as_bytes(), Allow::default())?;
        Ok(Self { name: name.to_owned(), client: kube::Client::try_from(config)? })
    }

    fn deployments(&self) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
        Api::all_with(self.client.clone(), &kind)
    }

    /// Sends every sight of a Deployment's image from now on.
    pub(crate) async fn watch_images(
        &self,
        seen: mpsc::UnboundedSender<Seen>,
    ) -> anyhow::Result<()> {
        let api = self.deployments();
        let version = api.list(&kube::api::ListParams::default().limit(1)).await?;
        let version = version.metadata.resource_version.context("a list has a version")?;
        let member = self.name.clone();
        let mut events = api.watch(&WatchParams::default().timeout(290), &version).await?.boxed();
        tokio::spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                let (WatchEvent::Added(object) | WatchEvent::Modified(object)) = event else {
                    continue;
                };
                let image = object.data.pointer("/spec/template/spec/containers/0/image");
                let image = image.and_then(Value::as_str).unwrap_or_default().to_owned();
                let name = object.metadata.name.unwrap_or_default();
                let sight = Seen { member: member.clone(), name, image, at: Instant::now() };
                if seen.send(sight).is_err() {
                    break;
                }
            }
        });
        Ok(())
    }

    /// Number of objects at a list path such as `/api/v1/namespaces/web/configmaps`.
    pub(crate) async fn count(&self, path: &str) -> anyhow::Result<usize> {
        let request = http::Request::get(format!("{path}?limit=1")).body(Vec::new())?;
        let list: Value = match self.client.request(request).await {
            Ok(list) => list,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let here = list["items"].as_array().map_or(0, Vec::len);
        let more = list["metadata"]["remainingItemCount"].as_u64().unwrap_or(0);
        Ok(here + usize::try_from(more)?)
    }
}

/// Waits until a Deployment was seen with `image` in all of `members`; returns when the last did.
pub(crate) async fn last_sight(
    seen: &mut mpsc::UnboundedReceiver<Seen>,
    name: &str,
    image: &str,
    n_members: usize,
    limit: Duration,
) -> anyhow::Result<Instant> {
    let mut members = BTreeMap::new();
    let wait = async {
        while members.len() < n_members {
            let sight = seen.recv().await.context("the watches have ended")?;
            if sight.name == name && sight.image == image {
                members.entry(sight.member).or_insert(sight.at);
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(limit, wait)
        .await
        .with_context(|| format!("{name} never had {image}"))??;
    members.into_values().max().context("there is at least one member")
}
