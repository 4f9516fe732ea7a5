//! Looks many keys up in a map, in their order, and walks over two maps at once: cheaper than one by one.

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

/// All keys of two maps in their order, each with what the maps have of it.
pub(super) fn join<'m, V, W>(
    left: &'m BTreeMap<ObjectKey, V>,
    right: &'m BTreeMap<ObjectKey, W>,
) -> impl Iterator<Item = (&'m ObjectKey, Option<&'m V>, Option<&'m W>)> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let one = if order.is_le() { left.next() } else { None };
        let other = if order.is_ge() { right.next() } else { None };
        let key = one.map(|(key, _)| key).or(other.map(|(key, _)| key))?;
        Some((key, one.map(|(_, value)| value), other.map(|(_, value)| value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> ObjectKey {
        ObjectKey::from_path(&format!("web/ConfigMap/c{n:02}")).unwrap()
    }

    #[test]
    fn two_maps_are_walked_at_once() {
        let map = |keys: &[u32]| keys.iter().map(|n| (key(*n), *n)).collect::<BTreeMap<_, _>>();
        let (left, right) = (map(&[1, 2, 5]), map(&[0, 2, 3, 6]));
        let joined: Vec<_> =
            join(&left, &right).map(|(_, l, r)| (l.copied(), r.copied())).collect();
        let expected = [(None, Some(0)), (Some(1), None), (Some(2), Some(2)), (None, Some(3))];
        assert_eq!(joined[..4], expected);
        assert_eq!(joined[4..], [(Some(5), None), (None, Some(6))]);
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
