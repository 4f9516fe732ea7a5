//! Answers that need not be asked for again.

use std::collections::BTreeMap;

use sha1::{Digest as _, Sha1};

use super::protocol::Reply;
use crate::api::names::ObjectId;

/// Half of what is kept at most, in bytes of JSON: some ten thousand small objects.
const HALF_BYTES_MAX: usize = 16 << 20;

/// A call: the script, its function and what it is called with.
pub(super) type Key = [u8; 20];

pub(super) fn key(script: ObjectId, function: &str, arguments: &[u8]) -> Key {
    let mut hash = Sha1::new();
    hash.update(script.to_string());
    hash.update(function);
    hash.update([0]);
    hash.update(arguments);
    hash.finalize().into()
}

/// Replies by call. What was not asked for since the young half last filled up is forgotten.
#[derive(Debug)]
pub(super) struct Cache<R = Reply> {
    young: BTreeMap<Key, (R, usize)>,
    old: BTreeMap<Key, (R, usize)>,
    n_young_bytes: usize,
}

impl<R> Default for Cache<R> {
    fn default() -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new(), n_young_bytes: 0 }
    }
}

impl<R: Clone> Cache<R> {
    pub(super) fn get(&mut self, key: &Key) -> Option<R> {
        if let Some((reply, _)) = self.young.get(key) {
            return Some(reply.clone());
        }
        let (reply, n_bytes) = self.old.remove(key)?;
        self.insert(*key, reply.clone(), n_bytes);
        Some(reply)
    }

    /// Keeps a reply that took `n_bytes`.
    pub(super) fn insert(&mut self, key: Key, reply: R, n_bytes: usize) {
        self.n_young_bytes += n_bytes + key.len();
        self.young.insert(key, (reply, n_bytes));
        if self.n_young_bytes > HALF_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.n_young_bytes = 0;
        }
    }
}
