//! Lists and watches the objects of one kind that carry our label.
//!
//! Tells what it sees, in order, and never a partial list as a whole one: [`Seen::Listed`] comes
//! after the last page only. A watch is resumed where it ended; when the server has forgotten that
//! place (410), the kind is listed again.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::api::manifest::{GroupKind, ObjectKey};
use crate::api::marks::MANAGED;

use super::backoff::Backoff;
use super::discovery::Resource;
use super::wire::{Api, RequestError, collection_path, json};

/// Objects in one page of a list: some 2 MiB of text for Deployments with their managed fields.
const PAGE_LEN: usize = 250;
/// How long a watch lasts before it is opened again; the server ends it. Up to half as much again,
/// so that watches that were opened together do not end together.
const WATCH_SECONDS: u64 = 240;
/// A watch that is silent for longer than it may last is dead.
const SILENCE_MAX: Duration = Duration::from_secs(WATCH_SECONDS * 3 / 2 + 30);
/// Waits between failures to list or watch.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));

/// What a watcher saw.
#[derive(Debug)]
pub(super) enum Seen {
    /// A list has begun: objects that it does not name are not there.
    Listing,
    /// An object, listed or changed.
    Live(ObjectKey, Value),
    /// The list is complete, at this resource version (0 when it is no number).
    Listed(u64),
    /// An object is deleted, or has lost our label; the object as it was.
    Deleted(ObjectKey, Value),
    /// It did not work; it is being tried again.
    Failed(RequestError),
}

/// Watches until the receiver is gone or the task is aborted.
pub(super) async fn watch(api: Api, resource: Resource, seen: mpsc::Sender<(GroupKind, Seen)>) {
    let group_kind = GroupKind { group: resource.group.clone(), kind: resource.kind.clone() };
    let mut watcher = Watcher { api, resource, group_kind, seen };
    let mut attempt = 0;
    let mut from: Option<String> = None;
    loop {
        let round = match &from {
            None => watcher.list().await.map(Some),
            Some(version) => watcher.follow(version.clone(), &mut from, &mut attempt).await,
        };
        match round {
            Ok(Some(version)) => from = Some(version),
            Ok(None) => {}
            Err(Stop::ReceiverGone) => return,
            Err(Stop::Request(error)) => {
                if error == RequestError::Gone {
                    from = None;
                } else if watcher.tell(Seen::Failed(error)).await.is_err() {
                    return;
                }
                attempt += 1;
                tokio::time::sleep(BACKOFF.wait(attempt)).await;
            }
        }
    }
}

enum Stop {
    ReceiverGone,
    Request(RequestError),
}

impl From<RequestError> for Stop {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

struct Watcher {
    api: Api,
    resource: Resource,
    group_kind: GroupKind,
    seen: mpsc::Sender<(GroupKind, Seen)>,
}

#[derive(Deserialize)]
struct Page<'p> {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(borrow, default)]
    items: Option<Vec<&'p RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    r#continue: String,
}

#[derive(Deserialize)]
struct WatchEvent<'e> {
    r#type: String,
    #[serde(borrow)]
    object: &'e RawValue,
}

impl Watcher {
    async fn tell(&self, seen: Seen) -> Result<(), Stop> {
        self.seen.send((self.group_kind.clone(), seen)).await.map_err(|_| Stop::ReceiverGone)
    }

    /// Lists every page; gives the resource version to watch from.
    async fn list(&mut self) -> Result<String, Stop> {
        self.tell(Seen::Listing).await?;
        let collection = collection_path(&self.resource, None);
        let mut token = String::new();
        loop {
            let mut path = format!("{collection}?labelSelector={MANAGED}%3Dtrue&limit={PAGE_LEN}");
            if !token.is_empty() {
                path.push_str("&continue=");
                path.extend(url::form_urlencoded::byte_serialize(token.as_bytes()));
            }
            let bytes = self.api.get_raw(&path, "application/json").await?;
            let page: Page<'_> = json(&bytes)?;
            for item in page.items.unwrap_or_default() {
                self.tell_object(item, Seen::Live).await?;
            }
            token = page.metadata.r#continue;
            if token.is_empty() {
                let version = page.metadata.resource_version;
                self.tell(Seen::Listed(version.parse().unwrap_or(0))).await?;
                return Ok(version);
            }
        }
    }

    /// Watches from `version` until the server ends it. `from` follows what was seen, so that the
    /// next watch resumes there even when this one fails.
    async fn follow(
        &mut self,
        version: String,
        from: &mut Option<String>,
        attempt: &mut u32,
    ) -> Result<Option<String>, Stop> {
        let seconds = WATCH_SECONDS + fastrand::u64(..WATCH_SECONDS / 2);
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&labelSelector={MANAGED}%3Dtrue\
             &resourceVersion={version}&timeoutSeconds={seconds}",
            collection_path(&self.resource, None)
        );
        let mut lines = self.api.stream(&path).await?;
        loop {
            let line =
                tokio::time::timeout(SILENCE_MAX, lines.next()).await.unwrap_or_else(|_| {
                    Err(RequestError::Unreachable("a watch has gone silent".to_owned()))
                })?;
            let Some(line) = line else { return Ok(None) };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let event: WatchEvent<'_> = json(&line)?;
            let version = match &*event.r#type {
                "ADDED" | "MODIFIED" => self.tell_object(event.object, Seen::Live).await?,
                "DELETED" => self.tell_object(event.object, Seen::Deleted).await?,
                "BOOKMARK" => resource_version(&json(event.object.get().as_bytes())?),
                _ => {
                    let status: Value = json(event.object.get().as_bytes())?;
                    return Err(Stop::Request(if status["code"] == 410 {
                        RequestError::Gone
                    } else {
                        RequestError::Nonsense("the watch ended with an error".to_owned())
                    }));
                }
            };
            if !version.is_empty() {
                *from = Some(version);
            }
            *attempt = 0;
        }
    }

    /// Tells of one object; gives its resource version.
    async fn tell_object(
        &self,
        raw: &RawValue,
        seen: impl FnOnce(ObjectKey, Value) -> Seen,
    ) -> Result<String, Stop> {
        let mut value: Value = json(raw.get().as_bytes())?;
        let version = resource_version(&value);
        let metadata = &value["metadata"];
        let key = ObjectKey {
            group_kind: self.group_kind.clone(),
            namespace: metadata["namespace"].as_str().map(Into::into),
            name: metadata["name"].as_str().unwrap_or_default().into(),
        };
        // Items of a list of a built-in kind do not say what they are.
        if let Some(object) = value.as_object_mut() {
            object.entry("kind").or_insert_with(|| Value::from(&*self.resource.kind));
        }
        self.tell(seen(key, value)).await?;
        Ok(version)
    }
}

fn resource_version(value: &Value) -> String {
    value["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}
