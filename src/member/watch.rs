//! Lists and watches the objects of one kind: all of them, or those that carry our label.
//!
//! Tells what it sees, in order, and never a partial list as a whole one: [`Seen::Listed`] comes
//! after the last page only. A watch is resumed where it ended; when the server has forgotten that
//! place (410), the kind is listed again. Of each object only what a [`Subject`] reads is kept.

mod managed;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::api::manifest::{GroupKind, ObjectKey};

use super::backoff::Backoff;
use super::wire::{Api, RequestError, json};

pub(super) use managed::{Namespaces, managed};

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
pub(super) enum Seen<T> {
    /// A list has begun: objects that it does not name are not there.
    Listing,
    /// An object, listed or changed.
    Live(T),
    /// What is in this namespace may not be listed: nothing is known of it.
    Hidden(Arc<str>),
    /// The list is complete, at this resource version (0 when it is no number).
    Listed(u64),
    /// An object is deleted, or has lost our label; the object as it was.
    Deleted(T),
    /// It did not work; it is being tried again.
    Failed(RequestError),
}

/// An object as the executor wants it: named, and opened only if it is news.
#[derive(Debug)]
pub(super) struct Object {
    /// Its identity.
    pub key: ObjectKey,
    /// Its resource version as a number; 0 when it is none.
    pub version: u64,
    /// The version of its API that it was read in, e.g. `apps/v1`.
    api_version: Arc<str>,
    text: Box<RawValue>,
}

impl Object {
    /// The object whole. Items of a list of a built-in kind do not say what they are: it is put in.
    pub(super) fn open(&self) -> Result<Value, RequestError> {
        let mut value: Value = json(self.text.get().as_bytes())?;
        if let Some(object) = value.as_object_mut() {
            object.entry("kind").or_insert_with(|| Value::from(&*self.key.group_kind.kind));
            object.entry("apiVersion").or_insert_with(|| Value::from(&*self.api_version));
        }
        Ok(value)
    }
}

/// Which objects are watched, and what is read of each.
pub(super) struct Subject<R> {
    /// Path of the collection.
    pub collection: String,
    /// A label selector, as it stands in a query; empty: all.
    pub selector: String,
    /// Gives what is kept of an object, and its resource version.
    pub read: R,
}

impl<R> Subject<R> {
    fn path(&self, query: &str) -> String {
        match &*self.selector {
            "" => format!("{}?{query}", self.collection),
            selector => format!("{}?labelSelector={selector}&{query}", self.collection),
        }
    }
}

/// Watches until the receiver is gone or the task is aborted. `wrap` says where a sight comes from.
pub(super) async fn watch<T, R, M>(
    api: Api,
    subject: Subject<R>,
    seen: mpsc::Sender<M>,
    wrap: impl Fn(Seen<T>) -> M,
) where
    R: Fn(&RawValue) -> Result<(T, String), RequestError>,
{
    let watcher = Watcher { api, subject, seen, wrap };
    let mut attempt = 0;
    while let Some(forbidden) = watcher.run(&mut attempt).await {
        if watcher.failed(forbidden, &mut attempt).await.is_err() {
            return;
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

struct Watcher<R, M, W> {
    api: Api,
    subject: Subject<R>,
    seen: mpsc::Sender<M>,
    wrap: W,
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

impl<T, R, M, W> Watcher<R, M, W>
where
    R: Fn(&RawValue) -> Result<(T, String), RequestError>,
    W: Fn(Seen<T>) -> M,
{
    /// Lists and watches; ends with the answer that it may not list, or with nothing when the receiver is gone.
    async fn run(&self, attempt: &mut u32) -> Option<RequestError> {
        let mut from: Option<String> = None;
        loop {
            let round = match &from {
                None => self.list().await.map(Some),
                Some(version) => self.follow(version.clone(), &mut from, attempt).await,
            };
            match round {
                Ok(Some(version)) => from = Some(version),
                Ok(None) => {}
                Err(Stop::ReceiverGone) => return None,
                Err(Stop::Request(error @ RequestError::Forbidden(_))) if from.is_none() => {
                    return Some(error);
                }
                Err(Stop::Request(error)) => {
                    if error == RequestError::Gone {
                        from = None;
                    }
                    if self.failed(error, attempt).await.is_err() {
                        return None;
                    }
                }
            }
        }
    }

    /// Tells of a failure, and waits until it is tried again.
    async fn failed(&self, error: RequestError, attempt: &mut u32) -> Result<(), Stop> {
        let asked = match &error {
            RequestError::Throttled { after } => *after,
            _ => Duration::ZERO,
        };
        // That the past is forgotten is no trouble: it is listed again.
        if error != RequestError::Gone {
            self.tell(Seen::Failed(error)).await?;
        }
        *attempt += 1;
        tokio::time::sleep(BACKOFF.wait(*attempt).max(asked)).await;
        Ok(())
    }

    async fn tell(&self, seen: Seen<T>) -> Result<(), Stop> {
        self.seen.send((self.wrap)(seen)).await.map_err(|_| Stop::ReceiverGone)
    }

    /// Lists everything; gives the resource version to watch from.
    async fn list(&self) -> Result<String, Stop> {
        self.tell(Seen::Listing).await?;
        let version = self.pages().await?;
        self.tell(Seen::Listed(version.parse().unwrap_or(0))).await?;
        Ok(version)
    }

    /// Lists every page; gives the resource version to watch from.
    async fn pages(&self) -> Result<String, Stop> {
        let mut token = String::new();
        loop {
            let mut path = self.subject.path(&format!("limit={PAGE_LEN}"));
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
                return Ok(page.metadata.resource_version);
            }
        }
    }

    /// Watches from `version` until the server ends it. `from` follows what was seen, so that the
    /// next watch resumes there even when this one fails.
    async fn follow(
        &self,
        version: String,
        from: &mut Option<String>,
        attempt: &mut u32,
    ) -> Result<Option<String>, Stop> {
        let seconds = WATCH_SECONDS + fastrand::u64(..WATCH_SECONDS / 2);
        let path = self.subject.path(&format!(
            "watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={seconds}"
        ));
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
        seen: impl FnOnce(T) -> Seen<T>,
    ) -> Result<String, Stop> {
        let (object, version) = (self.subject.read)(raw)?;
        self.tell(seen(object)).await?;
        Ok(version)
    }
}

/// What is looked at of every object, opened or not.
#[derive(Deserialize)]
struct Named {
    metadata: NamedMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NamedMetadata {
    namespace: Option<Arc<str>>,
    name: Arc<str>,
    resource_version: String,
}

fn object(
    group_kind: &GroupKind,
    api_version: &Arc<str>,
    raw: &RawValue,
) -> Result<(Object, String), RequestError> {
    let Named { metadata } = json(raw.get().as_bytes())?;
    let NamedMetadata { namespace, name, resource_version } = metadata;
    let object = Object {
        key: ObjectKey { group_kind: group_kind.clone(), namespace, name },
        version: resource_version.parse().unwrap_or(0),
        api_version: Arc::clone(api_version),
        text: raw.to_owned(),
    };
    Ok((object, resource_version))
}

fn resource_version(value: &Value) -> String {
    value["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_a_list_is_told_what_it_is() {
        for (group, expected) in [("apps", "apps/v1"), ("", "v1")] {
            let kind = GroupKind { group: group.into(), kind: "Thing".into() };
            let read = |text: &str| {
                let raw = RawValue::from_string(text.to_owned()).unwrap();
                let (object, version) = object(&kind, &expected.into(), &raw).unwrap();
                assert_eq!((&*object.key.name, object.version, &*version), ("a", 7, "7"));
                let value = object.open().unwrap();
                (value["apiVersion"].clone(), value["kind"].clone())
            };
            let metadata = r#""metadata":{"name":"a","resourceVersion":"7"}"#;
            assert_eq!(read(&format!("{{{metadata}}}")), (expected.into(), "Thing".into()));
            let said = format!(r#"{{"apiVersion":"said/v2","kind":"Thing",{metadata}}}"#);
            assert_eq!(read(&said).0, "said/v2");
        }
    }
}
