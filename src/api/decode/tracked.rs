//! A reader of JSON values that knows where it failed.

use std::cell::{Cell, RefCell};

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value, map};

use super::{FieldPath, Step};

/// Where a reader is, and where it failed.
#[derive(Default)]
pub(super) struct Track {
    at: RefCell<Vec<Step>>,
    failed: Cell<Option<FieldPath>>,
}

impl Track {
    /// The value that could not be read; the outermost if nothing below it is to blame.
    pub(super) fn failed(self) -> FieldPath {
        self.failed.into_inner().unwrap_or_default()
    }

    /// Reads a part of a value. The innermost part that fails is the one to tell of.
    fn step<T>(&self, step: Step, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.at.borrow_mut().push(step);
        let result = read();
        if result.is_err() {
            let failed = self.failed.take();
            self.failed.set(failed.or_else(|| Some(FieldPath(self.at.borrow().clone()))));
        }
        self.at.borrow_mut().pop();
        result
    }
}

/// A value, and who keeps account of where it is.
pub(super) struct Tracked<'t> {
    pub(super) value: Value,
    pub(super) track: &'t Track,
}

impl<'de> Deserializer<'de> for Tracked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) => {
                visitor.visit_map(Fields { rest: map.into_iter(), next: None, track: self.track })
            }
            Value::Array(items) => {
                visitor.visit_seq(Items { rest: items.into_iter(), n_read: 0, track: self.track })
            }
            leaf => leaf.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Fields<'t> {
    rest: map::IntoIter,
    next: Option<(String, Value)>,
    track: &'t Track,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        let reader: StringDeserializer<Error> = key.clone().into_deserializer();
        self.next = Some((key, value));
        seed.deserialize(reader).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let (key, value) = self.next.take().expect("serde asks for a value after its key");
        let track = self.track;
        track.step(Step::Key(key), || seed.deserialize(Tracked { value, track }))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Items<'t> {
    rest: std::vec::IntoIter<Value>,
    n_read: usize,
    track: &'t Track,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let (idx, track) = (self.n_read, self.track);
        self.n_read += 1;
        track.step(Step::Index(idx), || seed.deserialize(Tracked { value, track })).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}
