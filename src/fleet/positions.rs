//! Where each field of a document was written: an index, made while the document is read, and kept small.

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
    key: Position,
    value: Position,
    /// Index one past the last descendant.
    end: u32,
}

/// Positions of every field of one object while it is read.
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
        self.nodes[self.find(pointer).0].value
    }

    /// Where the key of the field at `pointer` stands; for an item of a list, where the item starts.
    ///
    /// A field that is not there has the position of the nearest field above it that is.
    pub fn key(&self, pointer: &str) -> Position {
        self.nodes[self.find(pointer).0].key
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

/// [`Positions`] as they are kept: some nine bytes a field.
#[derive(Clone, Debug)]
pub struct PackedPositions(Arc<[u8]>);

impl PackedPositions {
    /// The positions: a walk over all fields, so whoever asks for many opens them once.
    #[must_use]
    pub fn open(&self) -> Positions {
        let (mut bytes, mut nodes, mut line) = (&*self.0, Vec::new(), 0_u32);
        while let Some((hash, rest)) = bytes.split_first_chunk() {
            bytes = rest;
            let mut next = || take(&mut bytes);
            let key = Position { line: line.wrapping_add(next()), column: next() };
            let value = Position { line: key.line.wrapping_add(next()), column: next() };
            let end = nodes.len() as u32 + 1 + next();
            nodes.push(Node { key_hash: u32::from_le_bytes(*hash), key, value, end });
            line = value.line;
        }
        Positions { nodes: nodes.into(), root: 0 }
    }
}

impl From<&Positions> for PackedPositions {
    fn from(positions: &Positions) -> Self {
        let root = positions.root as usize;
        let nodes = &positions.nodes[root..positions.nodes[root].end as usize];
        let (mut bytes, mut line) = (Vec::with_capacity(nodes.len() * 10), 0_u32);
        for (at, Node { key_hash, key, value, end }) in (root as u32..).zip(nodes) {
            bytes.extend_from_slice(&key_hash.to_le_bytes());
            // Lines are told from the one before: most are small then, and none is lost if it is not.
            put(&mut bytes, key.line.wrapping_sub(line));
            put(&mut bytes, key.column);
            put(&mut bytes, value.line.wrapping_sub(key.line));
            put(&mut bytes, value.column);
            put(&mut bytes, end - at - 1);
            line = value.line;
        }
        Self(bytes.into())
    }
}

/// Seven bits a byte, the low ones first; the top bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// What [`put`] put there.
fn take(bytes: &mut &[u8]) -> u32 {
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
        shift += 7;
    }
    number
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
        self.nodes.push(Node { key_hash, key, value, end: self.nodes.len() as u32 + 1 });
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
                return Some(node.key);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_says_the_same() {
        let at = |line, column| Position { line, column };
        let mut recorder = Recorder::default();
        let root = recorder.open(None, at(1, 1));
        for (key, line) in [("metadata", 2), ("spec", 70_000), ("data", 3)] {
            let map = recorder.open(Some((key, at(line, 1))), at(line + 1, 3));
            let long = recorder.open(Some(("a", at(line + 1, 70_000))), at(line + 300, 5));
            recorder.close(long);
            let list = recorder.open(Some(("b", at(line + 301, 3))), at(line + 301, 6));
            for n in 0..200 {
                let item = recorder.open(None, at(line + 301, 7 + n));
                recorder.close(item);
            }
            recorder.close(list);
            recorder.close(map);
        }
        recorder.close(root);
        let positions = recorder.finish();
        let pointers =
            ["", "/metadata", "/spec", "/spec/a", "/spec/b/199", "/data/b/0", "/data/none"];
        for seen_from in ["", "/spec"] {
            let positions = positions.at(seen_from).unwrap();
            let packed = PackedPositions::from(&positions).open();
            for pointer in pointers.iter().chain(&["/a", "/b/7"]) {
                assert_eq!(
                    packed.value(pointer),
                    positions.value(pointer),
                    "{seen_from} {pointer}"
                );
                assert_eq!(packed.key(pointer), positions.key(pointer), "{seen_from} {pointer}");
            }
        }
    }
}
