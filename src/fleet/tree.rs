//! Builds JSON values and their positions from the events of a reader, without recursion.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api::depth::DEPTH_MAX;

use super::positions::{Position, Positions, Recorder};
use super::report::{Report, shown};

/// Most aliases in one document.
const ALIASES_MAX: usize = 100;
/// Most bytes that the aliases of one document may add to it, counting 16 for each value.
const ALIASED_BYTES_MAX: usize = 1 << 20;

/// Reading cannot go on: the Problem is in the report already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop;

/// A complete document.
pub(super) struct Tree {
    pub(super) value: Value,
    pub(super) positions: Positions,
    /// Whether its text could be read without an error. If not, the value is a guess.
    pub(super) is_sound: bool,
}

/// Whose rules count where readers of YAML differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nobody's: that they differ is told.
    Told,
    /// Those of Kubernetes' own reader.
    Kubernetes,
}

/// Builds one document after the other.
pub(super) struct Builder<'r, 'f> {
    pub(super) report: &'r mut Report<'f>,
    pub(super) reading: Reading,
    frames: Vec<Frame>,
    recorder: Recorder,
    root: Option<Value>,
    /// Values that aliases may name, with their sizes.
    anchors: BTreeMap<usize, (Value, usize)>,
    n_aliases: usize,
    n_aliased_bytes: usize,
    n_errors_before: usize,
    /// Bytes of the values so far, 16 for each value and what its text holds.
    n_bytes: usize,
}

struct Frame {
    node: usize,
    anchor: usize,
    n_bytes_before: usize,
    values: Values,
}

enum Values {
    Map { map: Map<String, Value>, key: Option<Key> },
    List(Vec<Value>),
}

/// A key whose value comes next.
struct Key {
    text: String,
    at: Position,
    /// Whether it is `<<`: the value's own keys are meant.
    is_merge: bool,
}

impl<'r, 'f> Builder<'r, 'f> {
    pub(super) fn new(report: &'r mut Report<'f>) -> Self {
        Self {
            report,
            reading: Reading::Told,
            frames: Vec::new(),
            recorder: Recorder::default(),
            root: None,
            anchors: BTreeMap::new(),
            n_aliases: 0,
            n_aliased_bytes: 0,
            n_errors_before: 0,
            n_bytes: 0,
        }
    }

    /// Whether the next value is the key of a map.
    pub(super) fn expects_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { values: Values::Map { key: None, .. }, .. }))
    }

    /// A key of the innermost map, which expects one.
    pub(super) fn key(&mut self, key: String, position: Position) {
        let Some(Frame { node, values: Values::Map { map, key: slot }, .. }) =
            self.frames.last_mut()
        else {
            return;
        };
        if self.reading == Reading::Told && map.contains_key(&key) {
            let first = self.recorder.key_in(*node, &key).unwrap_or_default();
            let problem = crate::api::problem::Problem::error(
                self.report.place(position),
                "YAML_DUPLICATE_KEY",
                format!(
                    "the key `{}` stands twice in this map, first in line {}",
                    shown(&key),
                    first.line
                ),
                "keep one of the two",
            )
            .related_to(self.report.place(first));
            self.report.push(problem);
        }
        *slot = Some(Key { text: key, at: position, is_merge: false });
    }

    /// The key `<<` of the innermost map, which expects one.
    pub(super) fn merge_key(&mut self, position: Position) {
        if let Some(Frame { values: Values::Map { key, .. }, .. }) = self.frames.last_mut() {
            *key = Some(Key { text: "<<".to_owned(), at: position, is_merge: true });
        }
    }

    /// A value without parts.
    pub(super) fn scalar(&mut self, value: Value, position: Position, anchor: usize) {
        let n_bytes = 16 + value.as_str().map_or(0, str::len);
        self.n_bytes += n_bytes;
        let node = self.open(position);
        self.recorder.close(node);
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), n_bytes));
        }
        self.put(value);
    }

    /// The value that an alias names.
    pub(super) fn alias(&mut self, anchor: usize, position: Position) -> Result<(), Stop> {
        let Some((value, n_bytes)) = self.anchors.get(&anchor).cloned() else {
            self.report.error(
                position,
                "YAML_ALIASES",
                "this alias stands inside the value that it names",
                "write the value out",
            );
            return Err(Stop);
        };
        self.n_aliases += 1;
        self.n_aliased_bytes += n_bytes;
        self.n_bytes += n_bytes;
        if self.n_aliases > ALIASES_MAX || self.n_aliased_bytes > ALIASED_BYTES_MAX {
            self.report.error(
                position,
                "YAML_ALIASES",
                format!("the document's aliases expand too far: at most {ALIASES_MAX} aliases and 1 MiB of copies are read"),
                "write the values out instead of repeating them with `*`",
            );
            return Err(Stop);
        }
        let node = self.open(position);
        self.recorder.close(node);
        self.put(value);
        Ok(())
    }

    /// A map starts.
    pub(super) fn open_map(&mut self, position: Position, anchor: usize) -> Result<(), Stop> {
        self.push(position, anchor, Values::Map { map: Map::new(), key: None })
    }

    /// A list starts.
    pub(super) fn open_list(&mut self, position: Position, anchor: usize) -> Result<(), Stop> {
        self.push(position, anchor, Values::List(Vec::new()))
    }

    /// The innermost map or list ends.
    pub(super) fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        self.recorder.close(frame.node);
        let value = match frame.values {
            Values::Map { map, .. } => Value::Object(map),
            Values::List(list) => Value::Array(list),
        };
        if frame.anchor > 0 {
            self.anchors.insert(frame.anchor, (value.clone(), self.n_bytes - frame.n_bytes_before));
        }
        self.put(value);
    }

    /// The document that is complete, if it held anything.
    pub(super) fn finish(&mut self) -> Option<Tree> {
        self.anchors.clear();
        self.n_aliases = 0;
        self.n_aliased_bytes = 0;
        self.n_bytes = 0;
        let positions = self.recorder.finish();
        let n_errors = self.report.n_errors();
        let is_sound = n_errors == std::mem::replace(&mut self.n_errors_before, n_errors);
        Some(Tree { value: self.root.take()?, positions, is_sound })
    }

    fn push(&mut self, position: Position, anchor: usize, values: Values) -> Result<(), Stop> {
        if self.frames.len() >= DEPTH_MAX {
            too_deep(self.report, position);
            return Err(Stop);
        }
        let node = self.open(position);
        let n_bytes_before = self.n_bytes;
        self.n_bytes += 16;
        self.frames.push(Frame { node, anchor, n_bytes_before, values });
        Ok(())
    }

    fn open(&mut self, position: Position) -> usize {
        let key = match self.frames.last() {
            Some(Frame { values: Values::Map { key: Some(key), .. }, .. }) => {
                Some((key.text.as_str(), key.at))
            }
            _ => None,
        };
        self.recorder.open(key, position)
    }

    fn put(&mut self, value: Value) {
        match self.frames.last_mut().map(|frame| &mut frame.values) {
            None => self.root = Some(value),
            Some(Values::List(list)) => list.push(value),
            Some(Values::Map { map, key }) => {
                let Some(Key { text, at, is_merge }) = key.take() else { return };
                if !is_merge {
                    map.insert(text, value);
                } else if !merged(map, value) {
                    self.report.error(
                        at,
                        "YAML_MERGE_KEY",
                        "the merge key `<<` names neither a map nor a list of maps",
                        "write the fields out where they belong",
                    );
                }
            }
        }
    }
}

/// Puts the keys of a map, or of a list of maps, into `map`; of those in several the first list item's
/// value counts, and a key that comes later in the text counts more. False if it is neither.
fn merged(map: &mut Map<String, Value>, value: Value) -> bool {
    match value {
        Value::Object(other) => map.extend(other),
        Value::Array(list) => {
            for other in list.into_iter().rev() {
                let Value::Object(other) = other else { return false };
                map.extend(other);
            }
        }
        _ => return false,
    }
    true
}

/// Says that a document is nested too deeply.
pub(super) fn too_deep(report: &mut Report<'_>, position: Position) {
    report.error(
        position,
        "YAML_DEPTH",
        format!("maps and lists are nested more than {DEPTH_MAX} levels deep here"),
        "flatten the document; no Kubernetes object needs this",
    );
}
