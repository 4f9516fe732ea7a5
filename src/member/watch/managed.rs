//! Watches the objects of a kind that carry our label: in the whole cluster, or, where the credentials may not
//! list that, in each of the namespaces that matter.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch as latest};

use super::{Object, Seen, Stop, Subject, Watcher, object};
use crate::api::manifest::GroupKind;
use crate::api::marks::{MANAGED, MANAGED_TRUE};
use crate::member::discovery::Resource;
use crate::member::wire::{Api, RequestError, collection_path};

/// The namespaces that matter: those of the objects that are held.
pub(in crate::member) type Namespaces = BTreeSet<Arc<str>>;

/// How soon a namespace that may not be listed is tried again: somebody may have given the right.
const HIDDEN_AGAIN: Duration = Duration::from_mins(1);
/// Before lists are read anew because a watch has ended.
const PAUSE: Duration = Duration::from_millis(200);

/// Watches until the receiver is gone or the task is aborted.
pub(in crate::member) async fn managed(
    api: Api,
    resource: Resource,
    mut namespaces: latest::Receiver<Namespaces>,
    seen: mpsc::Sender<(GroupKind, Seen<Object>)>,
) {
    let group_kind = GroupKind { group: resource.group.clone(), kind: resource.kind.clone() };
    let api_version: Arc<str> = match &*resource.group {
        "" => Arc::clone(&resource.version),
        group => format!("{group}/{}", resource.version).into(),
    };
    let watcher = |namespace: Option<&str>| {
        let (kind, named, version) =
            (group_kind.clone(), group_kind.clone(), Arc::clone(&api_version));
        let subject = Subject {
            collection: collection_path(&resource, namespace),
            selector: format!("{MANAGED}%3D{MANAGED_TRUE}"),
            read: move |raw: &RawValue| object(&kind, &version, raw),
        };
        let wrap = move |seen| (named.clone(), seen);
        Watcher { api: api.clone(), subject, seen: seen.clone(), wrap }
    };
    let whole = watcher(None);
    let mut attempt = 0;
    while let Some(forbidden) = whole.run(&mut attempt).await {
        let round = if resource.namespaced {
            in_each(&whole, |name| watcher(Some(name)), &mut namespaces).await
        } else {
            Err(Stop::Request(forbidden))
        };
        let round = match round {
            Ok(()) => {
                attempt = 0;
                tokio::time::sleep(PAUSE).await;
                Ok(())
            }
            Err(Stop::Request(error)) => whole.failed(error, &mut attempt).await,
            Err(Stop::ReceiverGone) => return,
        };
        if round.is_err() {
            return;
        }
    }
}

/// Lists each namespace, as one list, and watches them until one of the watches ends or others matter.
async fn in_each<R, W>(
    whole: &Watcher<R, (GroupKind, Seen<Object>), W>,
    watcher: impl Fn(&str) -> Watcher<R, (GroupKind, Seen<Object>), W>,
    namespaces: &mut latest::Receiver<Namespaces>,
) -> Result<(), Stop>
where
    R: Fn(&RawValue) -> Result<(Object, String), RequestError>,
    W: Fn(Seen<Object>) -> (GroupKind, Seen<Object>),
{
    let names = namespaces.borrow_and_update().clone();
    let mut listed = Vec::new();
    let mut is_any_hidden = false;
    whole.tell(Seen::Listing).await?;
    for name in names {
        let one = watcher(&name);
        match one.pages().await {
            Ok(version) => listed.push((one, version)),
            Err(Stop::Request(RequestError::Forbidden(_))) => {
                is_any_hidden = true;
                whole.tell(Seen::Hidden(name)).await?;
            }
            Err(stop) => return Err(stop),
        }
    }
    // What was made after the first of the lists may be missing in it.
    let versions = listed.iter().map(|(_, version)| version.parse().unwrap_or(0));
    whole.tell(Seen::Listed(versions.min().unwrap_or(0))).await?;
    let follows = listed.into_iter().map(|(one, version)| {
        Box::pin(async move { one.follow(version, &mut None, &mut 0).await })
    });
    let follows: Vec<_> = follows.collect();
    let is_any_watched = !follows.is_empty();
    let ended = async {
        if is_any_watched { select_all(follows).await.0 } else { std::future::pending().await }
    };
    tokio::select! {
        ended = ended => match ended {
            Ok(_) | Err(Stop::Request(RequestError::Gone)) => Ok(()),
            Err(stop) => Err(stop),
        },
        changed = namespaces.changed() => changed.map_err(|_| Stop::ReceiverGone),
        () = tokio::time::sleep(HIDDEN_AGAIN), if is_any_hidden => Ok(()),
    }
}
