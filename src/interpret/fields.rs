//! Reading and writing parts of an object that nobody typed: a `null` counts as absent, and a path
//! is the names of fields with dots between them.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::api::manifest::Manifest;

/// An object that an interpretation cannot do without a part of, which is missing or not of its
/// type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is missing or is not what its kind expects there")]
pub struct Unreadable(pub String);

impl Unreadable {
    /// Its stable code.
    pub const CODE: &str = "OBJ_UNREADABLE";
    /// What to do about it.
    pub const HINT: &str = "complete the object";
}

/// What an interpretation answers: `None` when the kind has no rule for the question.
pub type Answer<T> = Result<Option<T>, Unreadable>;

/// Something with named fields.
pub(super) trait Fields {
    /// The field `name`, unless it is absent or `null`.
    fn field(&self, name: &str) -> Option<&Value>;

    /// The value at `path`.
    fn at(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let first = self.field(names.next()?)?;
        names.try_fold(first, |value, name| value.field(name))
    }

    /// The value at `path`, which the object cannot do without.
    fn need(&self, path: &str) -> Result<&Value, Unreadable> {
        self.at(path).ok_or_else(|| Unreadable(path.to_owned()))
    }

    /// The text at `path`.
    fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// The text at `path`; an empty one counts as absent.
    fn filled(&self, path: &str) -> Option<&str> {
        self.text(path).filter(|text| !text.is_empty())
    }

    /// The whole number at `path`.
    fn number(&self, path: &str) -> Option<i64> {
        self.at(path)?.as_i64()
    }

    /// The whole number at `path`, which the object cannot do without.
    fn need_number(&self, path: &str) -> Result<i64, Unreadable> {
        self.number(path).ok_or_else(|| Unreadable(path.to_owned()))
    }

    /// The counter at `path`; one that is absent is 0.
    fn count(&self, path: &str) -> i64 {
        self.number(path).unwrap_or(0)
    }

    /// The whole number at `path`, which may also be written as text.
    fn written_number(&self, path: &str) -> Option<i64> {
        match self.at(path)? {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_i64(),
        }
    }

    /// Whether `path` holds `true`.
    fn is_true(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool) == Some(true)
    }

    /// The items of the list at `path`; none when it is absent.
    fn list(&self, path: &str) -> &[Value] {
        self.at(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The fields of the map at `path`, by name; none when it is absent.
    fn entries(&self, path: &str) -> impl Iterator<Item = (&str, &Value)> {
        let map = self.at(path).and_then(Value::as_object);
        map.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }
}

impl Fields for Map<String, Value> {
    fn field(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }
}

impl Fields for Value {
    fn field(&self, name: &str) -> Option<&Value> {
        self.as_object()?.field(name)
    }
}

impl Fields for Manifest {
    fn field(&self, name: &str) -> Option<&Value> {
        self.0.field(name)
    }
}

/// Writes `value` at `path`, with the maps that lead there; `None` removes what is there.
pub(super) fn set(manifest: &mut Manifest, path: &str, value: Option<Value>) {
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut map = &mut manifest.0;
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        let slot = map.entry(parent).or_insert(Value::Null);
        if !slot.is_object() {
            if value.is_none() {
                return;
            }
            *slot = Value::Object(Map::new());
        }
        map = slot.as_object_mut().expect("made an object just above");
    }
    match value {
        Some(value) => {
            map.insert(name.to_owned(), value);
        }
        None => {
            map.remove(name);
        }
    }
}

/// Writes to `manifest` what `live` has at `path`, if it has anything.
pub(super) fn keep(manifest: &mut Manifest, live: &Manifest, path: &str) {
    if let Some(value) = live.at(path) {
        set(manifest, path, Some(value.clone()));
    }
}

/// A replica count as Kubernetes types it; what does not fit is the nearest that does.
pub(super) fn replica_count(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(if count < 0 { i32::MIN } else { i32::MAX })
}

/// Orders two times; texts that are no times are ordered as texts.
fn compare_times(one: &Value, other: &Value) -> Ordering {
    let (one, other) = (one.as_str().unwrap_or_default(), other.as_str().unwrap_or_default());
    match (one.parse::<Timestamp>(), other.parse::<Timestamp>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}

/// The later of two times; the first when they are equal or the second is none.
pub(super) fn later<'v>(first: Option<&'v Value>, second: Option<&'v Value>) -> Option<&'v Value> {
    match (first, second) {
        (Some(one), Some(two)) if compare_times(two, one).is_gt() => second,
        (None, second) => second,
        (first, _) => first,
    }
}

/// The earlier of two times; the first when they are equal or the second is none.
pub(super) fn earlier<'v>(
    first: Option<&'v Value>,
    second: Option<&'v Value>,
) -> Option<&'v Value> {
    match (first, second) {
        (Some(one), Some(two)) if compare_times(two, one).is_lt() => second,
        (None, second) => second,
        (first, _) => first,
    }
}

/// A point in time as Kubernetes writes it, to the second.
pub(super) fn written(now: Timestamp) -> Value {
    Value::from(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Whether a value is what a counter, a text or a list starts as: it says nothing.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) => false,
    }
}
