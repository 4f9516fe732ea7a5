//! Rules that fields of several kinds have in common. What is told names the field by the end of its
//! pointer.

use crate::api::federated_hpa::CrossVersionObjectReference;

use super::super::names::bad_path_segment;
use super::super::object::Checked;
use super::super::report::shown;

/// Greatest number of a port.
const PORT_MAX: i32 = 65_535;

/// A reference names its object by a kind and a name that can stand in a URL.
pub(super) fn reference(
    checked: &mut Checked<'_, '_>,
    reference: &CrossVersionObjectReference,
    pointer: &str,
) {
    for (field, text) in [("kind", &reference.kind), ("name", &reference.name)] {
        let hint = format!("write the {field} of the object");
        name(checked, text, &format!("{pointer}/{field}"), &hint);
    }
}

/// A text that is needed, and that stands in a URL.
pub(super) fn name(checked: &mut Checked<'_, '_>, text: &str, pointer: &str, hint: &str) {
    let field = pointer.rsplit('/').next().unwrap_or_default();
    if text.is_empty() {
        let message = format!("`{field}` is empty");
        checked.error(pointer, "OBJ_MISSING_FIELD", message, hint);
    } else if let Some(rule) = bad_path_segment(text) {
        let message = format!("`{}` {rule}", shown(text));
        checked.error(pointer, "OBJ_BAD_NAME", message, hint);
    }
}

/// A number from 1, where there is one.
pub(super) fn at_least_one(checked: &mut Checked<'_, '_>, number: Option<i32>, pointer: &str) {
    if let Some(number) = number.filter(|number| *number < 1) {
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("`{field}` is {number}; the least is 1");
        checked.error(pointer, "INT_RANGE", message, "write a greater number");
    }
}

/// A number from `least` to `most`.
pub(super) fn between(
    checked: &mut Checked<'_, '_>,
    number: i32,
    least: i32,
    most: i32,
    pointer: &str,
) {
    if !(least..=most).contains(&number) {
        let field = pointer.rsplit('/').next().unwrap_or_default();
        checked.error(
            pointer,
            "INT_RANGE",
            format!("`{field}` is {number}, and not from {least} to {most}"),
            "write a number of that range",
        );
    }
}

/// The number of a port.
pub(super) fn port(checked: &mut Checked<'_, '_>, number: i32, pointer: &str) {
    between(checked, number, 1, PORT_MAX, pointer);
}
