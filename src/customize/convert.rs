//! JSON becomes Lua and back (`spec/interpreter.md` §6.5).
//!
//! Lua has one type of table and one of numbers: an empty table is neither a list nor an object, so
//! it comes back as an empty list, and [`settle_empty`] decides what it was.

use std::collections::BTreeSet;

use mlua::{Error, Lua, Table, Value as LuaValue};
use serde_json::{Map, Number, Value};

use crate::api::depth::DEPTH_MAX;

/// How many bytes a result may have: more than any object that an API server takes.
const RESULT_BYTES_MAX: usize = 2 << 20;
/// The first number that is no `i64`: 2^63.
const INTEGERS_END: f64 = 9_223_372_036_854_775_808.0;

/// The value in Lua. Null is nil: its key vanishes, and so does its item of a list.
pub(super) fn to_lua(lua: &Lua, value: &Value) -> mlua::Result<LuaValue> {
    Ok(match value {
        Value::Null => LuaValue::Nil,
        Value::Bool(bool) => LuaValue::Boolean(*bool),
        Value::Number(number) => LuaValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => LuaValue::String(lua.create_string(text)?),
        Value::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for item in items.iter().filter(|item| !item.is_null()) {
                table.raw_push(to_lua(lua, item)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Object(map) => {
            let table = lua.create_table_with_capacity(0, map.len())?;
            for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                table.raw_set(key.as_str(), to_lua(lua, value)?)?;
            }
            LuaValue::Table(table)
        }
    })
}

/// The value in JSON; an error says what JSON cannot hold.
pub(super) fn from_lua(value: &LuaValue) -> Result<Value, String> {
    Reader { n_bytes: 0 }.value(value, 0)
}

struct Reader {
    n_bytes: usize,
}

impl Reader {
    fn value(&mut self, value: &LuaValue, depth: usize) -> Result<Value, String> {
        self.count(8)?;
        Ok(match value {
            LuaValue::Nil => Value::Null,
            LuaValue::Boolean(bool) => Value::Bool(*bool),
            LuaValue::Integer(number) => Value::from(*number),
            LuaValue::Number(number) => Value::Number(whole_or_not(*number)?),
            LuaValue::String(text) => {
                self.count(text.as_bytes().len())?;
                Value::String(text.to_string_lossy())
            }
            LuaValue::Table(table) => self.table(table, depth)?,
            other => return Err(format!("a {} is no data", other.type_name())),
        })
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<Value, String> {
        // A table that contains itself ends here.
        if depth >= DEPTH_MAX {
            return Err("a table is nested too deeply, or contains itself".to_owned());
        }
        let mut items: Vec<(usize, Value)> = Vec::new();
        let mut fields = Map::new();
        let mut add = |key: LuaValue, value: LuaValue| {
            let value = self.value(&value, depth + 1)?;
            match key {
                LuaValue::String(key) => {
                    self.count(key.as_bytes().len())?;
                    fields.insert(key.to_string_lossy(), value);
                }
                LuaValue::Integer(idx) if idx > 0 => items.push((idx as usize, value)),
                LuaValue::Number(idx) if idx >= 1.0 && idx.fract() == 0.0 => {
                    items.push((idx as usize, value));
                }
                other => return Err(format!("a {} is no key", other.type_name())),
            }
            Ok(())
        };
        let mut refusal = None;
        let walk = table.for_each(|key, value| {
            add(key, value).map_err(|why| {
                refusal = Some(why);
                Error::RuntimeError(String::new())
            })
        });
        if let Err(error) = walk {
            return Err(refusal.unwrap_or_else(|| error.to_string()));
        }
        if !fields.is_empty() && !items.is_empty() {
            return Err("a table has names and numbers as keys".to_owned());
        }
        if !fields.is_empty() {
            return Ok(Value::Object(fields));
        }
        items.sort_unstable_by_key(|(idx, _)| *idx);
        if items.iter().enumerate().any(|(at, (idx, _))| at + 1 != *idx) {
            return Err("a list has holes".to_owned());
        }
        Ok(Value::Array(items.into_iter().map(|(_, value)| value).collect()))
    }

    fn count(&mut self, n_bytes: usize) -> Result<(), String> {
        self.n_bytes += n_bytes;
        if self.n_bytes > RESULT_BYTES_MAX {
            return Err(format!("it has more than {RESULT_BYTES_MAX} bytes"));
        }
        Ok(())
    }
}

fn whole_or_not(number: f64) -> Result<Number, String> {
    if number.fract() == 0.0 && (-INTEGERS_END..INTEGERS_END).contains(&number) {
        return Ok(Number::from(number as i64));
    }
    Number::from_f64(number).ok_or_else(|| "a number is not finite".to_owned())
}

/// Decides what the empty tables inside of a result are, by what stood at the same place in the
/// `references`: an empty object, an empty list, or nothing at all, and then the field is taken out.
/// The places of items in lists do not count.
pub(super) fn settle_empty(result: &mut Value, references: &[&Map<String, Value>]) {
    if !has_empty(result) {
        return;
    }
    let mut known = Empty::default();
    for reference in references {
        known.collect_fields(reference, &mut Vec::new());
    }
    known.settle(result, &mut Vec::new());
}

fn has_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty),
        Value::Object(map) => map.values().any(has_empty),
        _ => false,
    }
}

/// Where empty lists and empty objects stand.
#[derive(Default)]
struct Empty {
    lists: BTreeSet<Vec<String>>,
    objects: BTreeSet<Vec<String>>,
}

impl Empty {
    fn collect(&mut self, value: &Value, path: &mut Vec<String>) {
        match value {
            Value::Array(items) if items.is_empty() => {
                self.lists.insert(path.clone());
            }
            Value::Object(map) if map.is_empty() => {
                self.objects.insert(path.clone());
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, path)),
            Value::Object(map) => self.collect_fields(map, path),
            _ => {}
        }
    }

    fn collect_fields(&mut self, fields: &Map<String, Value>, path: &mut Vec<String>) {
        for (key, value) in fields {
            path.push(key.clone());
            self.collect(value, path);
            path.pop();
        }
    }

    fn settle(&self, value: &mut Value, path: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.retain_mut(|item| self.keeps(item, path)),
            Value::Object(map) => map.retain(|key, value| {
                path.push(key.clone());
                let keeps = self.keeps(value, path);
                path.pop();
                keeps
            }),
            _ => {}
        }
    }

    fn keeps(&self, value: &mut Value, path: &mut Vec<String>) -> bool {
        if value.as_array().is_some_and(Vec::is_empty) {
            if self.objects.contains(path) {
                *value = Value::Object(Map::new());
                return true;
            }
            return self.lists.contains(path);
        }
        self.settle(value, path);
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_table_is_what_it_was() {
        let before = json!({
            "object": {}, "list": [], "both": [{"inner": {}}, {"inner": 1}], "text": "",
        });
        let mut after = json!({
            "object": [], "list": [], "new": [], "both": [{"inner": []}, {"inner": 1}], "text": "",
            "deep": {"new": [], "kept": [[], 1]},
        });
        settle_empty(&mut after, &[before.as_object().expect("an object")]);
        let expected = json!({
            "object": {}, "list": [], "both": [{"inner": {}}, {"inner": 1}], "text": "",
            "deep": {"kept": [1]},
        });
        assert_eq!(after, expected);
    }

    #[test]
    fn what_goes_in_comes_out() {
        let lua = Lua::new();
        let value = json!({
            "whole": 3, "negative": -7, "large": 9_007_199_254_740_991_i64, "part": 0.5,
            "text": "ä", "yes": true, "list": [1, [2], {"a": "b"}],
        });
        let back = from_lua(&to_lua(&lua, &value).expect("memory")).expect("data");
        assert_eq!(back, value);
        let nulls = json!({"gone": null, "list": [1, null, 2]});
        let back = from_lua(&to_lua(&lua, &nulls).expect("memory")).expect("data");
        assert_eq!(back, json!({"list": [1, 2]}));
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        let lua = Lua::new();
        for (script, why) in [
            ("{a = 1, 2}", "names and numbers"),
            ("{[1] = 1, [3] = 3}", "holes"),
            ("{[0] = 1}", "no key"),
            ("{[true] = 1}", "no key"),
            ("{1 / 0}", "finite"),
            ("{print}", "no data"),
            ("(function() local t = {} t.t = t return t end)()", "contains itself"),
        ] {
            let value = lua.load(format!("return {script}")).eval().expect("a value");
            let error = from_lua(&value).expect_err(script);
            assert!(error.contains(why), "{script}: {error}");
        }
    }
}
