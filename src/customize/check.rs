//! Whether the scripts of a fleet are Lua, as Problems.

use super::failure::Cause;
use super::interpreter::Interpreter;
use super::scripts::Script;
use crate::api::problem::{Place, Problem};
use crate::api::resource_interpreter_customization::ResourceInterpreterCustomization;
use crate::fleet::{Fleet, Sourced};

/// What is wrong with the scripts of a fleet, in the order of their places.
///
/// A script that is not Lua is an error, and so is one that cannot be checked. One that does not define
/// its function, or fails before it does, is a warning: Karmada takes it and fails at every call.
pub fn check(fleet: &Fleet, interpreter: &Interpreter) -> Vec<Problem> {
    let mut problems: Vec<Problem> = fleet
        .customizations
        .values()
        .flat_map(|customization| of_one(customization, interpreter))
        .collect();
    problems.sort();
    problems
}

type Customization = Sourced<ResourceInterpreterCustomization>;

fn of_one(source: &Customization, interpreter: &Interpreter) -> Vec<Problem> {
    let rules = &source.spec.customizations;
    let mut problems = Vec::new();
    for operation in rules.operations() {
        let Some(text) = rules.script(operation) else { continue };
        let script = Script::new(&source.metadata.name, text);
        let Err(cause) = interpreter.check(&script, operation) else { continue };
        let field = format!("/spec/customizations/{}/luaScript", operation.field());
        let place = source.place_of(&field);
        let message = format!("the script of {operation}: {cause}");
        problems.push(match &cause {
            Cause::Syntax { line, message } => Problem::error(
                line_of(source, &field, *line),
                cause.code(),
                format!("the script of {operation} is not Lua, line {line} of it: {message}"),
                cause.hint(),
            ),
            Cause::Worker(_) => Problem::error(place, cause.code(), message, cause.hint()),
            _ => Problem::warning(place, cause.code(), message, cause.hint()),
        });
    }
    problems
}

/// Where a line of a script stands in its file. Only of a block, which starts below its key, is it
/// known; any other text is placed where it starts.
fn line_of(source: &Customization, field: &str, line: u32) -> Place {
    let places = source.places();
    let place = places.of(field);
    let is_block = place.line > places.of_key(field).line;
    if is_block && line > 1 {
        Place { line: place.line + line - 1, column: 0, ..place }
    } else {
        place
    }
}
