//! Looks many keys up in a map, in their order: cheaper than one by one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::iter::Peekable;

/// A place in a map that only moves forward.
pub(super) struct Cursor<'m, K, V> {
    rest: Peekable<Iter<'m, K, V>>,
}

impl<'m, K: Ord, V> Cursor<'m, K, V> {
    pub(super) fn new(map: &'m BTreeMap<K, V>) -> Self {
        Self { rest: map.iter().peekable() }
    }

    /// The value of `key`, which must not be less than the keys that were looked up before.
    pub(super) fn seek(&mut self, key: &K) -> Option<&'m V> {
        loop {
            let (found, value) = *self.rest.peek()?;
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

    #[test]
    fn keys_are_found_in_their_order() {
        let map: BTreeMap<i32, i32> = (0..10).map(|n| (n * 2, n)).collect();
        let mut cursor = Cursor::new(&map);
        let found: Vec<Option<&i32>> =
            [0, 3, 4, 4, 17, 18, 19].iter().map(|n| cursor.seek(n)).collect();
        assert_eq!(found, [Some(&0), None, Some(&2), Some(&2), None, Some(&9), None]);
    }
}
