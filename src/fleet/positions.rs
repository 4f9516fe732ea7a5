//! Where each field of a document was written: a compact index, made while the document is read.

use std::sync::Arc;

pub(super) use crate::api::pointer::escape;
use crate::api::pointer::unescape;

/// Line and column of something in a file, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One value of the document, in the order of the text; its children follow it directly.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Hash of the key that holds this value; 0 for an item of a list.
    key_hash: u32,
    key_line: u32,
    value_line: u32,
    /// Index one past the last descendant.
    end: u32,
    key_column: u16,
    value_column: u16,
}

/// Positions of every field of one object: 20 bytes a field, shared by the objects of one file.
#[derive(Clone, Debug)]
pub struct Positions {
    nodes: Arc<[Node]>,
    root: u32,
}

impl Positions {
    /// Where the value at `pointer` (RFC 6901, e.g. `/spec/replicas`) starts.
    ///
    /// A field that is not there has the position of the nearest field above it that is.
    pub fn value(&self, pointer: &str) -> Position {
        let node = &self.nodes[self.find(pointer).0];
        Position { line: node.value_line, column: u32::from(node.value_column) }
    }

    /// Where the key of the field at `pointer` stands; for an item of a list, where the item starts.
    ///
    /// A field that is not there has the position of the nearest field above it that is.
    pub fn key(&self, pointer: &str) -> Position {
        let node = &self.nodes[self.find(pointer).0];
        Position { line: node.key_line, column: u32::from(node.key_column) }
    }

    /// The same index, seen from the value at `pointer`, if it is there.
    pub(super) fn at(&self, pointer: &str) -> Option<Self> {
        match self.find(pointer) {
            (root, Found::Whole) => {
                Some(Self { nodes: Arc::clone(&self.nodes), root: root as u32 })
            }
            (_, Found::Part) => None,
        }
    }

    fn find(&self, pointer: &str) -> (usize, Found) {
        let mut at = self.root as usize;
        for step in pointer.split('/').skip(1) {
            match self.child(at, &unescape(step)) {
                Some(child) => at = child,
                None => return (at, Found::Part),
            }
        }
        (at, Found::Whole)
    }

    fn child(&self, parent: usize, step: &str) -> Option<usize> {
        let hash = hash(step);
        let mut at = parent + 1;
        let mut idx = 0_usize;
        while at < self.nodes[parent].end as usize {
            let node = &self.nodes[at];
            let is_it = match node.key_hash {
                0 => step.parse() == Ok(idx),
                key_hash => key_hash == hash,
            };
            if is_it {
                return Some(at);
            }
            idx += 1;
            at = node.end as usize;
        }
        None
    }
}

enum Found {
    Whole,
    Part,
}

/// Collects [`Positions`] while a document is read from its start to its end.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    nodes: Vec<Node>,
}

impl Recorder {
    /// Notes that a value starts at `value`; `key` is the key that holds it, if one does.
    /// Returns the node, to be given to [`Recorder::close`].
    pub(super) fn open(&mut self, key: Option<(&str, Position)>, value: Position) -> usize {
        let (key_hash, key) = key.map_or((0, value), |(key, position)| (hash(key), position));
        let narrow = |column: u32| u16::try_from(column).unwrap_or(u16::MAX);
        self.nodes.push(Node {
            key_hash,
            key_line: key.line,
            value_line: value.line,
            end: self.nodes.len() as u32 + 1,
            key_column: narrow(key.column),
            value_column: narrow(value.column),
        });
        self.nodes.len() - 1
    }

    /// Notes that the value `node` is complete.
    pub(super) fn close(&mut self, node: usize) {
        self.nodes[node].end = self.nodes.len() as u32;
    }

    /// Where the key `key` stands among the fields read so far of the open map `parent`.
    pub(super) fn key_in(&self, parent: usize, key: &str) -> Option<Position> {
        let hash = hash(key);
        let mut at = parent + 1;
        while let Some(node) = self.nodes.get(at) {
            if node.key_hash == hash {
                return Some(Position { line: node.key_line, column: u32::from(node.key_column) });
            }
            at = node.end as usize;
        }
        None
    }

    /// The finished index; the recorder is empty afterwards.
    pub(super) fn finish(&mut self) -> Positions {
        if self.nodes.is_empty() {
            self.open(None, Position::default());
        }
        let nodes = Arc::from(self.nodes.as_slice());
        self.nodes.clear();
        Positions { nodes, root: 0 }
    }
}

/// FNV-1a; never 0, which marks an item of a list. Two keys of one map with the same hash would
/// only make a Problem point at the wrong one of the two lines.
fn hash(key: &str) -> u32 {
    let hash = key
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.max(1)
}
