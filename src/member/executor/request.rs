//! One object's turn: the requests that bring it in place or remove it. No state, no retries.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use crate::api::manifest::{Manifest, ObjectKey};
use crate::api::marks;

use crate::api::names::ObjectId;
use crate::interpret::NoAnswer;
use crate::member::DesiredObject;
use crate::member::contents;
use crate::member::discovery::{Discovery, Resource};
use crate::member::intent;
use crate::member::live::Live;
use crate::member::meaning::{Bundled, Meaning};
use crate::member::wire::{Api, Force, Refusal, RequestError};

/// What to do about an object that its API server does not take.
const CHOICES: &str = "change the template; a field that is immutable keeps its value, unless the object gets \
    another name, or is deleted in the cluster because it may be made anew";

/// What is to be done.
pub(super) enum Task {
    /// Bring it in place.
    Apply {
        desired: DesiredObject,
        source: ObjectId,
        /// What is known of the live object.
        known: Known,
        /// Fields that the server does not keep.
        tolerated: Vec<String>,
    },
    /// Delete it, or take our marks off it where it says that it outlives its template.
    Remove(Parting),
}

/// What is known of a live object before it is written.
pub(super) enum Known {
    /// As the watch has it.
    Live(Box<Live>),
    /// The watch has told of none that has our label, so there is likely none at all.
    LikelyAbsent,
    /// Nothing: it is looked for first.
    Nothing,
}

/// What a deletion has to look out for.
pub(super) struct Parting {
    /// Whether the cluster leaves the fleet: it keeps what it had before it came.
    pub leaves: bool,
    /// What is to run on in the Namespace that is to be deleted, if anything is.
    pub still_used: Option<ObjectKey>,
    /// What the cluster serves.
    pub discovery: Option<Arc<Discovery>>,
}

/// What came of it.
pub(super) enum Done {
    /// The live object after the apply, and as it was found before; `None`: it was not there.
    Applied { live: Value, before: Option<Live> },
    /// It was in place already; the live object.
    InPlace(Value),
    /// We deleted it or let it go.
    Removed,
    /// We let it go in place of deleting it; why, for a person.
    Kept(String),
    /// It is being deleted, and still there: the live object.
    Going(Value),
    /// It was gone already, is going, or was never ours.
    Absent,
    /// Nothing was changed.
    Failed(Failure),
}

/// Why an object is not as it should be.
pub(super) enum Failure {
    /// The cluster, not the object.
    Cluster(RequestError),
    /// May pass by itself.
    Passing(String),
    /// Somebody has to act.
    Lasting(String),
    /// The account may not even look at it.
    Hidden(String),
}

impl From<NoAnswer> for Failure {
    fn from(no_answer: NoAnswer) -> Self {
        let message = no_answer.to_string();
        if no_answer.is_passing { Self::Passing(message) } else { Self::Lasting(message) }
    }
}

/// Does `task`.
pub(super) async fn perform(
    api: &Api,
    resource: &Resource,
    key: &ObjectKey,
    meaning: &dyn Meaning,
    task: Task,
) -> Done {
    let done = match task {
        Task::Apply { desired, source, known, tolerated } => {
            let (manifest, work) = (desired.manifest.open(), desired.work);
            let apply = Apply { api, resource, key, meaning, manifest: &manifest, work, source };
            apply.run(known, &tolerated).await
        }
        Task::Remove(parting) => remove(api, resource, key, &parting).await,
    };
    done.unwrap_or_else(Done::Failed)
}

/// One object that is to be brought in place.
struct Apply<'a> {
    api: &'a Api,
    resource: &'a Resource,
    key: &'a ObjectKey,
    meaning: &'a dyn Meaning,
    manifest: &'a Manifest,
    work: ObjectId,
    source: ObjectId,
}

impl Apply<'_> {
    async fn run(&self, known: Known, tolerated: &[String]) -> Result<Done, Failure> {
        let Self { key, manifest, work, .. } = *self;
        let live = match known {
            Known::Live(live) => Some(*live),
            Known::Nothing => None,
            Known::LikelyAbsent => {
                if let Some(done) = self.make().await? {
                    return Ok(done);
                }
                None
            }
        };
        // What a member keeps of an object is in the object, not in what is remembered of it.
        let is_whole_needed = live.is_none() || self.meaning.retains(manifest);
        let (live, whole) = if is_whole_needed {
            match self.look().await {
                Ok((live, whole)) if live.runs(work, tolerated) => {
                    return Ok(Done::InPlace(whole));
                }
                Ok((live, whole)) => (Some(live), Some(whole)),
                Err(RequestError::NotFound(_)) => (None, None),
                Err(RequestError::Forbidden(refusal)) => {
                    return Err(Failure::Hidden(self.told(&refusal)));
                }
                Err(error) => return Err(self.failure(error)),
            }
        } else {
            (live, None)
        };
        let overwrites = intent::overwrites(manifest);
        if live.as_ref().is_some_and(|live| live.terminating) {
            return Err(Failure::Passing(format!(
                "{key} is being deleted; it is made again after that"
            )));
        }
        if live.as_ref().is_some_and(|live| !live.is_ours()) && !overwrites {
            return Err(Failure::Lasting(format!(
                "OBJECT_EXISTS {key} exists in the cluster and the fleet does not manage it, so it is left alone; \
                 set `conflictResolution: Overwrite` in its policy to take it over, or delete it there"
            )));
        }
        // The first apply of an object takes no fields from others unless the policy says so. What is
        // ours since is taken back, but never blindly: who owns it now is looked at first, for it may
        // be an autoscaler that has just begun.
        let is_ours = live.as_ref().is_some_and(|live| live.applied_by_us);
        let force = if overwrites && !is_ours { Force::Yes } else { Force::No };
        let adopts = live.as_ref().is_some_and(|live| live.adopted || !live.is_ours());
        let body = self.body(live.as_ref(), whole, adopts).await?;
        let mut applied = self.send(body, force).await;
        let mut before = live;
        if is_ours
            && let Err(RequestError::Conflict(refusal)) = &applied
            && refusal.conflicts().next().is_some()
        {
            let (fresh, whole) = self.look().await.map_err(|error| self.failure(error))?;
            if fresh.applied_by_us && !fresh.terminating {
                let body = self.body(Some(&fresh), Some(whole), fresh.adopted).await?;
                applied = self.send(body, Force::Yes).await;
                before = Some(fresh);
            }
        }
        match applied {
            Ok(live) => Ok(Done::Applied { live, before }),
            Err(RequestError::Conflict(refusal)) if refusal.conflicts().next().is_some() => {
                Err(Failure::Lasting(field_conflict(&refusal)))
            }
            // An apply makes what is not there, so it is what the object would be in that is not.
            Err(RequestError::NotFound(refusal)) => {
                let namespace = self.key.namespace.as_deref();
                let home = namespace.map_or_else(
                    || "its kind".to_owned(),
                    |namespace| format!("its Namespace {namespace}, or its kind,"),
                );
                Err(Failure::Passing(format!(
                    "HOME_MISSING {home} is not in the cluster: {refusal}; declare it in the source"
                )))
            }
            Err(error) => Err(self.failure(error)),
        }
    }

    /// Makes the object, in one request: a look at what is not there would double those of a new rollout.
    /// `None` if it was refused, mostly because it is there.
    async fn make(&self) -> Result<Option<Done>, Failure> {
        let body = self.body(None, None, false).await?;
        match self.send(body, Force::No).await {
            Ok(live) => Ok(Some(Done::Applied { live, before: None })),
            Err(
                RequestError::Conflict(_)
                | RequestError::Refused(_)
                | RequestError::Forbidden(_)
                | RequestError::NotFound(_),
            ) => Ok(None),
            Err(error) => Err(self.failure(error)),
        }
    }

    async fn look(&self) -> Result<(Live, Value), RequestError> {
        let (namespace, name) = (self.key.namespace.as_deref(), &*self.key.name);
        let value = self.api.get(self.resource, namespace, name).await?;
        Ok((Live::read(&value, Some(self.manifest), self.meaning), value))
    }

    async fn send(&self, body: Manifest, force: Force) -> Result<Value, RequestError> {
        let (namespace, name) = (self.key.namespace.as_deref(), &*self.key.name);
        self.api.apply(self.resource, namespace, name, &body.into_value(), force).await
    }

    /// What is sent: what is desired, with what the member keeps of the whole live object. What was there
    /// before us says so.
    ///
    /// INVARIANT: what is sent where nothing was seen cannot change what somebody else has made meanwhile.
    async fn body(
        &self,
        live: Option<&Live>,
        whole: Option<Value>,
        adopts: bool,
    ) -> Result<Manifest, Failure> {
        let manifest = self.manifest;
        let whole = whole.filter(|_| self.meaning.retains(manifest));
        let mut body = match whole.and_then(Manifest::from_value) {
            None => intent::body(manifest, self.source, self.work),
            Some(whole) => {
                let retained = self.meaning.retain(manifest.clone(), whole).await;
                let mut retained = retained.map_err(Failure::from)?;
                intent::keep_marks(&mut retained, manifest);
                intent::body(&retained, self.source, self.work)
            }
        };
        if live.is_some_and(|live| live.autoscaler.is_some()) {
            intent::release_replicas(&mut body);
        }
        if adopts {
            body.set_annotation(marks::ADOPTED, "true");
        }
        if live.is_none() {
            intent::only_where_absent(&mut body);
        }
        Ok(body)
    }

    fn told(&self, refusal: &Refusal) -> String {
        let is_secret = self.manifest.is_secret();
        if is_secret { refusal.without_values().to_string() } else { refusal.to_string() }
    }

    fn failure(&self, error: RequestError) -> Failure {
        failure(error, self.manifest.is_secret())
    }
}

/// Looks at the live object (never at a cache) and removes it if it is ours and still the same.
async fn remove(
    api: &Api,
    resource: &Resource,
    key: &ObjectKey,
    parting: &Parting,
) -> Result<Done, Failure> {
    let (namespace, name) = (key.namespace.as_deref(), &*key.name);
    let value = match api.get(resource, namespace, name).await {
        Ok(value) => value,
        Err(RequestError::NotFound(_)) => return Ok(Done::Absent),
        Err(RequestError::Forbidden(refusal)) => {
            return Err(Failure::Hidden(refusal.without_values().to_string()));
        }
        Err(error) => return Err(failure(error, true)),
    };
    let live = Live::read(&value, None, &Bundled);
    if !live.is_removable() {
        return Ok(Done::Absent);
    }
    let text = |at: &str| value.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let (uid, version) = (text("/metadata/uid"), text("/metadata/resourceVersion"));
    // The object itself says that it outlives its template: no memory of ours is needed for it.
    let stays = value["metadata"]["annotations"][marks::PRESERVE_ON_DELETION] == "true";
    let mut kept = None;
    if !stays {
        if live.terminating {
            return Ok(Done::Going(value));
        }
        kept = why_kept(api, key, &live, parting).await?;
    }
    let removed = if !stays && kept.is_none() {
        api.delete(resource, namespace, name, uid, version).await
    } else {
        api.merge(resource, namespace, name, &without_marks(&value, uid, version)).await
    };
    match removed {
        Ok(_) if let Some(why) = kept => Ok(Done::Kept(why)),
        // An object that is gone at once is answered with a `Status`, or as it last was.
        Ok(left) if Live::read(&left, None, &Bundled).terminating => Ok(Done::Going(left)),
        Ok(_) => Ok(Done::Removed),
        Err(RequestError::NotFound(_)) => Ok(Done::Absent),
        Err(RequestError::Conflict(_)) => {
            Err(Failure::Passing(format!("{key} changed while it was being removed")))
        }
        Err(error) => Err(failure(error, true)),
    }
}

/// Why an object is let go of that is to be deleted, for a person; `None` if it is not.
///
/// INVARIANT: a Namespace is deleted only if the fleet made it and nothing is in it but what goes.
async fn why_kept(
    api: &Api,
    key: &ObjectKey,
    live: &Live,
    parting: &Parting,
) -> Result<Option<String>, Failure> {
    let is_namespace = key.group_kind.group.is_empty() && &*key.group_kind.kind == "Namespace";
    if live.adopted && (is_namespace || parting.leaves) {
        let code = if is_namespace { "NAMESPACE_KEPT" } else { "OBJECT_KEPT" };
        return Ok(Some(format!("{code} {key} was there before the fleet took it over")));
    }
    if !is_namespace {
        return Ok(None);
    }
    if let Some(other) = &parting.still_used {
        return Ok(Some(format!("NAMESPACE_KEPT {key} has {other}, which is to run on")));
    }
    let Some(discovery) = &parting.discovery else {
        return Err(Failure::Passing(format!("what is in {key} is not known yet")));
    };
    let found = contents::first_of_others(api, discovery, &key.name).await;
    let found = found.map_err(|error| failure(error, true))?;
    Ok(found.map(|other| format!("NAMESPACE_KEPT {key} has {other}, which is not the fleet's")))
}

/// A merge patch that takes off every label and annotation that is the fleet's or Karmada's.
fn without_marks(live: &Value, uid: &str, version: &str) -> Value {
    let marks = |at: &str| -> Value {
        let keys = live.pointer(at).and_then(Value::as_object).into_iter().flatten();
        let ours = keys.map(|(key, _)| key).filter(|key| marks::is_mark(key));
        ours.map(|key| (key.clone(), Value::Null)).collect::<serde_json::Map<_, _>>().into()
    };
    json!({"metadata": {
        "uid": uid, "resourceVersion": version,
        "labels": marks("/metadata/labels"), "annotations": marks("/metadata/annotations"),
    }})
}

fn failure(error: RequestError, secret: bool) -> Failure {
    if error.is_of_cluster() {
        return Failure::Cluster(error);
    }
    let passing = error.is_transient();
    let error = if secret { error.without_values() } else { error };
    if passing {
        return Failure::Passing(error.to_string());
    }
    Failure::Lasting(match &error {
        RequestError::Refused(refusal) if refusal.code == StatusCode::UNPROCESSABLE_ENTITY => {
            format!("{error}; {CHOICES}")
        }
        _ => error.to_string(),
    })
}

/// Names every field that somebody else owns, and its owner.
fn field_conflict(refusal: &Refusal) -> String {
    let fields: Vec<String> = refusal
        .conflicts()
        .map(|cause| {
            let owner = cause.message.split('"').nth(1).unwrap_or("someone else");
            format!("{} (owned by {owner})", cause.field)
        })
        .collect();
    format!(
        "FIELD_CONFLICT other managers own {}; leave these fields out of the template, or set \
         `conflictResolution: Overwrite` in its policy to take them over",
        fields.join(", ")
    )
}
