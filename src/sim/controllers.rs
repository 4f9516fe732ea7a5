//! Runs the fake kubelet and controllers over a member's storage.
//!
//! What they do is pure and lives in [`super::kubelet`]; here is when they do it: after a short
//! quiet, in slices, so that a burst of requests is answered first, as by a real cluster whose
//! controllers lag behind its API server.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::delete;
use super::kubelet::{self, Action, Id, Objects, Step};
use super::route::{Format, Options, Propagation};
use super::server::Member;
use super::storage::{Change, Key, Object, Storage};
use super::world::{Call, World};
use super::write;

/// Controllers work when nobody has written for so long, and for longer the more there is to do: many
/// touched objects mean a burst, whose client may stop for a moment.
const QUIET: Duration = Duration::from_millis(20);
/// What each touched object adds to the quiet.
const QUIET_PER_OBJECT: Duration = Duration::from_micros(250);
/// The longest quiet that is waited for.
const QUIET_MAX: Duration = Duration::from_millis(250);
/// Controllers wait for quiet no longer than this: a first apply of a thousand workloads is over by
/// then, and making their pods costs more than storing them.
const PATIENCE: Duration = Duration::from_secs(10);
/// Objects looked at before requests get their turn: a slice takes a few milliseconds at most.
const SLICE: usize = 8;

/// Kinds that the controllers look at: table, group, kind.
const WATCHED: [(&str, &str, &str); 10] = [
    ("pods.", "", "Pod"),
    ("secrets.", "", "Secret"),
    ("services.", "", "Service"),
    ("persistentvolumeclaims.", "", "PersistentVolumeClaim"),
    ("nodes.", "", "Node"),
    ("deployments.apps", "apps", "Deployment"),
    ("replicasets.apps", "apps", "ReplicaSet"),
    ("statefulsets.apps", "apps", "StatefulSet"),
    ("daemonsets.apps", "apps", "DaemonSet"),
    ("jobs.batch", "batch", "Job"),
];

/// Whether the objects of a table make work for the controllers.
pub(super) fn watches(table: &str) -> bool {
    WATCHED.iter().any(|(watched, ..)| *watched == table)
}

/// The objects to look at again after a change of one: itself, the owners of a removed one, and for a
/// node whatever waits for one.
pub(super) fn touched(storage: &Storage, object: &Object, change: Change) -> Vec<Key> {
    let mut keys = vec![object.key.clone()];
    if change == Change::Deleted {
        let owners = object.owners.iter().filter_map(|owner| storage.of_uid(&owner.uid));
        keys.extend(
            owners.filter(|owner| watches(&owner.key.table)).map(|owner| owner.key.clone()),
        );
    }
    if &*object.key.table == "nodes." {
        let waiting =
            storage.objects_of("pods.").filter(|pod| pod.field("spec.nodeName").is_none());
        keys.extend(
            waiting.chain(storage.objects_of("daemonsets.apps")).map(|object| object.key.clone()),
        );
    }
    keys
}

/// A slice of the work, with the world it is read from.
struct View<'a> {
    world: &'a World,
    dirty: Vec<Id>,
}

impl Objects for View<'_> {
    fn dirty(&self) -> Vec<Id> {
        self.dirty.clone()
    }

    fn get(&self, id: &Id) -> Option<Value> {
        let (table, ..) =
            WATCHED.iter().find(|(_, group, kind)| (*group, *kind) == (&*id.group, &*id.kind))?;
        let key = Key {
            table: (*table).into(),
            namespace: id.namespace.as_str().into(),
            name: id.name.as_str().into(),
        };
        self.world.storage.get(&key).map(|object| object.value())
    }

    fn owned_by(&self, uid: &str) -> Vec<Value> {
        self.world.storage.dependents(uid).iter().map(|object| object.value()).collect()
    }

    fn nodes(&self) -> Vec<Value> {
        self.world.storage.objects_of("nodes.").map(|object| object.value()).collect()
    }
}

/// Works until the task is aborted.
pub(super) async fn run(member: Rc<Member>) {
    let touched = Rc::new(Notify::new());
    member.world.borrow_mut().storage.start_controllers(touched.clone());
    let mut busy_since = Instant::now();
    loop {
        if member.world.borrow().storage.dirty.is_empty() {
            touched.notified().await;
            busy_since = Instant::now();
        }
        while is_busy(&member) && busy_since.elapsed() < PATIENCE {
            sleep(QUIET / 2).await;
        }
        let start = Instant::now();
        slice(&mut member.world.borrow_mut());
        if is_busy(&member) {
            // Requests keep coming: they get at least every other moment.
            sleep(start.elapsed()).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

/// Whether requests keep coming.
fn is_busy(member: &Member) -> bool {
    let n_touched = member.world.borrow().storage.dirty.len();
    let more = QUIET_PER_OBJECT.saturating_mul(u32::try_from(n_touched).unwrap_or(u32::MAX));
    member.last_write.get().elapsed() < (QUIET + more).min(QUIET_MAX)
}

/// Looks at a few objects and does what they need.
fn slice(world: &mut World) {
    let dirty: BTreeSet<Key> = {
        let all = &mut world.storage.dirty;
        let mut first = std::mem::take(all);
        if let Some(rest) = first.iter().nth(SLICE).cloned() {
            *all = first.split_off(&rest);
        }
        first
    };
    for key in dirty.iter().filter(|key| &*key.table == super::tokens::SECRETS) {
        super::tokens::fill(world, key);
    }
    let dirty = dirty.iter().filter_map(|key| {
        let (_, group, kind) = WATCHED.iter().find(|(table, ..)| *table == &*key.table)?;
        let (namespace, name) = (key.namespace.to_string(), key.name.to_string());
        Some(Id { group: (*group).to_owned(), kind: (*kind).to_owned(), namespace, name })
    });
    let steps = kubelet::progress(&View { world, dirty: dirty.collect() }, Timestamp::now());
    for step in steps {
        perform(world, step);
    }
}

fn perform(world: &mut World, step: Step) {
    let id = match &step.action {
        Action::Create(object) | Action::Update(object) => Id::of(object),
        Action::Delete(id) => id.clone(),
    };
    let found = world
        .registry
        .all()
        .find(|resource| *resource.group == *id.group && *resource.kind == *id.kind);
    let Some(resource) = found.cloned() else { return };
    let key = Key::new(&resource, &id.namespace, &id.name);
    let mut call = Call {
        resource,
        namespace: id.namespace,
        name: None,
        subresource: step.subresource.map(str::to_owned),
        options: Options::default(),
        format: Format::Json,
        user_agent: step.manager.to_owned(),
    };
    let done = match step.action {
        Action::Create(object) => write::create(world, &call, object),
        Action::Update(object) => {
            call.name = Some(id.name);
            write::update(world, &call, object)
        }
        Action::Delete(_) => {
            if let Some(live) = world.storage.get(&key).cloned() {
                delete::begin(world, &live, Propagation::Background);
            }
            return;
        }
    };
    match done {
        Ok(_) => {}
        // An earlier step of the slice changed the object: look again at what it is now.
        Err(refusal) if refusal.code == 409 => {
            world.storage.dirty.insert(key);
        }
        Err(refusal) => {
            tracing::debug!(error = %refusal.message, "a simulated controller was refused");
        }
    }
}
