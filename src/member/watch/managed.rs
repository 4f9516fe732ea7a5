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

/// How often a namespace that may not be listed is tried again: somebody may have given the right.
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

/// Lists each namespace, as one list, and watches them until one of the watches ends, others matter, or one may be
/// listed that could not be.
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
    let (mut listed, mut hidden) = (Vec::new(), Vec::new());
    whole.tell(Seen::Listing).await?;
    for name in names {
        let one = watcher(&name);
        match one.pages().await {
            Ok(version) => listed.push((one, version)),
            Err(Stop::Request(RequestError::Forbidden(_))) => {
                hidden.push(one);
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
        () = any_shown(&hidden), if !hidden.is_empty() => Ok(()),
    }
}

/// Waits until one of them may be listed. The watches of the others go on meanwhile.
async fn any_shown<R, M, W>(hidden: &[Watcher<R, M, W>]) {
    loop {
        tokio::time::sleep(HIDDEN_AGAIN).await;
        for one in hidden {
            if one.api.get_raw(&one.subject.path("limit=1"), "application/json").await.is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::stream;
    use http::{Request, Response};
    use http_body_util::{Either, Full, StreamBody};
    use hyper::body::{Bytes, Frame};
    use kube::client::Body;

    use super::*;

    type Requests = Arc<Mutex<Vec<String>>>;

    /// A server that refuses all lists but those of the namespace `shown`, and of `hidden` once it was asked `n_refused`
    /// times.
    fn server(n_refused: usize) -> (Api, Requests) {
        let requests = Requests::default();
        let asked = Arc::clone(&requests);
        let service = tower::service_fn(move |request: Request<Body>| {
            let path = request.uri().to_string();
            let n_hidden = {
                let mut asked = asked.lock().unwrap();
                asked.push(path.clone());
                asked.iter().filter(|path| path.contains("/hidden/")).count()
            };
            let (code, body) = if path.contains("watch=true") {
                (
                    200,
                    Either::Left(StreamBody::new(stream::pending::<
                        Result<Frame<Bytes>, std::io::Error>,
                    >())),
                )
            } else {
                let is_listed =
                    path.contains("/shown/") || path.contains("/hidden/") && n_hidden > n_refused;
                let text = r#"{"metadata":{"resourceVersion":"7"},"items":[]}"#;
                (if is_listed { 200 } else { 403 }, Either::Right(Full::new(Bytes::from(text))))
            };
            let response = Response::builder().status(code).body(body).unwrap();
            std::future::ready(Ok::<_, std::io::Error>(response))
        });
        (Api::new(kube::Client::new(service, "default")), requests)
    }

    /// Years may pass before somebody gives a right; the others' lists are not read anew each minute.
    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_stays_hidden_costs_one_request_a_minute() {
        let resource = Resource {
            group: "".into(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespaced: true,
            watchable: true,
        };
        let (api, requests) = server(5);
        let names: Namespaces = ["hidden", "shown"].map(Arc::from).into();
        let (_names, names) = latest::channel(names);
        let (seen, mut sights) = mpsc::channel(64);
        let watching = tokio::spawn(managed(api, resource, names, seen));
        let mut n_hidden = 0;
        let mut n_lists = 0;
        while n_lists < 2 {
            match sights.recv().await.unwrap().1 {
                Seen::Hidden(name) => {
                    assert_eq!(&*name, "hidden");
                    n_hidden += 1;
                }
                Seen::Listed(version) => {
                    assert_eq!(version, 7);
                    n_lists += 1;
                }
                Seen::Listing => {}
                other => panic!("{other:?}"),
            }
        }
        watching.abort();
        // It was hidden once, and the second list has it.
        assert_eq!(n_hidden, 1);
        let requests = requests.lock().unwrap();
        let is_list = |path: &&String| path.contains("/shown/") && !path.contains("watch=true");
        assert_eq!(requests.iter().filter(is_list).count(), 2, "{requests:#?}");
    }
}
