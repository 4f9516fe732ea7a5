//! The module `kube` that scripts require (`spec/interpreter.md` §6.3), as functions that return true
//! and their result, or false and why not.

use mlua::{Lua, MultiValue, Result as LuaResult, Table, Value as LuaValue};
use serde::Serialize;
use serde_json::Value;

use super::convert::{from_lua, settle_empty, to_lua};
use crate::api::quantity::Quantity;
use crate::interpret;

/// What a function answers; an error is told to the script.
type Answer = Result<Value, String>;
type Function = fn(&[LuaValue]) -> Answer;

/// Adds the functions to the table that the sandbox takes them from.
pub(super) fn add_to(host: &Table, lua: &Lua) -> LuaResult<()> {
    let functions: [(&str, Function); 4] = [
        ("accuratePodRequirements", accurate_pod_requirements),
        ("getPodDependencies", get_pod_dependencies),
        ("getResourceQuantity", get_resource_quantity),
        ("resourceAdd", resource_add),
    ];
    for (name, function) in functions {
        let called = move |lua: &Lua, arguments: MultiValue| {
            let arguments: Vec<LuaValue> = arguments.into_iter().collect();
            Ok(match function(&arguments) {
                Ok(result) => (true, to_lua(lua, &result)?),
                Err(why) => (false, LuaValue::String(lua.create_string(format!("{name}: {why}"))?)),
            })
        };
        host.raw_set(name, lua.create_function(called)?)?;
    }
    Ok(())
}

/// `resourceAdd(q1, q2, …)`: the sum of quantities, written canonically.
fn resource_add(arguments: &[LuaValue]) -> Answer {
    let mut sum = Quantity::zero();
    for argument in arguments {
        let quantity = quantity(argument)?;
        // The sum is written in the manner of the first amount that is not nothing.
        sum = if sum.is_zero() { quantity } else { sum.plus(&quantity) };
    }
    Ok(Value::from(sum.canonical()))
}

/// `getResourceQuantity(q)`: a quantity as a number.
fn get_resource_quantity(arguments: &[LuaValue]) -> Answer {
    let [argument] = exactly(arguments)?;
    let quantity = quantity(argument)?;
    if quantity < Quantity::zero() {
        return Err(format!("`{quantity}` is negative"));
    }
    Ok(Value::from(approximate(&quantity)))
}

/// A quantity as the nearest number that is at hand: exact below what milli-units can hold.
fn approximate(quantity: &Quantity) -> f64 {
    match quantity.milli_value() {
        i64::MAX => quantity.value() as f64,
        milli => milli as f64 / 1000.0,
    }
}

/// `accuratePodRequirements(podTemplate)`: what one pod needs, or nil.
fn accurate_pod_requirements(arguments: &[LuaValue]) -> Answer {
    let [template] = exactly(arguments)?;
    let mut requirements = interpret::requirements(&pod_template(template)?);
    // A script may compare the texts, so they are written the one way that Kubernetes writes them.
    for quantity in requirements.iter_mut().flat_map(|needs| needs.resource_request.values_mut()) {
        *quantity = quantity.canonical().parse().expect("a canonical quantity is a quantity");
    }
    Ok(json(&requirements))
}

/// `getPodDependencies(podTemplate, namespace)`: what a pod refers to.
fn get_pod_dependencies(arguments: &[LuaValue]) -> Answer {
    let [template, namespace] = exactly(arguments)?;
    let namespace = match namespace {
        LuaValue::Nil => "default".to_owned(),
        LuaValue::String(namespace) => namespace.to_string_lossy(),
        other => return Err(format!("the namespace is a {}", other.type_name())),
    };
    Ok(json(&interpret::pod_dependencies(&pod_template(template)?, &namespace)))
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("our own types are JSON")
}

fn exactly<const N: usize>(arguments: &[LuaValue]) -> Result<&[LuaValue; N], String> {
    arguments.try_into().map_err(|_| {
        let plural = if N == 1 { "" } else { "s" };
        format!("it takes {N} argument{plural}, not {}", arguments.len())
    })
}

fn pod_template(value: &LuaValue) -> Answer {
    if !value.is_table() {
        return Err(format!("the pod template is a {}", value.type_name()));
    }
    let mut template = from_lua(value)?;
    settle_empty(&mut template, &[]);
    Ok(template)
}

fn quantity(value: &LuaValue) -> Result<Quantity, String> {
    match value {
        LuaValue::Nil => Ok(Quantity::zero()),
        LuaValue::String(text) => {
            let text = text.to_string_lossy();
            text.parse().map_err(|_| format!("`{text}` is no quantity"))
        }
        other => Err(format!("a quantity is text, not a {}", other.type_name())),
    }
}
