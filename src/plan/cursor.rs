//! Looks many keys up in a map, in their order: cheaper than one by one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::iter::Peekable;

use crate::api::manifest::ObjectKey;

/// A place in a map that only moves forward.
pub(super) struct Cursor<'m, V> {
    rest: Peekable<Iter<'m, ObjectKey, V>>,
}

impl<'m, V> Cursor<'m, V> {
    pub(super) fn new(map: &'m BTreeMap<ObjectKey, V>) -> Self {
        Self { rest: map.iter().peekable() }
    }

    /// The value of `key`, which must not be less than the keys that were looked up before.
    pub(super) fn seek(&mut self, key: &ObjectKey) -> Option<&'m V> {
        loop {
            let (found, value) = *self.rest.peek()?;
            // Most keys are the very same in both maps, and need not be read.
            if found.is_same(key) {
                return Some(value);
            }
            match found.cmp(key) {
                Ordering::Less => {
                    self.rest.next();
                }
                Ordering::Equal => return Some(value),
                Ordering::Greater => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> ObjectKey {
        ObjectKey::from_path(&format!("web/ConfigMap/c{n:02}")).unwrap()
    }

    #[test]
    fn keys_are_found_in_their_order() {
        let map: BTreeMap<ObjectKey, u32> = (0..10).map(|n| (key(n * 2), n)).collect();
        let mut cursor = Cursor::new(&map);
        let found: Vec<Option<u32>> =
            [0, 3, 4, 4, 17, 18, 19].iter().map(|n| cursor.seek(&key(*n)).copied()).collect();
        assert_eq!(found, [Some(0), None, Some(2), Some(2), None, Some(9), None]);
    }
}
