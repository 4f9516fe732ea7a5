//! What webhooks answered to a plan's questions, as it lies in git beside the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::cause::WebhookCause;
use super::hooks::Webhook;
use super::question::Question;
use crate::api::manifest::ObjectKey;
use crate::api::names::ObjectId;
use crate::api::resource_interpreter_customization::Operation;
use crate::api::yaml;
use crate::customize::foreign::told;
use crate::plan::RenderedFile;

/// Answers by object: one file each.
///
/// An object has the answers to the last question of each operation, and no older ones. To
/// ReviseReplica these are several: one for each number of replicas that the last plan asked for
/// that asked for any.
#[derive(Clone, Debug, Default)]
pub struct Records {
    of: BTreeMap<ObjectKey, OfObject>,
    /// The numbers of replicas that this plan asked for.
    asked: BTreeMap<ObjectKey, BTreeSet<i32>>,
}

#[derive(Clone, Debug, Default)]
struct OfObject {
    records: BTreeMap<Place, Record>,
    /// The file, if it is rendered and still right.
    file: Option<Arc<RenderedFile>>,
}

/// The operation and, for ReviseReplica, the number of replicas; 0 for all others.
type Place = (Operation, i32);

#[derive(Clone, Debug)]
pub(super) struct Record {
    webhook: Arc<str>,
    question: ObjectId,
    pub(super) answer: Result<Answer, WebhookCause>,
    /// Whether these rules asked in this process.
    is_fresh: bool,
}

impl Record {
    /// Whether a file says the same of both.
    fn reads_like(&self, other: &Self) -> bool {
        (&self.webhook, self.question, &self.answer)
            == (&other.webhook, other.question, &other.answer)
    }

    /// Whether the question is not to be asked again: it has an answer, or it was asked, and the same
    /// rules and server would fail it again.
    pub(super) fn is_settled(&self) -> bool {
        self.answer.as_ref().err().is_none_or(|cause| self.is_fresh && !cause.is_passing())
    }
}

/// A file of records that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} holds no recorded answers: {reason}")]
pub struct BadRecord {
    /// Its path.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    answers: Vec<Line>,
}

/// One answer in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replicas: Option<i32>,
    webhook: Arc<str>,
    question: ObjectId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<WebhookCause>,
}

impl Records {
    /// Folder of the files in the results tree, with `/` at its end.
    pub const DIR: &str = "answers/";

    /// Reads files back, given by path and content.
    ///
    /// # Errors
    /// One of them is not what [`files`](Self::files) writes.
    pub fn read<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
    ) -> Result<Self, BadRecord> {
        let mut records = Self::default();
        for (path, bytes) in files {
            let bad = |reason: String| BadRecord { path: path.to_owned(), reason };
            let object = path.strip_prefix(Self::DIR).and_then(|rest| rest.strip_suffix(".yaml"));
            let key = object.and_then(ObjectKey::from_path);
            let key = key.ok_or_else(|| bad("its path names no object".to_owned()))?;
            let file: File =
                yaml::from_bytes(bytes).map_err(|error| bad(told(&error.to_string())))?;
            let of_object = records.of.entry(key).or_default();
            for line in file.answers {
                let (place, record) = line.read().map_err(bad)?;
                of_object.records.insert(place, record);
            }
        }
        Ok(records)
    }

    /// Begins a plan: it has asked nothing yet.
    pub(super) fn begin(&mut self) {
        self.asked.clear();
    }

    /// Has every question that failed asked again.
    pub(super) fn reopen(&mut self) {
        let records = self.of.values_mut().flat_map(|of_object| of_object.records.values_mut());
        for record in records {
            record.is_fresh = false;
        }
    }

    /// The files of all objects, by their paths. Forms that this plan would have asked for, and did
    /// not, are forgotten.
    pub fn files(&mut self) -> BTreeMap<String, Arc<RenderedFile>> {
        for (key, forms) in std::mem::take(&mut self.asked) {
            let Some(of_object) = self.of.get_mut(&key) else { continue };
            let before = of_object.records.len();
            of_object.records.retain(|(operation, replicas), _| {
                *operation != Operation::ReviseReplica || forms.contains(replicas)
            });
            if of_object.records.len() != before {
                of_object.file = None;
            }
        }
        let file = |(key, of_object): (&ObjectKey, &mut OfObject)| {
            let OfObject { records, file } = of_object;
            let file = file.get_or_insert_with(|| render(records));
            (format!("{}{}.yaml", Self::DIR, key.path()), Arc::clone(file))
        };
        self.of.iter_mut().map(file).collect()
    }

    /// Forgets what webhooks answered that `is_asked` says are not asked any more, by object,
    /// operation and name.
    pub fn retain(&mut self, mut is_asked: impl FnMut(&ObjectKey, Operation, &str) -> bool) {
        self.of.retain(|key, of_object| {
            let before = of_object.records.len();
            of_object
                .records
                .retain(|(operation, _), record| is_asked(key, *operation, &record.webhook));
            if of_object.records.len() != before {
                of_object.file = None;
            }
            !of_object.records.is_empty()
        });
    }

    /// What is known of a question that the plan asks.
    pub(super) fn get(
        &mut self,
        key: &ObjectKey,
        operation: Operation,
        replicas: i32,
        question: ObjectId,
    ) -> Option<&Record> {
        if operation == Operation::ReviseReplica {
            self.asked.entry(key.clone()).or_default().insert(replicas);
        }
        let record = self.of.get(key)?.records.get(&(operation, replicas))?;
        (record.question == question).then_some(record)
    }

    /// Keeps an answer in place of those to older questions of its operation.
    pub(super) fn insert(
        &mut self,
        key: ObjectKey,
        question: Question<'_>,
        webhook: &Webhook,
        id: ObjectId,
        answer: Result<Answer, WebhookCause>,
    ) {
        let of_object = self.of.entry(key).or_default();
        let operation = question.operation;
        let webhook = Arc::clone(&webhook.name);
        let record = Record { webhook, question: id, answer, is_fresh: true };
        let place = (operation, question.replicas);
        let known = of_object.records.get(&place);
        if known.is_none_or(|known| !known.reads_like(&record)) {
            of_object.file = None;
        }
        of_object.records.retain(|(of, _), record| *of != operation || record.question == id);
        of_object.records.insert(place, record);
    }
}

fn render(records: &BTreeMap<Place, Record>) -> Arc<RenderedFile> {
    let line = |((operation, replicas), record): (&Place, &Record)| Line {
        operation: operation.to_string(),
        replicas: (*operation == Operation::ReviseReplica).then_some(*replicas),
        webhook: Arc::clone(&record.webhook),
        question: record.question,
        answer: record.answer.as_ref().ok().cloned(),
        failure: record.answer.as_ref().err().cloned(),
    };
    let file = File { answers: records.iter().map(line).collect() };
    // As a value, enumerations have the form that JSON gives them.
    RenderedFile::yaml(&serde_json::to_value(file).expect("answers came as JSON"))
}

impl Line {
    fn read(self) -> Result<(Place, Record), String> {
        let operation = Operation::ALL.iter().copied().find(|one| one.name() == self.operation);
        let operation = operation.ok_or_else(|| "an operation is none".to_owned())?;
        let answer = match (self.answer, self.failure) {
            (Some(answer), None) => Ok(answer),
            (None, Some(cause)) => Err(cause),
            _ => return Err("a line has not one of `answer` and `failure`".to_owned()),
        };
        let place = (operation, self.replicas.unwrap_or_default());
        Ok((
            place,
            Record { webhook: self.webhook, question: self.question, answer, is_fresh: false },
        ))
    }
}
