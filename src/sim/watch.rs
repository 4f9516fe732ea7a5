//! Watches: a cursor over a table's window of events, turned into a stream of lines.
//!
//! A watcher has no queue of its own. A slow one falls behind the window and is told 410, as a real
//! server's watch cache does, so its memory is bounded.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{LocalBoxStream, StreamExt as _, unfold};
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::format;
use super::read::Filter;
use super::server::Member;
use super::status_error::Refusal;
use super::storage::{Change, Event};
use super::world::Call;

/// A bookmark is sent this often, so that a quiet watcher's version stays within the window.
const BOOKMARK_EVERY: Duration = Duration::from_secs(15);
/// Length of a watch whose client names none; Kubernetes takes 30 to 60 minutes.
const TIMEOUT_DEFAULT: Duration = Duration::from_mins(30);
/// One write to the client holds at most about this many bytes of events.
const FRAME_BYTES_MAX: usize = 256 * 1024;

/// What befell all watches of a member at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// The connection ends without a word.
    Dropped,
    /// A last event says 410.
    Expired,
}

/// Where faults reach the watches that are running.
#[derive(Debug, Default)]
pub(super) struct Disturbances {
    last: Cell<Option<(u64, Disturbance)>>,
    happened: Notify,
}

impl Disturbances {
    pub(super) fn disturb(&self, disturbance: Disturbance) {
        let n = self.count() + 1;
        self.last.set(Some((n, disturbance)));
        self.happened.notify_waiters();
    }

    fn count(&self) -> u64 {
        self.last.get().map_or(0, |(n, _)| n)
    }

    fn since(&self, seen: u64) -> Option<Disturbance> {
        self.last.get().filter(|(n, _)| *n > seen).map(|(_, disturbance)| disturbance)
    }
}

/// The body of a watch.
pub(super) type Lines = LocalBoxStream<'static, Result<Frame<Bytes>, Infallible>>;

struct Watcher {
    member: Rc<Member>,
    call: Call,
    filter: Filter,
    /// Version of the last event looked at.
    cursor: u64,
    changed: Rc<Notify>,
    seen: u64,
    ends: Instant,
    next_bookmark: Instant,
    /// What is sent before the first event.
    head: Option<Vec<u8>>,
    done: bool,
}

/// Starts a watch.
pub(super) fn stream(member: Rc<Member>, call: Call) -> Result<Lines, Refusal> {
    let filter = Filter::of(&call)?;
    let (head, cursor, changed) = {
        let world = &mut *member.world.borrow_mut();
        let current = world.storage.resource_version;
        let changed = world.storage.table(&call.resource.table).changed.clone();
        let version = call.options.resource_version.as_str();
        let from_now = version.is_empty() || version == "0" || call.options.initial_events;
        if from_now {
            let mut head = Vec::new();
            if call.options.initial_events || call.options.resource_version_match.is_empty() {
                let namespace = (!call.namespace.is_empty()).then_some(call.namespace.as_str());
                for object in world.storage.objects(&call.resource.table, namespace) {
                    if filter.admits(object) {
                        line(
                            &mut head,
                            "ADDED",
                            &format::object(&call.resource, object, call.format),
                        );
                    }
                }
            }
            if call.options.initial_events && call.options.bookmarks {
                bookmark(&mut head, &call, current, true);
            }
            (Some(head), current, changed)
        } else {
            let version = version.parse().map_err(|_| {
                Refusal::new(
                    500,
                    "",
                    format!(
                        "resourceVersion: Invalid value: {version:?}: strconv.ParseUint: parsing {version:?}: invalid syntax"
                    ),
                )
            })?;
            (None, version, changed)
        }
    };
    let now = Instant::now();
    let watcher = Watcher {
        filter,
        cursor,
        changed,
        seen: member.disturbances.count(),
        ends: now + call.options.timeout.unwrap_or(TIMEOUT_DEFAULT),
        next_bookmark: now + BOOKMARK_EVERY,
        head: head.filter(|head| !head.is_empty()),
        done: false,
        member,
        call,
    };
    Ok(unfold(watcher, next).boxed_local())
}

/// Waits for the next lines; `None` ends the watch.
async fn next(mut watcher: Watcher) -> Option<(Result<Frame<Bytes>, Infallible>, Watcher)> {
    loop {
        if watcher.done {
            return None;
        }
        let mut out = watcher.head.take().unwrap_or_default();
        watcher.drain(&mut out);
        if !out.is_empty() {
            return Some((Ok(Frame::data(out.into())), watcher));
        }
        // Nothing else runs between the drain above and the first poll of these, so no wake is lost.
        let member = watcher.member.clone();
        let changed = watcher.changed.clone();
        let wake_at = watcher.ends.min(watcher.next_bookmark);
        tokio::select! {
            () = changed.notified() => {}
            () = member.disturbances.happened.notified() => {}
            () = sleep_until(wake_at) => {
                let mut out = Vec::new();
                watcher.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                watcher.done = Instant::now() >= watcher.ends;
                if watcher.call.options.bookmarks {
                    let current = watcher.member.world.borrow().storage.resource_version;
                    bookmark(&mut out, &watcher.call, current, false);
                    watcher.cursor = current;
                    return Some((Ok(Frame::data(out.into())), watcher));
                }
            }
        }
    }
}

impl Watcher {
    /// Writes the events after the cursor.
    fn drain(&mut self, out: &mut Vec<u8>) {
        match self.member.disturbances.since(self.seen) {
            Some(Disturbance::Dropped) => {
                self.done = true;
                return;
            }
            Some(Disturbance::Expired) => {
                let oldest = self.member.world.borrow().storage.resource_version;
                self.expire(out, oldest);
                return;
            }
            None => {}
        }
        let member = self.member.clone();
        let world = &mut *member.world.borrow_mut();
        let table = world.storage.table(&self.call.resource.table);
        if self.cursor < table.forgotten {
            let oldest = table.forgotten;
            self.expire(out, oldest);
            return;
        }
        let start = table.events.partition_point(|event| event.resource_version <= self.cursor);
        for event in table.events.range(start..) {
            self.cursor = event.resource_version;
            self.write(out, event);
            if out.len() > FRAME_BYTES_MAX {
                return;
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>, event: &Event) {
        let before = event.previous.as_ref().is_some_and(|previous| self.filter.admits(previous));
        let after = event.change != Change::Deleted && self.filter.admits(&event.object);
        let what = match (before, after) {
            (false, false) => return,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        // What is chosen no more is shown as it was when it still was, at the version of the change.
        let left = event
            .previous
            .as_ref()
            .filter(|_| what == "DELETED" && event.change != Change::Deleted);
        let last = left.map(|previous| Rc::new(previous.at(event.resource_version)));
        let object = last.as_ref().unwrap_or(&event.object);
        line(out, what, &format::object(&self.call.resource, object, self.call.format));
    }

    fn expire(&mut self, out: &mut Vec<u8>, oldest: u64) {
        let message = format!("too old resource version: {} ({oldest})", self.cursor);
        line(out, "ERROR", &format::bytes_of(&Refusal::expired(message).body()));
        self.done = true;
    }
}

fn line(out: &mut Vec<u8>, what: &str, object: &[u8]) {
    out.reserve(object.len() + 40);
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(what.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
}

fn bookmark(out: &mut Vec<u8>, call: &Call, version: u64, ends_initial: bool) {
    let resource = &call.resource;
    let mut object = json!({
        "kind": &*resource.kind, "apiVersion": &*resource.api_version,
        "metadata": {"resourceVersion": version.to_string()},
    });
    if ends_initial {
        object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    line(out, "BOOKMARK", &format::value(resource, object, call.format));
}
