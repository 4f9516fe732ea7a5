//! Sets of field paths, and their `FieldsV1` form.
//!
//! An element of a path is kept as the text that `FieldsV1` uses: `f:replicas`, `k:{"name":"app"}`,
//! `v:"a.example/finalizer"`. Two elements are the same field exactly if their texts are equal, so
//! every text is made canonical on the way in (sorted keys, no spaces).
//!
//! The rules are those of structured-merge-diff's `fieldpath.Set`: a path may be a member, may have
//! members below it, or both.

use serde_json::{Map, Value};

/// A set of field paths, as a tree with its elements in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    element: Box<str>,
    /// The path that ends here is in the set.
    member: bool,
    below: FieldSet,
}

impl FieldSet {
    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the path of one element.
    pub(super) fn insert(&mut self, element: &str) {
        self.entry(element).member = true;
    }

    /// Adds everything in `below` under `element`; nothing when `below` is empty.
    pub(super) fn graft(&mut self, element: &str, below: FieldSet) {
        if below.is_empty() {
            return;
        }
        let entry = self.entry(element);
        if entry.below.is_empty() {
            entry.below = below;
        } else {
            entry.below = entry.below.union(&below);
        }
    }

    /// Adds a path given as elements.
    pub(super) fn insert_path(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => self.insert(last),
            [first, rest @ ..] => self.entry(first).below.insert_path(rest),
        }
    }

    /// Whether the path of this one element is in the set.
    pub(super) fn has(&self, element: &str) -> bool {
        self.find(element).is_ok_and(|at| self.entries[at].member)
    }

    /// What the set holds below an element.
    pub(super) fn below(&self, element: &str) -> Option<&FieldSet> {
        let at = self.find(element).ok()?;
        let below = &self.entries[at].below;
        (!below.is_empty()).then_some(below)
    }

    /// Everything in either set.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut entries = Vec::with_capacity(self.entries.len().max(other.entries.len()));
        let (mut left, mut right) =
            (self.entries.iter().peekable(), other.entries.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(_), None) => left.next().cloned(),
                (None, Some(_)) => right.next().cloned(),
                (Some(l), Some(r)) => match l.element.cmp(&r.element) {
                    std::cmp::Ordering::Less => left.next().cloned(),
                    std::cmp::Ordering::Greater => right.next().cloned(),
                    std::cmp::Ordering::Equal => {
                        let both = Entry {
                            element: l.element.clone(),
                            member: l.member || r.member,
                            below: l.below.union(&r.below),
                        };
                        left.next();
                        right.next();
                        Some(both)
                    }
                },
            };
            entries.extend(next);
        }
        FieldSet { entries }
    }

    /// The paths in both sets.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        self.pairwise(other, |mine, theirs| match theirs {
            Some(theirs) => (mine.member && theirs.member, mine.below.intersection(&theirs.below)),
            None => (false, FieldSet::default()),
        })
    }

    /// The paths in this set and not in the other. A path goes only if it is itself in the other:
    /// members below it stay.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        self.pairwise(other, |mine, theirs| match theirs {
            Some(theirs) => (mine.member && !theirs.member, mine.below.difference(&theirs.below)),
            None => (mine.member, mine.below.clone()),
        })
    }

    /// The paths in this set that neither are in the other nor lie below a path that is.
    #[must_use]
    pub fn recursive_difference(&self, other: &FieldSet) -> FieldSet {
        self.pairwise(other, |mine, theirs| match theirs {
            Some(theirs) if theirs.member => (false, FieldSet::default()),
            Some(theirs) => (mine.member, mine.below.recursive_difference(&theirs.below)),
            None => (mine.member, mine.below.clone()),
        })
    }

    fn pairwise(
        &self,
        other: &FieldSet,
        keep: impl Fn(&Entry, Option<&Entry>) -> (bool, FieldSet),
    ) -> FieldSet {
        let mut theirs = other.entries.iter().peekable();
        let mut entries = Vec::new();
        for mine in &self.entries {
            while theirs.next_if(|entry| entry.element < mine.element).is_some() {}
            let same = theirs.peek().filter(|entry| entry.element == mine.element).copied();
            let (member, below) = keep(mine, same);
            if member || !below.is_empty() {
                entries.push(Entry { element: mine.element.clone(), member, below });
            }
        }
        FieldSet { entries }
    }

    /// The elements at the top: each with whether it is a member and what lies below it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, bool, &FieldSet)> {
        self.entries.iter().map(|entry| (&*entry.element, entry.member, &entry.below))
    }

    /// Every path of the set: at each level its own members first, then what lies deeper, which is
    /// the order in which Kubernetes lists conflicts.
    pub fn paths(&self) -> Vec<Vec<&str>> {
        fn walk<'a>(set: &'a FieldSet, path: &mut Vec<&'a str>, paths: &mut Vec<Vec<&'a str>>) {
            for entry in set.entries.iter().filter(|entry| entry.member) {
                path.push(&entry.element);
                paths.push(path.clone());
                path.pop();
            }
            for entry in &set.entries {
                path.push(&entry.element);
                walk(&entry.below, path, paths);
                path.pop();
            }
        }
        let mut paths = Vec::new();
        walk(self, &mut Vec::new(), &mut paths);
        paths
    }

    /// Reads `fieldsV1`. Elements of a kind that does not exist are dropped, as Kubernetes does.
    pub fn from_json(fields: &Value) -> FieldSet {
        let mut set = FieldSet::default();
        let Value::Object(fields) = fields else { return set };
        for (text, inner) in fields {
            let Some(element) = super::paths::canonical(text) else { continue };
            let below = FieldSet::from_json(inner);
            let member = below.is_empty() || inner.get(".").is_some();
            let entry = set.entry(&element);
            entry.member |= member;
            entry.below = if entry.below.is_empty() { below } else { entry.below.union(&below) };
        }
        set
    }

    /// Writes `fieldsV1`: a member alone is `{}`, a member with others below it has `"."`.
    pub fn to_json(&self) -> Value {
        let fields: Map<String, Value> = self
            .entries
            .iter()
            .map(|entry| {
                let mut inner = entry.below.to_json();
                if let Value::Object(inner) = &mut inner
                    && entry.member
                    && !inner.is_empty()
                {
                    inner.insert(".".to_owned(), Value::Object(Map::new()));
                }
                (entry.element.to_string(), inner)
            })
            .collect();
        Value::Object(fields)
    }

    fn find(&self, element: &str) -> Result<usize, usize> {
        // Fields mostly arrive in order: look at the end first.
        match self.entries.last() {
            None => Err(0),
            Some(last) if *last.element < *element => Err(self.entries.len()),
            Some(_) => self.entries.binary_search_by(|entry| (*entry.element).cmp(element)),
        }
    }

    fn entry(&mut self, element: &str) -> &mut Entry {
        let at = match self.find(element) {
            Ok(at) => at,
            Err(at) => {
                let new =
                    Entry { element: element.into(), member: false, below: FieldSet::default() };
                self.entries.insert(at, new);
                at
            }
        };
        &mut self.entries[at]
    }
}
