//! How much a cluster's nodes have, and how much of it is asked for.
//!
//! Nodes and pods are listed once and watched from then on; of each only the few fields that count
//! are kept. Allocatable: what all nodes offer. Allocated: requests of pods that have a node and are
//! not finished. Allocating: requests of pods that have no node yet. Each of the latter two counts its
//! pods as the resource `pods`. Modelings: how many nodes have how much left, by the grades of the
//! cluster's registration (`spec/placement.md` §3.8.1).

mod census;
mod read;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch as latest};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::cluster::ResourceModel;

use super::watch::{self, Subject};
use super::wire::Api;
use census::{Census, Sight};

pub(super) use census::Room;

/// Events that the watches may be ahead.
const EVENTS_MAX: usize = 512;
/// The cluster's room is counted at most for this share of the time: one part in so many.
const COUNTING_SHARE: u32 = 50;

/// Watches nodes and pods until the receiver is gone or the task is aborted.
///
/// Nothing is told before both lists are whole; then at once, and whenever it changed, at most once
/// an `interval`. What the credentials may not list stays untold.
pub(super) async fn follow(
    api: Api,
    mut models: latest::Receiver<Arc<[ResourceModel]>>,
    room: latest::Sender<Option<Room>>,
    interval: Duration,
) {
    let (sender, mut sights) = mpsc::channel(EVENTS_MAX);
    let mut watches = JoinSet::new();
    let nodes = subject("/api/v1/nodes", read::node);
    watches.spawn(watch::watch(api.clone(), nodes, sender.clone(), Sight::Node));
    let pods = subject("/api/v1/pods", read::pod);
    watches.spawn(watch::watch(api, pods, sender, Sight::Pod));
    let mut census = Census::default();
    let mut due: Option<Instant> = None;
    let mut not_before = Instant::now();
    loop {
        tokio::select! {
            sight = sights.recv() => {
                let Some(sight) = sight else { return };
                let is_news = census.take(sight);
                if is_news && census.is_whole() {
                    due.get_or_insert(not_before);
                }
            }
            changed = models.changed() => {
                if changed.is_err() {
                    return;
                }
                if census.is_whole() {
                    due = Some(Instant::now());
                }
            }
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                due = None;
                let start = Instant::now();
                let grades = models.borrow_and_update().clone();
                let counted = census.count(&grades);
                not_before = Instant::now() + interval.max(start.elapsed() * COUNTING_SHARE);
                room.send_if_modified(|known| {
                    let is_news = known.as_ref() != Some(&counted);
                    *known = Some(counted);
                    is_news
                });
                if room.is_closed() {
                    return;
                }
            }
        }
    }
}

/// All objects of a collection.
fn subject<R>(collection: &str, read: R) -> Subject<R> {
    Subject { collection: collection.to_owned(), selector: String::new(), read }
}
